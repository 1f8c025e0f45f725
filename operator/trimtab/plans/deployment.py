"""Deployment: which pods run, where clients are sent, what is said about it.

    choose (eligibility.py)  ->  the target: the version that shall serve
    traffic (traffic.py)     ->  where requests go now, from the pods that are ready
    expendable (traffic.py)  ->  the versions whose pods may go
    then: pods of what runs, the Service, and last what is no longer of use

Stable is the version that the Service's selector names: observed, not remembered. A version that takes over has all its
pods ready before its first request; traffic moves before pods go. Objects are built in `manifests/serving.py`, the
sentences of the conditions in `deployment_status.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trimtab.api.base import PAUSED
from trimtab.api.deployment import DEFAULT_REPLICAS
from trimtab.manifests import serving
from trimtab.manifests.labels import Owner, owner_of
from trimtab.manifests.serving import Image, Manifest, Served, Wishes
from trimtab.plans.conditions import is_true, parse
from trimtab.plans.deployment_status import Situation, events, next_status
from trimtab.plans.eligibility import Choice, Wish, choose, is_not_blocked, number
from trimtab.plans.plan import Apply, Deed, Delete, Plan, Ref
from trimtab.plans.pods import Waiting
from trimtab.plans.serving_pods import trouble
from trimtab.plans.traffic import GRACE, Fleet, Group, expendable, traffic

STARTING_LOOK = timedelta(seconds=30)
"""While pods start: their events bring us back sooner; this is for the trouble that makes no event."""


@dataclass(frozen=True)
class Seen:
    """A Deployment, the ModelVersions of its model, and all that carries its uid as owner."""

    obj: Manifest
    versions: Sequence[Manifest]
    children: Sequence[Manifest]
    budgets: Sequence[Manifest]
    pods: Sequence[Manifest]
    service: Manifest | None
    image: Image

    @property
    def owner(self) -> Owner:
        return owner_of(self.obj)

    @property
    def paused(self) -> bool:
        return bool(self.obj["metadata"].get("annotations", {}).get(PAUSED) == "true")

    @property
    def replicas(self) -> int:
        return int(self.obj["spec"].get("replicas", DEFAULT_REPLICAS))

    @property
    def stable(self) -> int | None:
        """Where the Service sends clients; were it deleted, where it sent them last."""
        said: int | None = self.obj.get("status", {}).get("stable", {}).get("version")
        return serving.routed_version(self.service) if self.service else said


def plan(seen: Seen, now: datetime) -> Plan:
    choice = choose(seen.versions, wish(seen))
    fleet = observe_fleet(seen, choice)
    routed = fleet.stable if seen.paused else traffic(fleet)
    since = serving_since(seen, routed, now)
    wanted = models(seen, choice)
    situation = Situation(
        obj=seen.obj,
        owner=seen.owner,
        choice=choice,
        fleet=fleet,
        routed=routed,
        since=since,
        now=now,
        digests={version: served.digest for version, served in wanted.items()},
        images=images(seen),
        troubles=troubles(seen, now),
        replicas=seen.replicas,
        pods=len(pods_of(seen, routed)),
        paused=seen.paused,
    )
    going = (*expendable(fleet, routed, now - since), *left_over(seen, fleet))
    return Plan(
        deeds=() if seen.paused else (*running(seen, fleet, wanted), route(seen, routed), *removals(seen, going)),
        status=next_status(situation),
        events=events(situation),
        requeue_after=look_again(fleet, routed, now - since),
    )


def wish(seen: Seen) -> Wish:
    spec = seen.obj["spec"]
    history = seen.obj.get("status", {}).get("history", [])
    served = tuple(entry["version"] for entry in reversed(history))
    return Wish(seen.owner.name, spec["model"], spec.get("follow", "Passed"), spec.get("version"), seen.stable, served)


# what there is


def observe_fleet(seen: Seen, choice: Choice) -> Fleet:
    """One group for each version that has a child, for stable, and for the target, which may have none yet."""
    target = number(choice.version) if choice.version and not seen.paused else None
    blocked = {number(v) for v in seen.versions if is_not_blocked(v, wish(seen), None)}
    children = {serving.version_of(child): child for child in seen.children}
    present = sorted(version for version in {*children, seen.stable, target} if version)
    return Fleet(tuple(_group(seen, version, children.get(version), blocked) for version in present), target, seen.stable)


def _group(seen: Seen, version: int, child: Manifest | None, blocked: set[int]) -> Group:
    return Group(version, wanted_pods(child, seen.replicas), ready_pods(seen, version, child), version in blocked)


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


def models(seen: Seen, choice: Choice) -> dict[int, Served]:
    """What to run: the target, and what serves now, as its ModelVersion says or, where that is gone or doubtful, its pods."""
    by_number = {number(version): version for version in seen.versions}
    found = {serving.version_of(child): told for child in seen.children if (told := Served.of_child(child))}
    stable = seen.stable
    if stable in by_number and (stable not in found or is_true(by_number[stable], "Ready")):
        found[stable] = Served.of_version(by_number[stable])
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
    stable = seen.obj.get("status", {}).get("stable") or {}
    known = stable.get("version") == routed and routed == seen.stable and stable.get("since")
    return parse(stable["since"]) if known else now


# what to do


def running(seen: Seen, fleet: Fleet, wanted: dict[int, Served]) -> list[Deed]:
    """Pods and budget of the target and of what serves; the others stay as they are until they go."""
    versions = dict.fromkeys(version for version in (fleet.stable, fleet.target) if version in wanted)
    return [deed for version in versions if version for deed in _version_deeds(seen, wanted[version])]


def _version_deeds(seen: Seen, served: Served) -> list[Deed]:
    child = _of_version(seen.children, served.version)
    budget = _of_version(seen.budgets, served.version)
    replicas = None if seen.replicas and child and scaled_by_others(child) else seen.replicas
    wanted = serving.deployment(seen.owner, served, pinned_image(seen, child), replicas, Wishes.of_spec(seen.obj["spec"]))
    return [
        Apply("deployments", wanted, child),
        Apply("poddisruptionbudgets", serving.budget(seen.owner, served), budget),
    ]


def route(seen: Seen, routed: int | None) -> Deed:
    """Moving traffic on an old picture could send it to pods that are gone: only the Service that was looked at is changed."""
    wanted = serving.service(seen.owner, seen.obj["spec"]["model"], routed)
    if seen.service:
        wanted["metadata"]["resourceVersion"] = seen.service["metadata"]["resourceVersion"]
    return Apply("services", wanted, seen.service)


def left_over(seen: Seen, fleet: Fleet) -> list[int]:
    """Versions of which somebody deleted all but the budget."""
    return [version for budget in seen.budgets if fleet.group(version := serving.version_of(budget)) is None]


def removals(seen: Seen, going: Sequence[int]) -> list[Deed]:
    """The budget before its pods: whoever dies in between finds the child again, and with it what is left to do."""
    kinds = ((seen.budgets, serving.BUDGETS), (seen.children, serving.DEPLOYMENTS))
    found = [(_of_version(objects, version), kind) for version in going for objects, kind in kinds]
    return [Delete(_ref(child, kind)) for child, kind in found if child]


def _of_version(children: Sequence[Manifest], version: int) -> Manifest | None:
    return next((child for child in children if serving.version_of(child) == version), None)


def _ref(child: Manifest, kind: tuple[str, str]) -> Ref:
    meta = child["metadata"]
    return Ref(*kind, meta["namespace"], meta["name"], meta["uid"])


def look_again(fleet: Fleet, routed: int | None, since_moved: timedelta) -> timedelta | None:
    """When the grace of the old pods ends; while pods start, after a while; else when something happens."""
    leaving = [group for group in fleet.groups if group.version not in {routed, fleet.target}]
    if leaving and since_moved < GRACE:
        return GRACE - since_moved
    complete = all(group.complete for group in fleet.groups if group.version in {routed, fleet.target})
    return None if complete and not leaving else STARTING_LOOK
