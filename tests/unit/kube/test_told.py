"""Gauges made of statuses: what they say, and that they go with their object."""

from prometheus_client import CollectorRegistry, generate_latest

from support.builders import Object, deployment, drift_monitor
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
