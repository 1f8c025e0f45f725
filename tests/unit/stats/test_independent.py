"""Permutation of counts: exact where it can be enumerated, valid at every level, nearly as strong as tests that see the rows."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trimtab.stats import independent
from trimtab.stats.independent import benjamini_hochberg, chi_square, holm, largest_gap, p_value


def table(window, reference):
    return np.array(window)[None, :], np.array(window) + np.array(reference)


def test_chi_square_is_scipys():
    found = chi_square(*table([10, 20, 5], [100, 120, 90]))[0]
    assert found == pytest.approx(stats.chi2_contingency([[10, 20, 5], [100, 120, 90]], correction=False).statistic)


def test_the_gap_is_kolmogorovs_of_the_rows():
    rows, others = np.repeat([0, 1, 2], [10, 20, 5]), np.repeat([0, 1, 2], [100, 120, 90])
    assert largest_gap(*table([10, 20, 5], [100, 120, 90]))[0] == pytest.approx(stats.ks_2samp(rows, others).statistic)


@pytest.mark.parametrize(("window", "reference"), [([4, 1, 0], [2, 6, 3]), ([3, 0, 3], [1, 7, 2]), ([0, 5, 1], [6, 2, 2])])
def test_categories_have_the_p_value_of_all_possible_windows(window, reference):
    mine, pooled = table(window, reference)
    weights = {
        each: np.prod([comb(c, k) for c, k in zip(pooled, each, strict=True)]) for each in product(*(range(c + 1) for c in pooled)) if sum(each) == mine.sum()
    }
    beyond = sum(weight for each, weight in weights.items() if chi_square(np.array([each]), pooled)[0] >= chi_square(mine, pooled)[0] - 1e-9)
    exact = beyond / comb(int(pooled.sum()), int(mine.sum()))
    drawn = independent._by_permutation(mine[0], pooled, "categorical", 20_000, np.random.default_rng(0))
    assert drawn == pytest.approx(exact, abs=0.012)


@pytest.mark.parametrize("kind", ["numeric", "categorical"])
def test_the_level_is_kept_where_formulas_fail(kind):
    """A dozen rows in a dozen bins: expected counts of one."""
    rng = np.random.default_rng(3)
    reference = rng.multinomial(300, np.full(12, 1 / 12))
    found = np.array([p_value(rng.multivariate_hypergeometric(reference, 12), reference, kind, 0.01, rng) for _ in range(600)])
    for level in (0.01, 0.05):
        assert (found <= level).mean() <= level + 3 * np.sqrt(level * (1 - level) / 600)


def test_no_p_value_is_zero_and_no_row_is_no_evidence():
    rng = np.random.default_rng(0)
    assert 0 < p_value(np.array([1000, 0]), np.array([0, 1000]), "numeric", 0.01, rng) < 0.01
    assert p_value(np.array([0, 0]), np.array([5, 5]), "numeric", 0.01, rng) == 1
    assert p_value(np.array([7, 0]), np.array([9, 0]), "numeric", 0.01, rng) == 1


def test_a_changed_shape_without_a_shift_is_found_too():
    rng = np.random.default_rng(0)
    assert p_value(np.array([100, 0, 100, 0, 100, 0]), np.full(6, 1000), "numeric", 0.01, rng) < 0.01


def test_a_large_window_costs_no_more_than_a_small_one():
    rng = np.random.default_rng(0)
    assert p_value(np.full(32, 3_000_000), np.full(32, 30_000_000), "numeric", 0.01, rng) > 0.5


P_VALUES = st.lists(st.floats(1e-6, 1), min_size=1, max_size=30)


@settings(max_examples=100, deadline=None)
@given(P_VALUES)
def test_benjamini_and_hochberg_is_scipys(p):
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p))


@settings(max_examples=100, deadline=None)
@given(P_VALUES, st.floats(0.001, 0.2))
def test_holm_rejects_what_stepping_down_by_hand_rejects(p, alpha):
    rejected = set()
    for step, each in enumerate(np.argsort(p, kind="stable")):
        if p[each] * (len(p) - step) > alpha:
            break
        rejected.add(int(each))
    assert set(np.flatnonzero(holm(p) <= alpha).tolist()) == rejected


@settings(max_examples=50, deadline=None)
@given(P_VALUES)
def test_corrections_never_make_a_p_value_smaller_or_change_the_order(p):
    for corrected in (holm(p), benjamini_hochberg(p)):
        assert (corrected >= np.array(p) - 1e-12).all()
        assert (np.diff(corrected[np.argsort(p, kind="stable")]) >= -1e-12).all()
