"""What a plan is: the deeds a reconcile is to do and the status it is to write, decided without touching anything.

`plan(seen, now) -> Plan` is pure. Deeds are done in the order they stand; each is idempotent, so that a process that
dies between any two of them is made good by the next reconcile. Deletions stand last by convention.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True)
class Key:
    """One object to look after."""

    kind: str
    namespace: str
    name: str


@dataclass(frozen=True)
class Ref:
    """An object in the cluster, as a client addresses it."""

    api_version: str
    plural: str
    namespace: str
    name: str
    uid: str = ""


@dataclass(frozen=True)
class Create:
    """POST; that it exists already and is ours is success, that it is another's is `NameTaken`."""

    plural: str
    manifest: Manifest


@dataclass(frozen=True)
class Apply:
    """Server-side apply of an object that we alone own; `observed` is what was seen, None where there was nothing.

    The writer sends nothing when the manifest is already contained in `observed`.
    """

    plural: str
    manifest: Manifest
    observed: Manifest | None = None


@dataclass(frozen=True)
class Patch:
    """Merge patch of metadata on an object (annotations we own)."""

    ref: Ref
    body: Manifest


@dataclass(frozen=True)
class Delete:
    """DELETE with the uid as a precondition; that it is gone is success. Decided again on a live read before it is done."""

    ref: Ref
    propagation: str = "Background"


Deed = Create | Apply | Patch | Delete


@dataclass(frozen=True)
class Event:
    """An Event to post: `type` is Normal or Warning."""

    reason: str
    message: str
    type: str = "Normal"


@dataclass(frozen=True)
class Plan:
    """Deeds in order, the whole status wanted (None: leave it), Events, and when to look again at the latest."""

    deeds: tuple[Deed, ...] = ()
    status: Manifest | None = None
    events: tuple[Event, ...] = ()
    requeue_after: timedelta | None = None


@dataclass(frozen=True)
class Gone:
    """The object is not there (any more): nothing to do, its children go by garbage collection."""
