"""Objects with what the operator says of them, for the views of the command: `ready(dataset())`, `stalled(job, "GatesFailed", "...")`."""

from typing import Any

from support.builders import Object

AT = "2026-01-05T12:00:00Z"


def told(obj: Object, *conditions: tuple[str, str, str, str], generation: int = 1, **status: Any) -> Object:
    """Each condition as (type, status, reason, message); the operator has seen the spec."""
    said = [{"type": t, "status": s, "reason": r, "message": m, "observedGeneration": generation, "lastTransitionTime": AT} for t, s, r, m in conditions]
    meta = {"uid": f"uid-{obj['kind']}-{obj['metadata']['name']}", "generation": generation} | obj["metadata"]
    return {**obj, "metadata": meta, "status": {"observedGeneration": generation, "conditions": said, **status}}


def ready(obj: Object, message: str = "It is ready.", reason: str = "Ready", *more: tuple[str, str, str, str], **status: Any) -> Object:
    return told(obj, ("Ready", "True", reason, message), *more, **{"state": reason, **status})


def working(obj: Object, message: str, reason: str = "Progressing", **status: Any) -> Object:
    return told(obj, ("Ready", "False", reason, message), ("Reconciling", "True", reason, message), **{"state": reason, **status})


def stalled(obj: Object, reason: str, message: str, *more: tuple[str, str, str, str], **status: Any) -> Object:
    return told(obj, ("Ready", "False", reason, message), ("Stalled", "True", reason, message), *more, **{"state": reason, **status})
