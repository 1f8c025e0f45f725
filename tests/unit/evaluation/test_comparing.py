"""When two versions are told apart."""

import numpy as np
import pytest

from trimtab.jobs.evaluation.comparing import decide, judge
from trimtab.jobs.evaluation.spans import DAY, HOUR
from trimtab.stats.metrics import Answers
from trimtab.stats.skill import Interval


def days(count: int, a_day: int = 200):
    return (np.datetime64("2013-06-01") + np.repeat(np.arange(count), a_day)).astype("datetime64[us]")


def answers(moments, error: float, seed: int = 0) -> Answers:
    """A probability that is off by so much, a little more or less on each day."""
    truth = np.random.default_rng(seed).integers(0, 2, len(moments)).astype(float)
    day = (moments - moments[0]).astype("timedelta64[D]").astype(int)
    off = error + np.random.default_rng(seed + 1).normal(0, 0.01, day.max() + 1)[day]
    return Answers(truth, truth, 2, np.column_stack([np.abs(1 - truth - off), np.abs(truth - off)]))


def told(mine: float, theirs: float, moments, *, window=7 * DAY, early=True):
    found = judge(answers(moments, mine), answers(moments, theirs), moments, window, early=early)
    return found.decided.outcome if found.decided else None


@pytest.mark.parametrize(("mine", "theirs", "outcome"), [(0.3, 0.5, "Improved"), (0.5, 0.3, "Worse")])
def test_the_better_version_is_found_as_soon_as_it_is_clear(mine, theirs, outcome):
    assert told(mine, theirs, days(7)) == outcome


def test_that_there_is_no_gain_is_told_when_it_is_no_longer_early():
    assert (told(0.3, 0.3, days(21)), told(0.3, 0.3, days(21), early=False)) == (None, "NoGain")


def test_a_difference_too_small_to_matter_is_no_gain_however_sure():
    """A hundredth of a constant's loss; here the interval is far from 0."""
    found = judge(answers(days(30), 0.300), answers(days(30), 0.301), days(30), 7 * DAY, early=False)
    assert found.difference.lower > 0
    assert found.decided.outcome == "NoGain"


def test_less_than_a_week_tells_nothing():
    assert [told(0.6, 0.2, days(count, 500)) for count in (1, 6, 7)] == [None, None, "Worse"]
    assert judge(answers(days(6), 0.6), answers(days(6), 0.2), days(6), 7 * DAY, early=True).remark == "6 days have matured; it takes 7."


def test_where_windows_are_shorter_than_a_day_hours_tell():
    hours = (np.datetime64("2013-06-01") + np.repeat(np.arange(6), 100).astype("timedelta64[h]")).astype("datetime64[us]")
    assert told(0.6, 0.2, hours, window=6 * HOUR) == "Worse"


def test_the_answer_has_the_labels_and_the_interval():
    found = judge(answers(days(7), 0.5), answers(days(7), 0.3), days(7), 7 * DAY, early=True)
    assert (found.labels, found.decided.labels, found.difference.blocks) == (1400, 1400, 7)
    assert found.decided.lower < found.decided.gain < found.decided.upper < 0


@pytest.mark.parametrize(
    ("bounds", "outcomes"),
    [((-0.03, -0.02), ("Worse", "Worse")), ((0.02, 0.03), ("Improved", "Improved")), ((-0.03, -0.005), (None, "NoGain")), ((-0.01, 0.01), (None, "NoGain"))],
)
def test_the_whole_interval_decides(bounds, outcomes):
    found = Interval(sum(bounds) / 2, *bounds, 7)
    assert tuple(decide(found, 0.01, early=early) for early in (True, False)) == outcomes
