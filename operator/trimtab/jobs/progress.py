"""How far a run is, for whoever scrapes the pod: /metrics on port 8081.

The operator reads it at most every half minute, so a verb may call `update` as often as it likes.
A port that cannot be had is not a reason to fail: progress is a courtesy, the result is in the termination message.
"""

import threading
from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge, start_http_server

from trimtab.api.termination import memory_peak

PORT = 8081
PORT_VARIABLE = "TRIMTAB_METRICS_PORT"
MAX_METRICS = 8
"""As many as a TrainingJob's status shows."""


class Progress:
    """Percent done, what is being done, and up to eight numbers of interest; safe to use from several threads."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._lock = threading.Lock()
        self._percent = Gauge("trimtab_progress_percent", "How far the run is, in percent.", registry=self.registry)
        self._metric = Gauge("trimtab_progress_metric", "A number of interest of the run so far.", ["name"], registry=self.registry)
        self._info = Gauge("trimtab_progress_info", "What is being done now; the value is always 1.", ["message"], registry=self.registry)
        self._names: set[str] = set()
        peak = Gauge("trimtab_memory_peak_bytes", "The most memory this process has held so far.", registry=self.registry)
        peak.set_function(memory_peak)

    def update(self, percent: float | None = None, message: str | None = None, metrics: Mapping[str, float] | None = None) -> None:
        """Set what is given and leave the rest; the ninth metric and those after it are passed over."""
        with self._lock:
            if percent is not None:
                self._percent.set(min(100.0, max(0.0, percent)))
            if message is not None:
                self._info.clear()
                self._info.labels(message=message[:200]).set(1)
            for name, value in (metrics or {}).items():
                if name in self._names or len(self._names) < MAX_METRICS:
                    self._names.add(name)
                    self._metric.labels(name=name).set(value)

    def part(self, low: float, high: float) -> "Part":
        """A stretch of the whole, for a step that only knows how far it is itself."""
        return Part(self, low, high)

    def serve(self, port: int) -> bool:
        """Answer scrapes from now on; False where the port is taken."""
        try:
            start_http_server(port, registry=self.registry)
        except OSError:
            return False
        return True


class Part:
    """From `low` to `high` percent of a run."""

    def __init__(self, progress: Progress, low: float, high: float) -> None:
        self._progress, self._low, self._high = progress, low, high

    def reach(self, share: float, message: str | None = None) -> None:
        """`share` of this part, 0 to 1, is done."""
        self._progress.update(self._low + (self._high - self._low) * min(1.0, max(0.0, share)), message)
