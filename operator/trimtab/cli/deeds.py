"""What the verbs write, as merge patches of spec or metadata, never of a status. Pure; each says what follows in a past-tense sentence."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from trimtab.api.base import BLOCKED_PREFIX, PAUSED, RUN_REQUESTED
from trimtab.api.rollout import ABORT, PROMOTE
from trimtab.cli.errors import UserError
from trimtab.cli.views.listed import Listed, Manifest, at, is_paused, ref, version_of

PAUSE_MEANS = {
    "Deployment": "it keeps what it serves: no rollout, no rollback, no retraining of its model",
    "TrainingJob": "no run starts",
    "Dataset": "no version is made",
    "FeatureSet": "no version is made",
    "DriftMonitor": "nothing is looked at or asked for",
    "ModelVersion": "it is not verified",
}


@dataclass(frozen=True)
class Deed:
    """A patch of one object, and what to say when it is done."""

    target: Manifest
    patch: dict[str, Any]
    said: str


def annotate(obj: Manifest, key: str, value: str | None, said: str) -> Deed:
    """None takes the annotation away."""
    return Deed(obj, {"metadata": {"annotations": {key: value}}}, said)


def pause(obj: Manifest) -> Deed:
    return annotate(obj, PAUSED, "true", f"{ref(obj)} was paused: {PAUSE_MEANS.get(obj['kind'], 'nothing is done')}. To go on: trimtab resume {ref(obj)}")


def resume(obj: Manifest) -> Deed:
    if not is_paused(obj):
        raise UserError(f"{ref(obj)} is not paused.", f"trimtab why {ref(obj)}")
    return annotate(obj, PAUSED, None, f"{ref(obj)} was resumed.")


def run(obj: Manifest, request: str) -> Deed:
    """The same id asks for nothing new."""
    return annotate(obj, RUN_REQUESTED, request, f"{ref(obj)} was asked for a run; its id is {request}. To follow it: trimtab watch {ref(obj)}")


def request_id(user: str, now: datetime) -> str:
    """Names who asked and when, in characters that a label may have.

    >>> request_id("alice@example.org", datetime(2026, 1, 5, 12, tzinfo=UTC))
    'alice-20260105-120000'
    """
    who = "".join(letter if letter.isalnum() else "-" for letter in user.split("@", maxsplit=1)[0].rpartition(":")[2].lower()).strip("-")[:20] or "cli"
    return f"{who}-{now.astimezone(UTC):%Y%m%d-%H%M%S}"


def approval(obj: Manifest, word: str, user: str) -> Deed:
    if at(obj, "spec.approval") == word and at(obj, "spec.approvedBy") == user:
        raise UserError(f"{ref(obj)} was {word.lower()} by {user} already.")
    return Deed(obj, {"spec": {"approval": word, "approvedBy": user}}, f"{ref(obj)} was {word.lower()} by {user}.")


def candidate_of(obj: Manifest) -> int:
    found = at(obj, "status.candidate.version")
    if found is None:
        raise UserError(f"{ref(obj)} has no candidate; it serves {_stable(obj)}.", f"trimtab why {ref(obj)}")
    return int(found)


def promote(obj: Manifest) -> Deed:
    """The value is the version it means, so that it does nothing to a later one."""
    version = candidate_of(obj)
    return annotate(obj, PROMOTE, str(version), f"{ref(obj)} was told to go on with version {version}.")


def abort(obj: Manifest) -> Deed:
    version = candidate_of(obj)
    return annotate(obj, ABORT, str(version), f"{ref(obj)} was told to take version {version} back; {_stable(obj)} answers alone.")


def undo(listed: Listed, obj: Manifest, user: str, now: datetime) -> Deed:
    """Back to the version before: the stable one is blocked here, or, where the spec pins it, the spec names the one before."""
    stable, before = at(obj, "status.stable.version"), previous(obj)
    if stable is None or before is None:
        raise UserError(
            f"{ref(obj)} has served no version before {_stable(obj)}; there is nothing to go back to.", f"trimtab rollout history {obj['metadata']['name']}"
        )
    if at(obj, "spec.version"):
        return Deed(
            obj, {"spec": {"version": before}}, f"{ref(obj)} was told to serve version {before}; if Git holds its manifest, change spec.version there too."
        )
    version = _version(listed, obj, int(stable))
    reason = f"undone by {user} at {now.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    said = f"{ref(version)} was blocked for {ref(obj)}, which goes back to version {before}. To try it again: trimtab rollout retry {obj['metadata']['name']} {stable}"
    return annotate(version, f"{BLOCKED_PREFIX}{obj['metadata']['name']}", reason, said)


def retry(listed: Listed, obj: Manifest, number: int) -> list[Deed]:
    """The block goes, and before it what a person said of that version's last rollout: an abort that still stands would take it back at once."""
    version = _version(listed, obj, number)
    key = f"{BLOCKED_PREFIX}{obj['metadata']['name']}"
    if key not in at(version, "metadata.annotations", {}):
        raise UserError(f"{ref(version)} is not blocked for {ref(obj)}.", f"trimtab why {ref(obj)}")
    stale = [word for word in (PROMOTE, ABORT) if at(obj, "metadata.annotations", {}).get(word) == str(number)]
    forget = [Deed(obj, {"metadata": {"annotations": dict.fromkeys(stale)}}, f"What {ref(obj)} was told about version {number} is forgotten.")] if stale else []
    return [*forget, annotate(version, key, None, f"{ref(version)} is no longer blocked for {ref(obj)}; it is tried again where it is eligible.")]


def previous(obj: Manifest) -> int | None:
    """The version that was served before the stable one."""
    stable = at(obj, "status.stable.version")
    entries = sorted(at(obj, "status.history", []), key=lambda entry: str(entry.get("since", "")), reverse=True)
    return next((int(entry["version"]) for entry in entries if entry["version"] != stable), None)


def pinned(obj: Manifest, version: Manifest) -> Manifest:
    """The patch, also for Git, that makes a Deployment serve one version: one that follows no longer does."""
    if at(obj, "spec.model") != at(version, "spec.model"):
        raise UserError(f"{ref(obj)} serves model {obj['spec']['model']}, and {ref(version)} is of model {version['spec']['model']}.")
    follows = {"follow": None} if at(obj, "spec.follow") else {}
    return _head(obj, obj["metadata"].get("namespace")) | {"spec": {"version": version_of(version)} | follows}


KEPT = ("model", "version", "artifact", "summary", "lineage", "description")


def copied(version: Manifest, namespace: str) -> Manifest:
    """A version's manifest for another namespace, where it waits for that namespace's own approval."""
    return _head(version, namespace) | {"spec": {key: version["spec"][key] for key in KEPT if key in version["spec"]}}


def _head(obj: Manifest, namespace: str | None) -> Manifest:
    return {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "metadata": {"name": obj["metadata"]["name"]} | ({"namespace": namespace} if namespace else {}),
    }


def _version(listed: Listed, obj: Manifest, number: int) -> Manifest:
    name = f"{obj['spec']['model']}-v{number}"
    if found := listed.find("ModelVersion", name):
        return found
    raise UserError(f"There is no ModelVersion {name} in namespace {listed.namespace}.", f"trimtab models list {obj['spec']['model']}")


def _stable(obj: Manifest) -> str:
    stable = at(obj, "status.stable.version")
    return f"version {stable}" if stable else "nothing"
