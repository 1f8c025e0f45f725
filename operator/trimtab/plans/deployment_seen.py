"""What a look at a Deployment found, and what is read from it: pods that answer, pods wanted, images, models.

Facts only; what follows from them is decided in `deployment.py` and `stepping.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from trimtab.api.deployment import DEFAULT_REPLICAS
from trimtab.api.rollout import Rollout
from trimtab.manifests import serving
from trimtab.manifests.labels import Owner, owner_of
from trimtab.manifests.serving import Image, Manifest, Served
from trimtab.plans.annotations import annotations, is_paused
from trimtab.plans.conditions import find, is_true, parse
from trimtab.plans.eligibility import Choice, Wish, number, wish_of
from trimtab.plans.pods import Waiting
from trimtab.plans.serving_pods import trouble
from trimtab.plans.tallies import PodCounts, Rehearsal


@dataclass(frozen=True)
class Seen:
    """A Deployment, the ModelVersions of its model, all that carries its uid as owner, and what its stable pods counted."""

    obj: Manifest
    versions: Sequence[Manifest]
    children: Sequence[Manifest]
    budgets: Sequence[Manifest]
    pods: Sequence[Manifest]
    service: Manifest | None
    image: Image
    services: Sequence[Manifest] = ()
    """Those of single versions."""
    counts: Mapping[str, PodCounts] = field(default_factory=dict)
    """By pod; a pod that does not answer is missing."""
    rehearsals: Mapping[str, Rehearsal] = field(default_factory=dict)
    """By pod, of versions that are not stable; a pod that says nothing of one is missing."""

    @property
    def owner(self) -> Owner:
        return owner_of(self.obj)

    @property
    def annotations(self) -> Mapping[str, str]:
        return annotations(self.obj)

    @property
    def paused(self) -> bool:
        return is_paused(self.obj)

    @property
    def replicas(self) -> int:
        return int(self.obj["spec"].get("replicas", DEFAULT_REPLICAS))

    @property
    def rollout(self) -> Rollout | None:
        said = self.obj["spec"].get("rollout")
        return Rollout.model_validate(said) if said else None

    @property
    def status(self) -> Manifest:
        found: Manifest = self.obj.get("status") or {}
        return found

    @property
    def stable(self) -> int | None:
        """Where the Service sends clients; were it deleted, where it sent them last."""
        said: int | None = self.status.get("stable", {}).get("version")
        return serving.routed_version(self.service) if self.service else said

    def child(self, version: int | None) -> Manifest | None:
        return of_version(self.children, version)

    def version(self, wanted: int | None) -> Manifest | None:
        return next((version for version in self.versions if number(version) == wanted), None)


def wish(seen: Seen) -> Wish:
    return wish_of(seen.obj, seen.stable, frozenset(serving.version_of(child) for child in seen.children if is_late(child)))


def is_late(child: Manifest | None) -> bool:
    """Kubernetes itself counts the seconds of progressDeadlineSeconds for pods that do not come up."""
    condition = find((child or {}).get("status", {}).get("conditions") or [], "Progressing")
    return condition is not None and (condition["status"], condition.get("reason")) == ("False", "ProgressDeadlineExceeded")


def of_version(children: Sequence[Manifest], version: int | None) -> Manifest | None:
    return next((child for child in children if serving.version_of(child) == version), None)


def pods_of(seen: Seen, version: int | None) -> list[Manifest]:
    """The pods of a version that have not been told to go."""
    return [pod for pod in seen.pods if serving.version_of(pod) == version and not pod["metadata"].get("deletionTimestamp")]


def ready_pods(seen: Seen, version: int, child: Manifest | None) -> int:
    """Pods that answer, by their own word and their Deployment's: pods of a child deleted a moment ago are not counted."""
    if child is None or child["metadata"].get("deletionTimestamp"):
        return 0
    ready = sum(1 for pod in pods_of(seen, version) if is_true(pod, "Ready"))
    return min(ready, int(child.get("status", {}).get("readyReplicas", 0)))


def wanted_pods(child: Manifest | None, replicas: int) -> int:
    """How many pods a version is to have: what the spec says, or whoever scales the child, but never none by accident."""
    if replicas and child and scaled_by_others(child):
        return max(1, int(child["spec"].get("replicas", 1)))
    return replicas


def scaled_by_others(child: Manifest) -> bool:
    """Whether an autoscaler (or a person) owns the number of pods, through the scale subresource."""
    fields = child["metadata"].get("managedFields", [])
    return any(entry.get("subresource") == "scale" and "f:replicas" in entry.get("fieldsV1", {}).get("f:spec", {}) for entry in fields)


def models(seen: Seen, choice: Choice, others: Sequence[int] = ()) -> dict[int, Served]:
    """What to run: the target, `others`, and what serves now, as its ModelVersion says or, where that is gone or doubtful, its pods."""
    by_number = {number(version): version for version in seen.versions}
    found = {serving.version_of(child): told for child in seen.children if (told := Served.of_child(child))}
    stable = seen.stable
    if stable in by_number and (stable not in found or is_true(by_number[stable], "Ready")):
        found[stable] = Served.of_version(by_number[stable])
    found |= {version: Served.of_version(by_number[version]) for version in others if version in by_number}
    if choice.version:
        found[number(choice.version)] = Served.of_version(choice.version)
    return found


def images(seen: Seen) -> dict[int, str]:
    return {serving.version_of(child): pinned_image(seen, child).name for child in seen.children}


def troubles(seen: Seen, now: datetime) -> dict[int, Waiting]:
    """What keeps pods from being ready, by version."""
    read = {serving.version_of(child): trouble(child, seen.pods, now) for child in seen.children}
    return {version: said for version, said in read.items() if said}


def pinned_image(seen: Seen, child: Manifest | None) -> Image:
    """The image its pods run: an upgrade of the operator restarts no model that answers."""
    if child is None or not ready_pods(seen, serving.version_of(child), child):
        return seen.image
    return replace(seen.image, name=serving.container_of(child)["image"])


def serving_since(seen: Seen, routed: int | None, now: datetime) -> datetime:
    """When traffic came to where it is; from now on, where the status does not know."""
    stable = seen.status.get("stable") or {}
    known = stable.get("version") == routed and routed == seen.stable and stable.get("since")
    return parse(stable["since"]) if known else now
