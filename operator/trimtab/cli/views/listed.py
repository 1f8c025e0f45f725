"""The objects of one namespace as they were listed, and the few questions every view asks of them.

Statuses are read by path, not by model: a command may be older than the operator it talks to, and what it does not know it passes over.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trimtab.api import base
from trimtab.api.kinds import KINDS

Manifest = dict[str, Any]

DOWNSTREAM = ("DriftMonitor", "Deployment", "ModelVersion", "TrainingJob", "Dataset", "FeatureSet")
"""From the end of the loop to its beginning."""
SHORT = {kind.kind: kind.short for kind in KINDS} | {"DriftMonitor": "dm"}


@dataclass(frozen=True)
class Ref:
    """An object as people write it: `mv/flights-v7`."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{SHORT.get(self.kind, self.kind.lower())}/{self.name}"


@dataclass(frozen=True)
class Condition:
    type: str
    status: str
    reason: str = ""
    message: str = ""
    since: datetime | None = None

    @property
    def holds(self) -> bool:
        return self.status == "True"


@dataclass(frozen=True)
class Listed:
    """What one LIST a kind gave; `absent` kinds are not installed."""

    namespace: str
    objects: Mapping[str, tuple[Manifest, ...]] = field(default_factory=dict)
    absent: tuple[str, ...] = ()

    @classmethod
    def of_all(cls, *objects: Manifest, namespace: str = "default") -> "Listed":
        kinds = dict.fromkeys(obj["kind"] for obj in objects)
        return cls(namespace, {kind: tuple(obj for obj in objects if obj["kind"] == kind) for kind in kinds})

    def of(self, kind: str) -> tuple[Manifest, ...]:
        return self.objects.get(kind, ())

    def find(self, kind: str, name: str | None) -> Manifest | None:
        return next((obj for obj in self.of(kind) if obj["metadata"]["name"] == name), None)

    def version_of_data(self, kind: str, pointer: Mapping[str, Any]) -> Manifest | None:
        """The version of a Dataset or FeatureSet that a lineage cites, where its object still lists it."""
        versions: list[Manifest] = at(self.find(kind, pointer.get("name")), "status.versions", [])
        return next((each for each in versions if each.get("digest") == pointer.get("digest")), None)

    def all(self) -> Iterator[Manifest]:
        for kind in reversed(DOWNSTREAM):
            yield from self.of(kind)

    def __bool__(self) -> bool:
        return any(self.objects.values())


def ref(obj: Manifest) -> Ref:
    return Ref(obj["kind"], obj["metadata"]["name"])


def at(obj: Manifest | None, path: str, default: Any = None) -> Any:
    """`at(obj, "status.stable.version")`; the default where any part of the way is missing or null."""
    found: Any = obj
    for part in path.split("."):
        found = found.get(part) if isinstance(found, dict) else None
    return default if found is None else found


def conditions(obj: Manifest) -> dict[str, Condition]:
    return {
        each["type"]: Condition(each["type"], each["status"], each.get("reason", ""), each.get("message", ""), moment(each.get("lastTransitionTime")))
        for each in at(obj, "status.conditions", [])
    }


def condition(obj: Manifest, name: str) -> Condition | None:
    return conditions(obj).get(name)


def is_ready(obj: Manifest) -> bool:
    """As `kubectl wait` would have it, and of the spec as it is now."""
    found = condition(obj, "Ready")
    return bool(found and found.holds) and not is_unseen(obj)


def is_stalled(obj: Manifest) -> bool:
    found = condition(obj, "Stalled")
    return bool(found and found.holds)


def is_working(obj: Manifest) -> bool:
    found = condition(obj, "Reconciling")
    return bool(found and found.holds)


def is_unseen(obj: Manifest) -> bool:
    """The operator has not looked at the spec as it is now."""
    return int(at(obj, "status.observedGeneration", -1)) < int(at(obj, "metadata.generation", 0))


def is_paused(obj: Manifest) -> bool:
    return base.is_paused(at(obj, "metadata.annotations", {}))


def moment(text: str | None) -> datetime | None:
    """A time as Kubernetes writes it; None where there is none."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(str(text))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def model_of(obj: Manifest) -> str | None:
    """The model that an object is about; None for what is about data."""
    spec, name = obj.get("spec", {}), obj["metadata"]["name"]
    match obj["kind"]:
        case "TrainingJob":
            return str(spec.get("model") or name)
        case "ModelVersion" | "Deployment":
            return str(spec["model"])
    return None


def version_of(obj: Manifest) -> int:
    return int(at(obj, "spec.version", 0))


def open_incident(obj: Manifest) -> dict[str, Any] | None:
    incident = at(obj, "status.incident")
    return incident if incident and not incident.get("outcome") else None
