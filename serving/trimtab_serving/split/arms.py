"""What became of the requests since a candidate was named: for both versions alike, so that they can be compared.

A stable pod counts for both, for then one that dies takes equal shares of both with it. Nothing is counted until the candidate
has been asked WARM_UP times: its first requests pay for cold caches, and counting the others meanwhile would spoil the shares.
"""

from collections.abc import Iterator

from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily, Metric

from trimtab_serving.durations import Durations

WARM_UP = 20
STABLE, CANDIDATE = "stable", "candidate"
OK, ERROR = "ok", "error"

REQUESTS = "trimtab_split_requests"
DURATION = "trimtab_split_duration_seconds"
FALLBACKS = "trimtab_candidate_fallbacks"


class Arm:
    """One version at one weight. Only good answers are timed: how long a failure took says nothing about the model."""

    def __init__(self) -> None:
        self.outcomes = {OK: 0, ERROR: 0}
        self.durations = Durations()


class Arms:
    """Both versions, at each weight there was."""

    def __init__(self, candidate: int) -> None:
        self.candidate = candidate
        self.forwarded = 0
        self.fallbacks = 0
        self._found: dict[tuple[float, str], Arm] = {}

    def draw(self, percent: float, arm: str) -> Arm | None:
        """Where the outcome of a request belongs that begins now; None while the candidate warms up."""
        warm = self.forwarded >= WARM_UP
        self.forwarded += arm == CANDIDATE
        return self._found.setdefault((percent, arm), Arm()) if warm else None

    def collect(self, names: list[str], values: list[str]) -> Iterator[Metric]:
        """For an exposition; `names` and `values` are labels that all have."""
        candidate = str(self.candidate)
        requests = CounterMetricFamily(REQUESTS, "Requests in the split, by who was to answer.", labels=[*names, "candidate", "percent", "arm", "outcome"])
        duration = HistogramMetricFamily(DURATION, "Time inside the pod that gave a good answer.", labels=[*names, "candidate", "percent", "arm"])
        for (percent, which), arm in list(self._found.items()):
            labels = [*values, candidate, f"{percent:g}", which]
            for outcome, count in arm.outcomes.items():
                requests.add_metric([*labels, outcome], count)
            duration.add_metric(labels, arm.durations.cumulative(), sum_value=arm.durations.seconds)
        yield requests
        yield duration
        fallbacks = CounterMetricFamily(FALLBACKS, "Requests of the candidate that this pod answered itself.", labels=[*names, "candidate"])
        fallbacks.add_metric([*values, candidate], self.fallbacks)
        yield fallbacks


def settle(arm: Arm | None, outcome: str, seconds: float | None = None) -> None:
    """Count a request where it belongs; `seconds` where it was answered well."""
    if arm:
        arm.outcomes[outcome] += 1
        if seconds is not None:
            arm.durations.add(seconds)
