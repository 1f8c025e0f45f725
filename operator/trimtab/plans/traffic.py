"""Where the clients' requests go while one version takes over from another, and whose pods may go.

Arithmetic on what is observed: nothing is remembered between two looks but what the cluster shows. A group is the pods
of one version. Left to others: which version is the target (`eligibility.py`), and what pods and Services look like.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

GRACE = timedelta(seconds=10)
"""How long the old pods stay after traffic has moved: every node must have heard of it. Usually under a second; a busy
node was seen taking three. The pods then end by themselves only after their open requests (`manifests/serving.py`)."""


@dataclass(frozen=True)
class Group:
    """The pods of one version: how many it is to have, how many are ready. `blocked`: clients shall not come to it."""

    version: int
    wanted: int
    ready: int
    blocked: bool = False

    @property
    def complete(self) -> bool:
        return self.ready >= self.wanted


@dataclass(frozen=True)
class Fleet:
    """All groups of a Deployment; `stable` is where traffic goes now, `target` where it shall go.

    `held`: the target takes steps and has not passed them all. `kept`: versions whose pods stay for another reason: somebody
    still asks them, or might want to go back.
    """

    groups: tuple[Group, ...]
    target: int | None
    stable: int | None
    held: bool = False
    kept: frozenset[int] = frozenset()

    def group(self, version: int | None) -> Group | None:
        return next((group for group in self.groups if group.version == version), None)


Preference = Callable[[Fleet], int | None]


def target_when_complete(fleet: Fleet) -> int | None:
    group = fleet.group(fleet.target)
    return fleet.target if group and group.complete and not fleet.held else None


def stable_while_it_answers(fleet: Fleet) -> int | None:
    group = fleet.group(fleet.stable)
    return fleet.stable if group and group.ready else None


def target_as_soon_as_it_answers(fleet: Fleet) -> int | None:
    group = fleet.group(fleet.target)
    return fleet.target if group and group.ready and not group.blocked else None


def whoever_answers(fleet: Fleet) -> int | None:
    return max((group.version for group in fleet.groups if group.ready and not group.blocked), default=None)


def where_it_is(fleet: Fleet) -> int | None:
    return fleet.stable


PREFERENCES: tuple[Preference, ...] = (
    target_when_complete,  # with all its pods, so that capacity never dips
    stable_while_it_answers,  # a candidate that does not come up harms nobody
    target_as_soon_as_it_answers,  # the first version, or stable's pods are all gone: some answers beat none
    whoever_answers,  # both are down, and an older version's pods still stand
    where_it_is,  # nobody answers: stay, so that recovery needs no move
)


def traffic(fleet: Fleet) -> int | None:
    """The version that clients are to reach now; None where there is none yet."""
    return next((version for prefer in PREFERENCES if (version := prefer(fleet)) is not None), None)


def expendable(fleet: Fleet, routed: int | None, since_moved: timedelta) -> tuple[int, ...]:
    """The versions whose pods may go: neither target nor routed to, and of no more use to anybody."""
    others = (group for group in fleet.groups if group.version not in {fleet.target, routed, *fleet.kept})
    routed_group = fleet.group(routed)
    safe = routed_group is not None and routed_group.complete
    return tuple(group.version for group in others if not _still_of_use(group, safe=safe, since_moved=since_moved))


def _still_of_use(group: Group, *, safe: bool, since_moved: timedelta) -> bool:
    """Ready pods finish what nodes still send them, and stand in while those that took over are not all well."""
    may_stand_in = not group.blocked and not safe
    return group.ready > 0 and (since_moved < GRACE or may_stand_in)
