"""How often we write one object: more than ten times a minute means that somebody undoes what we do, or that we do.

A status is news and may come more often: one write for each of many pods that become ready.
"""

from collections import deque
from collections.abc import Callable
from datetime import timedelta

from trimtab.kube.deeds import Target

WRITES = 10
"""In one WINDOW: a child is written once for each change of the spec."""
STATUS = "/status"
"""Behind the plural in a Target: what is written is the status."""
STATUS_WRITES = 60
"""In one WINDOW: a second each."""
POD_WRITES = 30
"""In one WINDOW: each step of a rollout is two writes on a pod, and steps may be seconds long."""
WINDOW = 60.0
HOLD = timedelta(seconds=60)
"""How long the writer rests: by then the window is empty."""


class Pace:
    """`note` each write; `thrashing` names the object that is written too often, or None."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._writes: dict[Target, deque[float]] = {}

    def note(self, target: Target) -> None:
        now = self._clock()
        self._forget(now - WINDOW)
        self._writes.setdefault(target, deque()).append(now)

    def thrashing(self, targets: list[Target]) -> Target | None:
        self._forget(self._clock() - WINDOW)
        return next((target for target in targets if len(self._writes.get(target, ())) > allowed(target)), None)

    def _forget(self, before: float) -> None:
        for target, moments in list(self._writes.items()):
            while moments and moments[0] <= before:
                moments.popleft()
            if not moments:
                del self._writes[target]


def allowed(target: Target) -> int:
    """Writes within one WINDOW."""
    if target[0].endswith(STATUS):
        return STATUS_WRITES
    return POD_WRITES if target[0] == "pods" else WRITES
