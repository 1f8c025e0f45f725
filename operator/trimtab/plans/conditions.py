"""Conditions as verbs: Ready with its two abnormal-true companions, written so that kstatus understands them.

`Reconciling=True` while work goes on, `Stalled=True` where only a person can help, neither at rest. An abnormal-true
condition that is not true is left out, as kstatus wants it. `lastTransitionTime` moves only when `status` does.
"""

from datetime import UTC, datetime
from typing import Any

from trimtab.api.reasons import Reason

Conditions = list[dict[str, Any]]

BAD_WHEN_TRUE = frozenset({"Stalled", "Drifted", "PerformanceDegraded", "SkewDetected", "Deprecated"})
NEVER_BAD = frozenset({"Reconciling", "DataInsufficient", "Triggered", "Approved"})
"""Of all other conditions it is bad news when they are False."""
MEANT = frozenset({"Paused", "Suspended"})
"""Reasons that a person has given: news, and not bad."""


def is_bad_news(condition: dict[str, Any]) -> bool:
    """Whether somebody who reads Events should stop here.

    >>> is_bad_news({"type": "Ready", "status": "False", "reason": "Crashed"}), is_bad_news({"type": "Drifted", "status": "False", "reason": "NotDrifted"})
    (True, False)
    """
    if condition["reason"] in MEANT or condition["type"] in NEVER_BAD:
        return False
    return bool(condition["status"] == ("True" if condition["type"] in BAD_WHEN_TRUE else "False"))


def is_quiet(condition: dict[str, Any]) -> bool:
    """Whether the condition says that something out of the ordinary is not so, or not known.

    >>> is_quiet({"type": "Deprecated", "status": "False"}), is_quiet({"type": "Ready", "status": "False"})
    (True, False)
    """
    return condition["type"] in BAD_WHEN_TRUE | NEVER_BAD and condition["status"] != "True"


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse(moment: str) -> datetime:
    return datetime.fromisoformat(moment)


def find(conditions: Conditions, name: str) -> dict[str, Any] | None:
    return next((condition for condition in conditions if condition["type"] == name), None)


def is_true(obj: dict[str, Any], name: str) -> bool:
    """Whether an object's condition is True."""
    condition = find(obj.get("status", {}).get("conditions", []), name)
    return condition is not None and condition["status"] == "True"


class ConditionSet:
    """The conditions of one object while its next status is made; `before` are those it has now."""

    def __init__(self, before: Conditions, generation: int, now: datetime) -> None:
        self._before, self._generation, self._now = before, generation, now
        self._wanted: dict[str, dict[str, Any]] = {}

    def set(self, name: str, status: bool | None, reason: Reason, message: str) -> None:
        word = {True: "True", False: "False", None: "Unknown"}[status]
        old = find(self._before, name)
        since = old["lastTransitionTime"] if old and old["status"] == word else rfc3339(self._now)
        self._wanted[name] = {
            "type": name,
            "status": word,
            "reason": str(reason),
            "message": message[:1024],
            "observedGeneration": self._generation,
            "lastTransitionTime": since,
        }

    def ready(self, reason: Reason, message: str) -> None:
        """All is as the spec wants it."""
        self.set("Ready", True, reason, message)

    def reconciling(self, reason: Reason, message: str, *, ready: bool = False) -> None:
        """Work is going on; `ready`: what was there before still serves."""
        self.set("Ready", ready, reason, message)
        self.set("Reconciling", True, reason, message)

    def waiting(self, reason: Reason, message: str, *, ready: bool = False) -> None:
        """Something is missing that may come by itself; nothing to do meanwhile."""
        self.reconciling(reason, message, ready=ready)

    def stalled(self, reason: Reason, message: str, *, ready: bool = False) -> None:
        """A person must act: what, is in the message."""
        self.set("Ready", ready, reason, message)
        self.set("Stalled", True, reason, message)

    def as_list(self) -> Conditions:
        order = ["Ready", "Reconciling", "Stalled"]
        return sorted(self._wanted.values(), key=lambda c: (order.index(c["type"]) if c["type"] in order else len(order), c["type"]))
