"""A monitor's clock, its triggers, and what Prometheus says, rule by rule."""

from datetime import UTC, datetime, timedelta

import pytest

from trimtab.api.driftmonitor import DriftMonitorSpec, DriftMonitorStatus, Trigger
from trimtab.api.monitor_memory import Clock, Readings, TriggerReading
from trimtab.controllers.driftmonitor import read_event_times
from trimtab.controllers.prometheus import read
from trimtab.plans.monitor_clock import closed, next_closing, told
from trimtab.plans.monitored import Answer
from trimtab.plans.triggers import Times, bad_schedule, fired, has_come, has_lasted, has_new_data, is_beyond, with_answers

NOW = datetime(2026, 1, 5, 12, tzinfo=UTC)
FEBRUARY = datetime(2013, 2, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def spec(**more) -> DriftMonitorSpec:
    return DriftMonitorSpec.model_validate({"deployment": "flights"} | more)


def trigger(**more) -> Trigger:
    return Trigger.model_validate({"name": "it"} | more)


EVENT = spec(clock="Event")


class TestTheClock:
    def test_the_walls_is_what_it_is(self):
        assert told(spec(), None, None, NOW).clock == Clock(began=NOW, now=NOW)

    def test_the_requests_stands_still_until_there_are_some(self):
        assert told(EVENT, None, None, NOW).clock is None

    def test_it_never_goes_back_not_even_when_every_pod_has_gone(self):
        before = Clock(began=FEBRUARY, now=FEBRUARY + DAY)
        assert told(EVENT, before, FEBRUARY, NOW).clock == before
        assert told(EVENT, before, None, NOW).clock == before

    def test_what_is_ahead_of_us_is_not_believed(self):
        before = Clock(began=FEBRUARY, now=FEBRUARY)
        ahead = told(EVENT, before, NOW + 2 * HOUR, NOW)
        assert (ahead.clock, ahead.jumped) == (before, NOW + 2 * HOUR)
        assert told(EVENT, before, NOW + timedelta(minutes=30), NOW).jumped is None

    def test_the_walls_does_not_jump(self):
        assert told(spec(), None, NOW + DAY, NOW).jumped is None


class TestWindows:
    def test_those_of_inputs_are_days_in_utc(self):
        assert closed(EVENT, FEBRUARY + 5 * HOUR, None).inputs == FEBRUARY
        assert closed(spec(window={"duration": "6h"}), FEBRUARY + 13 * HOUR, None).inputs == FEBRUARY + 12 * HOUR

    def test_those_of_skill_begin_with_the_version_and_wait_for_labels(self):
        since = FEBRUARY + 3 * HOUR
        first_whole = FEBRUARY + DAY + 7 * DAY
        assert closed(EVENT, first_whole + 23 * HOUR, since).skill < first_whole
        assert closed(EVENT, first_whole + 24 * HOUR, since).skill == first_whole

    def test_the_next_to_close_is_the_earlier_of_both(self):
        assert next_closing(EVENT, FEBRUARY + HOUR, FEBRUARY) == FEBRUARY + DAY
        slow = spec(window={"duration": "240h"}, performance={"window": "24h", "labelMaturity": "1h"})
        assert next_closing(slow, FEBRUARY + 5 * HOUR, FEBRUARY) == FEBRUARY + 25 * HOUR


class TestSchedules:
    def test_a_moment_that_came_since_fires(self):
        nightly = trigger(type="Schedule", schedule="0 3 * * *")
        assert has_come(nightly, Times(FEBRUARY, FEBRUARY + 3 * HOUR, NOW))
        assert not has_come(nightly, Times(FEBRUARY, FEBRUARY + 2 * HOUR, NOW))
        assert not has_come(nightly, Times(FEBRUARY + 4 * HOUR, FEBRUARY + 20 * HOUR, NOW))

    def test_one_that_is_none_never_fires_and_says_why(self):
        nonsense = trigger(type="Schedule", schedule="61 * * * *")
        assert "write five fields of `schedule`" in bad_schedule(nonsense)
        assert not has_come(nonsense, Times(FEBRUARY, NOW, NOW))


class TestNewData:
    @pytest.mark.parametrize(("percent", "new", "fires"), [(None, 199, False), (None, 200, True), (50, 499, False), (50, 500, True), (1, 0, False)])
    def test_so_many_percent_of_what_the_version_learned_from(self, percent, new, fires):
        readings = Readings(version=1, window_start=FEBRUARY, labelled_rows=1000 + new, new_rows=new)
        assert has_new_data(trigger(type="NewData", percent=percent), readings) == fires

    def test_of_a_model_that_was_brought_nobody_knows_what_it_learned_from(self):
        readings = Readings(version=1, window_start=FEBRUARY, labelled_rows=5000, new_rows=5000)
        assert not has_new_data(trigger(type="NewData"), readings)

    def test_before_the_first_look_nothing_is_new(self):
        assert not has_new_data(trigger(type="NewData"), None)


class TestPrometheus:
    @pytest.mark.parametrize(
        ("bound", "values", "beyond"),
        [
            ({"above": 1}, (1.0,), False),
            ({"above": 1}, (0.0, 1.1), True),
            ({"below": 0}, (-0.1,), True),
            ({"below": 0}, (float("nan"),), False),
            ({"above": 0}, (), False),
        ],
    )
    def test_any_series_beyond_the_bound_counts(self, bound, values, beyond):
        assert is_beyond(trigger(type="Prometheus", query="up", **bound), values) == beyond

    def test_it_must_last_where_that_is_asked(self):
        patient = trigger(type="Prometheus", query="up", above=0, **{"for": "5m"})
        since = TriggerReading(name="it", true_since=NOW - timedelta(minutes=4))
        assert not has_lasted(patient, since, NOW)
        assert has_lasted(patient, since, NOW + timedelta(minutes=1))
        assert not has_lasted(patient, TriggerReading(name="it"), NOW)

    def test_the_first_moment_is_kept_and_lost_when_it_is_over_or_unknown(self):
        watching = spec(triggers=[{"name": "it", "type": "Prometheus", "query": "up", "above": 0}])
        (first,) = with_answers(watching, DriftMonitorStatus(), (Answer("it", (1.0,)),), NOW)
        (later,) = with_answers(watching, DriftMonitorStatus(triggers=[first]), (Answer("it", (1.0,)),), NOW + HOUR)
        assert (first.true_since, later.true_since) == (NOW, NOW)
        assert with_answers(watching, DriftMonitorStatus(triggers=[first]), (Answer("it", (0.0,)),), NOW)[0].true_since is None
        assert with_answers(watching, DriftMonitorStatus(triggers=[first]), (Answer("it", problem="away", unreachable=True),), NOW)[0].true_since is None

    def test_triggers_fire_in_the_order_they_stand(self):
        two = spec(triggers=[{"name": "b", "type": "Prometheus", "query": "up", "above": 0}, {"name": "a", "type": "NewData"}])
        readings = Readings(version=1, window_start=FEBRUARY, labelled_rows=300, new_rows=200)
        on = (TriggerReading(name="b", true_since=NOW),)
        assert fired(two, readings, on, Times(FEBRUARY, FEBRUARY, NOW)) == ("b", "a")

    def test_answers_of_all_kinds_are_read(self):
        vector = {"resultType": "vector", "result": [{"value": [0, "0.5"]}, {"value": [0, "NaN"]}]}
        assert read("it", {"status": "success", "data": vector}).values[0] == 0.5
        assert read("it", {"status": "success", "data": {"resultType": "scalar", "result": [0, "+Inf"]}}).values == (float("inf"),)
        assert "gives a string" in read("it", {"status": "success", "data": {"resultType": "string", "result": [0, "x"]}}).problem

    def test_a_server_that_is_too_busy_is_away_and_a_bad_query_is_not(self):
        busy = read("it", {"status": "error", "errorType": "timeout", "error": "query timed out"})
        bad = read("it", {"status": "error", "errorType": "bad_data", "error": "parse error: x"})
        assert (busy.unreachable, bad.unreachable, bad.problem) == (True, False, "Prometheus says: parse error: x")


def test_event_times_of_pods_are_read_and_those_that_no_date_can_hold_are_not():
    text = "\n".join(f'trimtab_event_time_uploaded_seconds{{version="{n}"}} {value}' for n, value in enumerate(["0", "1.359676800e+09", "9e+30", "NaN", "-5"]))
    assert read_event_times(text + "\n") == [FEBRUARY]
