"""Deployment: which pods run, where clients are sent, what is said about it.

    choose (eligibility.py)  ->  the target: the version that shall serve
    stepping (stepping.py)   ->  where it takes steps: which share it gets now, and what each pod is told
    traffic (traffic.py)     ->  where requests go now, from the pods that are ready
    expendable (traffic.py)  ->  the versions whose pods may go
    then: pods of what runs, the Service, and last what is no longer of use

Stable is the version that the Service's selector names: observed, not remembered. A version that takes over has all its
pods ready before its first request; traffic moves before pods go. Objects are built in `manifests/serving.py`, the
sentences of the conditions in `deployment_status.py`.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from trimtab.manifests import serving
from trimtab.manifests.serving import Manifest, Served, Wishes
from trimtab.plans.deployment_seen import (
    Seen,
    images,
    models,
    of_version,
    pinned_image,
    pods_of,
    ready_pods,
    scaled_by_others,
    serving_since,
    troubles,
    wanted_pods,
    wish,
)
from trimtab.plans.deployment_status import Situation, events, next_status
from trimtab.plans.eligibility import Choice, choose, is_forbidden, is_not_blocked, number
from trimtab.plans.plan import Apply, Deed, Delete, Plan, Ref
from trimtab.plans.rollout import SOON, STARTING_LOOK
from trimtab.plans.stepping import SHADOW_LOOK, Stepping, after_the_move, before_the_move, block, in_use, pods_for, stepping, warm
from trimtab.plans.traffic import GRACE, Fleet, Group, expendable, traffic


def plan(seen: Seen, now: datetime) -> Plan:
    choice = choose(seen.versions, wish(seen))
    state = stepping(seen, choice, now)
    fleet = observe_fleet(seen, choice, state)
    routed = fleet.stable if seen.paused else traffic(fleet)
    since = serving_since(seen, routed, now)
    kept = warm(seen, routed, since, now)
    fleet = kept_too(seen, fleet, state, kept[0] if kept else None)
    wanted = models(seen, choice, (state.shadow.version,) if state.shadow else ())
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
        versions=seen.versions,
        state=state,
        warm=kept,
    )
    going = (*expendable(fleet, routed, now - since), *left_over(seen, fleet))
    deeds = (
        *running(seen, fleet, wanted, state),
        *before_the_move(seen, state, routed),
        route(seen, routed),
        *after_the_move(seen, routed),
        *block(seen, choice, state.way, now),
        *removals(seen, going),
    )
    return Plan(
        deeds=() if seen.paused else deeds,
        status=next_status(situation),
        events=events(situation),
        requeue_after=None if seen.paused else look_again(situation),
    )


# what there is


def observe_fleet(seen: Seen, choice: Choice, state: Stepping) -> Fleet:
    """One group for each version that has a child, for stable, and for target and shadow, which may have none yet."""
    target = number(choice.version) if choice.version and not (seen.paused and not state.is_on_the_way) else None
    children = {serving.version_of(child) for child in seen.children}
    shadow = state.shadow.version if state.shadow and state.shadow.pods else None
    present = sorted(version for version in {*children, seen.stable, target, shadow} if version)
    groups = tuple(_group(seen, version, target, state) for version in present)
    return Fleet(groups, target, seen.stable, held=state.rests or (state.way is not None and not state.way.arrived))


def _group(seen: Seen, version: int, target: int | None, state: Stepping) -> Group:
    child = seen.child(version)
    return Group(version, _wanted(seen, version, target, state), ready_pods(seen, version, child), _is_kept_from_clients(seen, version, target, state))


def _wanted(seen: Seen, version: int, target: int | None, state: Stepping) -> int:
    """Pods of the shadow, of a candidate on its way, or of whoever answers."""
    asked_unseen = state.shadow.pods if state.shadow and state.shadow.version == version else 0
    if version == target and state.way:
        return max(asked_unseen, pods_for(seen, version, state.way, waits=state.waits))
    if asked_unseen and version not in {target, seen.stable, *wish(seen).served}:
        return asked_unseen
    return wanted_pods(seen.child(version), seen.replicas)


def _is_kept_from_clients(seen: Seen, version: int, target: int | None, state: Stepping) -> bool:
    """Blocked here, on its way out, to take its steps later, or only ever asked unseen: it does not even stand in."""
    found = seen.version(version)
    if found is not None and is_not_blocked(found, wish(seen), None):
        return True
    if version == target:
        return state.rests or (state.way is not None and state.way.failed)
    return state.shadow is not None and state.shadow.version == version and version not in {seen.stable, *wish(seen).served}


def kept_too(seen: Seen, fleet: Fleet, state: Stepping, warm_version: int | None) -> Fleet:
    """Pods that somebody asks, or might go back to; and such as do not come up, while what serves is forbidden: so that it is remembered."""
    wanted = wish(seen)
    asked = {state.shadow.version} if state.shadow and state.shadow.pods else set()
    late = wanted.late if is_forbidden(seen.version(seen.stable), wanted) else frozenset()
    others = [group.version for group in fleet.groups]
    return replace(fleet, kept=in_use(state, others) | asked | late | ({warm_version} if warm_version else set()))


# what to do


def running(seen: Seen, fleet: Fleet, wanted: dict[int, Served], state: Stepping) -> list[Deed]:
    """Pods, budget and Service of what serves, of the target and of the shadow; the others stay as they are until they go."""
    shadow = state.shadow.version if state.shadow and state.shadow.pods else None
    versions = dict.fromkeys(version for version in (fleet.stable, fleet.target, shadow) if version in wanted)
    groups = [group for version in versions if (group := fleet.group(version))]
    steps = fleet.target if state.way else None
    return [deed for group in groups for deed in _version_deeds(seen, group, wanted[group.version], steps)]


def _version_deeds(seen: Seen, group: Group, served: Served, steps: int | None) -> list[Deed]:
    """`steps`: the version that takes steps; nobody else scales it meanwhile."""
    child = seen.child(served.version)
    left_to_others = seen.replicas and child and scaled_by_others(child) and served.version != steps
    replicas = None if left_to_others else group.wanted
    wanted = serving.deployment(seen.owner, served, pinned_image(seen, child), replicas, Wishes.of_spec(seen.obj["spec"]))
    budget = serving.budget(seen.owner, served)
    return [
        Apply("deployments", wanted, child),
        Apply("poddisruptionbudgets", budget, of_version(seen.budgets, served.version)),
        *_service_deeds(seen, served),
    ]


def _service_deeds(seen: Seen, served: Served) -> list[Deed]:
    """Only where versions ask each other."""
    if seen.rollout is None and "shadow" not in seen.obj["spec"]:
        return []
    wanted = serving.version_service(seen.owner, served.model, served.version)
    return [Apply("services", wanted, of_version(seen.services, served.version))]


def route(seen: Seen, routed: int | None) -> Deed:
    """Moving traffic on an old picture could send it to pods that are gone: only the Service that was looked at is changed."""
    wanted = serving.service(seen.owner, seen.obj["spec"]["model"], routed)
    if seen.service:
        wanted["metadata"]["resourceVersion"] = seen.service["metadata"]["resourceVersion"]
    return Apply("services", wanted, seen.service)


def left_over(seen: Seen, fleet: Fleet) -> list[int]:
    """Versions of which somebody deleted all but the budget or the Service."""
    return sorted({version for each in (*seen.budgets, *seen.services) if fleet.group(version := serving.version_of(each)) is None})


def removals(seen: Seen, going: Sequence[int]) -> list[Deed]:
    """Budget and Service before the pods: whoever dies in between finds the child again, and with it what is left to do."""
    kinds = ((seen.budgets, serving.BUDGETS), (seen.services, serving.SERVICES), (seen.children, serving.DEPLOYMENTS))
    found = [(of_version(objects, version), kind) for version in going for objects, kind in kinds]
    return [Delete(_ref(child, kind)) for child, kind in found if child]


def _ref(child: Manifest, kind: tuple[str, str]) -> Ref:
    meta = child["metadata"]
    return Ref(*kind, meta["namespace"], meta["name"], meta["uid"])


def look_again(s: Situation) -> timedelta | None:
    """The earliest of what is due: the next move of the rollout, the end of a grace or of the rollback window; else when something happens."""
    moments = (_next_move(s), _pods_start(s), _old_pods_go(s), _warm_pods_go(s), SHADOW_LOOK if s.state.shadow and s.state.shadow.share else None)
    return min((moment for moment in moments if moment is not None), default=None)


def _next_move(s: Situation) -> timedelta | None:
    return s.state.way.again if s.state.way else None


def _pods_start(s: Situation) -> timedelta | None:
    complete = all(group.complete for group in s.fleet.groups if group.version in {s.routed, s.fleet.target})
    return None if complete else STARTING_LOOK


def _old_pods_go(s: Situation) -> timedelta | None:
    """After their grace; those that somebody may still ask, as soon as nobody does."""
    warm_version = s.warm[0] if s.warm else None
    shadow = s.state.shadow.version if s.state.shadow else None
    leaving = [group for group in s.fleet.groups if group.version not in {s.routed, s.fleet.target, warm_version, shadow}]
    if not leaving:
        return None
    if any(group.version in s.fleet.kept for group in leaving):
        return SOON
    return GRACE - (s.now - s.since) if s.now - s.since < GRACE else STARTING_LOOK


def _warm_pods_go(s: Situation) -> timedelta | None:
    return s.warm[1] - s.now if s.warm else None
