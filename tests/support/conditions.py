"""Conditions for objects of a test: `with_conditions(obj, Ready=("True", "Verified"), GatesPassed=("Unknown", "NoGates"))`."""

from typing import Any

Object = dict[str, Any]
SINCE = "2026-01-05T08:00:00Z"


def with_conditions(obj: Object, **conditions: tuple[str, ...]) -> Object:
    """The object with these conditions in its status; each is (status, reason) or (status, reason, message)."""
    made = [
        {"type": name, "status": said[0], "reason": said[1], "message": said[2] if len(said) > 2 else "", "observedGeneration": 1, "lastTransitionTime": SINCE}
        for name, said in conditions.items()
    ]
    return {**obj, "status": {**obj.get("status", {}), "conditions": made}}


def verified(obj: Object) -> Object:
    """A ModelVersion that passed all there is to pass."""
    return with_conditions(obj, Ready=("True", "Verified"), GatesPassed=("True", "Passed"))
