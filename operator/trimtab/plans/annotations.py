"""What annotations say on an object, and how one is written on a ModelVersion: the only metadata that we change on what a person made."""

from datetime import datetime

from trimtab.api import base
from trimtab.api.base import API_VERSION, BLOCKED_PREFIX
from trimtab.api.kinds import MODEL_VERSION
from trimtab.plans.conditions import rfc3339
from trimtab.plans.plan import Manifest, Patch, Ref


def annotations(obj: Manifest | None) -> dict[str, str]:
    """Empty where there are none, or no object."""
    return ((obj or {}).get("metadata") or {}).get("annotations") or {}


def is_paused(obj: Manifest | None) -> bool:
    """Whether a person wants no deeds for it."""
    return base.is_paused(annotations(obj))


def block_on(version: Manifest | None, deployment: str) -> str | None:
    """Why this Deployment must not serve the version; None where it may."""
    return annotations(version).get(BLOCKED_PREFIX + deployment)


def annotate(version: Manifest, annotation: str, text: str) -> Patch:
    """Written on this very ModelVersion."""
    metadata = version["metadata"]
    ref = Ref(API_VERSION, MODEL_VERSION.plural, metadata["namespace"], metadata["name"], metadata["uid"])
    return Patch(ref, {"metadata": {"annotations": {annotation: text}}})


def block(version: Manifest, deployment: str, why: str, now: datetime) -> Patch:
    """Not to be tried again here until a person removes it."""
    return annotate(version, BLOCKED_PREFIX + deployment, f"{why} ({rfc3339(now)})")
