"""What this server counts, and how Prometheus reads it.

On the way of a request only plain numbers are added up; they become an exposition when somebody scrapes. Looking up
labelled children on each request would cost as much as the model.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from trimtab_serving.calls import STABLE
from trimtab_serving.durations import Durations
from trimtab_serving.model import Identity
from trimtab_serving.trail.tally import Tally

if TYPE_CHECKING:  # brings pyarrow along
    from trimtab_serving.rehearsal import Rehearsal

LABELS = ("model_deployment", "model", "version")


class Answered:
    """Requests that this pod answered in one role: how many by status code, how long they took."""

    def __init__(self) -> None:
        self.codes: Counter[int] = Counter()
        self.durations = Durations()


class Counters:
    """Requests for inference, by role; how many are under way; and the rows of the log."""

    def __init__(self) -> None:
        self.roles: defaultdict[str, Answered] = defaultdict(Answered)
        self.roles[STABLE] = Answered()  # shown before its first request
        self.inflight = 0
        self.log = Tally()
        self.rehearsal: Rehearsal | None = None

    def answered(self, role: str, code: int, seconds: float) -> None:
        answered = self.roles[role]
        answered.codes[code] += 1
        answered.durations.add(seconds)


class Exposition(Collector):
    """The counters under their public names."""

    def __init__(self, counters: Counters, identity: Identity) -> None:
        self._counters = counters
        self._values = [identity.deployment, identity.model, identity.version]

    def collect(self) -> Iterator[Metric]:
        requests = CounterMetricFamily("trimtab_requests", "Inference requests that this pod answered, by HTTP status code.", labels=[*LABELS, "role", "code"])
        duration = HistogramMetricFamily("trimtab_request_duration_seconds", "Time from the head of a request to its answer.", labels=[*LABELS, "role"])
        for role, answered in sorted(self._counters.roles.items()):
            for code, count in sorted(answered.codes.items()):
                requests.add_metric([*self._values, role, str(code)], count)
            duration.add_metric([*self._values, role], answered.durations.cumulative(), sum_value=answered.durations.seconds)
        yield requests
        yield duration
        inflight = GaugeMetricFamily("trimtab_inference_inflight", "Inference requests being answered now.", labels=LABELS)
        inflight.add_metric(self._values, self._counters.inflight)
        yield inflight
        yield from self._log()
        yield from self._rehearsal()

    def _log(self) -> Iterator[Metric]:
        rows = CounterMetricFamily("trimtab_prediction_log_rows", "Rows of the prediction log, by what became of them.", labels=[*LABELS, "state"])
        for state, count in self._counters.log.states().items():
            rows.add_metric([*self._values, state], count)
        yield rows
        if self._counters.log.event_seconds:
            clock = GaugeMetricFamily("trimtab_event_time_uploaded_seconds", "Latest event time of the rows in the object store.", labels=LABELS)
            clock.add_metric(self._values, self._counters.log.event_seconds)
            yield clock

    def _rehearsal(self) -> Iterator[Metric]:
        found = self._counters.rehearsal
        if found is None:
            return
        done = GaugeMetricFamily("trimtab_rehearsal_done", "1 when the pod has answered the requests of the log that it answers first.", labels=LABELS)
        done.add_metric(self._values, found.done)
        yield done
        requests = CounterMetricFamily(
            "trimtab_rehearsal_requests", "Requests of the log that this pod answered before any client's.", labels=[*LABELS, "outcome"]
        )
        for outcome, count in (("ok", found.ok), ("error", found.errors)):
            requests.add_metric([*self._values, outcome], count)
        yield requests
        rows = CounterMetricFamily("trimtab_rehearsal_rows", "Rows of them that were compared with what was answered then.", labels=[*LABELS, "outcome"])
        for outcome, count in (("same", found.compared - found.disagreed), ("other", found.disagreed)):
            rows.add_metric([*self._values, outcome], count)
        yield rows


def registry(counters: Counters, identity: Identity, *others: Collector) -> CollectorRegistry:
    """Everything `/metrics` shows: ours, and the process's memory and CPU."""
    found = CollectorRegistry()
    for each in (Exposition(counters, identity), *others):
        found.register(each)
    ProcessCollector(registry=found)
    return found


def render(found: CollectorRegistry) -> bytes:
    return generate_latest(found)
