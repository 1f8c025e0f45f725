"""Degraded: the whole interval below the line, twice in a row, from enough labels."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.stats import quality
from trimtab.stats.metrics import Answers
from trimtab.stats.quality import Standard, degraded, judge, standing
from trimtab.stats.skill import Interval

REFERENCE = Interval(0.2, 0.15, 0.25, 30)


def forecast(quality_of: float, days: int = 14, rows: int = 100, seed: int = 0) -> tuple[Answers, np.ndarray]:
    rng = np.random.default_rng(seed)
    chance = np.clip(rng.beta(2, 2, days * rows), 0.02, 0.98)
    truth = (rng.random(days * rows) < chance).astype(float)
    said = quality_of * chance + (1 - quality_of) * 0.5
    times = np.repeat(np.datetime64("2013-08-01") + np.arange(days), rows).astype("datetime64[s]")
    return Answers(truth, (said > 0.5).astype(float), 2, np.stack([1 - said, said], axis=1)), times


@pytest.mark.parametrize(
    ("skill", "expected"),
    [
        (Interval(0.10, 0.05, 0.149, 14), "Below"),
        (Interval(0.10, 0.05, 0.151, 14), "Within"),
        (Interval(0.16, 0.01, 0.30, 14), "Recovered"),
        (Interval(0.10, float("-inf"), float("inf"), 14), "Unknown"),
    ],
)
def test_where_an_interval_stands(skill, expected):
    assert standing(skill, Standard(REFERENCE)) == expected


def test_a_floor_above_the_line_counts_and_one_below_does_not():
    assert Standard(REFERENCE, floor=0.18).line == 0.18
    assert Standard(REFERENCE, floor=0.0).line == pytest.approx(0.15)


def test_a_tolerance_that_a_person_gives_stands_in_for_the_references_own():
    assert Standard(REFERENCE, tolerance=0.02).line == pytest.approx(0.18)


def test_a_reference_without_bounds_degrades_nobody_but_by_a_floor():
    unknown = Interval(0.2, float("-inf"), float("inf"), 1)
    bad = Interval(-3.0, -4.0, -2.0, 14)
    assert standing(bad, Standard(unknown)) != "Below"
    assert standing(bad, Standard(unknown, floor=0.0)) == "Below"


@given(st.floats(-1, 1), st.floats(0, 0.5))
def test_the_line_is_never_above_what_the_reference_promises(estimate, width):
    standard = Standard(Interval(estimate, estimate - width, estimate + width, 20))
    assert standard.line <= estimate - quality.LEAST_TOLERANCE + 1e-12


def test_a_good_model_recovers_and_one_that_knows_nothing_any_more_is_below():
    assert judge(*forecast(1.0), Standard(Interval(0.15, 0.1, 0.2, 30))).standing == "Recovered"
    assert judge(*forecast(-0.5), Standard(Interval(0.15, 0.1, 0.2, 30))).standing == "Below"


def test_few_labels_say_nothing():
    answers, times = forecast(-0.5, days=1, rows=199)
    assert judge(answers, times, Standard(REFERENCE)) == quality.Judgement("Unknown", 199)


def test_days_of_one_class_say_nothing():
    answers = Answers(np.zeros(300), np.zeros(300), 2, np.tile([0.9, 0.1], (300, 1)))
    assert judge(answers, None, Standard(REFERENCE)).standing == "Unknown"


def test_a_week_is_resampled_by_its_days():
    times = forecast(1.0, days=7)[1]
    assert list(np.bincount(quality.days_of(times, 700))) == [100] * 7
    assert len(np.bincount(quality.days_of(times[:400], 400))) == 20


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([], False),
        (["Below"], False),
        (["Below", "Below"], True),
        (["Below", "Recovered", "Below"], False),
        (["Below", "Below", "Within"], False),
        (["Below", "Unknown", "Unknown", "Below"], True),
        (["Unknown", "Unknown"], False),
    ],
)
def test_two_windows_in_a_row_are_a_decision(windows, expected):
    assert degraded(windows) == expected


@pytest.mark.parametrize(
    ("windows", "expected"),
    [
        ([], "Unknown"),
        (["Below"], "Strange"),
        (["Recovered", "Below", "Below"], "Alarm"),
        (["Below", "Below", "Unknown"], "Unknown"),
        (["Below", "Below", "Within"], "Unclear"),
        (["Below", "Below", "Recovered"], "Calm"),
    ],
)
def test_how_windows_read(windows, expected):
    assert quality.reading(windows) == expected
