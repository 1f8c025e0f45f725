"""Sums of what pods counted, and what a histogram knows of quantiles."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.sharing import EDGES
from trimtab.plans.sequential import Outcomes
from trimtab.plans.tallies import Arm

SECONDS = st.lists(st.floats(0.0005, 0.2), min_size=1, max_size=60)


def timed(seconds):
    """Requests that took so long each."""
    return Arm(len(seconds), 0, tuple((edge, sum(each <= edge for each in seconds)) for edge in EDGES))


@given(SECONDS, st.sampled_from([0.5, 0.9, 0.99]))
def test_a_quantile_is_found_in_the_bucket_of_the_true_one(seconds, share):
    true = float(np.quantile(seconds, share, method="inverted_cdf"))
    edges = (0.0, *EDGES)
    low = max(edge for edge in edges if edge < true)
    high = min(edge for edge in edges if edge >= true)
    assert low <= timed(seconds).quantile(share) <= high


@given(SECONDS, st.floats(0.0005, 0.2))
def test_what_is_slower_is_known_up_to_the_requests_of_one_bucket(seconds, line):
    edges = (0.0, *EDGES)
    low, high = max(edge for edge in edges if edge < line), min(edge for edge in edges if edge >= line)
    found = timed(seconds).slower_than(line)
    assert found.requests == len(seconds)
    assert sum(each > high for each in seconds) <= found.errors <= sum(each > low for each in seconds)


@given(SECONDS, st.sampled_from([0.5, 0.99]))
def test_of_the_same_requests_no_more_are_slower_than_a_quantile_than_it_says(seconds, share):
    arm = timed(seconds)
    assert arm.slower_than(arm.quantile(share)).errors <= (1 - share) * len(seconds) + 1e-6 or arm.quantile(share) == EDGES[-2]


def test_nothing_timed_is_neither_fast_nor_slow():
    assert Arm().quantile(0.5) == 0
    assert Arm().slower_than(0.1) == Outcomes(0, 0)


@given(SECONDS, SECONDS)
def test_two_pods_are_as_one(one, other):
    assert timed(one) + timed(other) == timed(one + other)


def test_pods_of_two_images_may_have_other_edges():
    added = Arm(1, 0, ((0.1, 1), (0.2, 1), (float("inf"), 1))) + Arm(2, 1, ((0.2, 1), (float("inf"), 2)))
    assert added == Arm(3, 1, ((0.2, 2), (float("inf"), 3)))


def test_beyond_the_last_known_edge_the_last_known_edge_is_said():
    assert timed([10.0, 20.0]).quantile(0.5) == pytest.approx(0.25)
