"""Labels and owner references of child objects: by them a child's owner is found, and a stranger's child is refused."""

from dataclasses import dataclass
from typing import Any

from trimtab.api.base import API_VERSION

OWNER_UID = "trimtab.dev/owner-uid"
OWNER_KIND = "trimtab.dev/owner-kind"
OWNER_NAME = "trimtab.dev/owner-name"
MODEL = "trimtab.dev/model"
RUN_KEY = "trimtab.dev/run-key"
VERB = "trimtab.dev/verb"
MANAGED_BY = "app.kubernetes.io/managed-by"

ATTEMPT = "trimtab.dev/attempt"
"""Annotation of a Job: how often the operator has made a Job for the same key, this one included."""
SHAPE = "trimtab.dev/shape"
"""Annotation of a Job: digest of how its pod is made, apart from what it computes."""
REQUEST = "trimtab.dev/request"
"""Annotation of a ModelVersion: id of the request that its run answered."""
CAUSE = "trimtab.dev/cause"
"""Annotation of a ModelVersion: why its run was begun."""
RECIPE = "trimtab.dev/recipe"
"""Annotation of a ModelVersion: digest of the recipe it was made by."""


@dataclass(frozen=True)
class Owner:
    """Whose child an object is."""

    kind: str
    namespace: str
    name: str
    uid: str


def owner_of(obj: dict[str, Any]) -> Owner:
    """The owner that an object of one of our kinds is to its children."""
    metadata = obj["metadata"]
    return Owner(obj["kind"], metadata["namespace"], metadata["name"], metadata["uid"])


def labels(owner: Owner, *, verb: str = "", model: str = "", run_key: str = "") -> dict[str, str]:
    """Labels of a child; what does not apply is left out."""
    always = {OWNER_UID: owner.uid, OWNER_KIND: owner.kind, OWNER_NAME: owner.name, MANAGED_BY: "trimtab"}
    where_known = {VERB: verb, MODEL: model, RUN_KEY: run_key}
    return always | {label: value for label, value in where_known.items() if value}


def selector(owner: Owner) -> str:
    """Label selector for all children of one owner."""
    return f"{OWNER_UID}={owner.uid}"


def reference(owner: Owner) -> dict[str, Any]:
    """The owner reference that lets garbage collection take the child when its owner goes."""
    return {
        "apiVersion": API_VERSION,
        "kind": owner.kind,
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }
