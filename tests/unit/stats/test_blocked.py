"""Ranks among the reference's own windows: exact by construction, whatever hangs together."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from trimtab.stats import blocked
from trimtab.stats.reference import Feature, Reference

EFFECTS = stnp.arrays(np.float64, st.tuples(st.integers(2, 25), st.integers(1, 6)), elements=st.integers(0, 10).map(lambda n: n / 10))


def reference(counts: np.ndarray) -> Reference:
    starts = np.datetime64("2013-01-01") + np.arange(len(counts))
    return Reference(
        starts.astype("datetime64[s]"), counts.sum(axis=1), (Feature("x", "numeric", np.append(counts, np.zeros((len(counts), 1), dtype=int), axis=1)),)
    )


def draws(rng: np.random.Generator, days: int, rows: int = 300) -> np.ndarray:
    return rng.multinomial(rows, [0.1, 0.2, 0.3, 0.25, 0.15], size=days)


@settings(max_examples=200, deadline=None)
@given(EFFECTS)
def test_whichever_window_is_the_live_one_at_most_its_share_is_as_strange(effects):
    p = np.array([blocked.ranks_of(effects, each).overall for each in range(len(effects))])
    for level in np.arange(1, len(effects) + 1) / len(effects):
        assert (p <= level).sum() <= round(level * len(effects))


@settings(max_examples=200, deadline=None)
@given(EFFECTS)
def test_the_corrected_rank_is_never_better_than_the_feature_alone_and_its_best_is_the_windows(effects):
    found = blocked.ranks_of(effects, 0)
    assert (found.together >= 1 / len(effects)).all()
    assert found.together.min() == pytest.approx(found.overall)


@settings(max_examples=100, deadline=None)
@given(EFFECTS, st.permutations(range(6)))
def test_the_order_of_features_does_not_matter(effects, order):
    mixed = [each for each in order if each < effects.shape[1]]
    assert blocked.ranks_of(effects[:, mixed], 0).overall == blocked.ranks_of(effects, 0).overall


def test_a_rank_is_the_share_of_windows_at_least_as_far():
    effects = np.array([[0.3], [0.1], [0.2], [0.3], [0.4]])
    assert blocked.ranks_of(effects, 0).alone.tolist() == [3 / 5]


def test_the_level_asks_for_enough_windows():
    assert [blocked.windows_needed(alpha) for alpha in (0.001, 0.01, 0.05, 0.2)] == [999, 99, 30, 30]


def test_a_window_that_moved_ranks_first():
    rng = np.random.default_rng(0)
    live = {"x": np.array([10, 20, 60, 110, 100, 0])}
    assert blocked.rank(reference(draws(rng, 99)), live).overall == 0.01


def test_a_short_window_of_the_same_kind_is_not_called_strange_for_being_short():
    rng = np.random.default_rng(1)
    windows = reference(draws(rng, 99, rows=5000))
    p = [blocked.rank(windows, {"x": np.append(draws(rng, 1, rows=60)[0], 0)}, seed).overall for seed in range(60)]
    assert np.mean(np.array(p) <= 0.1) <= 0.1 + 3 * np.sqrt(0.09 / 60)


def test_the_same_window_has_the_same_rank():
    windows, live = reference(draws(np.random.default_rng(2), 40)), {"x": np.array([10, 20, 30, 25, 15, 0])}
    assert blocked.rank(windows, live).overall == blocked.rank(windows, live).overall


def test_mondays_are_compared_with_mondays_where_there_are_enough():
    windows = reference(draws(np.random.default_rng(0), 250))
    monday = np.datetime64("2013-10-07T00:00:00")
    assert len(blocked.alike(windows, monday, 30).rows) == 35
    assert {int(start.astype("datetime64[D]").astype(int)) % 7 for start in blocked.alike(windows, monday, 30).starts} == {4}
    assert len(blocked.alike(windows, monday, 99).rows) == 250


def test_replay_ranks_every_window_of_the_reference_once():
    found = blocked.replay(reference(draws(np.random.default_rng(3), 50)))
    assert sorted(each.overall for each in found) == pytest.approx([n / 50 for n in range(1, 51)])


def test_a_feature_that_never_moved_ranks_first_when_it_does():
    still = np.tile([100, 0, 0, 0, 0], (40, 1))
    assert blocked.rank(reference(still), {"x": np.array([99, 1, 0, 0, 0, 0])}).overall == pytest.approx(1 / 41)


def test_a_window_is_compared_with_all_but_itself_and_its_neighbours():
    windows = np.arange(1, 13)[:, None] * np.array([1, 10])
    far = [sum(windows[other] for other in range(12) if abs(other - each) > blocked.NEIGHBOURS) for each in range(12)]
    assert (blocked._elsewhere(windows) == np.array(far)).all()
