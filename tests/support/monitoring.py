"""A monitor's world in tests: a Deployment with its history, serving pods with a clock, what `evaluate` answers."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

from support.answers import evaluate_answer
from support.builders import Object, deployment, drift_monitor, model_version, training_job
from support.fake_api import FakeApi
from support.job_pods import answer
from trimtab.api.base import API_VERSION
from trimtab.api.driftmonitor import FeatureReading, PerformanceReading
from trimtab.api.evaluation import Comparison, Evaluated, WindowReading
from trimtab.manifests.labels import OWNER_UID

FEBRUARY = datetime(2013, 2, 1, tzinfo=UTC)
DAY = timedelta(days=1)
RETRAIN = {"action": "Retrain", "trainingJob": "flights"}
INPUTS = {"inputs": [{"name": "dep_delay", "datatype": "FP64"}, {"name": "carrier", "datatype": "BYTES"}]}


def monitor(**spec: Any) -> Object:
    """One on the requests' clock that retrains."""
    return drift_monitor(**{"clock": "Event", "onTrigger": RETRAIN} | spec)


def version(number: int, **spec: Any) -> Object:
    return model_version("flights", number, **{"summary": INPUTS} | spec)


def serving(*history: int, name: str = "flights", **status: Any) -> Object:
    """The Deployment, with the versions it has served, the last of which it serves."""
    entries = [{"version": number, "since": "2026-01-05T08:00:00Z"} for number in history]
    stable = {"version": history[-1], "name": f"flights-v{history[-1]}", "since": "2026-01-05T08:00:00Z"} if history else None
    return deployment(name, "flights") | {"status": {"stable": stable, "history": entries, **status} if stable else status}


def trainer(*runs: Object) -> Object:
    return training_job() | {"status": {"runs": list(runs)}}


def clock_at(api: FakeApi, moment: datetime, name: str = "flights") -> None:
    """The serving pod has stored requests up to this moment."""
    owner = api.one("modeldeployments", name)
    meta = {"name": "flights-v1-x", "namespace": "default", "labels": {OWNER_UID: owner["metadata"]["uid"]}}
    spec = {"containers": [{"name": "serving", "image": "serving:1"}]}
    api.given({"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec, "status": {"phase": "Running", "podIP": "10.2.2.2"}})
    api.scrapes["10.2.2.2", 8081] = f'trimtab_event_time_uploaded_seconds{{model="flights"}} {moment.timestamp()}\n'


def evaluated(day: datetime = FEBRUARY, **more: Any) -> Evaluated:
    """A calm answer about the windows up to a day, unless something else is said."""
    window = WindowReading(from_=day - DAY, to=day, rows=900, verdict=more.pop("verdict", "Quiet"))
    calm = {"windows": [window], "drift": "Calm", "performance": "Calm", "tested": 2, "labelled_rows": 1500, "new_rows": 500, "skill": skill("0.06")}
    return Evaluated(**calm | more)


def skill(estimate: str) -> PerformanceReading:
    return PerformanceReading(skill=estimate, lower="0.01", upper="0.08", reference="0.055", line="0.02", labels=500, matured="0.99")


LOST = {"performance": "Alarm", "skill": skill("-0.05")}
DRIFT = {
    "drift": "Alarm",
    "drifted": 1,
    "verdict": "Drifted",
    "worst": [FeatureReading(feature="dep_delay", effect="0.31", p_value="0.004")],
}


def judged(outcome: str, gain: float = 0.02) -> Comparison:
    return Comparison(outcome=outcome, gain=gain, lower=gain - 0.01, upper=gain + 0.01, labels=500)


def answers(api: FakeApi, job: Object, found: Evaluated) -> None:
    answer(api, job, evaluate_answer(found))


def document(job: Object) -> Object:
    variables = {v["name"]: v.get("value") for v in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    return dict(json.loads(variables["TRIMTAB_DOCUMENT"]))


def run(request: str, outcome: str = "Running", **more: Any) -> Object:
    return {"key": "0" * 32, "request": request, "outcome": outcome} | more


__all__ = ["API_VERSION", "DAY", "FEBRUARY"]
