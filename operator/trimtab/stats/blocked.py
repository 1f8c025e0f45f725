"""Is a window stranger than the reference's own windows? Ranks among them, for rows that hang together in time.

Rows of one day share weather, weekday and season, so a test that counts rows calls nearly every day drifted. Here the
window is one observation, and the reference's windows of the same length are the others. If the live window is one more
of their kind, every rank is equally likely: the level holds whatever the dependence inside a window and between features.

Pooled and symmetric: the live window takes part in the scale by which features are compared. Otherwise each of two hundred
features would be scaled by a quantile that the reference was fitted to and the live window was not.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from trimtab.stats.distances import Floats, jensen_shannon
from trimtab.stats.profiles import Counts
from trimtab.stats.reference import Reference

FEWEST_WINDOWS = 30
SCALE_QUANTILE = 0.99
NO_EFFECT = 1e-9
"""Scale of a feature that never moved: any movement of it then ranks first."""

NEIGHBOURS = 3
"""Reference windows before and after one that it is not compared with: spells of weather last days, and a live window has no
neighbours in the reference either. Without it, days with an AR(1) of 0.6 raise half as many false alarms again."""

WEEK = np.timedelta64(7, "D")


@dataclass(frozen=True)
class Ranks:
    """p-values of one window, in the order of the features.

    alone : each feature by itself; together : corrected for having looked at all features (the smallest is family-wise);
    overall : of the largest scaled effect.
    """

    effects: Floats
    alone: Floats
    together: Floats
    overall: float


def windows_needed(alpha: float) -> int:
    """Reference windows without which there can be no alarm: a rank is never smaller than 1 / (windows + 1).

    >>> windows_needed(0.01), windows_needed(0.1)
    (99, 30)
    """
    return max(FEWEST_WINDOWS, int(np.ceil(round(1 / alpha, 9))) - 1)


def alike(windows: Reference, start: np.datetime64, needed: int) -> Reference:
    """The windows of the same weekday and hour where there are enough of them, else all."""
    same = (windows.starts - start).astype("timedelta64[s]") % WEEK.astype("timedelta64[s]") == np.timedelta64(0, "s")
    return windows.take(same) if int(same.sum()) >= needed else windows


def rank(windows: Reference, live: Mapping[str, Counts], seed: int = 0) -> Ranks:
    """Rank of a live window among reference windows.

    Parameters
    ----------
    windows : the reference cut into n windows of the live window's length
    live : counts (bins + 1) of each feature, the missing ones last, as `reference.slots` gives them
    seed : of the thinning; reference windows with more rows than the live one are thinned to its number of rows, because
        small windows are far from everything

    Returns
    -------
    Ranks with arrays of shape (features,); p-values are at least 1 / (n + 1)

    Examples
    --------
    >>> from trimtab.stats.reference import Feature
    >>> counts = np.random.default_rng(0).multinomial(200, [0.5, 0.3, 0.2, 0.0], size=99)
    >>> days = Reference(np.arange(99).astype("datetime64[D]"), counts.sum(axis=1), (Feature("x", "numeric", counts),))
    >>> rank(days, {"x": np.array([20, 60, 120, 0])}).overall
    0.01
    """
    rng = np.random.default_rng(seed)
    columns = [_effects(feature.values, live[feature.name][:-1], rng) for feature in windows.features]
    pooled = np.stack(columns, axis=1)
    return ranks_of(pooled, len(pooled) - 1)


def replay(windows: Reference) -> list[Ranks]:
    """Each reference window ranked among the others, as if it had come live."""
    if not windows.features:
        return []
    pooled = np.stack([_apart(feature.values) for feature in windows.features], axis=1)
    return [ranks_of(pooled, each) for each in range(len(pooled))]


def usual_effects(windows: Reference, rows: int, seed: int = 0) -> Floats:
    """What is usual: the effect of each reference window against the others, as if it had no more than so many rows.

    Returns
    -------
    array of shape (windows, features)

    Examples
    --------
    >>> from trimtab.stats.reference import Feature
    >>> counts = np.random.default_rng(0).multinomial(200, [0.5, 0.3, 0.2, 0.0], size=99)
    >>> days = Reference(np.arange(99).astype("datetime64[D]"), counts.sum(axis=1), (Feature("x", "numeric", counts),))
    >>> usual_effects(days, 100).mean().round(2).item(), usual_effects(days, 200).mean().round(2).item()
    (0.06, 0.04)
    """
    rng = np.random.default_rng(seed)
    return np.stack([_distance(_thinned(each.values, rows, rng), _elsewhere(each.values)) for each in windows.features], axis=1)


def ranks_of(pooled: Floats, which: int) -> Ranks:
    """Ranks of one row of (windows, features) effects among all rows, itself included."""
    scale = np.maximum(np.quantile(pooled, SCALE_QUANTILE, axis=0, method="lower"), NO_EFFECT)
    scaled = pooled / scale
    largest = scaled.max(axis=1)
    alone = (pooled >= pooled[which]).mean(axis=0)
    together = (largest[:, None] >= scaled[which][None, :]).mean(axis=0)
    return Ranks(pooled[which], np.asarray(alone), np.asarray(together), float((largest >= largest[which]).mean()))


def _effects(windows: Counts, live: Counts, rng: np.random.Generator) -> Floats:
    """Effects of the reference's windows, thinned to the live one's rows, and at the end the live one's own."""
    thinned = _thinned(windows, int(live.sum()), rng)
    return np.append(_distance(thinned, _elsewhere(windows)), _distance(live[None, :], windows.sum(axis=0)[None, :]))


def _apart(windows: Counts) -> Floats:
    """Effect of each window against the rest."""
    return _distance(windows, _elsewhere(windows))


def _elsewhere(windows: Counts) -> Counts:
    """For each window, the sum of all others but its neighbours."""
    so_far = np.append(np.zeros((1, windows.shape[1]), dtype=np.int64), windows.cumsum(axis=0), axis=0)
    place = np.arange(len(windows))
    return np.asarray(so_far[-1] - so_far[np.minimum(place + NEIGHBOURS + 1, len(windows))] + so_far[np.maximum(place - NEIGHBOURS, 0)], dtype=np.int64)


def _distance(windows: Counts, reference: Counts) -> Floats:
    """Without rows there is no distance: 0, neither drift nor a reason for it."""
    return np.nan_to_num(jensen_shannon(windows, reference), nan=0.0)


def _thinned(windows: Counts, rows: int, rng: np.random.Generator) -> npt.NDArray[np.int64]:
    """Windows with more than `rows` rows lose some, drawn at random without replacement."""
    return np.array([rng.multivariate_hypergeometric(each, rows, method="marginals") if each.sum() > rows else each for each in windows], dtype=np.int64)
