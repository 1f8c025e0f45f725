"""Gauges made of statuses, as the watch last told of them; when an object goes, its series go.

Only the leader watches, so only the leader tells. Read from the thread that answers /metrics while the event loop writes:
what is read is a copy.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from trimtab.kube.client import Manifest
from trimtab.plans.gauges import HELP, Incidents, Sample, incidents_of, monitor_labels, possible, samples
from trimtab.plans.plan import Key

DELETED = "DELETED"
MONITOR = "DriftMonitor"


@dataclass
class _Counted:
    """Closed incidents of one monitor, since this process first saw it."""

    labels: dict[str, str]
    last: Incidents
    ended: Counter[tuple[str, str]] = field(default_factory=Counter)

    def take(self, now: Incidents) -> None:
        """A series begins with 0 while its incident is open, so that Prometheus sees it grow."""
        for each in possible(now.open) if now.open else []:
            self.ended.setdefault(each, 0)
        for id_ in now.closed.keys() - self.last.closed.keys():
            self.ended[now.closed[id_]] += 1
        self.last = now


class StatusGauges(Collector):
    """`on_object` for every event of ours; `collect` whenever somebody scrapes."""

    def __init__(self) -> None:
        self._samples: dict[Key, list[Sample]] = {}
        self._counted: dict[Key, _Counted] = {}

    def on_object(self, change: str | None, obj: Manifest) -> None:
        key = Key(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])
        if change == DELETED:
            self._samples.pop(key, None)
            self._counted.pop(key, None)
            return
        self._samples[key] = samples(obj)
        if obj["kind"] == MONITOR:
            now = incidents_of(obj)
            self._counted.setdefault(key, _Counted(monitor_labels(obj), now)).take(now)

    def collect(self) -> Iterator[Metric]:
        found = [sample for each in list(self._samples.values()) for sample in each]
        for name, words in HELP.items():
            if mine := [sample for sample in found if sample.name == name]:
                gauge = GaugeMetricFamily(name, words, labels=list(mine[0].labels))
                for sample in mine:
                    gauge.add_metric(list(sample.labels.values()), sample.value)
                yield gauge
        yield from self._incidents()

    def _incidents(self) -> Iterator[Metric]:
        counter = CounterMetricFamily(
            "trimtab_incidents", "Incidents that were closed.", labels=["namespace", "driftmonitor", "model_deployment", "cause", "outcome"]
        )
        for each in list(self._counted.values()):
            for (cause, outcome), count in list(each.ended.items()):
                counter.add_metric([*each.labels.values(), cause, outcome], count)
        if counter.samples:
            yield counter
