"""Which version a Deployment is to serve: what is asked of a version, and the choice among those that answer.

Left to others: whether its pods are there and when traffic moves (`traffic.py`), and all that makes a version Ready
(`modelversion.py`). Every check is true for whoever asks and says in a sentence what stands against a version.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from trimtab.api.base import BLOCKED_PREFIX
from trimtab.api.modelversion import DEPRECATED
from trimtab.api.reasons import Reason
from trimtab.plans.annotations import annotations, block_on
from trimtab.plans.conditions import find, is_true

Version = dict[str, Any]


@dataclass(frozen=True)
class Objection:
    """Why a version is not served."""

    reason: Reason
    message: str


@dataclass(frozen=True)
class Wish:
    """What a Deployment wants; `stable` is the version it serves now, `served` the numbers it served, newest first.

    `late`: versions whose pods do not come up, as Kubernetes says.
    """

    deployment: str
    model: str
    follow: str = "Passed"
    pinned: int | None = None
    stable: int | None = None
    served: tuple[int, ...] = field(default=())
    late: frozenset[int] = frozenset()


def wish_of(deployment: dict[str, Any], stable: int | None, late: frozenset[int] = frozenset()) -> Wish:
    """As a Deployment and its history say; where traffic goes now, and whose pods are late, is told by others."""
    spec = deployment["spec"]
    served = tuple(int(entry["version"]) for entry in reversed((deployment.get("status") or {}).get("history") or []))
    return Wish(deployment["metadata"]["name"], spec["model"], spec.get("follow", "Passed"), spec.get("version"), stable, served, late)


@dataclass(frozen=True)
class Choice:
    """The version to serve, or None to leave things as they are; `objection` is against a newer or the pinned one."""

    version: Version | None
    objection: Objection | None = None


Check = Callable[[Version, Wish, Version | None], Objection | None]
"""(version looked at, wish, the stable version where it still exists) -> what stands against it."""


def number(version: Version) -> int:
    return int(version["spec"]["version"])


def name(version: Version) -> str:
    return str(version["metadata"]["name"])


def choose(versions: Sequence[Version], wish: Wish) -> Choice:
    """The target: what `version` pins, else the highest eligible number, never below stable unless stable is blocked."""
    return _pinned(versions, wish, wish.pinned) if wish.pinned else _followed(versions, wish)


def is_there_to_stay(version: Version, _wish: Wish, _stable: Version | None) -> Objection | None:
    """One that is being deleted is nobody's target."""
    going = version["metadata"].get("deletionTimestamp")
    return Objection(Reason.VERSION_NOT_READY, Reason.VERSION_NOT_READY.say(name=name(version), detail="it is being deleted.")) if going else None


def is_ready(version: Version, _wish: Wish, _stable: Version | None) -> Objection | None:
    """Its files are what was registered, and it answered as in training."""
    if is_true(version, "Ready"):
        return None
    ready = find(version.get("status", {}).get("conditions", []), "Ready")
    detail = ready["message"] if ready else "it is not verified yet."
    return Objection(Reason.VERSION_NOT_READY, Reason.VERSION_NOT_READY.say(name=name(version), detail=detail))


def is_not_blocked(version: Version, wish: Wish, _stable: Version | None) -> Objection | None:
    """A block is lifted by removing the annotation, by nothing else."""
    annotation = BLOCKED_PREFIX + wish.deployment
    detail = block_on(version, wish.deployment)
    return None if detail is None else Objection(Reason.BLOCKED, Reason.BLOCKED.say(name=name(version), annotation=annotation, detail=detail))


def passed_its_gates(version: Version, _wish: Wish, _stable: Version | None) -> Objection | None:
    """A model that somebody brought has no gates; a person's approval stands for them."""
    gates = find(version.get("status", {}).get("conditions", []), "GatesPassed")
    approved = version["spec"].get("approval") == "Approved"
    if gates and (gates["status"] == "True" or (gates["reason"] == Reason.NO_GATES and approved)):
        return None
    if gates and gates["reason"] == Reason.NO_GATES:
        return Objection(Reason.NO_GATES, f"{name(version)} has no gates: {Reason.NO_GATES.say()}")
    detail = gates["message"] if gates else "its gates are not read yet."
    return Objection(Reason.GATES_FAILED, detail if detail.startswith(name(version)) else Reason.GATES_FAILED.say(model_version=name(version), detail=detail))


def approval_allows(version: Version, wish: Wish, _stable: Version | None) -> Objection | None:
    """A rejection always counts; an approval is asked for where the Deployment follows Approved."""
    approval = version["spec"].get("approval", "Pending")
    if approval == "Rejected":
        user = version["spec"].get("approvedBy", "a person")
        return Objection(Reason.REJECTED, f"{name(version)}: {Reason.REJECTED.say(user=user)}")
    waits = wish.follow == "Approved" and approval != "Approved"
    return Objection(Reason.APPROVAL_PENDING, Reason.APPROVAL_PENDING.say(name=name(version))) if waits else None


def is_not_deprecated(version: Version, _wish: Wish, _stable: Version | None) -> Objection | None:
    """Nobody starts to use it; who serves it already goes on."""
    said = version["spec"].get("deprecated", {}).get("reason") or annotations(version).get(DEPRECATED)
    return Objection(Reason.DEPRECATED, f"{name(version)} is deprecated: {said}") if said else None


def fits_the_clients(version: Version, wish: Wish, stable: Version | None) -> Objection | None:
    """Clients go on sending what the stable version takes, and reading what it answers."""
    if stable is None or is_not_blocked(stable, wish, None):
        return None
    detail = signature_conflict(stable["spec"].get("summary", {}), version["spec"].get("summary", {}))
    if detail is None:
        return None
    return Objection(Reason.SIGNATURE_INCOMPATIBLE, Reason.SIGNATURE_INCOMPATIBLE.say(name=name(version), stable=name(stable), detail=detail))


MAY_BE_FOLLOWED: tuple[Check, ...] = (
    is_there_to_stay,  # not on its way out
    is_ready,  # verified in the serving image
    is_not_blocked,  # not taken back here before
    passed_its_gates,  # or approved, where it has none
    approval_allows,  # not rejected; approved where that is asked for
    is_not_deprecated,  # nobody said not to start with it
    fits_the_clients,  # what clients send today is enough for it
)
MAY_BE_PINNED: tuple[Check, ...] = (is_there_to_stay, is_ready, is_not_blocked)
"""A person who writes `version` has judged the gates, the approval and the clients; not the files."""


def signature_conflict(served: dict[str, Any], new: dict[str, Any]) -> str | None:
    """What a client of `served` would trip over with `new`; None where nothing, or where a signature is not known.

    Equal signatures fit. Else each required input of the new one must be an input of the served one, and each output
    of the served one must still be there. Beyond the bound of a summary only equality is believed.
    """
    if _unknown(served) or _unknown(new) or _same_signature(served, new):
        return None
    if _is_cut(served) or _is_cut(new):
        return "has another signature, too long to be compared here"
    asked = _missing(_typed(i for i in new["inputs"] if not i.get("optional")), _typed(served["inputs"]))
    if asked:
        return f"needs the input {asked}"
    answered = _missing(_typed(served.get("outputs", [])), _typed(new.get("outputs", [])))
    return f"no longer has the output {answered}" if answered else None


def _unknown(summary: dict[str, Any]) -> bool:
    return not summary.get("inputs")


def _same_signature(served: dict[str, Any], new: dict[str, Any]) -> bool:
    return bool(served.get("signatureDigest")) and served.get("signatureDigest") == new.get("signatureDigest")


def _is_cut(summary: dict[str, Any]) -> bool:
    return int(summary.get("inputCount", 0)) > len(summary["inputs"])


def _typed(tensors: Iterable[dict[str, Any]]) -> dict[str, str]:
    return {tensor["name"]: tensor["datatype"] for tensor in tensors}


def _missing(wanted: dict[str, str], given: dict[str, str]) -> str:
    """The first that is wanted and not given, with its type: `wind (FP32)`."""
    return next((f"{column} ({datatype})" for column, datatype in wanted.items() if given.get(column) != datatype), "")


def _objection(checks: tuple[Check, ...], version: Version, wish: Wish, stable: Version | None) -> Objection | None:
    return next((said for check in checks if (said := check(version, wish, stable))), None)


def is_forbidden(version: Version | None, wish: Wish) -> bool:
    """Whether a version is blocked here, be it the one that serves."""
    return version is not None and is_not_blocked(version, wish, None) is not None


def _pinned(versions: Sequence[Version], wish: Wish, pinned: int) -> Choice:
    version = next((v for v in versions if number(v) == pinned), None)
    if version is None:
        return Choice(None, _no_version(wish, f"spec.version is {pinned}, and there is no ModelVersion {wish.model}-v{pinned}."))
    objection = _objection(MAY_BE_PINNED, version, wish, None)
    return Choice(_before(versions, wish, version) if objection else version, objection)


def _before(versions: Sequence[Version], wish: Wish, pinned: Version) -> Version | None:
    """What served before a pinned version that serves and was blocked since: a person's word brings it, its own labels take it back."""
    if wish.stable != number(pinned) or not is_forbidden(pinned, wish):
        return None
    may = {number(v): v for v in versions if number(v) != wish.stable and _objection(MAY_BE_PINNED, v, wish, None) is None}
    return next((may[n] for n in wish.served if n in may), None)


def _followed(versions: Sequence[Version], wish: Wish) -> Choice:
    newest_first = sorted(versions, key=number, reverse=True)
    stable = next((v for v in versions if number(v) == wish.stable), None)
    against = {number(v): _objection(MAY_BE_FOLLOWED, v, wish, stable) for v in newest_first}
    eligible = [v for v in newest_first if against[number(v)] is None]
    chosen = _highest_allowed(eligible, wish, stable)
    shown = number(chosen) if chosen else (wish.stable or 0)
    newer = next((said for n, said in against.items() if n > shown and said), None)
    if chosen is None and wish.stable is None:
        return Choice(None, _nothing_to_serve(newer, wish))
    return Choice(chosen, newer)


def _highest_allowed(eligible: list[Version], wish: Wish, stable: Version | None) -> Version | None:
    """At or above stable. Where stable is blocked, what was served last, for that is known: a newer one takes its steps from there; else the highest."""
    if is_forbidden(stable, wish):
        by_number = {number(v): v for v in eligible}
        return next((by_number[n] for n in wish.served if n in by_number and n not in wish.late), next(iter(eligible), None))
    return next((v for v in eligible if number(v) >= (wish.stable or 0)), None)


def _nothing_to_serve(newest: Objection | None, wish: Wish) -> Objection:
    if newest is None:
        return _no_version(wish, f"there is no ModelVersion of it yet; a TrainingJob whose model is {wish.model} makes one.")
    return Objection(newest.reason, Reason.NO_VERSION.say(model=wish.model, detail=newest.message))


def _no_version(wish: Wish, detail: str) -> Objection:
    return Objection(Reason.NO_VERSION, Reason.NO_VERSION.say(model=wish.model, detail=detail))
