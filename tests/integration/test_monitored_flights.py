"""The operator's monitor and the worker's `evaluate` together, over a real object store and real flights; only pods and Jobs are played.

Every answer is the verb's own, to the document of the Job that the operator made.
"""

import json
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest

from support.job_pods import answer
from support.monitoring import clock_at, monitor, run, serving, trainer
from support.tale import Tale
from support.watched import Place, Version, between, shuffled, utc
from trimtab.api.evaluation import EvaluateDocument
from trimtab.controllers import driftmonitor
from trimtab.jobs import evaluate

KIND, BLOCK = "DriftMonitor", "blocked.trimtab.dev/flights"
BEGIN, SWITCH, END = "2013-05-25", "2013-06-05", "2013-06-18"
SHORT = {"performance": {"window": "96h"}, "skew": {"replay": 50}}
"""Weeks are too long for three weeks of flights."""


@pytest.fixture(scope="module")
def good(place: Place) -> Version:
    return place.learned()


@pytest.fixture(scope="module")
def bad(place: Place) -> Version:
    return place.mislearned()


@pytest.fixture(scope="module")
def skilless(place: Place) -> Version:
    """The same, with the month that is watched still to be learned from."""
    return place.model(place.dataset("early", shuffled(between("2013-01-01", BEGIN, 4))))


class Months(Tale):
    """Flights of some weeks, answered by one version until a day and by another from then on."""

    def __init__(self, place: Place, name: str, first: Version, then: Version, **spec: Any) -> None:
        versions = [_model_version(first, 1), _model_version(then, 2)]
        watch = monitor(**SHORT | {"deployment": name} | spec)
        super().__init__(driftmonitor, given=(watch, serving(1, name=name), trainer(), *versions))
        self.place, self.name = place, name
        _answered(place, name, first, then)

    async def at(self, day: str) -> None:
        """Requests up to this day are stored; whatever looks that makes due are done by the worker."""
        clock_at(self.api, utc(day) + timedelta(hours=1), self.name)
        await self.settle()
        while running := self.running("evaluate"):
            answer(self.api, running[0], evaluate.run(_document(running[0]), self.place.context()))
            await self.settle()

    def serves(self, *history: int) -> None:
        self.api.given(serving(*history, name=self.name))

    def annotations(self, name: str) -> Any:
        return self.api.one("modelversions", name)["metadata"].get("annotations") or {}


def _model_version(version: Version, number: int) -> dict[str, Any]:
    spec = {"model": "flights", "version": number, "artifact": version.artifact.model_dump(mode="json", by_alias=True, exclude_none=True)}
    return {"apiVersion": "trimtab.dev/v1alpha1", "kind": "ModelVersion", "metadata": {"name": f"flights-v{number}", "namespace": "default"}, "spec": spec}


def _document(job: dict[str, Any]) -> EvaluateDocument:
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return EvaluateDocument.model_validate(json.loads(next(each["value"] for each in variables if each["name"] == "TRIMTAB_DOCUMENT")))


def _answered(place: Place, name: str, first: Version, then: Version) -> None:
    """What both left behind, labels included."""
    rows, switch = between(BEGIN, END, 3), pd.Timestamp(SWITCH, tz="UTC")
    for number, version, part in ((1, first, rows[rows.sched_dep < switch]), (2, then, rows[rows.sched_dep >= switch])):
        place.pod(name, version, number, f"pod-{number}").answers(part).is_told(part)


async def test_a_bad_model_that_a_person_named_is_quick_faultless_and_taken_back_by_its_own_labels(place: Place, good: Version, bad: Version) -> None:
    tale = Months(place, "flights", good, bad)
    await tale.at(BEGIN)
    await tale.at(SWITCH)
    assert tale.status(KIND)["state"] == "Healthy"
    assert tale.condition(KIND, "Drifted")["status"] == "False"
    assert tale.condition(KIND, "SkewDetected")["reason"] == "NoSkew"
    assert float(tale.status(KIND)["performance"]["skill"]) > 0
    assert tale.status(KIND).get("incident") is None
    tale.serves(1, 2)
    await tale.at(SWITCH)
    assert BLOCK not in tale.annotations("flights-v2")
    await tale.at("2013-06-12")
    said = tale.annotations("flights-v2")[BLOCK]
    assert said.startswith("flights-v2 is worse than flights-v1: its loss is higher by 0.0"), said
    assert tale.status(KIND)["judged"]["outcome"] == "Worse"
    assert int(tale.status(KIND)["judged"]["labels"]) >= 200
    assert "TakenBack" in tale.events()
    tale.serves(1, 2, 1)
    await tale.at("2013-06-13")
    assert tale.status(KIND)["watching"]["version"] == 1
    assert tale.status(KIND).get("incident") is None


async def test_a_model_that_has_no_skill_is_retrained_and_the_new_one_is_found_better(place: Place, good: Version, skilless: Version) -> None:
    """The other way round: what serves learned nothing, and the run that its incident brings did."""
    tale = Months(place, "rides", skilless, good, performance={"window": "96h", "floor": 0.01})
    await tale.at(BEGIN)
    await tale.at(SWITCH)
    incident = tale.status(KIND)["incident"]
    assert (incident["cause"], incident["labelledRows"] > 1000) == ("Performance", True)
    assert tale.place.store.get(f"{incident['reportURI']}/report.json")
    tale.api.given(trainer(run(incident["id"], "Registered", modelVersion="flights-v2")))
    tale.serves(1, 2)
    await tale.at(SWITCH)
    assert tale.status(KIND)["state"] == "Validating"
    await tale.at("2013-06-12")
    last = tale.status(KIND)["lastIncidents"][0]
    assert (last["outcome"], tale.status(KIND)["state"]) == ("Improved", "Cooldown")
    assert "flights-v2 is better than flights-v1: its loss is lower by 0.0" in last["message"]
    await tale.at("2013-06-14")
    assert (tale.status(KIND)["state"], tale.status(KIND).get("incident")) == ("Healthy", None)
