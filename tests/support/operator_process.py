"""The operator's own process in tests: `python -m trimtab` with its log in a file and its health on a free port."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self, TypeVar

from support.control_plane import REPOSITORY, ControlPlane

PATIENCE = 60.0  # seconds; one or two on a quiet machine
LEASE_SECONDS = 5  # where a test waits for it to run out; else the default, which a busy machine does not exhaust

T = TypeVar("T")


class Operator:
    """Works on one namespace; `with Operator(...) as it` kills it in the end, however it went."""

    def __init__(self, control_plane: ControlPlane, namespace: str, folder: Path, **environment: str) -> None:
        self.log_file = folder / f"operator-{uuid.uuid4().hex[:6]}.log"
        variables = {
            "KUBECONFIG": str(control_plane.kubeconfig()),
            "PYTHONPATH": str(REPOSITORY / "operator"),
            "TRIMTAB_NAMESPACES": namespace,
            "TRIMTAB_LEASE_NAMESPACE": namespace,
            "TRIMTAB_METRICS_PORT": "0",
        } | environment
        with self.log_file.open("wb") as log:
            self.process = subprocess.Popen([sys.executable, "-m", "trimtab"], stderr=log, stdout=log, env=os.environ | variables)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.log_file.read_text().splitlines() if line.startswith("{")]

    def line(self, event: str) -> dict[str, Any]:
        """The first line with this event word, awaited."""
        return self.until(lambda: next((line for line in self.lines() if line["event"] == event), None), f"`{event}` in the log")

    def until(self, probe: Callable[[], T | None], what: str) -> T:
        """What the probe finds, as soon as it finds something."""
        end = time.monotonic() + PATIENCE
        while not (found := probe()):
            assert time.monotonic() < end, f"no {what} within {PATIENCE:.0f} s:\n{self.log_file.read_text()[-3000:]}"
            time.sleep(0.1)
        return found

    def answer(self, path: str) -> tuple[int, str]:
        """Status and text at its health port."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.line('operator.started')['port']}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read().decode()

    def end(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """(exit code, seconds it took)."""
        began = time.monotonic()
        self.process.send_signal(number)
        return self.process.wait(PATIENCE), time.monotonic() - began
