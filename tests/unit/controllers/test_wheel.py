"""The wheel turns once, with the controllers of all kinds that take part: skill is lost, and a better version serves, without a person.

Whatever write the operator dies after, there is one incident, one run for it, one version, and the same end.
"""

from datetime import timedelta
from typing import Any

import pytest

from support import serving_pods
from support.answers import evaluate_answer, snapshot_answer, train_answer
from support.builders import Object, dataset, deployment, training_job
from support.fake_api import ProcessDiedError, Write
from support.job_pods import answer
from support.monitoring import DAY, FEBRUARY, LOST, document, evaluated, judged, monitor
from support.serving_pods import address_of
from support.tale import Tale
from trimtab.api.documents import Result
from trimtab.controllers import dataset as datasets
from trimtab.controllers import deployment as deployments
from trimtab.controllers import driftmonitor as driftmonitors
from trimtab.controllers import modelversion as modelversions
from trimtab.controllers import trainingjob as trainingjobs

VERIFIED = Result(outcome="Succeeded", reason="Verified", message="Digest verified; loads in the serving image; 32 golden examples reproduce.")
DAYS = 8
"""Lost on the third, told better on the fifth, rested on the sixth."""


class Wheel(Tale):
    """`dies_after`: the write, counted from the beginning, after which the operator's process is another."""

    def __init__(self, dies_after: int = 0) -> None:
        given = (dataset(), training_job(), deployment(replicas=1), monitor())
        super().__init__(datasets, trainingjobs, modelversions, deployments, driftmonitors, given=given)
        self.day, self.dies_after, self.written = FEBRUARY + timedelta(hours=1), dies_after, list[Write]()

    async def reconcile(self, kind: str, name: str = "flights") -> Any:
        before = len(self.api.writes)
        left = self.dies_after - len(self.written)
        self.api.die_after = before + left if left > 0 else None
        try:
            return await super().reconcile(kind, name)
        except ProcessDiedError:
            return None
        finally:
            self.written += self.api.writes[before:]

    async def turns(self) -> "Wheel":
        for _ in range(DAYS):
            await self.rests()
            self.day += DAY
        await self.rests()
        return self

    async def rests(self) -> None:
        """Until Jobs, pods and controllers have nothing more to do today."""
        for _ in range(80):
            for pod in self.api.all("pods"):
                self.api.scrapes[address_of(pod["metadata"]["name"]), 8081] = f"trimtab_event_time_uploaded_seconds {self.day.timestamp()}\n"
            await self.settle()
            job = next(iter(self.running("")), None)
            if job:
                answer(self.api, job, self.said(document(job)))
            elif not serving_pods.play(self.api):
                return
            self.api.now += timedelta(seconds=1)
        raise AssertionError("never comes to rest")

    def said(self, told: Object) -> Result:
        """New flights are there for whoever asks again; the model made of them is better."""
        again = 2 if told.get("request") else 1
        match told["verb"]:
            case "snapshot":
                return snapshot_answer(again)
            case "train":
                return train_answer(digest=again)
            case "verify":
                return VERIFIED
        if told["watching"]["version"] == 1:
            return evaluate_answer(evaluated(self.day.replace(hour=0), **(LOST if told["now"] > "2013-02-03" else {})))
        return evaluate_answer(evaluated(self.day.replace(hour=0), judged=judged("Improved") if told["predecessor"] else None))

    def created(self, verb: str) -> list[str]:
        """Names of the Jobs of one verb that were ever made."""
        names = {job["metadata"]["name"] for job in self.jobs(verb)}
        return [write.name for write in self.written if (write.verb, write.plural) == ("create", "jobs") and write.name in names]

    @property
    def picture(self) -> Object:
        """What must be the same whatever happened in between."""
        status, runs = self.status("DriftMonitor"), self.status("TrainingJob")["runs"]
        facts = ("id", "cause", "outcome", "modelVersion", "runKey", "labelledRows")
        return {
            "incidents": [{fact: incident.get(fact) for fact in facts} for incident in status["lastIncidents"]],
            "open": status.get("incident"),
            "state": status["state"],
            "watching": status["watching"]["version"],
            "runs": [(run["request"], run["outcome"], run["modelVersion"]) for run in runs],
            "stable": self.status("Deployment")["stable"]["version"],
            "trained": self.created("train"),
            "versions": sorted(version["metadata"]["name"] for version in self.api.all("modelversions")),
        }


async def test_lost_skill_ends_with_a_better_version_and_nobody_did_anything():
    wheel = await Wheel().turns()
    found = wheel.picture
    (incident,) = found["incidents"]
    assert (incident["cause"], incident["outcome"], incident["modelVersion"]) == ("Performance", "Improved", "flights-v2")
    assert found["runs"] == [(incident["id"], "Registered", "flights-v2"), ("", "Registered", "flights-v1")]
    assert (found["stable"], found["watching"], found["state"], found["open"]) == (2, 2, "Healthy", None)
    assert (len(found["trained"]), found["versions"]) == (2, ["flights-v1", "flights-v2"])


async def test_whatever_write_it_dies_after_there_is_one_run_for_the_incident():
    """A few of the hundred writes of the story; all of them take minutes."""
    whole = await Wheel().turns()
    deeds = [number for number, write in enumerate(whole.written, 1) if write.plural != "events"]
    for number in deeds[5::30]:
        torn = await Wheel(number).turns()
        assert torn.picture == whole.picture, f"the end is another when it dies after write {number}: {whole.written[number - 1]}"


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Writing the log costs ten times what the story does."""
    monkeypatch.setattr("trimtab.kube.reconcile.log.info", lambda *_args, **_more: None)
