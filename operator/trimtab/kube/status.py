"""Whether a status that is wanted means something else than the one that is there; if not, nothing is written.

The API server drops what is null and keeps what is empty, plans may say either; both mean the same here, and so does
another order of conditions. A condition's time is part of its `status`: alone it means nothing.
"""

from typing import Any

from trimtab.kube.client import Manifest


def differs(wanted: Manifest, observed: Manifest) -> bool:
    return bool(meaning(wanted) != meaning(observed))


def meaning(status: Manifest) -> Any:
    """The status less what says nothing."""
    conditions = {condition["type"]: _without_time(condition) for condition in status.get("conditions") or []}
    return _pruned({**status, "conditions": conditions})


def changed_conditions(wanted: Manifest, observed: Manifest) -> list[Manifest]:
    """Conditions with another reason or status than before, those that say most first."""
    before = {c["type"]: (c["status"], c["reason"]) for c in observed.get("conditions") or []}
    return [c for c in wanted.get("conditions") or [] if before.get(c["type"]) != (c["status"], c["reason"])]


def _without_time(condition: Manifest) -> Manifest:
    return {key: value for key, value in condition.items() if key != "lastTransitionTime"}


def _pruned(value: Any) -> Any:
    if isinstance(value, dict):
        pruned = {key: _pruned(item) for key, item in value.items()}
        return {key: item for key, item in pruned.items() if item not in (None, "", [], {})}
    return [_pruned(item) for item in value] if isinstance(value, list) else value
