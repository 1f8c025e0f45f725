"""Where requests go while one version takes over from another, and whose pods may go."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.plans.traffic import GRACE, Fleet, Group, expendable, traffic

LONG_AGO = timedelta(hours=1)
JUST_NOW = timedelta(seconds=1)


def fleet(*groups, target=2, stable=1):
    return Fleet(tuple(Group(*group) for group in groups), target, stable)


@pytest.mark.parametrize(
    ("world", "routed"),
    [
        (fleet((1, 2, 0), target=1, stable=None), None),
        (fleet((1, 2, 1), target=1, stable=None), 1),
        (fleet((1, 2, 2), (2, 2, 0)), 1),
        (fleet((1, 2, 2), (2, 2, 1)), 1),
        (fleet((1, 2, 2), (2, 2, 2)), 2),
        (fleet((1, 2, 0), (2, 2, 1)), 2),
        (fleet((1, 2, 1), (2, 2, 1)), 1),
        (fleet((1, 2, 2), (2, 2, 0), stable=2), 1),
        (fleet((1, 2, 2, True), (2, 2, 0), stable=2), 2),
        (fleet((1, 2, 0), (2, 2, 0), stable=1), 1),
        (fleet((2, 0, 0), stable=1), 2),
    ],
    ids=[
        "nobody is reached before the first pod is ready",
        "the first pod of the first version gets traffic at once",
        "a candidate that has not begun",
        "a candidate half ready gets nothing",
        "a candidate with all its pods takes over",
        "half a candidate is better than no stable",
        "half a stable is as good as half a candidate",
        "an older version that still stands helps out",
        "but not when it is blocked",
        "when all are down nothing moves",
        "with no pods wanted, the next version is switched to at once",
    ],
)
def test_traffic_goes_to(world, routed):
    assert traffic(world) == routed


def test_old_pods_stay_until_every_node_knows():
    world = fleet((1, 2, 2), (2, 2, 2), stable=2)
    assert expendable(world, 2, JUST_NOW) == ()
    assert expendable(world, 2, GRACE) == (1,)


def test_old_pods_stay_while_those_that_took_over_are_not_all_well():
    assert expendable(fleet((1, 2, 2), (2, 2, 1), stable=2), 2, LONG_AGO) == ()


def test_pods_that_never_got_ready_go_as_soon_as_they_are_no_longer_wanted():
    assert expendable(fleet((1, 2, 2), (2, 2, 0), (3, 2, 0), target=3), 1, JUST_NOW) == (2,)


def test_a_blocked_version_goes_even_while_its_successor_limps():
    assert expendable(fleet((1, 2, 1), (2, 2, 2, True), target=1, stable=1), 1, LONG_AGO) == (2,)


def test_neither_target_nor_stable_is_ever_expendable():
    assert expendable(fleet((1, 2, 0), (2, 2, 0)), 1, LONG_AGO) == ()


groups = st.lists(st.builds(Group, st.integers(1, 5), st.integers(0, 3), st.integers(0, 4), st.booleans()), max_size=5, unique_by=lambda g: g.version)
fleets = st.builds(lambda g, t, s: Fleet(tuple(g), t, s), groups, st.none() | st.integers(1, 6), st.none() | st.integers(1, 6))


@given(fleets)
def test_nobody_is_sent_to_a_version_without_ready_pods_while_another_has_some(world):
    group = world.group(traffic(world))
    nobody_wanted = group is not None and group.wanted == 0
    if any(g.ready and not g.blocked for g in world.groups) and not nobody_wanted:
        assert group is not None
        assert group.ready


@given(fleets)
def test_traffic_moves_only_where_capacity_is_kept_or_was_lost_already(world):
    routed, before = world.group(traffic(world)), world.group(world.stable)
    if routed and before and routed != before:
        assert routed.complete or not before.ready


@given(fleets)
def test_a_move_is_stable_when_nothing_else_happens(world):
    routed = traffic(world)
    assert traffic(Fleet(world.groups, world.target, routed)) == routed


@given(fleets, st.timedeltas(min_value=timedelta(0), max_value=LONG_AGO))
def test_what_goes_is_neither_wanted_nor_used_nor_in_its_grace(world, since_moved):
    routed = traffic(world)
    for version in expendable(world, routed, since_moved):
        assert version not in {world.target, routed}
        assert since_moved >= GRACE or not world.group(version).ready
