"""What `examples/flights/replay.py` sends, seen by a server that keeps it."""

import asyncio
import importlib.util
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from support.kept_requests import Kept

ROOT = Path(__file__).parents[3]
spec = importlib.util.spec_from_file_location("replay_flights", ROOT / "examples" / "flights" / "replay.py")
replay = importlib.util.module_from_spec(spec)
spec.loader.exec_module(replay)

MORNING = datetime(2013, 2, 1, 10, tzinfo=UTC)
HEADER = "flight_id,sched_dep,carrier,origin,dest,tailnum,distance,hour,minute,weekday,sched_arr_time,late,known\n"


def flight(number: int, minutes: int, *, landed: int | None = 60, late: str = "false") -> str:
    """Departs so many minutes after the morning began, and lands so many later."""
    departs = MORNING + timedelta(minutes=minutes)
    known = "" if landed is None else f"{departs + timedelta(minutes=landed):%Y-%m-%dT%H:%M:%SZ}"
    return f"F{number},{departs:%Y-%m-%dT%H:%M:%SZ},UA,EWR,IAH,,1400,5,15,Friday,819,{late if landed is not None else ''},{known}\n"


async def played(server: Kept, lines: list[str], hours: float, *, rows: int = 1, seconds: float = 2.0, since: datetime = MORNING) -> "replay.Tally":
    """So many hours after the morning began, in so many seconds."""
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        span = replay.Span(since, MORNING + timedelta(hours=hours), hours * 3600 / seconds)
        it = replay.Replay(replay.Connections(f"http://127.0.0.1:{port}"), "flights", span)
        tally = await it.run(replay.read([HEADER, *lines], span.since, span.until, 1), rows)
        for _, writer in it.connections._resting:
            writer.close()
        return tally


async def test_every_flight_is_asked_about_in_order_at_its_moment():
    server = Kept()
    tally = await played(server, [flight(n, 10 * n) for n in range(12)], hours=2)
    assert [body["id"] for body in server.asked] == [f"F{n}" for n in range(12)]
    assert [body["parameters"]["event_time"] for body in server.asked][:2] == ["2013-02-01T10:00:00+00:00", "2013-02-01T10:10:00+00:00"]
    assert (tally.answered, tally.refused.total()) == (12, 0)
    assert tally.versions.total() == 0, "the last line has told of them"


async def test_a_missing_value_is_sent_as_null_and_numbers_as_numbers():
    server = Kept()
    await played(server, [flight(1, 0)], hours=1, seconds=0.3)
    sent = {each["name"]: each["data"] for each in server.asked[0]["inputs"]}
    assert sent["tailnum"] == [None]
    assert sent["distance"] == [1400.0]
    assert "late" not in sent


async def test_a_label_comes_when_the_flight_has_landed_and_none_for_one_that_never_did():
    server = Kept()
    tally = await played(server, [flight(1, 0, late="true"), flight(2, 5, landed=None), flight(3, 10), flight(4, 100)], hours=2)
    assert server.known == {"F1/0": "true", "F3/0": "false"}
    assert tally.labels == 2


async def test_a_flight_that_departed_before_the_span_is_not_asked_about_but_its_label_is_sent():
    server = Kept()
    await played(server, [flight(1, -30, late="true"), flight(2, -90), flight(3, 0)], hours=2, seconds=0.5)
    assert [body["id"] for body in server.asked] == ["F3"]
    assert server.known == {"F1/0": "true", "F3/0": "false"}


async def test_flights_of_one_minute_share_a_request_and_their_labels_say_the_row():
    server = Kept()
    await played(server, [flight(1, 0), flight(2, 0, late="true"), flight(3, 0), flight(4, 1)], hours=2, rows=2, seconds=0.5)
    assert [(body["id"], body["inputs"][0]["data"]) for body in server.asked] == [("F1", ["F1", "F2"]), ("F3", ["F3"]), ("F4", ["F4"])]
    assert server.known == {"F1/0": "false", "F1/1": "true", "F3/0": "false", "F4/0": "false"}


async def test_labels_that_are_not_taken_are_sent_again():
    server = Kept(label_codes=(503, 202))
    tally = await played(server, [flight(1, 0)], hours=2, seconds=2.5)
    assert server.known == {"F1/0": "false"}
    assert tally.labels == 1


async def test_what_is_refused_is_counted_and_not_asked_again():
    server = Kept(500, 200)
    tally = await played(server, [flight(1, 0), flight(2, 30)], hours=1, seconds=0.3)
    assert (tally.answered, tally.refused) == (1, {"500 {}": 1})


async def test_connections_are_kept():
    server = Kept()
    await played(server, [flight(n, n) for n in range(50)], hours=1, seconds=1)
    assert server.connections <= replay.CONNECTIONS < 50


async def test_a_slow_answer_delays_no_other():
    class Slow(Kept):
        all_here = asyncio.Barrier(20)

        async def __call__(self, reader, writer):
            await self.all_here.wait()
            await super().__call__(reader, writer)

    tally = await played(Slow(), [flight(n, n) for n in range(20)], hours=0.5, seconds=0.5)
    assert tally.answered == 20, "the first is answered when the last has been asked"


@pytest.mark.parametrize(("every", "share"), [(1, 1.0), (4, 0.25)])
def test_one_of_so_many_is_taken_and_always_the_same(every, share):
    lines = [HEADER, *(flight(n, n % 60) for n in range(2000))]
    taken = [each.id for each in replay.read(lines, MORNING, MORNING + timedelta(hours=1), every)]
    assert abs(len(taken) / 2000 - share) < 0.05
    assert taken == [each.id for each in replay.read(lines, MORNING, MORNING + timedelta(hours=1), every)]


async def test_another_table_is_sent_by_its_own_columns_and_a_number_is_labelled_as_a_number():
    columns = replay.columns_of('{"id": "hour_id", "time": "ts", "label": "count", "text": ["weekday"], "numbers": ["hour"], "numeric": true}')
    server = Kept()
    lines = ["hour_id,ts,weekday,hour,count,known\n", "h1,2013-02-01T10:00:00Z,Friday,10,35,2013-02-01T11:00:00Z\n"]
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        span = replay.Span(MORNING, MORNING + timedelta(hours=2), 7200)
        it = replay.Replay(replay.Connections(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"), "rides", span, columns)
        await it.run(replay.read(lines, span.since, span.until, 1, columns), 1)
        for _, writer in it.connections._resting:
            writer.close()
    assert [(each["name"], each["data"]) for each in server.asked[0]["inputs"]] == [("hour_id", ["h1"]), ("weekday", ["Friday"]), ("hour", [10.0])]
    assert server.known == {"h1/0": 35.0}


async def test_a_server_that_cannot_keep_up_holds_the_clock_and_nothing_is_left_out(monkeypatch):
    monkeypatch.setattr(replay, "MOST_BEHIND", 0.05)
    monkeypatch.setattr(replay, "CONNECTIONS", 4)
    server = Kept(pause=0.1)
    async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
        span = replay.Span(MORNING, MORNING + timedelta(hours=1), 7200)
        it = replay.Replay(replay.Connections(f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}"), "flights", span)
        tally = await it.run(replay.read([HEADER, *(flight(n, n % 60 if n < 60 else 59) for n in range(100))], span.since, span.until, 1), 1)
        for _, writer in it.connections._resting:
            writer.close()
    assert tally.answered == 100
    assert span.held > 0.1
    assert "held" in tally.line(span.now, 5.0, span.held)
