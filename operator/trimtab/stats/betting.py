"""Evidence against `the mean is at most m`, for values from 0 on, that may be looked at after every one of them.

A gambler starts with 1 and bets, on each value, that it will exceed m; under the null no bet has a positive expectation, so
the chance that the money ever reaches 1/alpha is at most alpha. No distribution is assumed, no number of values fixed
beforehand. For a model the values are losses of blocks (a day is one value: its rows hang together).

Leaves to others: which windows are judged at fixed times instead (`quality.py`), and what follows.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from trimtab.stats.distances import Floats
from trimtab.stats.metrics import Answers, Integers
from trimtab.stats.skill import block_sums, constant_losses

LARGEST_BET = 0.9
"""Of what would bankrupt the gambler: the worst value leaves a tenth of the money."""
PLANNED_LEVEL = 0.05
"""The level that bets are tuned for; any level is valid."""
LARGEST_RELATIVE_LOSS = 4.0
"""A block in which nearly all rows are of one class has a constant without loss; cutting from above only makes the test milder."""


def evidence_above(values: Sequence[float] | npt.NDArray[np.floating], bound: float) -> Floats:
    """e-process against `every value's expectation, given those before it, is at most bound`.

    Parameters
    ----------
    values : array of shape (n,), none negative, in order of time; no upper end is needed to bet on large values
    bound : above 0, in the values' unit

    Returns
    -------
    array of shape (n,): the money after each value. Reject at level alpha as soon as any is at least 1/alpha.

    Notes
    -----
    Predictable plug-in bets, one-sided: each is set from the mean and variance of the values before it.

    References
    ----------
    I. Waudby-Smith, A. Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024), arXiv 2010.09686.

    Examples
    --------
    >>> bool(evidence_above([0.5] * 30, 0.3).max() > 20), bool(evidence_above([0.3] * 300, 0.3).max() > 1)
    (True, False)
    """
    x = np.asarray(values, dtype=np.float64) / bound
    if len(x) and not x.min() >= 0:
        raise ValueError(f"a value of {x.min() * bound:g}: values must be numbers from 0 on.")
    return np.asarray(np.exp(np.cumsum(np.log1p(_bets(x) * (x - 1)))), dtype=np.float64)


def relative_losses(answers: Answers, blocks: Integers) -> Floats:
    """Loss of each block over that of the block's own best constant: 1 is knowing nothing, 0 perfect, cut at 4.

    What `evidence_above` takes as values; the bound is the mean of the same on the reference, plus a tolerance.

    Parameters
    ----------
    answers : classification (Brier's loss) or regression (squared error)
    blocks : the block of each row, numbered in order of time

    Returns
    -------
    array of shape (blocks,), without those that have no rows or whose rows are all alike
    """
    sums = block_sums(answers, blocks)
    constant = constant_losses(answers, sums)
    varied = constant > 1e-9 * np.maximum(sums[:, 0], 1)
    return np.asarray(np.minimum(sums[varied, 0] / constant[varied], LARGEST_RELATIVE_LOSS), dtype=np.float64)


def _bets(x: Floats) -> Floats:
    """Each from the values before it: none where their mean does not exceed 1, else as large as their noise allows."""
    n = np.arange(1, len(x) + 1)
    mean = (1 + np.cumsum(x)) / (n + 1)
    variance = (0.25 + np.cumsum((x - mean) ** 2)) / (n + 1)
    before_mean, before_variance = np.append(1.0, mean[:-1])[: len(x)], np.append(0.25, variance[:-1])[: len(x)]
    size = np.sqrt(2 * np.log(1 / PLANNED_LEVEL) / (before_variance * n * np.log(n + 1)))
    return np.asarray(np.where(before_mean > 1, np.minimum(size, LARGEST_BET), 0.0), dtype=np.float64)
