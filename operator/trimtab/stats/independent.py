"""Could these two sets of counts be draws from one population? For rows that a person declares independent.

Given what was counted in both together, the window is a draw without replacement: a multivariate hypergeometric, which
needs counts alone and costs the same for a thousand rows as for a billion. Numbers have an order, so two statistics are
asked: the largest difference of the cumulative shares (Kolmogorov and Smirnov, on bins), which finds shifts, and
chi-square of the 2 x K table, which finds any change of shape. Categories have chi-square alone.
"""

from collections.abc import Sequence

import numpy as np
from scipy import special

from trimtab.stats.distances import Floats
from trimtab.stats.profiles import Counts
from trimtab.stats.reference import FeatureKind

SHIFT_SHARE = 0.8
"""Of the level, what the search for shifts may use; the rest goes to changes of shape."""

SCREEN = 0.1
"""A formula's p-value from here on is taken as it is: no decision is near."""
FIRST_DRAWS = 499
AMONG_FIRST = 0.05
"""A p-value above this after the first draws stays; below, it is drawn anew and finely."""
LAST_DRAWS = 6
"""Fine draws, as a multiple of features / alpha: shape's share needs five for its smallest p-value to stay below alpha / features."""
DRAWS_AT_ONCE = 20_000
"""Some 5 MB of counts each time."""
ROUNDING = 1e-9
"""Equal tables may differ in the last digits of their statistics; relative."""


def p_value(window: Counts, reference: Counts, kind: FeatureKind, finest: float, rng: np.random.Generator) -> float:
    """Chance of counts at least so far apart if window and reference were drawn from one population.

    Parameters
    ----------
    window, reference : shape (bins,), counts; bins that are empty in both are ignored
    kind : whether the order of the bins means something
    finest : the p-value that must be told from a smaller one, alpha / features; draws are its inverse
    rng : of the permutations

    Returns
    -------
    float in (0, 1]; 1 where either side has no rows

    Notes
    -----
    Valid at every level: P(p <= t) <= t under the null, because the p-value of either round of draws is, and the formula
    only ever turns a candidate down.

    References
    ----------
    B. Phipson, G. K. Smyth, Permutation p-values should never be zero, Stat. Appl. Genet. Mol. Biol. 9 (2010).

    Examples
    --------
    >>> p_value(np.array([30, 10, 10]), np.array([300, 400, 300]), "categorical", 0.01, np.random.default_rng(0)) < 0.01
    True
    """
    used = (window + reference) > 0
    window, reference = window[used], reference[used]
    if len(window) < 2 or not window.sum() or not reference.sum():
        return 1.0
    pooled = window + reference
    screened = _by_formula(window, pooled, kind)
    if screened > SCREEN:
        return screened
    first = _by_permutation(window, pooled, kind, FIRST_DRAWS, rng)
    return first if first > AMONG_FIRST else _by_permutation(window, pooled, kind, int(np.ceil(LAST_DRAWS / finest)), rng)


def holm(p: Sequence[float] | Floats) -> Floats:
    """p-values corrected so that the chance of any false alarm stays below the level (Holm, 1979).

    >>> holm([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.06, 0.06]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(values, kind="stable")
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(1, np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1)))
    return corrected


def benjamini_hochberg(p: Sequence[float] | Floats) -> Floats:
    """p-values corrected so that the expected share of false ones among the alarms stays below the level (1995).

    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(2).tolist()
    [0.03, 0.04, 0.04]
    """
    values = np.asarray(p, dtype=np.float64)
    order = np.argsort(-values, kind="stable")
    corrected = np.empty_like(values)
    corrected[order] = np.minimum(1, np.minimum.accumulate(values[order] * len(values) / np.arange(len(values), 0, -1)))
    return corrected


def chi_square(windows: Counts, pooled: Counts) -> Floats:
    """Pearson's statistic of the 2 x K tables of each window (draws, bins) and what it leaves of the pool (bins,)."""
    share = windows.sum(axis=1, keepdims=True) / pooled.sum()
    expected = pooled * share
    return np.asarray(((windows - expected) ** 2 / (expected * (1 - share))).sum(axis=1), dtype=np.float64)


def largest_gap(windows: Counts, pooled: Counts) -> Floats:
    """Kolmogorov's and Smirnov's statistic on bins: the largest difference of cumulative shares, window against the rest."""
    rest = pooled - windows
    mine = np.cumsum(windows, axis=1) / windows.sum(axis=1, keepdims=True)
    return np.asarray(np.abs(mine - np.cumsum(rest, axis=1) / rest.sum(axis=1, keepdims=True)).max(axis=1), dtype=np.float64)


def _by_formula(window: Counts, pooled: Counts, kind: FeatureKind) -> float:
    """By the statistics' limiting distributions; on bins that of the gap is too large, which is safe."""
    n, rest = float(window.sum()), float(pooled.sum() - window.sum())
    shape = float(special.chdtrc(len(pooled) - 1, chi_square(window[None, :], pooled)[0]))
    if kind == "categorical":
        return shape
    return _combined(float(special.kolmogorov(np.sqrt(n * rest / (n + rest)) * largest_gap(window[None, :], pooled)[0])), shape)


def _by_permutation(window: Counts, pooled: Counts, kind: FeatureKind, draws: int, rng: np.random.Generator) -> float:
    statistics = (chi_square, largest_gap) if kind == "numeric" else (chi_square,)
    mine = np.array([statistic(window[None, :], pooled)[0] for statistic in statistics]) * (1 - ROUNDING)
    beyond = np.zeros(len(statistics))
    for start in range(0, draws, DRAWS_AT_ONCE):
        drawn = rng.multivariate_hypergeometric(pooled, int(window.sum()), size=min(DRAWS_AT_ONCE, draws - start), method="marginals")
        beyond += [(statistic(drawn, pooled) >= least).sum() for statistic, least in zip(statistics, mine, strict=True)]
    shape, *shift = (1 + beyond) / (1 + draws)
    return _combined(float(shift[0]), float(shape)) if shift else float(shape)


def _combined(shift: float, shape: float) -> float:
    return min(1.0, shift / SHIFT_SHARE, shape / (1 - SHIFT_SHARE))
