"""What this server counts, and how Prometheus reads it.

On the way of a request only plain numbers are added up; they become an exposition when somebody scrapes. Looking up
labelled children on each request would cost as much as the model.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from trimtab_serving.model import Identity
from trimtab_serving.trail.tally import Tally

BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Seconds. From one row in ONNX Runtime to a large batch in scikit-learn."""

ROLE = "Stable"
LABELS = ("model_deployment", "model", "version", "role")


class Counters:
    """Requests for inference: how many by status code, how long they took, how many are under way."""

    def __init__(self) -> None:
        self.codes: Counter[int] = Counter()
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.seconds = 0.0
        self.inflight = 0
        self.log = Tally()

    def answered(self, code: int, seconds: float) -> None:
        self.codes[code] += 1
        self.buckets[bisect_left(BUCKETS, seconds)] += 1
        self.seconds += seconds


class Exposition(Collector):
    """The counters under their public names."""

    def __init__(self, counters: Counters, identity: Identity) -> None:
        self._counters = counters
        self._values = [identity.deployment, identity.model, identity.version, ROLE]

    def collect(self) -> Iterator[Metric]:
        counters = self._counters
        requests = CounterMetricFamily("trimtab_requests", "Inference requests answered, by HTTP status code.", labels=[*LABELS, "code"])
        for code, count in sorted(counters.codes.items()):
            requests.add_metric([*self._values, str(code)], count)
        yield requests
        duration = HistogramMetricFamily("trimtab_request_duration_seconds", "Time from the head of a request to its answer.", labels=LABELS)
        duration.add_metric(self._values, self._cumulative(), sum_value=counters.seconds)
        yield duration
        inflight = GaugeMetricFamily("trimtab_inference_inflight", "Inference requests being answered now.", labels=LABELS)
        inflight.add_metric(self._values, counters.inflight)
        yield inflight
        yield from self._log()

    def _log(self) -> Iterator[Metric]:
        rows = CounterMetricFamily("trimtab_prediction_log_rows", "Rows of the prediction log, by what became of them.", labels=[*LABELS, "state"])
        for state, count in self._counters.log.states().items():
            rows.add_metric([*self._values, state], count)
        yield rows
        if self._counters.log.event_seconds:
            clock = GaugeMetricFamily("trimtab_event_time_uploaded_seconds", "Latest event time of the rows in the object store.", labels=LABELS)
            clock.add_metric(self._values, self._counters.log.event_seconds)
            yield clock

    def _cumulative(self) -> list[tuple[str, float]]:
        total, rows = 0, []
        for bound, count in zip((*map(str, BUCKETS), "+Inf"), self._counters.buckets, strict=True):
            total += count
            rows.append((bound, float(total)))
        return rows


def registry(counters: Counters, identity: Identity) -> CollectorRegistry:
    """Everything `/metrics` shows: ours, and the process's memory and CPU."""
    found = CollectorRegistry()
    found.register(Exposition(counters, identity))
    ProcessCollector(registry=found)
    return found


def render(found: CollectorRegistry) -> bytes:
    return generate_latest(found)
