"""What a kind gives to the laws: its controller, the objects a person applied, and how the world around it moves.

`play` is called between reconciles and plays what kubelet, Job controller and worker would do next: look at what is in
the API (`api.all("jobs")`), bring one thing forward (`api.set_status(...)`), say whether anything moved. When nothing
moves any more, the story has ended.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.fake_api import FakeApi

Object = dict[str, Any]


def nothing(api: FakeApi) -> None:
    """The world needs no preparing."""


@dataclass(frozen=True)
class Scenario:
    """One story of one kind, from what a person applied to its happy end."""

    kind: str
    controller: Any
    """The module in trimtab.controllers, or whatever has its names."""
    initial: list[Object]
    play: Callable[[FakeApi], bool]
    name: str = "flights"
    """Of the object under law; in namespace `default`."""
    also: tuple[Any, ...] = ()
    """Controllers of other kinds that the story needs."""
    world: Callable[[FakeApi], None] = nothing
    """Facts that only an API can be told (a pod's metrics, statuses), before the first reconcile."""
    outlives: tuple[str, ...] = ()
    """Plurals of children that stay when their owner goes: modelversions."""
    never_again: tuple[str, ...] = ()
    """Verbs whose Jobs must not run again in a cluster restored from a dump: train."""
    ends_ready: bool = True
    """Whether the happy end is Ready=True."""
