"""What the run costs the machine, over time: a sample at the start, one at the end, and enough between to draw a line."""

import threading
import time
from types import TracebackType
from typing import Any, Self

import psutil

INTERVAL = 0.5
"""Seconds between samples at first."""

MOST_SAMPLES = 600
"""Then every second sample is dropped and the interval doubles: a day's run has as many points as a minute's."""


class Sampler:
    """Samples this process and its machine in a thread of its own while the block runs."""

    def __init__(self) -> None:
        self.samples: list[dict[str, Any]] = []
        self._process = psutil.Process()
        self._begun = time.monotonic()
        self._interval = INTERVAL
        self._end = threading.Event()
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True, name="hardware")

    def __enter__(self) -> Self:
        self._process.cpu_percent()
        self.take()
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.finish()

    def finish(self) -> None:
        """Stop, with a last sample; once."""
        if not self._end.is_set():
            self._end.set()
            self._thread.join(timeout=2)
            self.take()

    def take(self) -> None:
        with self._lock:
            self.samples.append(self._sample())
            if len(self.samples) > MOST_SAMPLES:
                self.samples = self.samples[::2] if len(self.samples) % 2 else [*self.samples[:-1:2], self.samples[-1]]
                self._interval *= 2

    def summary(self) -> dict[str, float]:
        """Peaks and totals, for the record."""
        cpu = self._process.cpu_times()
        return {
            "seconds": round(time.monotonic() - self._begun, 3),
            "cpu_seconds": round(cpu.user + cpu.system, 3),
            "peak_memory_bytes": float(max(each["memory_bytes"] for each in self.samples)),
            "samples": float(len(self.samples)),
        }

    def _run(self) -> None:
        while not self._end.wait(self._interval):
            self.take()

    def _sample(self) -> dict[str, Any]:
        machine = psutil.virtual_memory()
        return {
            "seconds": round(time.monotonic() - self._begun, 3),
            "cpu_percent": float(self._process.cpu_percent()),
            "memory_bytes": int(self._process.memory_info().rss),
            "threads": int(self._process.num_threads()),
            "machine_cpu_percent": float(psutil.cpu_percent()),
            "machine_memory_percent": float(machine.percent),
        }
