"""Whatever a monitor sees, in whatever order: it keeps to its table, and retrains neither without reason nor over and over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.plans.monitor_states import NEXT, State
from trimtab.plans.retraining import MORE_ROWS, Hindrance, Monitor, Policy, Seen, Step, step

START = datetime(2013, 2, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)

READINGS = st.sampled_from(["Alarm", "Strange", "Unclear", "Calm", "Unknown"])
LOOKS = st.builds(
    dict,
    hours=st.integers(0, 60),
    rows=st.integers(0, 400),
    drift=READINGS,
    performance=READINGS,
    skill=st.none() | st.floats(-0.3, 0.3),
    fired=st.sampled_from([(), (), ("Schedule",), ("NewData", "Prometheus")]),
    hindrances=st.frozensets(st.sampled_from(list(Hindrance)), max_size=1),
    run=st.sampled_from([None, "Running", "Promoted", "Rejected", "Unchanged", "Failed"]),
    judged=st.sampled_from([None, "Improved", "NoGain", "Worse"]),
    brought=st.sampled_from([0, 0, 0, 0, 1, -1]),
)
POLICIES = st.builds(
    Policy,
    action=st.sampled_from(["Retrain", "Retrain", "Rollback", "Alert"]),
    causes=st.frozensets(st.sampled_from(["Performance", "Drift"])),
    cooldown=st.integers(0, 100).map(lambda hours: hours * HOUR),
    label_maturity=st.integers(0, 100).map(lambda hours: hours * HOUR),
    floor=st.none() | st.just(0.0),
    on_no_gain=st.sampled_from(["Alert", "Deprecate"]),
)
STORIES = st.lists(LOOKS, min_size=1, max_size=60)

Told = list[tuple[Monitor, Seen, Step]]


def told(looks: list[dict], policy: Policy) -> Told:
    monitor, now, version, rows = Monitor("uid", 3, 3, State.LEARNING, START), START, 3, 1000
    story: Told = []
    for look in looks:
        more = dict(look)
        now, rows, version = now + more.pop("hours") * HOUR, rows + more.pop("rows"), max(1, version + more.pop("brought"))
        seen = Seen(now, now - 24 * HOUR, version, labelled_rows=rows, **more)
        done = step(monitor, seen, policy)
        story.append((monitor, seen, done))
        monitor = done.monitor
    return story


@settings(max_examples=200, deadline=None)
@given(STORIES, POLICIES)
def test_every_move_stands_in_the_table(looks, policy):
    for before, seen, done in told(looks, policy):
        if done.monitor.state != before.state:
            assert done.monitor.state in NEXT[before.state].values()
            assert done.monitor.since == seen.now
        else:
            assert done.monitor.since == before.since
            assert not done.announcements


@settings(max_examples=200, deadline=None)
@given(STORIES, POLICIES)
def test_an_incident_is_open_exactly_while_it_is_retrained_or_validated(looks, policy):
    for _, _, done in told(looks, policy):
        assert (done.monitor.incident is not None) == (done.monitor.state in {State.RETRAINING, State.VALIDATING})


@settings(max_examples=200, deadline=None)
@given(STORIES, POLICIES)
def test_what_is_opened_is_closed_before_anything_is_opened_again(looks, policy):
    told_of = [word for _, _, done in told(looks, policy) for word in done.announcements if word in {"Opened", "Closed"}]
    assert told_of == ["Opened", "Closed"] * (len(told_of) // 2) + ["Opened"] * (len(told_of) % 2)


@settings(max_examples=200, deadline=None)
@given(STORIES, POLICIES)
def test_two_incidents_are_a_rest_apart_unless_a_person_came_between(looks, policy):
    closed, outcome = None, None
    for _, seen, done in told(looks, policy):
        if "Opened" in done.announcements and closed is not None and outcome != "Superseded":
            assert seen.now - closed >= policy.rest
        if "Closed" in done.announcements:
            closed, outcome = seen.now, done.outcome


@settings(max_examples=200, deadline=None)
@given(STORIES, POLICIES)
def test_nothing_is_opened_without_a_cause_against_a_hindrance_or_unasked(looks, policy):
    for before, seen, done in told(looks, policy):
        if "Opened" in done.announcements:
            assert policy.action == "Retrain"
            assert not seen.hindrances
            assert seen.fired or (before.state, done.monitor.incident.cause) in {(State.DEGRADED, "Performance"), (State.DRIFTED, "Drift")}


@settings(max_examples=200, deadline=None)
@given(STORIES, POLICIES)
def test_after_no_gain_there_must_be_more_to_learn_from_or_nothing_to_lose(looks, policy):
    for before, seen, done in told(looks, policy):
        if "Opened" in done.announcements and before.back_off:
            more = seen.labelled_rows >= MORE_ROWS * before.back_off.labelled_rows
            lost = policy.floor is not None and seen.skill is not None and seen.skill < policy.floor
            assert more or (lost and before.back_off.outcome != "Worse")


@settings(max_examples=200, deadline=None)
@given(STORIES, POLICIES)
def test_a_model_is_never_deprecated_or_rolled_back_unasked(looks, policy):
    for _, seen, done in told(looks, policy):
        if "Deprecate" in done.announcements:
            assert policy.on_no_gain == "Deprecate"
            assert seen.skill < policy.floor
        if "RollBack" in done.announcements:
            assert done.outcome == "Worse"


@settings(max_examples=100, deadline=None)
@given(STORIES, POLICIES, st.integers(0, 59))
def test_a_process_that_dies_before_writing_decides_the_same_again(looks, policy, at):
    before, seen, done = told(looks, policy)[at % len(looks)]
    assert step(before, seen, policy) == done


@settings(max_examples=100, deadline=None)
@given(LOOKS, POLICIES)
def test_the_same_look_over_and_over_comes_to_rest(look, policy):
    """Time stands still: at most a walk from Learning to Retraining and, where that ends at once, to the cooldown."""
    story = told([look] + [look | {"hours": 0, "rows": 0, "brought": 0}] * 12, replace(policy, cooldown=HOUR))
    assert story[-1][2].monitor == story[-2][2].monitor


@settings(max_examples=100, deadline=None)
@given(st.lists(st.sampled_from(["Strange", "Unclear"]), min_size=1, max_size=40), POLICIES)
def test_a_measure_that_hovers_at_its_threshold_changes_the_state_once(readings, policy):
    looks = [{"hours": 24, "rows": 0, "drift": each, "performance": "Unknown", "brought": 0} for each in readings]
    calm = {"hours": 1, "rows": 0, "drift": "Calm", "performance": "Unknown", "brought": 0}
    states = [done.monitor.state for _, _, done in told([calm, *looks], policy)]
    assert sum(one != two for one, two in pairwise(states)) <= 1


@settings(max_examples=100, deadline=None)
@given(st.lists(READINGS, min_size=1, max_size=40))
def test_drift_without_a_trigger_for_it_never_opens_anything(readings):
    looks = [{"hours": 24, "rows": 500, "drift": each, "performance": "Unknown", "brought": 0} for each in readings]
    assert not any("Opened" in done.announcements for _, _, done in told(looks, Policy()))
