"""A Deployment's rollout and shadow, from what was seen: whether steps are due, how far they are, and what each pod is to carry.

Puts together what `rollout.py` decides upon and what follows from it for pods and ModelVersions. A way back takes no
steps: who goes back wants to be there.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trimtab.api.base import seconds
from trimtab.api.rollout import ABORT, PROMOTE, Rollout, Shadow
from trimtab.api.split import CandidateShare, ShadowShare
from trimtab.manifests import serving
from trimtab.plans import annotations
from trimtab.plans.conditions import parse
from trimtab.plans.deployment_seen import Seen, is_late, pods_of, ready_pods, troubles, wanted_pods, wish
from trimtab.plans.eligibility import Choice, is_forbidden, is_not_blocked, is_ready, is_there_to_stay, number
from trimtab.plans.plan import Patch
from trimtab.plans.rollout import Course, Heading, heading
from trimtab.plans.sequential import Outcomes
from trimtab.plans.splits import Followers, name_of, passed_on, shared, writes
from trimtab.plans.tallies import Rehearsal, evidence_of, rehearsal_of

STARTING = timedelta(seconds=60)
"""So long pods of the stable version may take to be ready before the candidate's are started beside them."""
SHADOW_LOOK = timedelta(seconds=30)
"""How often the comparison in the status is brought up to date."""
MOST_REASON = 400


@dataclass(frozen=True)
class Shadowing:
    """The version that is asked unseen: with how many pods, which share now, and what keeps it from being asked."""

    version: int
    pods: int
    ready: int
    share: ShadowShare | None
    message: str = ""
    compared: Outcomes = field(default_factory=lambda: Outcomes(0, 0))


@dataclass(frozen=True)
class Stepping:
    """How things stand between the versions: the way of the target (None: it takes no steps), the shadow, the version that is kept warm."""

    followers: Followers
    course: Course | None = None
    way: Heading | None = None
    shadow: Shadowing | None = None
    rests: bool = False
    """It takes steps, and nobody is served now: it takes them when there are pods again."""
    waits: bool = False
    """Stable's pods have just been started: who is ready first would have all traffic."""

    @property
    def is_on_the_way(self) -> bool:
        """Stable pods were told of it."""
        return self.course is not None and self.course.memory is not None


def stepping(seen: Seen, choice: Choice, now: datetime) -> Stepping:
    followers = Followers(pods_of(seen, seen.stable), seen.counts)
    target = number(choice.version) if choice.version else None
    has_steps = bool(target and takes_steps(seen, target))
    course = course_of(seen, target, followers, now) if target and has_steps and seen.replicas else None
    way = heading(course) if course else None
    return Stepping(followers, course, way, shadowing(seen, followers), has_steps and way is None, way is not None and stable_starts(seen, followers, now))


def stable_starts(seen: Seen, followers: Followers, now: datetime) -> bool:
    """No pod of it is ready, and nothing says yet that none will be."""
    child = seen.child(seen.stable)
    if child is None or followers.ready:
        return False
    created = [parse(pod["metadata"]["creationTimestamp"]) for pod in pods_of(seen, seen.stable)]
    young = all(now - moment < STARTING for moment in created)
    return young and not is_late(child) and seen.stable not in troubles(seen, now)


def takes_steps(seen: Seen, target: int) -> bool:
    """Where a version serves already, another comes by steps; not on the way back."""
    return bool(seen.rollout and seen.stable and target != seen.stable and not goes_back(seen, target))


def goes_back(seen: Seen, target: int) -> bool:
    """Away from a version that is blocked, or down to one that clients were sent to before."""
    wanted = wish(seen)
    return is_forbidden(seen.version(seen.stable), wanted) or (target < (seen.stable or 0) and target in wanted.served)


def course_of(seen: Seen, target: int, followers: Followers, now: datetime) -> Course:
    child, memory, before = seen.child(target), followers.told(target), seen.status.get("candidate") or {}
    same = before.get("version") == target
    return Course(
        rollout=seen.rollout or Rollout.model_validate({}),
        version=target,
        url=serving.version_url(seen.owner, target),
        now=now,
        base=base(seen),
        ready=ready_pods(seen, target, child),
        memory=memory,
        followers=followers.following(memory),
        stable=len(followers.ready),
        silent=followers.silent,
        evidence=evidence_of(target, followers.counts.values(), rehearsal_of(_rehearsals(seen, target))),
        sticky=bool(seen.obj["spec"].get("sticky")),
        promote=seen.annotations.get(PROMOTE) == str(target),
        abort=seen.annotations.get(ABORT) == str(target),
        pods_are_late=is_late(child),
        begun=parse(before["stepStartedAt"]) if same and memory and before.get("step") == memory.step + 1 and before.get("stepStartedAt") else None,
        told=before.get("message", "") if same and before.get("verdict") == "Fail" else "",
    )


def _rehearsals(seen: Seen, target: int) -> list[Rehearsal]:
    names = [name_of(pod) for pod in pods_of(seen, target)]
    return [seen.rehearsals[name] for name in names if name in seen.rehearsals]


def base(seen: Seen) -> int:
    """Pods that stable is to have: as many has the candidate in the end."""
    return wanted_pods(seen.child(seen.stable), seen.replicas)


def pods_for(seen: Seen, target: int, way: Heading, *, waits: bool) -> int:
    """Pods of the candidate: never fewer than it has while it is on its way, and stable's number at most."""
    child = seen.child(target)
    have = int(child["spec"].get("replicas", 1)) if child else 0
    return have if way.failed or (waits and not have) else min(base(seen), max(way.pods, have))


def shadowing(seen: Seen, followers: Followers) -> Shadowing | None:
    """The version of spec.shadow, where it is another than clients reach."""
    said = seen.obj["spec"].get("shadow")
    if not said or not seen.replicas or seen.stable is None:
        return None
    wanted = Shadow.model_validate(said)
    against = _against_shadow(seen, wanted.version)
    pods = min(base(seen), max(1, math.ceil(base(seen) * wanted.percent / 100)))
    ready = ready_pods(seen, wanted.version, seen.child(wanted.version))
    asked = ready >= pods and not against
    share = ShadowShare(version=wanted.version, url=serving.version_url(seen.owner, wanted.version), percent=wanted.percent)
    compared = evidence_of(wanted.version, followers.counts.values()).compared
    message = against or ("" if asked else f"{ready} of {pods} pods are ready.")
    return Shadowing(wanted.version, 0 if against else pods, ready, share if asked else None, message, compared)


def _against_shadow(seen: Seen, version: int) -> str:
    if version == seen.stable:
        return f"spec.shadow.version {version} is the version that clients reach; there is nothing to compare."
    found = seen.version(version)
    if found is None:
        return f"spec.shadow.version: there is no ModelVersion {seen.obj['spec']['model']}-v{version}."
    objections = (check(found, wish(seen), None) for check in (is_there_to_stay, is_ready))
    return next((said.message for said in objections if said), "")


# what pods are to carry


def shares(seen: Seen, state: Stepping, routed: int | None) -> str:
    """The text for the pods that clients reach."""
    candidate = state.way.share if state.way and routed == seen.stable else None
    header = seen.obj["spec"].get("sticky", {}).get("header", "")
    return shared(candidate, _asked_unseen(seen, state, candidate), header)


def _asked_unseen(seen: Seen, state: Stepping, candidate: CandidateShare | None) -> ShadowShare | None:
    """A candidate whose agreement matters is compared as well as served: as often, so that its pods suffice."""
    rollout = seen.rollout
    if rollout and rollout.analysis.min_agreement_percent is not None and candidate:
        return ShadowShare(version=candidate.version, url=candidate.url, percent=candidate.percent) if candidate.percent else None
    return state.shadow.share if state.shadow else None


def before_the_move(seen: Seen, state: Stepping, routed: int | None) -> list[Patch]:
    """Pods that clients reach share out their requests, or answer all of them."""
    return writes(pods_of(seen, routed), shares(seen, state, routed))


def after_the_move(seen: Seen, routed: int | None) -> list[Patch]:
    """Pods that clients reached before: connections that are kept alive lead there still."""
    if seen.rollout is None or routed is None or not seen.replicas:
        return []
    text = passed_on(routed, serving.version_url(seen.owner, routed))
    former = {*wish(seen).served, seen.stable} - {routed, None}
    return writes((pod for version in sorted(v for v in former if v) for pod in pods_of(seen, version)), text)


def block(seen: Seen, choice: Choice, way: Heading | None, now: datetime) -> list[Patch]:
    """The annotation by which a version is not tried again here, until a person removes it."""
    if choice.version is None or way is None or not way.block:
        return []
    return [annotations.block(choice.version, seen.owner.name, way.judgment.message[:MOST_REASON], now)]


# what is kept


def warm(seen: Seen, routed: int | None, since: datetime, now: datetime) -> tuple[int, datetime] | None:
    """The version before, and until when its pods stay: going back is instant meanwhile. A blocked one is not kept."""
    before = next((entry["version"] for entry in reversed(seen.status.get("history", [])) if entry["version"] != routed), None)
    if seen.rollout is None or before is None or seen.child(before) is None:
        return None
    until = since + seconds(seen.rollout.rollback_window)
    version = seen.version(before)
    is_blocked = version is not None and is_not_blocked(version, wish(seen), None) is not None
    return None if is_blocked or now >= until else (before, until)


def in_use(state: Stepping, versions: Iterable[int]) -> frozenset[int]:
    """Versions that stable pods may still ask."""
    return frozenset(version for version in versions if state.followers.may_ask(version))
