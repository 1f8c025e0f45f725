"""Which windows are looked at."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from trimtab.jobs.evaluation.spans import DAY, HOUR, Span, before, closed, matured, quarters, whole, whole_blocks

NOON = datetime(2013, 2, 3, 12, tzinfo=UTC)
MIDNIGHT = datetime(2013, 2, 4, tzinfo=UTC)
HOURS = st.integers(0, 24 * 40).map(lambda hours: NOON + hours * HOUR)


def test_the_first_window_is_the_first_whole_one_and_the_last_has_closed():
    found = closed(DAY, NOON, NOON + 3 * DAY, 20)
    assert found == [Span(MIDNIGHT, MIDNIGHT + DAY), Span(MIDNIGHT + DAY, MIDNIGHT + 2 * DAY)]


def test_a_window_that_closes_this_moment_has_closed():
    assert closed(DAY, MIDNIGHT, MIDNIGHT + DAY, 20) == [Span(MIDNIGHT, MIDNIGHT + DAY)]


@given(st.integers(1, 200), HOURS, HOURS, st.integers(1, 20))
def test_windows_lie_on_the_clock_one_after_another_within_the_time_that_is_over(hours, since, now, most):
    found = closed(hours * HOUR, since, now, most)
    assert len(found) <= most
    assert all((each.start - datetime(1970, 1, 1, tzinfo=UTC)) % (hours * HOUR) == timedelta() for each in found)
    assert all(since <= each.start and each.end <= now for each in found)
    assert all(one.end == two.start for one, two in pairwise(found))
    if found:
        assert now - found[-1].end < hours * HOUR


def test_windows_of_labels_begin_with_the_first_whole_day_of_the_version():
    found = matured(7 * DAY, NOON, NOON + 30 * DAY, DAY, 20)
    assert [each.start for each in found] == [MIDNIGHT, MIDNIGHT + 7 * DAY, MIDNIGHT + 14 * DAY, MIDNIGHT + 21 * DAY]


def test_a_window_of_labels_waits_until_its_last_row_has_matured():
    end = MIDNIGHT + 7 * DAY
    assert [len(matured(7 * DAY, NOON, now, DAY, 20)) for now in (end + DAY - HOUR, end + DAY)] == [0, 1]


def test_only_the_last_windows_of_labels_are_looked_at():
    found = matured(DAY, MIDNIGHT, MIDNIGHT + 50 * DAY, timedelta(), 20)
    assert (len(found), found[-1].end) == (20, MIDNIGHT + 50 * DAY)


def test_the_windows_before_one_reach_as_far_back_as_asked_and_not_before_the_version():
    span = Span(MIDNIGHT + 10 * DAY, MIDNIGHT + 11 * DAY)
    assert [each.start for each in before(span, 3 * DAY, NOON)] == [MIDNIGHT + number * DAY for number in (7, 8, 9)]
    assert [each.start for each in before(span, 30 * DAY, MIDNIGHT + 8 * DAY)] == [MIDNIGHT + 8 * DAY, MIDNIGHT + 9 * DAY]


def test_a_window_is_lengthened_to_whole_blocks_of_what_it_is_compared_with():
    assert [whole_blocks(hours * HOUR, DAY) // HOUR for hours in (1, 24, 36, 48)] == [24, 24, 48, 48]


def test_quarters_divide_a_window():
    assert quarters(Span(MIDNIGHT, MIDNIGHT + DAY)) == [MIDNIGHT + 6 * HOUR, NOON + DAY, MIDNIGHT + 18 * HOUR]


def test_a_whole_moment_stays():
    assert (whole(MIDNIGHT, DAY), whole(NOON, DAY), whole(NOON, HOUR)) == (MIDNIGHT, MIDNIGHT, NOON)
