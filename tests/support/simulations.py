"""Worlds in which the truth is known, and how often the statistics are wrong in them. Short in the suite, long in the bench.

Every function draws from a seed and answers with a share or a mean; none asserts.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from scipy import stats

from trimtab.plans import sequential
from trimtab.stats import blocked, independent, profiles
from trimtab.stats.distances import psi
from trimtab.stats.profiles import Numeric
from trimtab.stats.reference import Feature, Reference

REFERENCE_ROWS = 20_000
FEATURES, ROWS_A_DAY = 5, 300
START = np.datetime64("2013-01-01T00:00:00")
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Share:
    """Of `runs`, how many; `error` is two standard errors over what is independent."""

    share: float
    error: float
    runs: int

    def __str__(self) -> str:
        return f"{self.share:.3f} ± {self.error:.3f}"


def share(hits: list[bool] | np.ndarray) -> Share:
    """Of independent runs."""
    mean = float(np.mean(hits))
    return Share(mean, 2 * float(np.sqrt(max(mean * (1 - mean), 1 / len(hits)) / len(hits))), len(hits))


def share_of_groups(groups: list[list[bool]]) -> Share:
    """Of runs that share a reference: the groups are what is independent."""
    means = [float(np.mean(group)) for group in groups]
    return Share(float(np.mean(means)), 2 * float(np.std(means, ddof=1) / np.sqrt(len(means))), sum(map(len, groups)))


# rows that are independent


def columns(rng: np.random.Generator, rows: int, features: int) -> np.ndarray:
    """Normal, long-tailed, whole numbers with many ties, and spikes, by turns."""
    kinds = (
        lambda: rng.normal(size=rows),
        lambda: rng.lognormal(size=rows),
        lambda: rng.poisson(3, rows).astype(float),
        lambda: np.where(rng.random(rows) < 0.6, 0.0, rng.exponential(size=rows)),
    )
    return np.stack([kinds[each % len(kinds)]() for each in range(features)])


def family_wise(rows: int, features: int, runs: int, alpha: float, *, reference: int = REFERENCE_ROWS, seed: int = 0) -> Share:
    """How often any of the features of an undrifted window is called drifted."""
    rng = np.random.default_rng(seed)
    return share([min(_corrected(columns(rng, reference, features), columns(rng, rows, features), alpha, rng)) <= alpha for _ in range(runs)])


def _corrected(reference: np.ndarray, window: np.ndarray, alpha: float, rng: np.random.Generator) -> np.ndarray:
    counts = [_binned(one, other) for one, other in zip(reference, window, strict=True)]
    return independent.holm([independent.p_value(mine, theirs, "numeric", alpha / len(reference), rng) for theirs, mine in counts])


def _binned(reference: np.ndarray, window: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    shape = profiles.numeric_shape(reference)
    return Numeric.of(shape, reference).bins, Numeric.of(shape, window).bins


def power(rows: int, shift: float, runs: int, alpha: float, *, seed: int = 0) -> tuple[Share, Share]:
    """How often a shift (in sigma) of one feature is found: on bins, and by the exact test on the rows themselves."""
    rng = np.random.default_rng(seed)
    ours, exact = [], []
    for _ in range(runs):
        reference, window = rng.normal(size=REFERENCE_ROWS), rng.normal(shift, 1, rows)
        theirs, mine = _binned(reference, window)
        ours.append(independent.p_value(mine, theirs, "numeric", alpha, rng) <= alpha)
        exact.append(stats.ks_2samp(reference, window, method="exact").pvalue <= alpha)
    return share(ours), share(exact)


# rows that hang together by day

Means = Callable[[np.random.Generator, int], np.ndarray]


def day_effects(rng: np.random.Generator, days: int) -> np.ndarray:
    return rng.normal(0, 0.5, days)


def autoregressive(rng: np.random.Generator, days: int) -> np.ndarray:
    """AR(1) with coefficient 0.6: spells of several days."""
    noise, means = rng.normal(0, 0.4, days + 50), np.zeros(days + 50)
    for day in range(1, days + 50):
        means[day] = 0.6 * means[day - 1] + noise[day]
    return means[50:]


def weekdays(rng: np.random.Generator, days: int) -> np.ndarray:
    return np.where(np.arange(days) % 7 >= 5, 1.0, 0.0) + rng.normal(0, 0.2, days)


PATTERNS: dict[str, Means] = {"day effects": day_effects, "AR(1)": autoregressive, "weekday pattern": weekdays}


def days_of_rows(rng: np.random.Generator, means: Means, days: int) -> np.ndarray:
    """(features, days, rows): half of each day's mean is common to all features."""
    common = means(rng, days)
    return np.stack([(common + means(rng, days))[:, None] / 2 + rng.normal(size=(days, ROWS_A_DAY)) for _ in range(FEATURES)])


def blocked_false_alarms(pattern: str, references: int, days: int, live: int, alpha: float, *, seed: int = 0) -> Share:
    """How often a day that follows the reference, made by the same process, is called drifted."""
    rng = np.random.default_rng(seed)
    return share_of_groups([_alarms(rng, PATTERNS[pattern], days, live, alpha) for _ in range(references)])


def _alarms(rng: np.random.Generator, means: Means, days: int, live: int, alpha: float) -> list[bool]:
    counts = _daily_counts(days_of_rows(rng, means, days + live), days)
    windows = _reference({name: each[:days] for name, each in counts.items()})
    return [blocked.rank(windows, {name: each[day] for name, each in counts.items()}).overall <= alpha for day in range(days, days + live)]


def row_wise_alarms(pattern: str, days: int, alpha: float, seed: int = 0) -> tuple[Share, Share]:
    """What other habits say of such days, each against all others: tests of rows (Holm), and a PSI above 0.1."""
    rng = np.random.default_rng(seed)
    counts = _daily_counts(days_of_rows(rng, PATTERNS[pattern], days), days)
    pairs = [[(each[day, :-1], (each.sum(axis=0) - each[day])[:-1]) for each in counts.values()] for day in range(days)]
    tested = [min(independent.holm([independent.p_value(*pair, "numeric", alpha / FEATURES, rng) for pair in day])) <= alpha for day in pairs]
    return share(tested), share([max(float(psi(*pair)) for pair in day) > 0.1 for day in pairs])


def _daily_counts(values: np.ndarray, reference_days: int) -> dict[str, np.ndarray]:
    features, days, rows = values.shape
    blocks = np.repeat(np.arange(days), rows)
    shapes = [profiles.numeric_shape(each[:reference_days].ravel()) for each in values]
    return {f"x{n}": profiles.by_block(shapes[n], values[n].ravel(), blocks, days) for n in range(features)}


def _reference(counts: dict[str, np.ndarray]) -> Reference:
    first = next(iter(counts.values()))
    starts = (START + np.arange(len(first)) * DAY).astype("datetime64[s]")
    return Reference(starts, first.sum(axis=1), tuple(Feature(name, "numeric", each) for name, each in counts.items()))


def found_after(shift: float, days: int, runs: int, alpha: float, *, seed: int = 0) -> Share:
    """How often a day whose one feature is shifted by so many sigma is found, among days with effects of their own."""
    rng, hits = np.random.default_rng(seed), []
    for _ in range(runs):
        values = days_of_rows(rng, day_effects, days + 1)
        values[0, -1] += shift
        counts = _daily_counts(values, days)
        windows = _reference({name: each[:days] for name, each in counts.items()})
        hits.append(blocked.rank(windows, {name: each[days] for name, each in counts.items()}).overall <= alpha)
    return share(hits)


# a candidate beside stable


def looks(requests: int, count: int) -> np.ndarray:
    """When one looks: often at first, then ever less; between two looks nothing can be decided."""
    return np.unique(np.geomspace(10, requests, count).astype(int))


def rollout(rng: np.random.Generator, weight: float, stable: float, candidate: float, at: np.ndarray) -> Iterator[sequential.Split]:
    """Requests one by one, each to either version, failing or not; the counts at every look."""
    mine = rng.random(at[-1]) < weight
    failed = rng.random(at[-1]) < np.where(mine, candidate, stable)
    tallies = [np.cumsum(each)[at - 1] for each in (mine, mine & failed, ~mine & failed)]
    for total, own, own_failed, others_failed in zip(at.tolist(), *(each.tolist() for each in tallies), strict=True):
        yield sequential.Split(weight, sequential.Outcomes(own, own_failed), sequential.Outcomes(total - own, others_failed))


def false_rollbacks(weight: float, rate: float, requests: int, runs: int, alpha: float, *, seed: int = 0) -> Share:
    """How often a candidate exactly as good as stable is taken back at any look."""
    rng, at = np.random.default_rng(seed), looks(requests, 60)
    return share([any(sequential.evidence_worse([split]) >= 1 / alpha for split in rollout(rng, weight, rate, rate, at)) for _ in range(runs)])


def false_rollbacks_of_fixed_tests(weight: float, rate: float, requests: int, runs: int, alpha: float, *, seed: int = 0) -> Share:
    """The same with a test made for one look (the pooled z-test), looked at as often."""
    rng, at = np.random.default_rng(seed), looks(requests, 60)
    return share([any(_z(split) > stats.norm.isf(alpha) for split in rollout(rng, weight, rate, rate, at)) for _ in range(runs)])


def _z(split: sequential.Split) -> float:
    mine, others = split.candidate, split.stable
    if not mine.requests or not others.requests:
        return 0.0
    pooled = (mine.errors + others.errors) / (mine.requests + others.requests)
    spread = np.sqrt(pooled * (1 - pooled) * (1 / mine.requests + 1 / others.requests))
    return float((mine.rate - others.rate) / spread) if spread else 0.0


def requests_to_detect(weight: float, stable: float, candidate: float, runs: int, alpha: float, *, seed: int = 0) -> tuple[float, Share]:
    """(mean requests of both versions until the candidate is taken back, how often it is within 200,000)."""
    rng, at = np.random.default_rng(seed), looks(200_000, 250)
    ends = [_first(sequential.evidence_worse([split]) >= 1 / alpha for split in rollout(rng, weight, stable, candidate, at)) for _ in range(runs)]
    found = [float(at[end]) for end in ends if end is not None]
    return float(np.mean(found)) if found else float("nan"), share([end is not None for end in ends])


def false_alarms_of_bound(bound: float, requests: int, runs: int, alpha: float, *, seed: int = 0) -> Share:
    """How often a version whose rate is exactly the bound is found above it at any look."""
    rng, at = np.random.default_rng(seed), looks(requests, 100)
    errors = np.cumsum(rng.random((runs, requests)) < bound, axis=1)[:, at - 1]
    evidence = [[sequential.evidence_above(bound, sequential.Outcomes(n, int(k))) for n, k in zip(at.tolist(), run, strict=True)] for run in errors]
    return share([max(each) >= 1 / alpha for each in evidence])


def _first(hits: Iterator[bool]) -> int | None:
    return next((number for number, hit in enumerate(hits) if hit), None)
