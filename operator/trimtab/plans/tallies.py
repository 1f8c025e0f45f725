"""What stable pods counted while they shared their clients' requests with a candidate: of both versions, weight by weight.

A stable pod counts what it answered itself and what the candidate answered for it, so that a pod that dies takes equal
shares of both away. Read from text in `controllers/counts.py`; judged in `analysis.py`. Only sums stand here.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from trimtab.plans.sequential import Outcomes, Split

Buckets = tuple[tuple[float, int], ...]
"""(upper edge in seconds, requests up to there), growing; the last edge is infinite."""

STABLE, CANDIDATE = "stable", "candidate"
ALL = 100


@dataclass(frozen=True)
class Arm:
    """Requests that one version answered at one weight, and how long they took."""

    ok: int = 0
    errors: int = 0
    buckets: Buckets = ()

    def __add__(self, other: "Arm") -> "Arm":
        return Arm(self.ok + other.ok, self.errors + other.errors, _added(self.buckets, other.buckets))

    @property
    def outcomes(self) -> Outcomes:
        return Outcomes(self.ok + self.errors, self.errors)

    @property
    def timed(self) -> int:
        return self.buckets[-1][1] if self.buckets else 0

    def slower_than(self, seconds: float) -> Outcomes:
        """How many took longer, rounded down. Inside a bucket requests are taken to be spread evenly, here as in `quantile`.

        So wrong this may be, it is equally wrong for two versions with the same latencies: neither comes out as the slower one.
        """
        below, before = 0.0, 0
        for edge, count in self.buckets:
            if seconds <= edge:
                within = 1.0 if edge == float("inf") else (seconds - below) / (edge - below)
                return Outcomes(self.timed, self.timed - math.ceil(before + (count - before) * within))
            below, before = edge, count
        return Outcomes(self.timed, 0)

    def quantile(self, share: float) -> float:
        """Seconds within which this share of the requests was answered; the last edge that is known beyond it."""
        below, before = 0.0, 0
        for edge, count in self.buckets:
            if count >= share * self.timed and count:
                return below if edge == float("inf") else below + (edge - below) * (share * self.timed - before) / max(1, count - before)
            below, before = edge, count
        return below


@dataclass(frozen=True)
class Pair:
    """Both versions over the same interval, at one weight."""

    candidate: Arm = field(default_factory=Arm)
    stable: Arm = field(default_factory=Arm)

    def __add__(self, other: "Pair") -> "Pair":
        return Pair(self.candidate + other.candidate, self.stable + other.stable)


@dataclass(frozen=True)
class PodCounts:
    """What one stable pod says on /metrics: which split it follows (the acknowledgement), and what it counted, by candidate."""

    generation: int = 0
    percent: float = 0
    weights: Mapping[tuple[int, float], Pair] = field(default_factory=dict)
    compared: Mapping[int, Outcomes] = field(default_factory=dict)


@dataclass(frozen=True)
class Rehearsal:
    """What one pod of a candidate says of the requests of the log that it answers before any client's."""

    done: bool = True
    requests: Outcomes = field(default_factory=lambda: Outcomes(0, 0))
    compared: Outcomes = field(default_factory=lambda: Outcomes(0, 0))
    """Rows; those with another answer count as errors."""

    @property
    def sentence(self) -> str:
        """Empty where nothing was asked."""
        asked, rows = self.requests, self.compared
        others = f"; {rows.errors} of {rows.requests} rows have another answer" if rows.requests else ""
        return f"{asked.errors} of {asked.requests} requests of the log failed{others}." if asked.requests else ""


@dataclass(frozen=True)
class Evidence:
    """All that was counted of one candidate: a pair for each weight it has had, its answers compared with stable's, and its rehearsal."""

    weights: Mapping[float, Pair] = field(default_factory=dict)
    compared: Outcomes = field(default_factory=lambda: Outcomes(0, 0))
    rehearsal: Rehearsal = field(default_factory=Rehearsal)

    def at(self, percent: float) -> Pair:
        return self.weights.get(percent, Pair())

    @property
    def all_told(self) -> Outcomes:
        """What became of every request of a client that the candidate was given."""
        told = [pair.candidate.outcomes for pair in self.weights.values()]
        return Outcomes(sum(each.requests for each in told), sum(each.errors for each in told))

    @property
    def splits(self) -> tuple[Split, ...]:
        """The weights at which both versions answered."""
        return tuple(Split(percent / ALL, pair.candidate.outcomes, pair.stable.outcomes) for percent, pair in sorted(self.weights.items()) if 0 < percent < ALL)


def rehearsal_of(pods: Iterable[Rehearsal]) -> Rehearsal:
    """Done when all are. They were asked the same: that of the pod that answered most stands for all."""
    told = list(pods)
    most = max(told, key=lambda each: (each.requests.requests, each.requests.errors), default=Rehearsal())
    return replace(most, done=all(each.done for each in told))


def evidence_of(version: int, pods: Iterable[PodCounts], rehearsal: Rehearsal | None = None) -> Evidence:
    """The sum over pods."""
    weights: dict[float, Pair] = {}
    requests = errors = 0
    for pod in pods:
        for (candidate, percent), pair in pod.weights.items():
            if candidate == version:
                weights[percent] = weights.get(percent, Pair()) + pair
        compared = pod.compared.get(version, Outcomes(0, 0))
        requests, errors = requests + compared.requests, errors + compared.errors
    return Evidence(weights, Outcomes(requests, errors), rehearsal or Rehearsal())


def _added(one: Buckets, other: Buckets) -> Buckets:
    """Sums, edge by edge; pods of two images may have other edges: what is not an edge of both is left out."""
    if not one or not other:
        return one or other
    second = dict(other)
    return tuple((edge, count + second[edge]) for edge, count in one if edge in second)
