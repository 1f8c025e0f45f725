"""Why an object is not Ready: the chain of conditions from it to the last cause, and what stands in the newest version's way. Pure."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from trimtab.api.base import BLOCKED_PREFIX
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.family import jobs, monitors, needs, versions
from trimtab.cli.views.health import warnings
from trimtab.cli.views.listed import (
    Listed,
    Manifest,
    at,
    condition,
    is_paused,
    is_ready,
    is_stalled,
    is_unseen,
    open_incident,
    ref,
    version_of,
)

GATES_FAILED, NO_GATES = "GatesFailed", "NoGates"


@dataclass(frozen=True)
class Link:
    """One object that is not as it should be."""

    object: str
    condition: str
    reason: str
    message: str
    since: datetime | None = None
    by_itself: bool = True
    """False: a person must act."""


@dataclass(frozen=True)
class Answer:
    object: str
    ready: bool
    message: str
    links: tuple[Link, ...]
    """The last cause first; the object that was asked about last."""
    notes: tuple[str, ...] = ()
    """What is not as one might think although it is Ready."""

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(link.object for link in self.links)

    def data(self) -> dict[str, Any]:
        return asdict(self)


def why(listed: Listed, name: str) -> Answer:
    obj = choose(listed, name)
    ready, found = is_ready(obj), condition(obj, "Ready")
    links = () if ready else tuple(reversed(chain(listed, obj)))
    return Answer(str(ref(obj)), ready, found.message if ready and found else "", links, tuple(notes(listed, obj)))


def chain(listed: Listed, obj: Manifest) -> list[Link]:
    """From an object that is not Ready to what it waits for, and on: what was asked about first, the last cause last."""
    found = [link(obj)]
    for each in causes(listed, obj):
        found += [other for other in chain(listed, each) if other not in found]
    return found + missing(listed, obj)


def causes(listed: Listed, obj: Manifest) -> list[Manifest]:
    """Of what an object needs, that which is not Ready. A version is made once: what became of its TrainingJob since is not its cause."""
    if obj["kind"] == "ModelVersion":
        return []
    if obj["kind"] == "Deployment":
        return _causes_of_deployment(listed, obj)
    return [each for each in needs(listed, obj) if not is_ready(each)]


def _causes_of_deployment(listed: Listed, obj: Manifest) -> list[Manifest]:
    """Nothing to serve: the newest version says why; without one, the TrainingJobs do."""
    newest = versions(listed, obj["spec"]["model"])[:1]
    found = [each for each in newest if not is_ready(each) or _failed_gates(each)]
    return found or ([each for each in jobs(listed, obj["spec"]["model"]) if not is_ready(each)] if not newest else [])


def missing(listed: Listed, obj: Manifest) -> list[Link]:
    """What an object names and is not there at all, and what a Deployment has nobody to make."""
    spec, kind = obj.get("spec", {}), obj["kind"]
    wanted = {
        "TrainingJob": [("Dataset", spec.get("dataset"))],
        "Dataset": [("FeatureSet", each.get("featureSet")) for each in spec.get("features") or []],
        "DriftMonitor": [("Deployment", spec.get("deployment"))],
    }.get(kind, [])
    found = [_absent(kind_, name, listed) for kind_, name in wanted if name and not listed.find(kind_, name)]
    if kind == "Deployment" and not versions(listed, spec["model"]) and not jobs(listed, spec["model"]):
        found.append(Link(f"model {spec['model']}", "exists", "NoTrainingJob", "No TrainingJob makes this model, and nobody brought a version.", None, False))
    return found


def _absent(kind: str, name: str, listed: Listed) -> Link:
    return Link(
        f"{kind} {name}", "exists", f"{kind}Missing", f"There is no {kind} {name} in namespace {listed.namespace}; create it, or correct the name.", None, False
    )


def link(obj: Manifest) -> Link:
    """What an object itself says of why it is not Ready."""
    name, found, gates = str(ref(obj)), condition(obj, "Ready"), condition(obj, "GatesPassed")
    if is_paused(obj):
        return Link(name, "Ready", "Paused", "Paused by the annotation trimtab.dev/paused; `trimtab resume` takes it away.", None, False)
    if found is None or is_unseen(obj):
        return Link(name, "Ready", "Unseen", "The operator has not looked at it as it is now; if that lasts, ask `trimtab doctor` whether it runs.")
    if gates and _failed_gates(obj):
        return Link(name, "GatesPassed", gates.reason, gates.message, gates.since, False)
    return Link(name, "Ready", found.reason, found.message, found.since, not is_stalled(obj))


def _failed_gates(obj: Manifest) -> bool:
    found = condition(obj, "GatesPassed")
    return bool(found and found.status == "False" and found.reason == GATES_FAILED)


def notes(listed: Listed, obj: Manifest) -> list[str]:
    """Abnormal conditions of what is Ready, and why the newest version is not the one that answers."""
    found = [f"{each.type}: {each.message}" for each in warnings(obj) if is_ready(obj)]
    if obj["kind"] == "Deployment":
        found += not_served(listed, obj)
        found += [said for each in monitors(listed, obj["spec"]["model"]) if at(each, "spec.deployment") == obj["metadata"]["name"] for said in watched(each)]
    return found


def not_served(listed: Listed, obj: Manifest) -> list[str]:
    """For each version newer than what serves and what is on its way in, what keeps it out."""
    served = max(at(obj, f"status.{role}.version") or 0 for role in ("stable", "candidate"))
    newer = [each for each in versions(listed, obj["spec"]["model"]) if version_of(each) > served]
    ready = condition(obj, "Ready")
    told = ready.message if ready else ""
    return [f"{each['metadata']['name']} is not served: {said}" for each in newer if (said := objection(obj, each)) and said not in told]


def watched(monitor: Manifest) -> list[str]:
    """What a monitor has to say of the model it watches."""
    incident = open_incident(monitor)
    found = [f"{ref(monitor)}: {each.type}: {each.message}" for each in warnings(monitor)]
    return found + ([f"{ref(monitor)}: incident {incident['id'][:8]} is open, caused by {incident.get('cause')}."] if incident else [])


def objection(deployment: Manifest, version: Manifest) -> str:
    """What keeps a version out of a Deployment; empty where nothing seems to."""
    name, approval = deployment["metadata"]["name"], at(version, "spec.approval", "Pending")
    blocked = at(version, "metadata.annotations", {}).get(f"{BLOCKED_PREFIX}{name}")
    gates, ready = condition(version, "GatesPassed"), condition(version, "Ready")
    pinned = at(deployment, "spec.version")
    objections = (
        (pinned and pinned != version_of(version), f"spec.version of the Deployment pins version {pinned}."),
        (blocked, f"it is blocked here ({blocked}); `trimtab rollout retry {name} {version_of(version)}` takes the block away."),
        (approval == "Rejected", "a person rejected it."),
        (gates and not gates.holds and not (gates.reason == NO_GATES and approval == "Approved"), gates.message if gates else ""),
        (at(deployment, "spec.follow") == "Approved" and approval != "Approved", f"it waits for a person: trimtab approve mv/{version['metadata']['name']}"),
        (at(version, "spec.deprecated"), f"it is deprecated: {at(version, 'spec.deprecated.reason', '')}"),
        (not is_ready(version), ready.message if ready else "it is not verified yet."),
    )
    return next((said for holds, said in objections if holds), "")
