"""What `trimtab replay` reads from a file, and what it sends, seen by a server that keeps it."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import duckdb
import pytest

from support.builders import dataset
from support.kept_requests import Kept
from trimtab.cli.errors import Usage
from trimtab.cli.replaying import Clock, Columns, Replay, read
from trimtab.cli.verbs.replay import columns_of

MORNING = datetime(2013, 2, 1, 10, tzinfo=UTC)
COLUMNS = Columns(time="at", label="late", id="flight", known="known")
METADATA = {"inputs": [{"name": "carrier", "datatype": "BYTES"}, {"name": "distance", "datatype": "FP32"}], "outputs": [{"name": "label"}]}
NUMBERS = METADATA | {"outputs": [{"name": "value"}]}
HEADER = "flight,at,carrier,distance,late,known"


def row(number: int, minutes: int, *, landed: int | None = 30, late: str = "false", distance: str = "900") -> str:
    moment, known = MORNING + timedelta(minutes=minutes), "" if landed is None else f"{MORNING + timedelta(minutes=minutes + landed):%Y-%m-%dT%H:%M:%SZ}"
    return f"F{number},{moment:%Y-%m-%dT%H:%M:%SZ},UA,{distance},{late},{known}"


@pytest.fixture
def file(tmp_path):
    def written(*rows: str, header: str = HEADER, name: str = "past.csv") -> Path:
        (tmp_path / name).write_text("\n".join([header, *rows]) + "\n")
        return tmp_path / name

    return written


async def played(server: Kept, past, hours: float, *, seconds: float = 1.0, since=MORNING, until=None, hold=False, metadata=METADATA, stop_after=None):
    """So many hours of the past in so many seconds."""
    said: list[str] = []
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening, aiohttp.ClientSession() as session:
        base = f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v2/models/flights"
        it = Replay(session, base, metadata, Clock(since, hours * 3600 / seconds), said.append)
        if stop_after:
            asyncio.get_running_loop().call_later(stop_after, it.stop)
        await it.run(past, until, hold=hold)
    return it, said


async def test_every_row_is_asked_about_in_the_order_of_time_whatever_the_files(file):
    server = Kept()
    it, said = await played(server, read(file(*(row(n, 10 * n) for n in (3, 0, 2, 1))), COLUMNS), hours=1)
    assert [(body["id"], body["parameters"]["event_time"][11:16]) for body in server.asked] == [(f"F{n}", f"10:{n}0") for n in range(4)]
    assert (it.tally.asked, it.tally.answered, it.tally.failed.total(), dict(it.tally.versions)) == (4, 4, 0, {"7": 4})
    assert said[-1].startswith("2013-02-01 11:00")


async def test_only_the_models_columns_are_sent_typed_and_what_is_missing_as_null(file):
    server = Kept()
    await played(server, read(file(row(1, 0, distance="")), COLUMNS), hours=1, seconds=0.2)
    assert {each["name"]: each["data"] for each in server.asked[0]["inputs"]} == {"carrier": ["UA"], "distance": [None]}


async def test_a_label_is_told_when_it_had_become_known_and_none_that_never_was(file):
    server = Kept()
    rows = [row(1, 0, late="true", landed=20), row(2, 5, landed=None), row(3, 10, landed=600)]
    it, _ = await played(server, read(file(*rows), COLUMNS), hours=1, until=MORNING + timedelta(hours=1))
    assert server.known == {"F1/0": "true"}
    assert server.labels[0][0]["time"] == "2013-02-01T10:20:00+00:00"
    assert it.tally.labels == 1


async def test_without_an_end_it_goes_on_until_the_last_label_is_told(file):
    server = Kept()
    await played(server, read(file(row(1, 0), row(2, 10, landed=120)), COLUMNS), hours=2)
    assert server.known == {"F1/0": "false", "F2/0": "false"}


async def test_a_label_of_a_row_before_the_span_is_told_and_the_row_not_asked_again(file):
    server = Kept()
    await played(server, read(file(row(1, -60, landed=90), row(2, -60, landed=30), row(3, 10)), COLUMNS), hours=1)
    assert [body["id"] for body in server.asked] == ["F3"]
    assert server.known == {"F1/0": "false", "F3/0": "false"}


async def test_labels_that_are_not_taken_are_sent_again(file):
    server = Kept(label_codes=(503, 202))
    it, said = await played(server, read(file(row(1, 0, landed=1)), COLUMNS), hours=1, seconds=3, until=MORNING + timedelta(hours=1))
    assert (server.known, it.complaint) == ({"F1/0": "false"}, "")
    assert "labels: 503 {}; they are sent again" in said


async def test_a_number_is_told_as_one_where_the_model_predicts_numbers(file):
    server = Kept()
    await played(server, read(file(row(1, 0, late="35")), COLUMNS), hours=1, seconds=0.3, metadata=NUMBERS)
    assert server.known == {"F1/0": 35.0}


async def test_what_is_not_answered_is_counted_with_its_words(file):
    it, _ = await played(Kept(503, 200), read(file(row(1, 0), row(2, 10)), COLUMNS), hours=1)
    assert (it.tally.failed, it.tally.answered) == ({"503 {}": 1}, 1)


async def test_held_the_clock_stands_still_and_nothing_piles_up(file):
    past = [row(n, n % 2) for n in range(200)]
    held, _ = await played(Kept(pause=0.1), read(file(*past), COLUMNS), hours=1, seconds=0.2, hold=True)
    assert held.tally.answered == 200
    assert held.clock.held > 0.2


async def test_a_person_who_stops_it_gets_what_was_done(file):
    it, _ = await played(Kept(), read(file(*(row(n, 10 * n) for n in range(60))), COLUMNS), hours=10, seconds=10, stop_after=0.6)
    assert 0 < it.tally.answered < 60


def test_parquet_of_numbers_dates_and_truths_is_read_as_csv_is(tmp_path):
    path = tmp_path / "past.parquet"
    columns = "1 AS flight, TIMESTAMP '2013-02-01 10:00' AS at, 'UA' AS carrier, 12.5::DECIMAL(5,1) AS distance, true AS late"
    duckdb.sql(f"COPY (SELECT {columns}) TO '{path}'")
    (found,) = read(path, Columns(time="at", label="late", delay=timedelta(hours=1)))
    assert (found.id, found.moment, found.label, found.known) == ("past-1", MORNING, True, MORNING + timedelta(hours=1))
    assert (found.values["distance"], found.values["carrier"]) == (12.5, "UA")


def test_a_column_that_is_not_there_is_named_with_those_that_are(file):
    with pytest.raises(Usage, match=r"has no column depart; it has flight, at, carrier, distance, late, known\."):
        next(read(file(row(1, 0)), Columns(time="depart", label="late")))


def test_a_time_that_is_none_is_told_with_its_row(file):
    with pytest.raises(Usage, match=r"row 2: at is 'soon', which is no time"):
        list(read(file(row(1, 0), "F2,soon,UA,1,true,"), COLUMNS))


def test_what_is_not_said_the_dataset_says():
    flights = dataset(label="late", timestamp="sched_dep", id="flight_id")
    assert columns_of(flights, {}) == Columns(time="sched_dep", label="late", id="flight_id")
    assert columns_of(flights, {"time": "at"}, delay="3h") == Columns(time="at", label="late", id="flight_id", delay=timedelta(hours=3))
    with pytest.raises(Usage, match="which column is the time"):
        columns_of(dataset(label="late"), {})
    with pytest.raises(Usage, match="exclude each other"):
        columns_of(flights, {}, "known", "3h")
    with pytest.raises(Usage, match="no duration such as"):
        columns_of(flights, {}, delay="soon")
