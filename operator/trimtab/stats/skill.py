"""How sure a metric is: intervals by resampling whole blocks of time, alone and paired with another model on the same rows.

Rows of one day share weather, crew and season; resampling rows would promise an interval several times too narrow.
So days are drawn, with replacement, and everything is computed anew on what was drawn, the best constant included.
Fixed seeds: the same rows give the same interval.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import stdtrit

from trimtab.stats.metrics import Answers, Floats, Integers, Metric, one_hot, row_losses

FEWEST_BLOCKS = 10
"""Below ten days a percentile of resampled days says little: then it is stretches of rows in order of time."""

STRETCHES = 20
"""Into how many stretches rows are cut where there are no days: as many as a 95% percentile needs at least."""

LEVEL = 0.95
REPLICATES = 2000
"""Enough for the 2.5% point of a mean to stand still in its second digit."""

REPLICATES_BY_ROWS = 200
"""For metrics that must sort their rows anew in each replicate, such as an AUC."""


@dataclass(frozen=True)
class Interval:
    """An estimate and the ends between which it lies with 95% confidence; `blocks` is what was resampled."""

    estimate: float
    lower: float
    upper: float
    blocks: int

    def __str__(self) -> str:
        return f"{self.estimate:.4g} [{self.lower:.4g}, {self.upper:.4g}]"


def blocks_of(times: NDArray[np.datetime64] | None, rows: int) -> Integers:
    """The block of each row: its day; where there are few days or no times, one of 20 stretches of rows in order."""
    days = None if times is None else np.unique(times.astype("datetime64[D]"), return_inverse=True)
    if days is not None and len(days[0]) >= FEWEST_BLOCKS:
        return days[1].astype(np.int64)
    order = np.arange(rows) if times is None else np.argsort(times, kind="stable")
    stretches = np.empty(rows, dtype=np.int64)
    stretches[order] = np.arange(rows) * min(STRETCHES, max(rows, 1)) // max(rows, 1)
    return stretches


def skill_interval(answers: Answers, blocks: Integers, seed: int = 0) -> Interval:
    """Skill with its interval."""
    drawn = _draw(blocks, REPLICATES, seed)
    values = _skills(answers, blocks, drawn)
    return _interval(values[0], values[1:], blocks)


def skill_difference(mine: Answers, theirs: Answers, blocks: Integers, seed: int = 0) -> Interval:
    """Skill of `mine` minus skill of `theirs`, both on the same drawn rows."""
    drawn = _draw(blocks, REPLICATES, seed)
    values = _skills(mine, blocks, drawn) - _skills(theirs, blocks, drawn)
    return _interval(values[0], values[1:], blocks)


def loss_difference(mine: Answers, theirs: Answers, blocks: Integers, level: float = LEVEL) -> Interval:
    """By how much the loss of `theirs` is larger than that of `mine`, a row on average; negative where mine is worse.

    Paired: both on the same rows, so that hard days count for neither. The loss is the one that skill is made of.

    Parameters
    ----------
    mine, theirs : answers to the same rows
    blocks : shape (rows,), the block of each row; a block is one observation
    level : confidence of the interval

    Returns
    -------
    Interval by Student's t over blocks; without bounds where there is but one

    Notes
    -----
    Not by resampling: with a week of days its percentiles are too narrow, and called a third of equal versions of the flights
    better or worse within a week of daily looks.

    Examples
    --------
    >>> truth = np.tile([0.0, 1.0], 200)
    >>> sure, coin = Answers(truth, truth, 2), Answers(truth, truth, 2, np.full((400, 2), 0.5))
    >>> found = loss_difference(sure, coin, np.arange(400) // 20)
    >>> found.estimate, found.lower, found.upper
    (0.5, 0.5, 0.5)
    """
    difference = row_losses(theirs) - row_losses(mine)
    rows = np.bincount(blocks).astype(np.float64)
    sums = np.bincount(blocks, weights=difference)[rows > 0]
    rows = rows[rows > 0]
    estimate, count = float(sums.sum() / rows.sum()), len(rows)
    if count < 2:
        return Interval(estimate, float("-inf"), float("inf"), count)
    away = sums - estimate * rows
    error = float(np.sqrt(count / (count - 1) * (away**2).sum()) / rows.sum())
    reach = float(stdtrit(count - 1, (1 + level) / 2)) * error
    return Interval(estimate, estimate - reach, estimate + reach, count)


def gain(metric: Metric, mine: Answers, theirs: Answers, blocks: Integers, seed: int = 0) -> Interval:
    """How much better `mine` is than `theirs` by any metric, in the metric's unit; negative where it is worse."""
    if metric.name in ("skill", "r2"):
        return skill_difference(mine, theirs, blocks, seed)
    estimate = metric.gain(metric(mine), metric(theirs))
    values = [metric.gain(metric(mine.take(rows)), metric(theirs.take(rows))) for rows in _rows_drawn(blocks, seed)]
    return _interval(estimate, np.array(values), blocks)


def _draw(blocks: Integers, replicates: int, seed: int) -> Floats:
    """(1 + replicates, blocks): how often each block is drawn; the first row is the data as it is."""
    count = int(blocks.max()) + 1
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=replicates)
    return np.vstack([np.ones(count), drawn]).astype(np.float64)


def _rows_drawn(blocks: Integers, seed: int) -> list[Integers]:
    order = np.argsort(blocks, kind="stable")
    members = np.split(order, np.cumsum(np.bincount(blocks))[:-1])
    draws = np.random.default_rng(seed).integers(len(members), size=(REPLICATES_BY_ROWS, len(members)))
    return [np.concatenate([members[each] for each in draw]) for draw in draws]


def block_sums(answers: Answers, blocks: Integers) -> Floats:
    """(blocks, 1 + what the best constant needs): loss, then rows per class, or rows, sum and sum of squares."""
    if answers.classes:
        parts = [row_losses(answers), *one_hot(answers.truth, answers.classes).T]
    else:
        centred = answers.truth - answers.truth.mean()
        parts = [row_losses(answers), np.ones(len(answers)), centred, centred**2]
    return np.stack([np.bincount(blocks, weights=part) for part in parts], axis=1)


def _skills(answers: Answers, blocks: Integers, drawn: Floats) -> Floats:
    """Skill of every draw at once: sums over blocks are all that loss and best constant need."""
    totals = drawn @ block_sums(answers, blocks)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(1 - totals[:, 0] / constant_losses(answers, totals), dtype=np.float64)


def constant_losses(answers: Answers, sums: Floats) -> Floats:
    """Summed loss of the best constant for each row of `block_sums`, or of sums over them."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.nan_to_num(_loss_of_shares(sums[:, 1:]) if answers.classes else _loss_of_mean(sums[:, 1:]))


def _loss_of_shares(counts: Floats) -> Floats:
    """Brier's loss of always answering the classes' shares."""
    rows = counts.sum(axis=1)
    return np.asarray(rows - (counts**2).sum(axis=1) / rows, dtype=np.float64)


def _loss_of_mean(moments: Floats) -> Floats:
    """Squared error of always answering the mean."""
    return np.asarray(moments[:, 2] - moments[:, 1] ** 2 / moments[:, 0], dtype=np.float64)


def _interval(estimate: float, values: Floats, blocks: Integers) -> Interval:
    """Percentiles of the draws that have a value; none has: no bounds at all."""
    known = values[np.isfinite(values)]
    if not len(known) or not np.isfinite(estimate):
        return Interval(float(estimate), float("-inf"), float("inf"), len(np.unique(blocks)))
    lower, upper = np.quantile(known, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return Interval(float(estimate), float(lower), float(upper), len(np.unique(blocks)))
