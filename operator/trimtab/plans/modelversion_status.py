"""What is said about a ModelVersion: verification, gates, approval, deprecation, and who serves it.

Ready is the last definite word of a verification: while another one runs, or cannot run because the store is away, a
verified version stays Ready. GatesPassed is read from the immutable summary, so that it survives a dump.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trimtab.api.modelversion import DEPRECATED, GateResult, ModelVersionSpec, ModelVersionStatus, Summary, Verification
from trimtab.api.reasons import Reason
from trimtab.plans.annotations import annotations
from trimtab.plans.conditions import ConditionSet, is_true
from trimtab.plans.pods import reason_named

Manifest = dict[str, Any]
SERVED_BY = 32
"""Entries at most, as the schema says."""

SPOILED = frozenset({Reason.DIGEST_MISMATCH, Reason.ARTIFACT_UNUSABLE, Reason.GOLDEN_MISMATCH})
"""The model is not, or no longer, what was registered: only a person can help."""
UNKNOWN = frozenset({Reason.ARTIFACT_UNREACHABLE})
"""The files are not to be had; a pod could not start either."""


@dataclass(frozen=True)
class Situation:
    """The version, the wanted verification as it stands, and the Deployments of its model; `heals`: a failed one is tried again by itself."""

    obj: Manifest
    spec: ModelVersionSpec
    status: ModelVersionStatus
    verification: Verification | None
    request: str
    deployments: Sequence[Manifest]
    paused: bool
    heals: bool
    now: datetime

    @property
    def name(self) -> str:
        return str(self.obj["metadata"]["name"])

    @property
    def was_verified(self) -> bool:
        return is_true(self.obj, "Ready")

    @property
    def reason(self) -> Reason | None:
        """What came of the verification, or what holds it up."""
        return reason_named(self.verification.reason) if self.verification and self.verification.reason else None

    @property
    def outcome(self) -> str:
        return self.verification.outcome if self.verification else ""

    @property
    def message(self) -> str:
        return self.verification.message if self.verification else ""


@dataclass(frozen=True)
class Verdict:
    """A state word for people, what Ready says, and which abnormal condition stands beside it."""

    state: str
    ready: bool
    reason: Reason
    message: str
    beside: str = ""


def verified(s: Situation) -> Verdict | None:
    return Verdict("Verified", True, Reason.VERIFIED, s.message, "") if s.outcome == "Verified" else None


def spoiled(s: Situation) -> Verdict | None:
    return Verdict("Spoiled", False, s.reason, s.message, "Stalled") if s.outcome == "Failed" and s.reason in SPOILED and s.reason else None


def unreachable(s: Situation) -> Verdict | None:
    return Verdict("Unreachable", False, s.reason, s.message, "Reconciling") if s.reason in UNKNOWN and s.reason else None


def paused(s: Situation) -> Verdict | None:
    return Verdict("Paused", s.was_verified, Reason.PAUSED, Reason.PAUSED.say()) if s.paused else None


def failed_otherwise(s: Situation) -> Verdict | None:
    """No word about the model itself: its pod had trouble, which passes, or waits for a person."""
    if s.outcome != "Failed":
        return None
    return Verdict("Unverified", s.was_verified, s.reason or Reason.CRASHED, s.message, "Reconciling" if s.heals else "Stalled")


def under_way(s: Situation) -> Verdict | None:
    reason, message = s.reason or Reason.VERIFYING, s.message or Reason.VERIFYING.say(job=s.verification.job if s.verification else "")
    return Verdict("Verifying", s.was_verified, reason, message, "Reconciling")


VERDICTS: tuple[Callable[[Situation], Verdict | None], ...] = (
    verified,  # it is what was registered, and answers as in training
    spoiled,  # it is not; a person must act
    unreachable,  # its files are not there, or not ours to read
    paused,  # nobody looks
    failed_otherwise,  # the look failed, not the model
    under_way,  # a Job looks
)


def next_status(s: Situation) -> Manifest:
    said = next(verdict for judge in VERDICTS if (verdict := judge(s)))
    generation = s.obj["metadata"]["generation"]
    conditions = ConditionSet((s.obj.get("status") or {}).get("conditions") or [], generation, s.now)
    conditions.set("Ready", said.ready, said.reason, said.message)
    if said.beside:
        conditions.set(said.beside, True, said.reason, said.message)
    conditions.set("GatesPassed", *gates(s.name, s.spec.summary))
    conditions.set("Deprecated", *deprecation(s))
    if s.spec.approval:
        conditions.set("Approved", *approval(s.spec, s.name))
    status = ModelVersionStatus(
        observed_generation=generation,
        state=said.state,
        verified_at=_verified_at(s),
        approved_at=_approved_at(s),
        verification=s.verification,
        last_handled_request=s.request if s.outcome in {"Verified", "Failed"} else s.status.last_handled_request,
    )
    facts = status.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"conditions", "served_by"})
    return facts | {"conditions": conditions.as_list(), "servedBy": served_by(s.spec, s.deployments)}


def gates(name: str, summary: Summary | None) -> tuple[bool | None, Reason, str]:
    """Passed where none failed; a version without gates is a model that somebody brought."""
    judged: Sequence[GateResult] = summary.gates if summary else []
    if not judged:
        return None, Reason.NO_GATES, Reason.NO_GATES.say()
    failed = [gate for gate in judged if gate.outcome == "Failed"]
    if failed:
        detail = "; ".join(f"{gate.name}: {gate.message}" if gate.message else gate.name for gate in failed)
        return False, Reason.GATES_FAILED, Reason.GATES_FAILED.say(model_version=name, detail=detail)
    skipped = [gate.name for gate in judged if gate.outcome == "Skipped"]
    sentence = Reason.PASSED.say(count=len(judged) - len(skipped))
    return True, Reason.PASSED, f"{sentence} Skipped: {', '.join(skipped)}." if skipped else sentence


def deprecation(s: Situation) -> tuple[bool, Reason, str]:
    """By a person in the spec, or by the platform in the annotation."""
    annotation = annotations(s.obj).get(DEPRECATED)
    said = s.spec.deprecated.reason if s.spec.deprecated else annotation
    return (True, Reason.DEPRECATED, Reason.DEPRECATED.say(detail=said)) if said else (False, Reason.NOT_DEPRECATED, Reason.NOT_DEPRECATED.say())


def approval(spec: ModelVersionSpec, name: str) -> tuple[bool | None, Reason, str]:
    """A person's word; Unknown while it is Pending."""
    user = spec.approved_by or "somebody"
    words = {"Approved": (True, Reason.APPROVED), "Rejected": (False, Reason.REJECTED)}
    status, reason = words.get(spec.approval or "", (None, Reason.APPROVAL_PENDING))
    return status, reason, reason.say(user=user, name=name)


def served_by(spec: ModelVersionSpec, deployments: Sequence[Manifest]) -> list[Manifest]:
    """The Deployments of this model that send requests to this version, keep its pods, or are about to start them."""
    of_model = [d for d in deployments if d["spec"]["model"] == spec.model and not d["metadata"].get("deletionTimestamp")]
    found = [entry for deployment in of_model for entry in _uses(deployment, spec.version)]
    return sorted(found, key=lambda entry: (entry["deployment"], entry["role"]))[:SERVED_BY]


def _uses(deployment: Manifest, version: int) -> list[Manifest]:
    """By its status; a version that its spec names and its status does not yet is in use from that moment."""
    spec, status = deployment["spec"], deployment.get("status") or {}
    places = {role: status.get(role.lower()) or {} for role in ROLES}
    named = {"Candidate": spec.get("version"), "Shadow": (spec.get("shadow") or {}).get("version")}
    roles = [role for role, place in places.items() if place.get("version") == version]
    roles = roles or [role for role, number in named.items() if number == version]
    name, url = deployment["metadata"]["name"], status.get("url", "")
    return [{"deployment": name, "role": role, "percent": _percent(role, places), "url": url} for role in roles]


ROLES = ("Stable", "Candidate", "Shadow", "Warm")


def _percent(role: str, places: dict[str, Manifest]) -> int:
    """What the rollout wants at this step: what the pods have reached changes too often to be told here."""
    candidate = int(places["Candidate"].get("desiredPercent") or 0)
    return {"Stable": 100 - candidate, "Candidate": candidate, "Shadow": int(places["Shadow"].get("percent") or 0)}.get(role, 0)


def _verified_at(s: Situation) -> datetime | None:
    return s.verification.finished_at if s.verification and s.outcome == "Verified" else s.status.verified_at


def _approved_at(s: Situation) -> datetime | None:
    """When the approval was first seen as it is now: the API server keeps no time of it."""
    if s.spec.approval in (None, "Pending"):
        return None
    word = {"Approved": "True", "Rejected": "False"}[s.spec.approval]
    known = next((c for c in s.status.conditions if c.type == "Approved"), None)
    same = known is not None and known.status == word and known.message == approval(s.spec, s.name)[2]
    return s.status.approved_at if same and s.status.approved_at else s.now
