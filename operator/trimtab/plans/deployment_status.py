"""What is said about a Deployment: its conditions, in the words of the first verdict that applies, and the facts beside them.

Ready stays True while users are served, whatever a candidate does; Reconciling says that there is more to come.
Nothing is decided here that changes the cluster.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trimtab.api.reasons import Reason
from trimtab.manifests import serving
from trimtab.manifests.labels import Owner
from trimtab.manifests.names import model_version
from trimtab.plans import rollout_status
from trimtab.plans.conditions import ConditionSet, is_true, rfc3339
from trimtab.plans.eligibility import Choice
from trimtab.plans.plan import Event
from trimtab.plans.pods import Waiting
from trimtab.plans.stepping import Stepping
from trimtab.plans.traffic import Fleet, Group

Manifest = dict[str, Any]
HISTORY = 20


@dataclass(frozen=True)
class Situation:
    """All that the sentences are made from: what is wanted, what is there, and where clients are sent."""

    obj: Manifest
    owner: Owner
    choice: Choice
    fleet: Fleet
    routed: int | None
    since: datetime
    now: datetime
    digests: Mapping[int, str]
    images: Mapping[int, str]
    troubles: Mapping[int, Waiting]
    replicas: int
    pods: int
    paused: bool
    versions: Sequence[Manifest]
    state: Stepping
    warm: tuple[int, datetime] | None

    @property
    def before(self) -> Manifest:
        """What the status said of the candidate so far."""
        found: Manifest = self.obj.get("status", {}).get("candidate") or {}
        return found

    @property
    def routed_group(self) -> Group | None:
        return self.fleet.group(self.routed)

    @property
    def candidate(self) -> Group | None:
        """The target, while clients are not sent there yet."""
        return self.fleet.group(self.fleet.target) if self.fleet.target != self.routed else None

    @property
    def was_ready(self) -> bool:
        return is_true(self.obj, "Ready")

    @property
    def serves(self) -> bool:
        """Users are served: fully, or still, by what is left of pods that were all there before."""
        group = self.routed_group
        return group is not None and group.ready > 0 and (group.complete or self.was_ready)

    def name(self, version: int | None) -> str:
        return model_version(self.obj["spec"]["model"], version or 0)


@dataclass(frozen=True)
class Verdict:
    """A state word for people, and what the conditions say; `settled`: nothing more is to come by itself."""

    state: str
    reason: Reason
    message: str
    ready: bool
    settled: bool = False


def paused(s: Situation) -> Verdict | None:
    return Verdict("Paused", Reason.PAUSED, Reason.PAUSED.say(), ready=s.serves, settled=True) if s.paused else None


def stopped(s: Situation) -> Verdict | None:
    return Verdict("Stopped", Reason.STOPPED, Reason.STOPPED.say(), ready=True, settled=True) if s.replicas == 0 else None


def nothing_to_serve(s: Situation) -> Verdict | None:
    if s.routed is not None or s.choice.objection is None or s.candidate:
        return None
    return Verdict("Waiting", s.choice.objection.reason, s.choice.objection.message, ready=False)


def candidate_takes_steps(s: Situation) -> Verdict | None:
    """Some of the requests are its own by now."""
    if s.candidate is None or not s.serves:
        return None
    told = rollout_status.sentence(s.name(s.candidate.version), s.state)
    if not told or s.state.way is None:
        return None
    return Verdict("RollingBack" if s.state.way.failed else "RollingOut", rollout_status.reason(s.state.way), told, ready=True)


def candidate_is_starting(s: Situation) -> Verdict | None:
    if s.candidate is None:
        return None
    return _starting(s, s.candidate, ready=s.serves)


def pods_are_missing(s: Situation) -> Verdict | None:
    group = s.routed_group
    if group is None or group.complete:
        return None
    if not s.was_ready:
        return _starting(s, group, ready=False)
    trouble = s.troubles.get(group.version)
    message = Reason.PODS_NOT_READY.say(ready=group.ready, wanted=group.wanted, detail=trouble.message if trouble else _why_missing(s, group))
    return Verdict("Degraded", trouble.reason if trouble and not group.ready else Reason.PODS_NOT_READY, message, ready=s.serves)


def _why_missing(s: Situation, group: Group) -> str:
    if group.version not in s.digests:
        return f"ModelVersion {s.name(group.version)} and its pods are gone; restore it, or name another in spec.version."
    return "the others are starting; nothing is known against them."


def wish_is_not_fulfilled(s: Situation) -> Verdict | None:
    """`version` names one that cannot be served: what was served before goes on."""
    if "version" not in s.obj["spec"] or s.choice.objection is None or s.obj["spec"]["version"] == s.routed:
        return None
    return Verdict("Waiting", s.choice.objection.reason, _and_now(s.choice.objection.message, s), ready=s.serves)


def serves_what_is_wanted(s: Situation) -> Verdict | None:
    message = Reason.SERVING.say(name=s.name(s.routed), url=serving.url(s.owner))
    if s.choice.objection:
        message = f"{message} Not taken up: {s.choice.objection.message}"
    return Verdict("Serving", Reason.SERVING, message, ready=True, settled=True)


VERDICTS: tuple[Callable[[Situation], Verdict | None], ...] = (
    paused,  # a person wants no deeds
    stopped,  # a person wants no pods
    nothing_to_serve,  # no version yet, or none that may be served
    candidate_takes_steps,  # a version answers some of the requests
    candidate_is_starting,  # a version is on its way; the one before it serves
    wish_is_not_fulfilled,  # `version` names one that is not there or not Ready
    pods_are_missing,  # the version that serves has lost pods, or starts for the first time
    serves_what_is_wanted,  # all is well
)


def verdict(s: Situation) -> Verdict:
    return next(said for judge in VERDICTS if (said := judge(s)))


def next_status(s: Situation) -> Manifest:
    """The whole status: conditions by the verdict, then where clients are sent, what is starting, and what served before."""
    said = verdict(s)
    old = s.obj.get("status", {})
    generation = s.obj["metadata"]["generation"]
    conditions = ConditionSet(old.get("conditions", []), generation, s.now)
    conditions.set("Ready", said.ready, said.reason, said.message)
    if not said.settled:
        conditions.set("Reconciling", True, said.reason, said.message)
    if told := rollout_status.progressing(s.name(s.candidate.version if s.candidate else None), s.state, _taken_back(s)):
        conditions.set("Progressing", *told)
    labels = serving.selector(s.owner, s.routed)
    status = {
        "observedGeneration": generation,
        "conditions": conditions.as_list(),
        "state": said.state,
        "url": serving.url(s.owner),
        "replicas": s.pods,
        "selector": ",".join(f"{label}={value}" for label, value in labels.items()),
        "stable": _version(s, s.routed) | {"since": rfc3339(s.since)} if s.routed else None,
        "candidate": _version(s, s.candidate.version) | rollout_status.place(s.state, s.before, s.now) if s.candidate else None,
        "shadow": rollout_status.comparison(s.state.shadow),
        "warm": {"version": s.warm[0], "until": rfc3339(s.warm[1])} if s.warm else None,
        "blocked": rollout_status.blocked(s.versions, s.owner.name) or None,
        "history": next_history(old.get("history", []), s),
    }
    return {field: value for field, value in status.items() if value is not None}


def next_history(before: Sequence[Manifest], s: Situation) -> list[Manifest]:
    """The last entry is what serves now; an entry is closed when traffic leaves it."""
    entries = list(before)
    if s.routed is None or (entries and entries[-1]["version"] == s.routed):
        return entries
    if entries:
        entries[-1] = entries[-1] | {"until": rfc3339(s.now)}
    return [*entries, {"version": s.routed, "since": rfc3339(s.since), "reason": _why(s, entries)}][-HISTORY:]


def events(s: Situation) -> tuple[Event, ...]:
    """Switched, once: told by the status that does not know it yet. So is each step."""
    old = s.obj.get("status", {}).get("stable", {}).get("version")
    if old is None or s.routed is None or old == s.routed:
        return tuple(rollout_status.step_events(s.name(s.candidate.version), s.state, s.before)) if s.candidate else ()
    return (Event(str(Reason.SWITCHED), Reason.SWITCHED.say(old=s.name(old), new=s.name(s.routed))),)


def _taken_back(s: Situation) -> tuple[str, str] | None:
    """Name and reason of the newest version that a rollout took back: above the one that serves, and blocked."""
    if "rollout" not in s.obj["spec"] or s.routed is None:
        return None
    newest = next(iter(rollout_status.blocked(s.versions, s.owner.name)), None)
    return (s.name(newest["version"]), newest["reason"]) if newest and newest["version"] > s.routed else None


def _starting(s: Situation, group: Group, *, ready: bool) -> Verdict:
    message = Reason.ROLLING_OUT.say(name=s.name(group.version), ready=group.ready, wanted=group.wanted)
    trouble = s.troubles.get(group.version)
    if trouble:
        message = f"{message} {trouble.message}"
    return Verdict("RollingOut" if ready else "Starting", trouble.reason if trouble else Reason.ROLLING_OUT, _and_now(message, s), ready=ready)


def _and_now(message: str, s: Situation) -> str:
    return f"{message} {s.name(s.routed)} serves meanwhile." if s.serves and s.routed else message


def _why(s: Situation, before: Sequence[Manifest]) -> str:
    if s.obj["spec"].get("version") == s.routed:
        return "Pinned"
    return "RolledBack" if before and s.routed is not None and before[-1]["version"] > s.routed else "Followed"


def _version(s: Situation, version: int | None) -> Manifest:
    group = s.fleet.group(version)
    facts = {"digest": s.digests.get(version or 0, ""), "image": s.images.get(version or 0, "")}
    known = {field: value for field, value in facts.items() if value}
    return {"version": version, "name": s.name(version), **known, "ready": group.ready if group else 0}
