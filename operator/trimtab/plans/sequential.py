"""Is the candidate worse? Tests that may be looked at after every request and still keep their level.

Evidence is an e-value: under the null its expectation is at most 1 at any time one cares to look, so the chance that it
ever reaches 1/alpha is at most alpha (Ville). It is computed from counts alone, which is all that pods' metrics give.

Against stable, the split itself is the experiment: a request goes to the candidate with probability `weight`, whatever
becomes of it. Were the candidate no worse, then among the failed requests at most that share would be its own, and among
the others at least that share. So the test stays valid while the error rate of both goes up and down, as in an outage of
something behind them. Standard library only: this runs in the operator.

Leaves to others: what follows from a test, how long a step lasts, and latency, which is compared as a ratio.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

MISMATCH_ALPHA = 0.001
"""Level of the sample-ratio check: it is looked at often, and what it says stops a rollout."""

LEAST_RATE = 1e-6
"""A bound of no errors at all is read as one in a million; otherwise the first error would be infinite evidence."""

ODDS_RATIOS = tuple(1.1**step for step in range(1, 65))
"""What a rate above a bound may be: odds 1.1 to 450 times the bound's."""

RISK_RATIOS = tuple(1.15**step for step in range(1, 25))
"""How many times as often a worse candidate fails: 1.15 to 29 times."""
STABLE_RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7)
"""What stable's rate of failure may be; a guess that is wrong costs requests, never validity."""


@dataclass(frozen=True)
class Outcomes:
    """How many requests a version answered, and how many of them failed (or: were wrong, once labels came)."""

    requests: int
    errors: int

    def __post_init__(self) -> None:
        if not 0 <= self.errors <= self.requests:
            raise ValueError(f"{self.errors} errors among {self.requests} requests: counts of one interval are needed.")

    @property
    def successes(self) -> int:
        return self.requests - self.errors

    @property
    def rate(self) -> float:
        """NaN before the first request."""
        return self.errors / self.requests if self.requests else math.nan


@dataclass(frozen=True)
class Split:
    """What both versions did while the candidate had this weight, 0 < weight < 1: one step of a rollout."""

    weight: float
    candidate: Outcomes
    stable: Outcomes

    def __post_init__(self) -> None:
        if not 0 < self.weight < 1:
            raise ValueError(f"A weight of {self.weight} splits nothing: it must be above 0 and below 1.")


def evidence_above(bound: float, seen: Outcomes) -> float:
    """e-value against `the rate of errors is at most bound`: reject at level alpha once it reaches 1/alpha.

    Parameters
    ----------
    bound : share, 0 <= bound < 1
    seen : counts since the test began; independent requests, or a rate that never exceeds the bound on average given the past

    Returns
    -------
    float >= 0 (inf where it overflows); 1 before the first request

    Notes
    -----
    The likelihood ratio of rates above the bound to the bound, averaged over odds ratios 1.1 to 450 (a mixture SPRT).

    References
    ----------
    H. Robbins, Statistical methods related to the law of the iterated logarithm, Ann. Math. Statist. 41 (1970).
    I. Waudby-Smith, A. Ramdas, Estimating means of bounded random variables by betting, JRSS B 86 (2024).

    Examples
    --------
    >>> evidence_above(0.02, Outcomes(500, 10)) < 1 < 1 / 0.01 < evidence_above(0.02, Outcomes(500, 25))
    True
    """
    rate = max(bound, LEAST_RATE)
    odds = rate / (1 - rate)
    rates = (odds * ratio / (1 + odds * ratio) for ratio in ODDS_RATIOS)
    return _mean_exp(seen.errors * math.log(q / rate) + seen.successes * math.log((1 - q) / (1 - rate)) for q in rates)


def lower_bound(seen: Outcomes, alpha: float) -> float:
    """The rate of errors is above this, with confidence 1 - alpha at all times together.

    Examples
    --------
    >>> 0.02 < lower_bound(Outcomes(1000, 50), alpha=0.05) < 0.05
    True
    """
    low, high = 0.0, seen.rate if seen.requests else 0.0
    if evidence_above(low, seen) < 1 / alpha:
        return 0.0
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (middle, high) if evidence_above(middle, seen) >= 1 / alpha else (low, middle)
    return low


def evidence_worse(steps: Sequence[Split]) -> float:
    """e-value against `the candidate fails no more often than stable`: reject at level alpha once it reaches 1/alpha.

    Parameters
    ----------
    steps : counts of every weight the candidate has had, each over the same interval for both versions

    Returns
    -------
    float >= 0 (inf where it overflows); 1 before the first request

    Notes
    -----
    Valid if every request goes to the candidate with probability `weight`, independently of what will become of it
    (`split_p_value` watches over that). Under the null a failed request is the candidate's with probability at most
    `weight`, any other with probability at least `weight`; the bet is on the opposite of both, averaged over risk ratios
    and rates.

    Examples
    --------
    >>> same = Split(0.1, Outcomes(1000, 10), Outcomes(9000, 90))
    >>> worse = Split(0.1, Outcomes(1000, 40), Outcomes(9000, 90))
    >>> evidence_worse([same]) < 1 < 1 / 0.01 < evidence_worse([worse])
    True
    """
    return _mean_exp(sum(_log_ratio(step, ratio, rate) for step in steps) for ratio, rate in _alternatives())


def split_p_value(steps: Sequence[Split]) -> float:
    """Chance that the versions' shares of the requests are so far from the weights: chi-square, a degree a step.

    Examples
    --------
    >>> split_p_value([Split(0.1, Outcomes(150, 0), Outcomes(850, 0))]) < MISMATCH_ALPHA
    True
    """
    busy = [step for step in steps if step.candidate.requests + step.stable.requests]
    return chi_square_tail(sum(map(_surplus, busy)), len(busy)) if busy else 1.0


def share_of_alpha(alpha: float, checks: int) -> float:
    """A rollout has one alpha; each of its checks gets an equal share (Bonferroni: they see the same requests)."""
    return alpha / max(1, checks)


def chi_square_tail(statistic: float, degrees: int) -> float:
    """Chance that chi-square with `degrees` >= 1 exceeds `statistic`, by the finite sums for odd and even degrees.

    >>> round(chi_square_tail(3.841459, 1), 6), round(chi_square_tail(5.991465, 2), 6)
    (0.05, 0.05)
    """
    half = statistic / 2
    tail = math.erfc(math.sqrt(half)) if degrees % 2 else math.exp(-half)
    first = 0.5 if degrees % 2 else 1.0
    terms = (math.exp(-half + k * math.log(half) - math.lgamma(k + 1)) for k in _from(first, degrees / 2) if half > 0)
    return min(1.0, tail + sum(terms))


def _alternatives() -> Iterator[tuple[float, float]]:
    """(risk ratio, stable's rate) for which the candidate's rate is one."""
    return ((ratio, rate) for ratio in RISK_RATIOS for rate in STABLE_RATES if ratio * rate < 1)


def _log_ratio(step: Split, ratio: float, rate: float) -> float:
    """Log likelihood of whose requests failed and whose did not, alternative over null's edge."""
    failed = _share(step.weight, ratio * rate, rate)
    fine = _share(step.weight, 1 - ratio * rate, 1 - rate)
    return _bet(step.weight, failed, step.candidate.errors, step.stable.errors) + _bet(step.weight, fine, step.candidate.successes, step.stable.successes)


def _share(weight: float, candidate: float, stable: float) -> float:
    """Share of the candidate among requests that come at these rates a version."""
    return weight * candidate / (weight * candidate + (1 - weight) * stable)


def _bet(weight: float, share: float, mine: int, others: int) -> float:
    return mine * math.log(share / weight) + others * math.log((1 - share) / (1 - weight))


def _surplus(step: Split) -> float:
    """Pearson's statistic of one step's requests."""
    total = step.candidate.requests + step.stable.requests
    return (step.candidate.requests - step.weight * total) ** 2 / (total * step.weight * (1 - step.weight))


def _from(first: float, end: float) -> Iterator[float]:
    while first < end:
        yield first
        first += 1


def _mean_exp(logs: Iterable[float]) -> float:
    """Mean of exp, without overflow inside; infinite where the mean is."""
    values = list(logs)
    largest = max(values)
    mean = largest + math.log(sum(math.exp(value - largest) for value in values) / len(values))
    return math.exp(mean) if mean < math.log(1e300) else math.inf
