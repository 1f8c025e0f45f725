"""The join against its definition, on tables that make it hard: ties, gaps, NULLs, ends that touch, keys that look alike."""

import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.joining import Feature, Row, value_for
from trimtab.jobs.dataset.engine import Engine, opened
from trimtab.jobs.features import asof
from trimtab.jobs.features.asof import STATE, Match, beside, join, quality

START = datetime(2013, 1, 1)  # noqa: DTZ001
HOUR = timedelta(hours=1)

moments = st.none() | st.integers(0, 12).map(lambda n: START + n * HOUR / 2)
few_keys = st.tuples(st.sampled_from(["1", "12", None]), st.sampled_from(["23", "3", None]))
durations = st.integers(0, 8).map(lambda n: n * HOUR / 2)
feature_rows = st.lists(st.builds(Feature, few_keys, moments, st.none() | st.integers(0, 99), moments), max_size=25)
asking_rows = st.lists(st.builds(Row, few_keys, moments), max_size=15)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as opened_engine:
        yield opened_engine


def fill(engine: Engine, rows: list[Row], features: list[Feature]) -> None:
    for table in ("rows", "features", "joined"):
        engine.execute(f"DROP TABLE IF EXISTS {table}")
    engine.execute("CREATE TABLE rows (a VARCHAR, b VARCHAR, ts TIMESTAMP, number INTEGER)")
    engine.execute("CREATE TABLE features (a VARCHAR, c VARCHAR, seen TIMESTAMP, value INTEGER, created TIMESTAMP)")
    if rows:
        engine.executemany("INSERT INTO rows VALUES (?, ?, ?, ?)", [(*row.keys, row.at, number) for number, row in enumerate(rows)])
    if features:
        engine.executemany("INSERT INTO features VALUES (?, ?, ?, ?, ?)", [(*each.keys, each.at, each.value, each.created) for each in features])


def match(delay: timedelta = timedelta(), ttl: timedelta | None = None) -> Match:
    return Match((("a", "a"), ("b", "c")), "ts", "seen", "created", delay, ttl)


def joined(engine: Engine, rows: list[Row], features: list[Feature], how: Match) -> list[tuple[int, int | None]]:
    fill(engine, rows, features)
    join(engine, "rows", "features", how, columns={"value": "temp"}, to="joined")
    beside(engine, "rows", ["joined"])
    return engine.execute("SELECT number, temp FROM rows ORDER BY rowid").fetchall()


@settings(max_examples=150, deadline=None)
@given(rows=asking_rows, features=feature_rows, delay=durations, ttl=st.none() | durations)
def test_every_row_gets_what_the_definition_says_once_and_in_order(
    engine: Engine, rows: list[Row], features: list[Feature], delay: timedelta, ttl: timedelta | None
) -> None:
    found = joined(engine, rows, features, match(delay, ttl))
    assert found == [(number, value_for(row, features, delay, ttl)) for number, row in enumerate(rows)]


@settings(max_examples=50, deadline=None)
@given(rows=asking_rows, features=feature_rows, delay=durations, ttl=st.none() | durations)
def test_the_same_where_times_are_too_far_apart_to_be_ranked_in_one_number(
    engine: Engine, rows: list[Row], features: list[Feature], delay: timedelta, ttl: timedelta | None
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(asof, "RANK_BITS", 0)
        found = joined(engine, rows, features, match(delay, ttl))
    assert found == [(number, value_for(row, features, delay, ttl)) for number, row in enumerate(rows)]


@settings(max_examples=50, deadline=None)
@given(rows=asking_rows, features=feature_rows)
def test_without_created_the_later_row_of_the_file_wins(engine: Engine, rows: list[Row], features: list[Feature]) -> None:
    plain = [replace(each, created=None) for each in features]
    found = joined(engine, rows, features, replace(match(), created=None))
    assert found == [(number, value_for(row, plain, timedelta(), None)) for number, row in enumerate(rows)]


def test_both_ends_belong_to_the_interval(engine: Engine) -> None:
    features = [Feature(("1", "3"), START, 7)]
    asked = [Row(("1", "3"), START + minutes * timedelta(minutes=1)) for minutes in (59, 60, 180, 181)]
    assert [value for _, value in joined(engine, asked, features, match(HOUR, 3 * HOUR))] == [None, 7, 7, None]


def test_one_microsecond_decides(engine: Engine) -> None:
    tick = timedelta(microseconds=1)
    features = [Feature(("1", "3"), START, 7)]
    asked = [Row(("1", "3"), START + each) for each in (HOUR - tick, HOUR, 3 * HOUR, 3 * HOUR + tick)]
    assert [value for _, value in joined(engine, asked, features, match(HOUR, 3 * HOUR))] == [None, 7, 7, None]


def test_keys_that_look_alike_when_written_together_are_different_keys(engine: Engine) -> None:
    features = [Feature(("1", "23"), START, 1), Feature(("12", "3"), START, 2)]
    asked = [Row(("12", "3"), START), Row(("1", "23"), START), Row(("123", ""), START)]
    assert [value for _, value in joined(engine, asked, features, match())] == [2, 1, None]


def test_the_latest_correction_wins_and_one_without_a_time_loses(engine: Engine) -> None:
    key = ("1", "3")
    features = [Feature(key, START, 1, START + HOUR), Feature(key, START, 2, START), Feature(key, START, 3, None)]
    assert joined(engine, [Row(key, START)], features, match()) == [(0, 1)]


def test_of_rows_that_are_equal_in_all_that_is_said_the_later_one_wins(engine: Engine) -> None:
    key = ("1", "3")
    assert joined(engine, [Row(key, START)] * 2, [Feature(key, START, 1), Feature(key, START, 2)], match()) == [(0, 2), (1, 2)]


def test_a_value_that_is_missing_is_the_value(engine: Engine) -> None:
    """The latest measurement failed: an older one is not put in its place."""
    key = ("1", "3")
    assert joined(engine, [Row(key, START + HOUR)], [Feature(key, START, 1), Feature(key, START + HOUR, None)], match()) == [(0, None)]


def test_a_ttl_longer_than_time_itself_is_for_ever(engine: Engine) -> None:
    key = ("1", "3")
    assert joined(engine, [Row(key, START)], [Feature(key, datetime(1, 1, 1), 5)], match(ttl=timedelta.max)) == [(0, 5)]  # noqa: DTZ001


def test_the_quality_says_how_many_rows_found_nothing_and_how_many_only_what_is_stale(engine: Engine) -> None:
    key = ("1", "3")
    fill(engine, [Row(key, START), Row(key, START + 5 * HOUR), Row(("2", "3"), START), Row(key, START + HOUR)], [Feature(key, START, None)])
    join(engine, "rows", "features", match(ttl=2 * HOUR), columns={"value": "temp"}, to="joined")
    found = quality(engine, "rows", ["joined"])
    assert (found.rows_in, found.rows_out, found.null_percent, found.stale_percent) == (4, 4, 50.0, 25.0)


def test_no_trace_of_the_joining_is_left(engine: Engine) -> None:
    joined(engine, [Row(("1", "3"), START)], [], match())
    assert [column for column, *_ in engine.execute("DESCRIBE rows").fetchall()] == ["a", "b", "ts", "number", "temp"]
    assert STATE not in str(engine.execute("SHOW TABLES").fetchall())
