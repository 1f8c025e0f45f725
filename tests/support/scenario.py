"""What a kind gives to the laws: its controller, the objects a person applied, and how the world around it moves.

`play` is called between reconciles and plays what kubelet, Job controller and worker would do next: look at what is in
the API, bring one thing forward, say whether anything moved. When nothing moves and nothing is queued, the story ends.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from support.fake_api import FakeApi

Object = dict[str, Any]


@dataclass(frozen=True)
class Scenario:
    """`controller` is the module in trimtab.controllers; `key` the object under law; `also` controllers of other kinds that must run with it."""

    kind: str
    controller: Any
    initial: list[Object]
    play: Callable[[FakeApi], bool]
    name: str = ""
    namespace: str = "default"
    also: tuple[Any, ...] = ()
    outlives: tuple[str, ...] = ()
    """Plurals of children that stay when their owner goes (`modelversions`)."""
    world: Callable[[FakeApi], None] = field(default=lambda api: None)
    """Facts that need an API to be told, before the first reconcile: scrapes, statuses of others."""
