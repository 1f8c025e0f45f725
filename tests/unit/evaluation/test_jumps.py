"""When the clock that windows follow has jumped."""

from datetime import UTC, datetime, timedelta

import pytest

from trimtab.jobs.evaluation.hours import Piece
from trimtab.jobs.evaluation.jumps import ahead, elsewhere, jumped
from trimtab.jobs.evaluation.spans import DAY, HOUR, Span
from trimtab.store.client import ObjectInfo

START = datetime(2013, 2, 4, tzinfo=UTC)


def piece(hours: float, sequence: int, pod: str = "pod-a") -> Piece:
    return Piece(START + hours * HOUR, pod, sequence, ObjectInfo("", "", "", 1))


def days(count: int, first: int = 0) -> list[Piece]:
    """Every hour of these days, uploaded one after another."""
    return [piece(hour, 1000 + hour) for hour in range(24 * first, 24 * (first + count))]


def look(pieces: list[Piece], day: int, *, rows: int = 900, min_rows: int = 200) -> str:
    span = Span(START + (day - 1) * DAY, START + day * DAY)
    return jumped(pieces, span, {span: rows}, min_rows)


def test_days_one_after_another_are_no_jump():
    assert look(days(5), 5) == ""


def test_event_times_ahead_of_the_clock_on_the_wall_are_a_jump():
    now = START + 5 * DAY
    assert ahead([*days(5), piece(24 * 40, 9999)], DAY, now).startswith("Requests were about 2013-03-16 00:00, and the clock is at 2013-02-09 00:00.")
    assert ahead([*days(5), piece(24 * 6, 9999)], DAY, now) == ""


@pytest.mark.parametrize(("back", "jump"), [(12, False), (24 * 3, True)])
def test_event_times_that_go_back_by_more_than_a_window_are_a_jump(back, jump):
    assert bool(look([*days(5), piece(24 * 5 - 1 - back, 9999)], 5)) == jump


def test_pods_that_are_at_different_times_are_no_jump():
    slow = [piece(hour, 2000 + hour, "pod-b") for hour in range(24 * 2)]
    assert look([*days(5), *slow], 5) == ""


def test_a_jump_back_that_is_over_is_forgotten():
    early = [piece(24 * 30, 1), piece(0, 2)]
    assert look([*early, *days(31)], 31) == ""


def test_a_leap_ahead_is_a_jump_until_a_window_behind_it_is_full():
    leapt = [*days(5), piece(24 * 30, 9999)]
    assert look(leapt, 31, rows=1).startswith("Event times leapt from 2013-02-08 23:00 to 2013-03-06 00:00")
    assert look([*leapt, *days(1, 30)], 31, rows=900) == ""


def test_a_quiet_weekend_is_no_leap():
    assert look([*days(5), *days(1, 8)], 9, rows=10) == ""


def test_before_the_first_request_there_is_no_jump():
    assert look([], 5) == ""


def test_a_long_window_takes_a_long_gap():
    month = timedelta(days=30)
    span = Span(START, START + month)
    assert jumped([*days(5), *days(5, 25)], span, {span: 9}, 200) == ""


def test_requests_about_another_time_than_that_of_the_wall_are_said():
    span = Span(START, START + DAY)
    assert elsewhere(span, 900, 0, 200).endswith("were about other times; set spec.clock to Event.")
    assert (elsewhere(span, 900, 900, 200), elsewhere(span, 3, 0, 200)) == ("", "")
