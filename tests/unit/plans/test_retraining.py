"""One step of a monitor: what follows from what is seen."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from trimtab.plans.monitor_states import NEXT, Signal, State
from trimtab.plans.retraining import GIVEN, BackOff, Hindrance, Incident, Monitor, Policy, Seen, hindrances, incident_id, step

NOW = datetime(2013, 9, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RETRAIN = Policy()
INCIDENT = Incident("0123456789abcdef", "Performance", NOW - 3 * DAY, 1000)


def monitor(state: State, **more) -> Monitor:
    return Monitor("uid", 6, 6, state, NOW - 2 * DAY, **more)


def seen(**more) -> Seen:
    return replace(Seen(NOW, NOW - DAY, 6, labelled_rows=1000), **more)


@pytest.mark.parametrize(
    ("state", "look", "then"),
    [
        (State.LEARNING, {}, State.LEARNING),
        (State.LEARNING, {"drift": "Calm"}, State.HEALTHY),
        (State.LEARNING, {"performance": "Alarm"}, State.DEGRADED),
        (State.HEALTHY, {"drift": "Strange", "performance": "Calm"}, State.SUSPECT),
        (State.HEALTHY, {"drift": "Unclear", "performance": "Unclear"}, State.HEALTHY),
        (State.SUSPECT, {"drift": "Unclear", "performance": "Calm"}, State.SUSPECT),
        (State.SUSPECT, {"drift": "Calm", "performance": "Unknown"}, State.HEALTHY),
        (State.SUSPECT, {"drift": "Unknown", "performance": "Unknown"}, State.SUSPECT),
        (State.SUSPECT, {"drift": "Alarm", "performance": "Calm"}, State.DRIFTED),
        (State.SUSPECT, {"drift": "Alarm", "performance": "Alarm"}, State.DEGRADED),
        (State.DRIFTED, {"drift": "Strange"}, State.DRIFTED),
        (State.DRIFTED, {"drift": "Calm", "performance": "Unclear"}, State.HEALTHY),
        (State.DRIFTED, {"performance": "Alarm"}, State.DEGRADED),
        (State.DEGRADED, {"performance": "Alarm"}, State.RETRAINING),
        (State.DEGRADED, {"performance": "Calm"}, State.RETRAINING),
        (State.COOLDOWN, {}, State.LEARNING),
    ],
)
def test_what_a_look_makes_of_a_state(state, look, then):
    assert step(monitor(state), seen(**look), RETRAIN).monitor.state == then


def test_a_degraded_model_that_may_not_be_retrained_stays_so_until_it_is_clearly_back():
    alert = Policy(action="Alert")
    assert step(monitor(State.DEGRADED), seen(performance="Unclear", drift="Calm"), alert).monitor.state == State.DEGRADED
    assert step(monitor(State.DEGRADED), seen(performance="Calm"), alert).monitor.state == State.HEALTHY


def test_drift_alone_is_told_and_retrains_nothing():
    entered = step(monitor(State.SUSPECT), seen(drift="Alarm"), RETRAIN)
    assert entered.announcements == ("Alert",)
    assert step(entered.monitor, seen(drift="Alarm"), RETRAIN).monitor.state == State.DRIFTED


def test_drift_retrains_where_a_person_made_it_a_trigger():
    opened = step(monitor(State.DRIFTED), seen(drift="Alarm"), Policy(causes=frozenset({"Drift"})))
    assert (opened.monitor.state, opened.monitor.incident.cause) == (State.RETRAINING, "Drift")


@pytest.mark.parametrize("state", [State.LEARNING, State.HEALTHY, State.SUSPECT])
def test_a_schedule_retrains_a_model_that_is_well(state):
    opened = step(monitor(state), seen(fired=("Schedule",)), RETRAIN)
    assert (opened.monitor.state, opened.monitor.incident.cause, opened.announcements) == (State.RETRAINING, "Schedule", ("Opened",))


@pytest.mark.parametrize("hindrance", list(Hindrance))
def test_nothing_is_retrained_while_something_speaks_against_it(hindrance):
    look = seen(performance="Alarm", fired=("Schedule",), hindrances=frozenset({hindrance}))
    assert step(monitor(State.DEGRADED), look, RETRAIN).monitor.incident is None
    assert hindrances(monitor(State.DEGRADED), look, RETRAIN) == (hindrance.sentence,)


def test_an_incident_has_the_same_id_whoever_opens_it():
    first = step(monitor(State.DEGRADED), seen(), RETRAIN).monitor.incident
    again = step(monitor(State.DEGRADED), seen(now=NOW + DAY), RETRAIN).monitor.incident
    assert first.id == again.id == incident_id("uid", "Performance", NOW - DAY)
    assert len(first.id) == 16


@pytest.mark.parametrize(
    ("run", "state", "outcome"),
    [
        ("Running", State.RETRAINING, None),
        (None, State.RETRAINING, None),
        ("Promoted", State.VALIDATING, None),
        ("Rejected", State.COOLDOWN, "Rejected"),
        ("Unchanged", State.COOLDOWN, "NoGain"),
        ("Failed", State.COOLDOWN, "Failed"),
    ],
)
def test_what_becomes_of_a_run(run, state, outcome):
    found = step(monitor(State.RETRAINING, incident=INCIDENT), seen(run=run), RETRAIN)
    assert (found.monitor.state, found.outcome) == (state, outcome)
    assert (found.monitor.incident is None) == (outcome is not None)


def test_the_promoted_version_is_watched_and_is_no_replacement():
    found = step(monitor(State.RETRAINING, incident=INCIDENT), seen(run="Promoted", version=7), RETRAIN)
    assert (found.monitor.state, found.monitor.version, found.monitor.incident) == (State.VALIDATING, 7, INCIDENT)


@pytest.mark.parametrize(
    ("judged", "announced", "backs_off"),
    [("Improved", ("Closed",), False), ("NoGain", ("Closed", "Alert"), True), ("Worse", ("Closed", "RollBack", "Alert"), True)],
)
def test_what_a_new_version_turned_out_to_be(judged, announced, backs_off):
    found = step(monitor(State.VALIDATING, incident=INCIDENT), seen(judged=judged), RETRAIN)
    assert (found.outcome, found.announcements, found.monitor.back_off is not None) == (judged, announced, backs_off)


def test_a_new_version_waits_for_its_labels_however_long():
    assert step(monitor(State.VALIDATING, incident=INCIDENT), seen(now=NOW + 300 * DAY), RETRAIN).monitor.state == State.VALIDATING


def test_a_run_that_gained_nothing_is_repeated_with_a_fifth_more_rows_than_it_had():
    waiting = monitor(State.DEGRADED, back_off=BackOff("NoGain", 1000))
    assert step(waiting, seen(labelled_rows=1199), RETRAIN).monitor.state == State.DEGRADED
    assert step(waiting, seen(labelled_rows=1200), RETRAIN).monitor.state == State.RETRAINING
    assert "from 1200 labelled rows on" in hindrances(waiting, seen(), RETRAIN)[0]


def test_the_rows_a_run_had_are_those_when_it_was_asked_for():
    found = step(monitor(State.VALIDATING, incident=INCIDENT), seen(judged="NoGain", labelled_rows=5000), RETRAIN)
    assert found.monitor.back_off == BackOff("NoGain", 1000)


@pytest.mark.parametrize(("outcome", "again"), [("NoGain", True), ("Rejected", True), ("Worse", False)])
def test_skill_below_the_floor_does_not_wait_unless_the_last_run_made_it_worse(outcome, again):
    waiting = monitor(State.DEGRADED, back_off=BackOff(outcome, 1000))
    found = step(waiting, seen(skill=-0.1), Policy(floor=0.0))
    assert (found.monitor.state == State.RETRAINING) == again


def test_the_next_incident_waits_for_cooldown_and_maturity_whichever_is_longer():
    slow = Policy(cooldown=DAY, label_maturity=5 * DAY)
    assert step(monitor(State.COOLDOWN), seen(now=NOW + 2.9 * DAY), slow).monitor.state == State.COOLDOWN
    assert step(monitor(State.COOLDOWN), seen(now=NOW + 3 * DAY), slow).monitor.state == State.LEARNING


def test_a_person_who_brings_a_version_starts_anew_and_closes_what_was_open():
    found = step(monitor(State.VALIDATING, incident=INCIDENT), seen(version=9), RETRAIN)
    assert (found.monitor.state, found.monitor.version, found.monitor.incident, found.outcome) == (State.LEARNING, 9, None, "Superseded")


def test_a_new_version_lifts_a_back_off_and_going_back_to_an_old_one_does_not():
    waiting = monitor(State.HEALTHY, back_off=BackOff("Worse", 1000), lifts=1)
    assert step(waiting, seen(version=7), RETRAIN).monitor.back_off is None
    assert step(waiting, seen(version=5), RETRAIN).monitor.back_off == BackOff("Worse", 1000)


def test_the_rollback_of_a_bad_version_neither_ends_the_cooldown_nor_retrains_at_once():
    worse = step(monitor(State.VALIDATING, incident=INCIDENT), seen(judged="Worse"), RETRAIN).monitor
    back = step(worse, seen(version=5, now=NOW + DAY / 2, performance="Alarm"), RETRAIN).monitor
    assert (back.state, back.version, back.back_off.outcome) == (State.COOLDOWN, 5, "Worse")
    for days in range(1, 9):
        back = step(back, seen(version=5, now=NOW + days * DAY, performance="Alarm"), RETRAIN).monitor
    assert (back.state, back.incident) == (State.DEGRADED, None)


def test_a_model_is_deprecated_only_if_asked_and_after_two_retrains_that_did_not_lift_it():
    asked = Policy(floor=0.0, on_no_gain="Deprecate")
    look = seen(judged="NoGain", skill=-0.1)
    first = step(monitor(State.VALIDATING, incident=INCIDENT), look, asked)
    second = step(monitor(State.VALIDATING, incident=INCIDENT, lifts=first.monitor.lifts), look, asked)
    unasked = step(monitor(State.VALIDATING, incident=INCIDENT, lifts=5), look, Policy(floor=0.0))
    above = step(monitor(State.VALIDATING, incident=INCIDENT, lifts=5), replace(look, skill=0.1), asked)
    assert [("Deprecate" in each.announcements) for each in (first, second, unasked, above)] == [False, True, False, False]


def test_every_signal_is_given_by_something_and_heard_by_some_state():
    assert set(GIVEN) == set(Signal) == {signal for heard in NEXT.values() for signal in heard}


def test_every_state_can_be_reached_and_left():
    assert set(NEXT) == set(State)
    assert {to for heard in NEXT.values() for to in heard.values()} == set(State)
    assert all(set(heard.values()) - {state} for state, heard in NEXT.items())
