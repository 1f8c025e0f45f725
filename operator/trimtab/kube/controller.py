"""What a kind supplies, and nothing more: how to look and what to decide. Nobody inherits; a module with these names will do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from trimtab.api.kinds import Kind
from trimtab.kube.client import Client, Manifest
from trimtab.kube.settings import Settings
from trimtab.manifests.labels import OWNER_KIND, OWNER_NAME, OWNER_UID
from trimtab.plans.plan import Gone, Key, Plan

EVERY = "*"
"""As the name in a Key that RELATED returns: every object of that kind in the namespace."""


class Seen(Protocol):
    """What an observe found; each kind has more in it."""

    @property
    def obj(self) -> Manifest:
        """The object itself, as it was read."""


@dataclass(frozen=True)
class ChildKind:
    """A kind of object that is made for an owner and watched on its behalf; found by the label `trimtab.dev/owner-uid`."""

    api_version: str
    plural: str


class Controller(Protocol):
    """One kind of resource, as a module of `controllers` exposes it."""

    @property
    def KIND(self) -> Kind: ...  # noqa: N802

    @property
    def CHILDREN(self) -> tuple[ChildKind, ...]:  # noqa: N802
        """Kinds of children whose events queue their owner."""

    @property
    def RELATED(self) -> Callable[[Manifest], list[Key]]:  # noqa: N802
        """For an event on an object of *any* of our kinds: the keys of this kind to look at again."""

    @property
    def observe(self) -> Callable[[Client, Key, Settings, datetime], Awaitable[Any]]:
        """Live reads -> Seen, or Gone."""

    @property
    def plan(self) -> Callable[[Any, datetime], Plan]:
        """Pure: what to do about what was seen."""


__all__ = ["EVERY", "OWNER_KIND", "OWNER_NAME", "OWNER_UID", "ChildKind", "Controller", "Gone", "Key", "Plan", "Seen"]
