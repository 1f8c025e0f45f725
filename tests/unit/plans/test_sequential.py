"""Tests that may be looked at all the time: fair bets under the null by enumeration, scipy for what has an oracle."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from trimtab.plans import sequential
from trimtab.plans.sequential import Outcomes, Split, chi_square_tail, evidence_above, evidence_worse, lower_bound, split_p_value

COUNTS = st.integers(0, 400).flatmap(lambda requests: st.builds(Outcomes, st.just(requests), st.integers(0, requests)))
WEIGHTS = st.sampled_from([0.05, 0.1, 0.25, 0.5, 0.9])


@pytest.mark.parametrize("bound", [0.001, 0.02, 0.3])
@pytest.mark.parametrize("share_of_bound", [1.0, 0.6, 0.0])
def test_the_expected_evidence_is_one_at_the_bound_and_less_below_it(bound, share_of_bound):
    rate, requests = bound * share_of_bound, 40
    expected = sum(stats.binom.pmf(k, requests, rate) * evidence_above(bound, Outcomes(requests, k)) for k in range(requests + 1))
    assert expected == pytest.approx(1) if share_of_bound == 1 else expected <= 1


@pytest.mark.parametrize(("candidate", "stable", "fair"), [(0.2, 0.2, True), (0.05, 0.05, True), (0.1, 0.3, False), (0.0, 0.4, False)])
@pytest.mark.parametrize("weight", [0.1, 0.5])
def test_the_expected_evidence_against_stable_is_one_where_both_are_equal_and_less_where_the_candidate_is_better(candidate, stable, fair, weight):
    """All outcomes of eight requests, each going to either version and failing or not."""
    chances = [weight * candidate, weight * (1 - candidate), (1 - weight) * stable, (1 - weight) * (1 - stable)]
    total = 0.0
    for a in range(9):
        for b in range(9 - a):
            for c in range(9 - a - b):
                step = Split(weight, Outcomes(a + b, a), Outcomes(8 - a - b, c))
                total += stats.multinomial.pmf([a, b, c, 8 - a - b - c], 8, chances) * evidence_worse([step])
    assert total == pytest.approx(1) if fair else total <= 1


@settings(max_examples=60, deadline=None)
@given(COUNTS, st.sampled_from([0.0, 0.01, 0.1, 0.5]))
def test_one_more_error_is_more_evidence_and_one_more_success_less(seen, bound):
    now = evidence_above(bound, seen)
    assert evidence_above(bound, Outcomes(seen.requests + 1, seen.errors + 1)) >= now
    assert evidence_above(bound, Outcomes(seen.requests + 1, seen.errors)) <= now


@settings(max_examples=60, deadline=None)
@given(WEIGHTS, COUNTS, COUNTS)
def test_evidence_against_the_candidate_grows_with_its_errors_and_falls_with_stables(weight, candidate, stable):
    now = evidence_worse([Split(weight, candidate, stable)])
    assert evidence_worse([Split(weight, Outcomes(candidate.requests + 1, candidate.errors + 1), stable)]) >= now
    assert evidence_worse([Split(weight, candidate, Outcomes(stable.requests + 1, stable.errors + 1))]) <= now


@settings(max_examples=30, deadline=None)
@given(WEIGHTS, COUNTS, COUNTS)
def test_two_steps_of_one_weight_are_as_one(weight, candidate, stable):
    once = Split(weight, candidate, stable)
    both = Split(weight, Outcomes(2 * candidate.requests, 2 * candidate.errors), Outcomes(2 * stable.requests, 2 * stable.errors))
    assert evidence_worse([once, once]) == pytest.approx(evidence_worse([both]))


def test_nothing_seen_is_no_evidence():
    nobody = Outcomes(0, 0)
    assert evidence_above(0.01, nobody) == pytest.approx(1)
    assert evidence_worse([Split(0.1, nobody, nobody)]) == pytest.approx(1)
    assert evidence_worse([]) == pytest.approx(1)
    assert split_p_value([Split(0.1, nobody, nobody)]) == 1


def test_an_outage_that_hits_both_does_not_speak_against_the_candidate():
    calm, outage = Split(0.5, Outcomes(500, 5), Outcomes(500, 5)), Split(0.5, Outcomes(500, 250), Outcomes(500, 250))
    assert evidence_worse([calm, outage]) < 1


def test_weights_that_change_with_an_outage_do_not_mislead():
    """Added up, the candidate would have 5 times stable's rate: it came to have most requests when all failed."""
    before, after = Split(0.1, Outcomes(100, 1), Outcomes(900, 9)), Split(0.9, Outcomes(900, 450), Outcomes(100, 50))
    assert evidence_worse([before, after]) < 1


def test_a_bound_of_no_errors_allows_none_for_long():
    assert evidence_above(0.0, Outcomes(1000, 0)) == pytest.approx(1, abs=0.1)
    assert evidence_above(0.0, Outcomes(1000, 3)) > 100


def test_overwhelming_evidence_is_infinite_and_not_an_error():
    assert evidence_above(0.01, Outcomes(10**6, 10**6)) == math.inf


@settings(max_examples=60, deadline=None)
@given(COUNTS)
def test_the_lower_bound_is_where_the_evidence_ends(seen):
    low = lower_bound(seen, 0.05)
    assert 0 <= low <= (seen.rate if seen.requests else 0)
    if low > 0.001:
        assert evidence_above(low * 0.99, seen) >= 20 > evidence_above(low * 1.02, seen)


@pytest.mark.parametrize("degrees", range(1, 12))
@pytest.mark.parametrize("statistic", [0.0, 0.1, 2.0, 10.0, 60.0, 300.0])
def test_the_tail_of_chi_square_is_scipys(degrees, statistic):
    assert chi_square_tail(statistic, degrees) == pytest.approx(stats.chi2.sf(statistic, degrees), rel=1e-9, abs=1e-300)


@settings(max_examples=60, deadline=None)
@given(WEIGHTS, COUNTS, COUNTS)
def test_the_sample_ratio_check_is_scipys(weight, candidate, stable):
    total = candidate.requests + stable.requests
    expected = stats.chisquare([candidate.requests, stable.requests], [weight * total, (1 - weight) * total]).pvalue if total else 1.0
    assert split_p_value([Split(weight, candidate, stable)]) == pytest.approx(expected, rel=1e-6, abs=1e-300)


def test_a_split_that_is_off_in_one_of_two_steps_is_noticed():
    right, wrong = Split(0.1, Outcomes(100, 0), Outcomes(900, 0)), Split(0.5, Outcomes(400, 0), Outcomes(600, 0))
    assert split_p_value([right]) > 0.5
    assert split_p_value([right, wrong]) < sequential.MISMATCH_ALPHA


def test_counts_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="12 errors among 10 requests"):
        Outcomes(10, 12)
    with pytest.raises(ValueError, match="splits nothing"):
        Split(1.0, Outcomes(1, 0), Outcomes(1, 0))


def test_one_alpha_is_shared_among_the_checks():
    assert sequential.share_of_alpha(0.01, 4) == 0.0025
