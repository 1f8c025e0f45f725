"""Distances between counts agree with scipy and keep the promises of a metric."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp
from scipy.spatial import distance

from trimtab.stats.distances import jensen_shannon, psi

COUNTS = stnp.arrays(np.int64, 8, elements=st.integers(0, 1000)).filter(lambda counts: counts.sum() > 0)


@settings(max_examples=200, deadline=None)
@given(COUNTS, COUNTS)
def test_jensen_shannon_is_scipys_in_base_two(window, reference):
    assert jensen_shannon(window, reference) == pytest.approx(distance.jensenshannon(window, reference, base=2), abs=1e-7)


@settings(max_examples=100, deadline=None)
@given(COUNTS, COUNTS, st.integers(1, 50))
def test_only_shares_matter_and_not_which_side_one_stands_on(window, reference, times):
    here = jensen_shannon(window, reference)
    assert jensen_shannon(reference, window * times) == pytest.approx(here, abs=1e-7)
    assert 0 <= here <= 1


@settings(max_examples=100, deadline=None)
@given(COUNTS, COUNTS, COUNTS)
def test_a_detour_is_never_shorter(one, two, three):
    assert jensen_shannon(one, three) <= jensen_shannon(one, two) + jensen_shannon(two, three) + 1e-7


def test_many_windows_at_once_are_as_one_by_one():
    rng = np.random.default_rng(0)
    windows, reference = rng.integers(0, 50, (5, 6)), rng.integers(1, 500, 6)
    for measure in (jensen_shannon, psi):
        assert measure(windows, reference) == pytest.approx(np.array([float(measure(each, reference)) for each in windows]))


def test_a_side_without_rows_has_no_distance():
    assert np.isnan(jensen_shannon(np.zeros(3), np.ones(3)))


def test_psi_is_its_definition():
    window, reference = np.array([10, 0, 30]), np.array([100, 100, 200])
    p, q = (window + 0.5) / 41.5, (reference + 0.5) / 401.5
    assert psi(window, reference) == pytest.approx(sum((a - b) * np.log(a / b) for a, b in zip(p, q, strict=True)))


def test_psi_of_small_windows_is_large_without_any_drift():
    rng = np.random.default_rng(0)
    assert np.mean([psi(rng.multinomial(200, np.full(32, 1 / 32)), np.full(32, 1000)) for _ in range(50)]) > 0.1
