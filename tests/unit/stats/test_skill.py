"""Intervals by blocks of time: they cover, they notice dependence, they pair."""

import numpy as np
import pytest
from scipy import stats

from trimtab.stats import metrics, skill
from trimtab.stats.metrics import Answers, find, row_losses
from trimtab.stats.skill import loss_difference


def days(count: int, a_day: int) -> np.ndarray:
    return np.repeat(np.datetime64("2013-01-01") + np.arange(count), a_day).astype("datetime64[us]")


def forecast(rng: np.random.Generator, rows: int, quality: float = 0.5) -> Answers:
    chance = np.clip(rng.beta(2, 2, rows), 0.02, 0.98)
    truth = (rng.random(rows) < chance).astype(float)
    said = quality * chance + (1 - quality) * 0.5
    return Answers(truth, (said > 0.5).astype(float), 2, np.stack([1 - said, said], axis=1))


def test_days_are_blocks_where_there_are_enough_of_them():
    assert list(np.bincount(skill.blocks_of(days(12, 5), 60))) == [5] * 12


def test_few_days_are_cut_into_stretches_in_order_of_time():
    times = days(3, 40)
    shuffled = np.random.default_rng(0).permutation(120)
    blocks = skill.blocks_of(times[shuffled], 120)
    assert list(np.bincount(blocks)) == [6] * 20
    assert max(times[shuffled][blocks == 0]) <= min(times[shuffled][blocks == 19])


def test_rows_without_times_are_cut_as_they_stand():
    assert list(skill.blocks_of(None, 40)) == [row // 2 for row in range(40)]


def test_fewer_rows_than_stretches_are_a_block_each():
    assert list(skill.blocks_of(None, 3)) == [0, 1, 2]


@pytest.mark.parametrize("classes", [0, 2, 3])
def test_sums_over_blocks_give_what_drawing_the_rows_gives(classes):
    rng = np.random.default_rng(1)
    truth = rng.integers(max(classes, 2), size=60).astype(float) if classes else rng.normal(100, 3, 60)
    answers = Answers(truth, truth + (0 if classes else rng.normal(size=60)), classes, rng.dirichlet(np.ones(classes), 60) if classes else None)
    blocks = skill.blocks_of(None, 60)
    drawn = np.array([[1.0] * 20, [2.0, 0.0] * 10])
    by_hand = [metrics.skill(answers), metrics.skill(answers.take(np.concatenate([np.flatnonzero(blocks == b) for b in range(0, 20, 2)] * 2)))]
    assert skill._skills(answers, blocks, drawn) == pytest.approx(by_hand)


def test_the_same_rows_give_the_same_interval():
    answers = forecast(np.random.default_rng(2), 500)
    blocks = skill.blocks_of(None, 500)
    assert skill.skill_interval(answers, blocks) == skill.skill_interval(answers, blocks)


def test_the_interval_covers_the_truth_about_as_often_as_it_says():
    rng = np.random.default_rng(5)
    truth = metrics.skill(forecast(rng, 400_000))
    intervals = [skill.skill_interval(forecast(rng, 600), skill.blocks_of(None, 600)) for _ in range(200)]
    covered = np.mean([each.lower <= truth <= each.upper for each in intervals])
    assert 0.88 <= covered <= 0.99


def test_rows_that_hang_together_by_day_widen_the_interval():
    rng = np.random.default_rng(7)
    bad_day = np.repeat(rng.random(30) < 0.3, 50)
    truth = (rng.random(1500) < np.where(bad_day, 0.8, 0.2)).astype(float)
    answers = Answers(truth, np.zeros(1500), 2, np.tile([0.62, 0.38], (1500, 1)))
    by_day = skill.skill_interval(answers, skill.blocks_of(days(30, 50), 1500))
    by_row = skill.skill_interval(answers, np.arange(1500))
    assert by_day.upper - by_day.lower > 2 * (by_row.upper - by_row.lower)


def test_noise_has_no_skill_that_the_interval_believes_in():
    rng = np.random.default_rng(11)
    lower = []
    for _ in range(100):
        said = rng.uniform(0.3, 0.7, 400)
        answers = Answers(rng.integers(2, size=400).astype(float), (said > 0.5).astype(float), 2, np.stack([1 - said, said], axis=1))
        lower.append(skill.skill_interval(answers, skill.blocks_of(None, 400)).lower)
    assert max(lower) <= 0


def test_a_pair_on_the_same_rows_is_told_apart_where_single_intervals_overlap():
    rng = np.random.default_rng(13)
    good = forecast(rng, 3000, quality=0.9)
    worse = Answers(good.truth, good.said, 2, 0.8 * good.probability + 0.1)
    blocks = skill.blocks_of(None, 3000)
    alone = skill.skill_interval(good, blocks), skill.skill_interval(worse, blocks)
    assert alone[0].lower < alone[1].upper
    assert skill.skill_difference(good, worse, blocks).lower > 0


@pytest.mark.parametrize("name", ["roc_auc", "log_loss", "accuracy", "skill"])
def test_a_model_gains_nothing_over_itself(name):
    answers = forecast(np.random.default_rng(17), 300)
    found = skill.gain(find(name, "classification"), answers, answers, skill.blocks_of(None, 300))
    assert (found.estimate, found.lower, found.upper) == (0, 0, 0)


@pytest.mark.parametrize("name", ["roc_auc", "log_loss"])
def test_a_gain_over_a_coin_is_seen_whichever_way_is_up(name):
    answers = forecast(np.random.default_rng(19), 800, quality=1.0)
    coin = Answers(answers.truth, answers.said, 2, np.random.default_rng(1).dirichlet([1, 1], 800))
    assert skill.gain(find(name, "classification"), answers, coin, skill.blocks_of(None, 800)).lower > 0


def test_rows_of_one_class_have_no_bounds():
    answers = Answers(np.zeros(50), np.zeros(50), 2, np.tile([0.9, 0.1], (50, 1)))
    found = skill.skill_interval(answers, skill.blocks_of(None, 50))
    assert (found.lower, found.upper) == (float("-inf"), float("inf"))


def test_an_interval_reads_as_an_estimate_with_its_ends():
    assert str(skill.Interval(0.1234567, 0.1, 0.2, 12)) == "0.1235 [0.1, 0.2]"


def test_a_difference_of_losses_has_the_t_interval_of_its_blocks():
    """Against the textbook, for blocks of equal size: the mean of the blocks' means."""
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 2, 1200).astype(float)
    mine, theirs = (Answers(truth, truth, 2, np.column_stack([1 - p, p])) for p in rng.uniform(size=(2, 1200)))
    means = (row_losses(theirs) - row_losses(mine)).reshape(12, 100).mean(axis=1)
    found = loss_difference(mine, theirs, np.arange(1200) // 100, 0.9)
    lower, upper = stats.t.interval(0.9, 11, means.mean(), stats.sem(means))
    assert (found.estimate, found.lower, found.upper, found.blocks) == (pytest.approx(means.mean()), pytest.approx(lower), pytest.approx(upper), 12)


def test_one_block_says_nothing_about_a_difference():
    answers = Answers(np.array([0.0, 1.0]), np.array([0.0, 1.0]), 2)
    assert not np.isfinite(loss_difference(answers, answers, np.zeros(2, dtype=int)).lower)
