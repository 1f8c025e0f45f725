"""The promises of the statistics, kept where the truth is known: short runs with fixed seeds; tests/bench/simulations.py runs long.

A level is kept where the share of false alarms is at most alpha and its Monte Carlo error.
"""

import numpy as np
import pytest

from support import flights, simulations

ALPHA = 0.05


@pytest.mark.parametrize(("rows", "features"), [(50, 5), (200, 40), (1000, 10), (10_000, 5)])
def test_independent_rows_raise_no_more_false_alarms_than_alpha_however_many_features(rows, features):
    found = simulations.family_wise(rows, features, runs=60, alpha=ALPHA, reference=4000)
    assert found.share <= ALPHA + found.error


def test_a_small_shift_is_found_nearly_as_often_as_by_the_exact_test_on_the_rows():
    ours, exact = simulations.power(rows=700, shift=0.15, runs=150, alpha=0.01)
    assert ours.share >= exact.share - 0.1
    assert exact.share > 0.5


@pytest.mark.parametrize("pattern", list(simulations.PATTERNS))
def test_days_that_hang_together_raise_no_more_false_alarms_than_alpha(pattern):
    """At the default level, with half a year of reference. Spells of days against only 60 days exceed .05: docs/statistics.md."""
    found = simulations.blocked_false_alarms(pattern, references=40, days=180, live=60, alpha=0.01)
    assert found.share <= 0.01 + found.error


@pytest.mark.parametrize("pattern", list(simulations.PATTERNS))
def test_on_such_days_tests_of_rows_and_fixed_cuts_alarm_nearly_always(pattern):
    tested, cut = simulations.row_wise_alarms(pattern, days=40, alpha=ALPHA)
    assert min(tested.share, cut.share) > 0.8


def test_a_day_that_is_really_different_is_still_found():
    assert simulations.found_after(shift=2.5, days=60, runs=20, alpha=ALPHA).share > 0.9


def test_a_candidate_as_good_as_stable_is_rarely_taken_back_however_often_one_looks():
    ours = simulations.false_rollbacks(0.5, 0.05, requests=5000, runs=100, alpha=ALPHA)
    usual = simulations.false_rollbacks_of_fixed_tests(0.5, 0.05, requests=5000, runs=100, alpha=ALPHA)
    assert ours.share <= ALPHA + ours.error
    assert usual.share > 3 * ALPHA


def test_a_version_at_its_bound_is_rarely_found_above_it_however_often_one_looks():
    found = simulations.false_alarms_of_bound(0.02, requests=5000, runs=100, alpha=ALPHA)
    assert found.share <= ALPHA + found.error


@pytest.mark.parametrize(("stable", "candidate", "within"), [(0.01, 0.02, 12_000), (0.10, 0.15, 6_000)])
def test_doubled_errors_and_five_points_of_accuracy_are_noticed(stable, candidate, within):
    mean, detected = simulations.requests_to_detect(0.5, stable, candidate, runs=10, alpha=0.01)
    assert detected.share == 1
    assert mean < within


def test_the_days_of_real_flights_alarm_at_the_stated_rate_and_by_rows_nearly_always():
    days = flights.days_of_half_a_year()
    for alpha in (0.05, 0.01):
        found = simulations.share(flights.held_out_alarms(days, alpha, flights.in_tens(days)))
        assert found.share <= alpha + found.error
    assert np.mean(flights.row_wise_alarms(days, 0.01)) > 0.95


def test_the_january_model_is_found_by_september_though_its_loss_is_lowest_then():
    model = flights.model_of("2013-02-01")
    losses = flights.losses_by_month(model, [f"2013-{month:02d}" for month in range(2, 13)])
    assert min(losses, key=losses.get) == "2013-09"
    assert model.first_degraded("2013-09-30") is not None


def test_the_january_to_june_model_stays_quiet_in_august_and_september():
    assert flights.model_of("2013-07-01").first_degraded("2013-09-30") is None
