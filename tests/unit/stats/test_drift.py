"""One window's finding, the alarm of several, and what alarms cost on the reference itself."""

from dataclasses import replace
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.plans import retraining
from trimtab.stats import drift, profiles, quality
from trimtab.stats.drift import Levels, alarm, examine, false_alarms_per_month
from trimtab.stats.profiles import Numeric, Profile
from trimtab.stats.reference import Feature, Reference

LATER = np.datetime64("2013-07-01")
NAMES = ("temp", "wind")
EASY = Levels(alpha=0.05)
Day = dict[str, np.ndarray]


def table(rng: np.random.Generator, days: int, rows: int = 300, swing: float = 0.5) -> Day:
    """Rows of one day share that day's mean."""
    return {name: (rng.normal(0, swing, days)[:, None] + rng.normal(size=(days, rows))).ravel() for name in NAMES}


def reference(days: int = 60, seed: int = 0, **more: np.ndarray) -> tuple[Reference, dict[str, profiles.NumericShape]]:
    values = table(np.random.default_rng(seed), days) | more
    blocks = np.repeat(np.arange(days), 300)
    shapes = {name: profiles.numeric_shape(x) for name, x in values.items()}
    features = tuple(Feature(name, "numeric", profiles.by_block(shapes[name], x, blocks, days)) for name, x in values.items())
    return Reference((np.datetime64("2013-01-01") + np.arange(days)).astype("datetime64[s]"), np.full(days, 300), features), shapes


def window(shapes: dict[str, profiles.NumericShape], **values: np.ndarray) -> Profile:
    return Profile(len(next(iter(values.values()))), {name: Numeric.of(shapes[name], x) for name, x in values.items()})


def usual(seed: int = 1, **changed: np.ndarray) -> Day:
    return table(np.random.default_rng(seed), 1) | changed


def test_a_day_like_the_others_is_quiet_and_every_feature_is_shown():
    days, shapes = reference()
    found = examine(days, window(shapes, **usual()), LATER, levels=EASY)
    assert (found.verdict, found.rows, {each.name for each in found.features}) == ("Quiet", 300, set(NAMES))


def test_a_day_far_off_has_drifted_and_the_worst_feature_stands_first():
    days, shapes = reference()
    far = np.random.default_rng(2).normal(4, 1, 300)
    found = examine(days, window(shapes, **usual(wind=far)), LATER, levels=EASY)
    assert (found.verdict, found.p) == ("Drifted", pytest.approx(1 / 61))
    assert [(each.name, each.drifted) for each in found.features] == [("wind", True), ("temp", False)]
    assert found.features[0].psi > 1


def test_rows_called_independent_see_drift_where_blocks_see_a_day():
    days, shapes = reference()
    profile = window(shapes, **usual(wind=np.random.default_rng(2).normal(0.8, 1, 300)))
    assert examine(days, profile, LATER, levels=EASY).verdict == "Quiet"
    assert examine(days, profile, LATER, levels=replace(EASY, rows="Independent")).verdict == "Drifted"


def test_the_level_asks_for_windows_and_says_how_many_are_lacking():
    days, shapes = reference()
    far = window(shapes, **usual(wind=np.full(300, 9.0)))
    found = examine(days, far, LATER, levels=Levels(alpha=0.01))
    assert (found.verdict, found.missing_windows, found.features) == ("Learning", 39, ())


def test_without_blocks_of_time_independent_rows_need_no_learning():
    days, shapes = reference()
    whole = days.windows(60)
    far = window(shapes, **usual(wind=np.random.default_rng(2).normal(4, 1, 300)))
    assert examine(whole, far, LATER, levels=EASY).verdict == "Learning"
    assert examine(whole, far, LATER, levels=replace(EASY, rows="Independent")).verdict == "Drifted"


def test_too_few_rows_are_neither_drift_nor_health():
    days, shapes = reference()
    assert examine(days, window(shapes, temp=np.full(199, 9.0), wind=np.zeros(199)), LATER).verdict == "DataInsufficient"


def test_an_effect_that_is_sure_but_small_is_no_drift():
    days, shapes = reference()
    moved = window(shapes, **usual(wind=np.random.default_rng(2).normal(4, 1, 300)))
    assert examine(days, moved, LATER, levels=replace(EASY, min_effect=0.99)).verdict == "Quiet"


def test_missing_values_are_a_fault_and_not_drift():
    days, shapes = reference()
    holes = usual()["wind"].copy()
    holes[:200] = np.nan
    found = examine(days, window(shapes, **usual(wind=holes)), LATER, levels=EASY)
    assert (found.verdict, [(each.name, each.column) for each in found.faults]) == ("Quiet", [("NullFlood", "wind")])
    assert [each.name for each in found.features] == ["temp"]


def test_a_column_that_is_gone_is_named_even_when_rows_are_few():
    days, shapes = reference()
    for rows in (20, 300):
        found = examine(days, window(shapes, temp=np.zeros(rows)), LATER, levels=EASY)
        assert ("SchemaChanged", "wind") in [(each.name, each.column) for each in found.faults]


def test_a_date_among_the_features_is_listed_and_left_out():
    date = np.repeat(np.arange(60.0), 300)
    days, shapes = reference(date=date)
    found = examine(days, window(shapes, **usual(date=np.full(300, 99.0))), LATER, levels=EASY)
    assert (found.verdict, list(found.left_out)) == ("Quiet", ["date"])


def test_the_same_window_gives_the_same_finding():
    days, shapes = reference()
    profile = window(shapes, **usual(seed=5))
    for rows in ("Blocked", "Independent"):
        levels = replace(EASY, rows=rows)
        assert examine(days, profile, LATER, levels=levels) == examine(days, profile, LATER, levels=levels)


def test_longer_windows_are_compared_with_longer_windows():
    days, shapes = reference(days=90)
    three = table(np.random.default_rng(1), 3)
    assert examine(days, window(shapes, **three), LATER, blocks=3, levels=EASY).verdict == "Quiet"
    assert examine(days, window(shapes, **three), LATER, blocks=4, levels=EASY).missing_windows == 30 - 22


@given(st.lists(st.booleans(), max_size=10), st.integers(1, 4), st.integers(0, 3))
def test_an_alarm_is_k_of_the_last_n(drifted, k, more):
    levels = Levels(k=k, of=k + more)
    assert alarm(drifted, levels) == (sum(drifted[-levels.of :]) >= k)


def test_replay_counts_alarms_that_began_and_not_every_window_of_one():
    days, _ = reference(days=90)
    single = false_alarms_per_month(days, levels=Levels(alpha=0.05, k=1, of=1, min_effect=0))
    assert 0 < single <= 30 * 0.05 + 1e-9
    assert false_alarms_per_month(days, levels=Levels(alpha=0.05)) <= single


def test_replay_shows_what_calling_dependent_rows_independent_costs():
    days, _ = reference(days=30)
    assert false_alarms_per_month(days, levels=Levels(alpha=0.05, rows="Independent", k=1, of=1)) > 1


def test_replay_of_too_few_windows_promises_nothing():
    days, _ = reference(days=20)
    assert np.isnan(false_alarms_per_month(days))
    assert np.isnan(drift.false_alarms_per_month(days.windows(20), levels=Levels(rows="Independent")))


def finding(verdict: str, p: float = 1.0, effect: float = 0.0) -> drift.Finding:
    return drift.Finding(verdict, 500, p, (drift.FeatureFinding("temp", effect, 0.0, p, p, verdict == "Drifted"),))


DRIFTED, QUIET, FEW = finding("Drifted", 0.01, 0.3), finding("Quiet"), finding("DataInsufficient")


@pytest.mark.parametrize(
    ("findings", "expected"),
    [
        ([], "Unknown"),
        ([FEW], "Unknown"),
        ([QUIET], "Calm"),
        ([QUIET, DRIFTED], "Strange"),
        ([DRIFTED, QUIET, DRIFTED], "Alarm"),
        ([DRIFTED, DRIFTED, QUIET], "Alarm"),
        ([DRIFTED, DRIFTED, FEW], "Unknown"),
        ([DRIFTED, QUIET, QUIET], "Calm"),
        ([finding("Quiet", p=0.015, effect=0.3)], "Unclear"),
        ([finding("Quiet", p=0.005, effect=0.06)], "Unclear"),
        ([finding("Quiet", p=0.005, effect=0.04)], "Calm"),
        ([finding("Quiet", p=0.03, effect=0.3)], "Calm"),
    ],
)
def test_how_windows_read(findings, expected):
    assert drift.reading(findings, Levels(alpha=0.01)) == expected


def test_the_state_machine_reads_the_same_words():
    assert get_args(drift.Reading) == get_args(quality.Reading) == get_args(retraining.Reading)
