"""Gauges made of statuses: what they say, and that they go with their object."""

from prometheus_client import CollectorRegistry, generate_latest

from support.builders import Object, deployment, drift_monitor, training_job
from trimtab.kube.told import StatusGauges

STATUS = {
    "watching": {"version": 3, "name": "flights-v3"},
    "standing": {"state": "Degraded", "since": "2013-02-01T00:00:00Z", "newest": 3},
    "lastWindow": {"drifted": 1, "tested": 9, "worst": [{"feature": "dep_delay", "effect": "0.31", "pValue": "0.004"}]},
    "performance": {"skill": "-0.05", "lower": "-0.08", "matured": "0.97"},
    "evaluation": {"finishedAt": "2026-01-05T12:00:00Z"},
}
LABELS = '{driftmonitor="flights",model="flights",model_deployment="flights",namespace="default",version="3"}'


def told(*events: tuple[str | None, Object]) -> str:
    gauges, registry = StatusGauges(), CollectorRegistry()
    registry.register(gauges)
    for change, obj in events:
        gauges.on_object(change, obj)
    return generate_latest(registry).decode()


def monitor(**status: object) -> Object:
    return drift_monitor() | {"status": STATUS | status}


def incident(id_: str, outcome: str = "") -> Object:
    return {"id": id_, "cause": "Performance", "outcome": outcome}


def test_a_monitor_tells_its_skill_drift_and_state():
    text = told((None, monitor()))
    for name, value in {"model_skill": -0.05, "model_skill_lower": -0.08, "labels_matured_ratio": 0.97, "drift_features_drifted": 1.0}.items():
        assert f"trimtab_{name}{LABELS} {value}" in text
    assert 'trimtab_drift_effect{driftmonitor="flights",feature="dep_delay",model="flights"' in text
    states = [line for line in text.splitlines() if line.startswith("trimtab_driftmonitor_state{")]
    assert len(states) == 8
    assert [line for line in states if line.endswith(" 1.0")] == [line for line in states if 'state="Degraded"' in line]


def test_a_status_that_says_nothing_gives_no_series():
    assert "trimtab" not in told((None, drift_monitor() | {"status": {"observedGeneration": -1}}))


def test_series_go_with_the_object():
    assert "flights" not in told((None, monitor()), ("DELETED", monitor()))


def test_a_measure_that_is_not_known_any_more_has_no_series():
    assert "trimtab_model_skill" not in told((None, monitor()), ("MODIFIED", monitor(performance={})))


def test_incidents_are_counted_as_they_close_and_not_again_after_a_restart():
    before = incident("a", "NoGain")
    events = [(None, monitor(lastIncidents=[before])), ("MODIFIED", monitor(lastIncidents=[before], incident=incident("b")))]
    open_ = told(*events)
    assert 'outcome="Improved"} 0.0' in open_
    closed = told(*events, ("MODIFIED", monitor(lastIncidents=[incident("b", "Improved"), before])))
    assert 'trimtab_incidents_total{cause="Performance",driftmonitor="flights",model_deployment="flights",namespace="default",outcome="Improved"} 1.0' in closed
    assert 'outcome="NoGain"} 0.0' in closed


def test_a_rollout_tells_its_weight_and_verdict_while_it_lasts():
    rolling = deployment() | {"status": {"candidate": {"version": 4, "programmedPercent": 25, "verdict": "Pass"}}}
    text = told((None, rolling))
    assert 'trimtab_rollout_weight_percent{model="flights",model_deployment="flights",namespace="default",version="4"} 25.0' in text
    assert 'verdict="Pass"' in text
    assert "rollout" not in told((None, rolling), ("MODIFIED", deployment()))


CLOCK = {"began": "2026-01-01T00:00:00Z", "now": "2026-02-01T00:00:00Z"}


def series(text: str, name: str) -> list[tuple[str, float]]:
    """(labels, value) of every series of a gauge."""
    lines = [line.removeprefix(f"trimtab_{name}").rsplit(" ", 1) for line in text.splitlines() if line.startswith(f"trimtab_{name}{{")]
    return [(labels, float(value)) for labels, value in lines]


def by(label: str, found: list[tuple[str, float]]) -> dict[str, float]:
    return {labels.split(f'{label}="')[1].split('"')[0]: value for labels, value in found}


def test_every_condition_of_every_kind_is_a_number():
    conditions = [{"type": word, "status": word, "reason": "Why"} for word in ("True", "False", "Unknown")]
    text = told((None, training_job() | {"status": {"conditions": conditions}}))
    assert [value for _, value in series(text, "condition")] == [1.0, 0.0, -1.0]
    assert 'trimtab_condition{kind="TrainingJob",name="flights",namespace="default",reason="Why",type="True"} 1.0' in text


def test_faults_are_counted_by_name_and_none_is_a_number_too():
    text = told((None, monitor(readings={"faults": ["NullFlood temp: half of it is empty.", "NullFlood dewp: the same."]})))
    assert {"NullFlood": 2.0, "SchemaChanged": 0.0}.items() <= by("fault", series(text, "data_faults")).items()
    assert series(told((None, monitor())), "data_faults") == []


def test_a_monitor_tells_how_far_it_has_looked_on_its_own_clock():
    watching, name = STATUS["watching"] | {"since": "2026-01-02T00:00:00Z"}, "driftmonitor_looked_upto_timestamp_seconds"
    ((labels, value),) = series(told((None, monitor(watching=watching))), name)
    assert ('clock="Wall"' in labels, value) == (True, 1767312000.0)
    ((_, later),) = series(told((None, monitor(watching=watching, readings={"windowStart": "2026-01-03T00:00:00Z"}))), name)
    assert later - value == 2 * 86400, "the window from the 3rd ends on the 4th"


def test_labels_are_overdue_by_as_many_windows_as_should_have_been_judged_since():
    watching = STATUS["watching"] | {"since": "2026-01-02T00:00:00Z"}
    never, late, none = (
        series(told((None, monitor(watching=watching, clock=CLOCK, performance=last))), "labels_overdue_windows")[0][1]
        for last in ({}, {"to": "2026-01-16T00:00:00Z"}, {"to": "2026-01-30T00:00:00Z"})
    )
    assert (never, late, none) == (4.0, 2.0, 0.0)


def test_a_spec_of_another_release_keeps_no_other_gauge_back():
    strange = monitor()
    strange["spec"] = strange["spec"] | {"window": {"duration": "fortnight"}}
    text = told((None, strange))
    assert "trimtab_model_skill{" in text
    assert "window_seconds" not in text


def test_a_deployment_tells_which_versions_have_pods_unless_none_are_wanted():
    status = {"status": {"stable": {"version": 3, "ready": 2}, "candidate": {"version": 4}}}
    pods = series(told((None, deployment() | status)), "deployment_ready_pods")
    assert by("place", pods) == {"stable": 2.0, "candidate": 0.0}
    assert series(told((None, deployment(replicas=0) | status)), "deployment_ready_pods") == []


def test_the_newest_run_is_told_with_its_cause_and_its_time():
    old = {"key": "a", "outcome": "Registered"}
    new = {"key": "b", "outcome": "Failed", "cause": "Incident", "startedAt": "2026-01-02T00:00:00Z", "finishedAt": "2026-01-02T00:01:30Z"}
    text = told((None, training_job() | {"status": {"latestRun": "b", "runs": [new, old], "progress": {"percent": 40}}}))
    ((labels, _),) = series(text, "run_outcome")
    assert 'cause="Incident"' in labels
    assert 'outcome="Failed"' in labels
    assert [value for _, value in series(text, "run_duration_seconds") + series(text, "run_progress_percent")] == [90.0, 40.0]
