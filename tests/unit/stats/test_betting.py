"""A bet that is fair under the null: by enumeration, and by many gamblers."""

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.stats import metrics
from trimtab.stats.betting import evidence_above, relative_losses
from trimtab.stats.metrics import Answers

VALUES = st.lists(st.floats(0, 1), min_size=1, max_size=40)


@pytest.mark.parametrize("bound", [0.2, 0.5, 0.8])
@pytest.mark.parametrize("mean", [0.1, 0.2, 0.5, 0.8])
def test_the_expected_money_is_never_above_one_under_the_null(bound, mean):
    chance = min(mean, bound)
    ends = {x: evidence_above(np.array(x, dtype=float), bound) for x in product([0, 1], repeat=9)}
    weight = {x: np.prod([chance if each else 1 - chance for each in x]) for x in ends}
    for time in range(9):
        assert sum(weight[x] * path[time] for x, path in ends.items()) <= 1 + 1e-12


def test_looking_after_every_value_keeps_the_level():
    rng = np.random.default_rng(0)
    ever = [evidence_above(rng.beta(2, 6, 400), 0.25).max() >= 20 for _ in range(500)]
    assert np.mean(ever) <= 0.05


def test_a_mean_above_the_bound_is_found_and_sooner_where_values_are_calm():
    rng = np.random.default_rng(1)

    def wait(spread: float) -> int:
        return int(np.argmax(evidence_above(np.clip(rng.normal(0.35, spread, 2000), 0, 1), 0.3) >= 20))

    calm, noisy = np.mean([wait(0.05) for _ in range(20)]), np.mean([wait(0.2) for _ in range(20)])
    assert 0 < calm < noisy < 500


@settings(max_examples=100, deadline=None)
@given(VALUES, st.floats(0.05, 0.95))
def test_money_stays_positive_and_what_comes_later_changes_nothing_before(values, bound):
    path = evidence_above(values, bound)
    assert (path > 0).all()
    assert path[: len(values) // 2] == pytest.approx(evidence_above(values[: len(values) // 2], bound))


def test_nothing_seen_is_no_evidence_and_negative_values_are_refused():
    assert len(evidence_above([], 0.5)) == 0
    with pytest.raises(ValueError, match=r"a value of -0.2: values must be numbers from 0 on"):
        evidence_above([0.1, -0.2], 0.5)
    with pytest.raises(ValueError, match="nan"):
        evidence_above([0.1, float("nan")], 0.5)


@settings(max_examples=50, deadline=None)
@given(VALUES, st.floats(0.1, 10), st.floats(0.1, 10))
def test_the_unit_does_not_matter(values, bound, unit):
    assert evidence_above(np.array(values) * unit, bound * unit) == pytest.approx(evidence_above(values, bound))


def forecast(rng: np.random.Generator, days: int, quality: float) -> tuple[Answers, np.ndarray]:
    chance = np.clip(rng.beta(2, 2, days * 100), 0.02, 0.98)
    truth = (rng.random(days * 100) < chance).astype(float)
    said = quality * chance + (1 - quality) * 0.5
    return Answers(truth, (said > 0.5).astype(float), 2, np.stack([1 - said, said], axis=1)), np.repeat(np.arange(days), 100)


def test_the_relative_loss_of_a_block_is_one_less_its_skill():
    answers, days = forecast(np.random.default_rng(2), 5, 0.9)
    assert relative_losses(answers, days) == pytest.approx([1 - metrics.skill(answers.take(days == day)) for day in range(5)])
    numbers = Answers(answers.truth * 3, answers.probability[:, 1] * 3)
    assert relative_losses(numbers, days) == pytest.approx([1 - metrics.skill(numbers.take(days == day)) for day in range(5)])


def test_a_model_that_lost_half_its_skill_is_found_and_one_that_did_not_is_left_alone():
    rng = np.random.default_rng(3)
    bound = relative_losses(*forecast(rng, 300, 1.0)).mean() + 0.02
    assert evidence_above(relative_losses(*forecast(rng, 120, 0.3)), bound).max() > 100
    assert evidence_above(relative_losses(*forecast(rng, 120, 1.0)), bound).max() < 20


def test_days_without_rows_or_with_one_class_are_passed_over():
    answers, days = forecast(np.random.default_rng(4), 10, 1.0)
    assert len(relative_losses(answers, days * 3)) == 10
    answers.truth[days == 4] = 1
    assert len(relative_losses(answers, days)) == 9
