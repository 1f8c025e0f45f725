"""The timeline, told as it happens: the Events of our kinds, each with the date that the flights have reached.

Three streams are listened to, each in a thread of its own, each opened again where it ends: Events, the monitor's status, and
what the replay prints.
"""

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Self

from kube import NAMESPACE, PROGRAM, Resource
from terminal import say

TOLD = {
    "DriftMonitor": {"IncidentOpened", "IncidentClosed", "TakenBack", "LostSkill", "Drifted", "SkillKept", "SkewDetected", "ClockJump"},
    "TrainingJob": {"RunStarted", "Registered", "GatesFailed", "HeldBack", "NothingNew"},
    "ModelVersion": {"Blocked", "NoGates", "ArtifactUnusable"},
    "Deployment": {"StepRunning", "Switched", "RolledBack", "Blocked", "TrafficSplitMismatch", "ProgressDeadlineExceeded"},
}
"""Reasons worth a line each; `kubectl get events` has the others."""

BETWEEN = " || "
EVENTS = f'jsonpath={{.regarding.kind}}{{"{BETWEEN}"}}{{.regarding.name}}{{"{BETWEEN}"}}{{.reason}}{{"{BETWEEN}"}}{{.note}}{{"\\n"}}'
"""No tabs: kubectl would align columns by them."""
PROGRESS_EVERY = 6
"""Of the lines that the replay prints, one each five seconds."""
PAUSE_SECONDS = 2.0


@dataclass(frozen=True)
class Moment:
    """Something that happened; `date` is the flights'."""

    date: str
    kind: str
    name: str
    reason: str
    note: str

    def __str__(self) -> str:
        return f"{self.date}  {self.kind} {self.name}: {self.reason}: {self.note}"


@dataclass
class Telling(AbstractContextManager["Telling"]):
    """What has been told so far; `date` is where the flights are."""

    moments: list[Moment] = field(default_factory=list)
    date: str = "2013-02-01"
    replayed: list[str] = field(default_factory=list)
    monitor: Resource = field(default_factory=dict)
    _over: threading.Event = field(default_factory=threading.Event)
    _streams: list["subprocess.Popen[str]"] = field(default_factory=list)

    def __enter__(self) -> Self:
        for listen in (self._events, self._replay, self._monitor):
            threading.Thread(target=listen, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._streams:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(each.pid, signal.SIGTERM)

    @property
    def is_over(self) -> bool:
        """Whether the last flight was asked about."""
        return any(line.startswith("asked about") for line in self.replayed)

    def _events(self) -> None:
        known: set[str] = set()
        for line in self._lines("get", "events.events.k8s.io", "-n", NAMESPACE, "--watch", "-o", EVENTS):
            kind, name, reason, note = (*line.split(BETWEEN, 3), "", "", "")[:4]
            moment = Moment(self.date, kind, name, reason, note)
            if reason in TOLD.get(kind, ()) and line not in known:
                self.moments.append(moment)
                say(f"   {moment}")
            known.add(line)

    def _replay(self) -> None:
        count = 0
        for line in self._lines("logs", "--follow", "pod/replay", "-n", NAMESPACE, "--tail=1"):
            if line[:4].isdigit():
                self.date = line[:10]
            if line not in self.replayed:
                self.replayed.append(line)
                count += 1
                if count % PROGRESS_EVERY == 1 or not line[:4].isdigit():
                    say(f"   {line}")

    def _monitor(self) -> None:
        text: list[str] = []
        for line in self._lines("get", "driftmonitors.trimtab.dev", "-n", NAMESPACE, "--watch", "-o", "json"):
            text = [line] if line == "{" else [*text, line]
            if line == "}":
                self.monitor = json.loads("\n".join(text))

    def _lines(self, *words: str) -> Iterator[str]:
        """What kubectl prints, for as long as the demo goes on."""
        while not self._over.is_set():
            command = [*PROGRAM, "kubectl", *words]
            with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, start_new_session=True) as stream:
                self._streams.append(stream)
                for line in stream.stdout or ():
                    yield line.rstrip("\n")
            self._over.wait(PAUSE_SECONDS)
