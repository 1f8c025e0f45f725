"""A recipe is trained and registered; then it is changed, and the next version is registered: nothing is trained twice.

In a second story a DriftMonitor opens an incident: the Dataset looks, the recipe is trained on what it found, once.
"""

import json
from typing import Any

from support.answers import snapshot_answer, train_answer
from support.builders import dataset, training_job
from support.fake_api import FakeApi
from support.job_pods import NOON, answer, is_over, pod_of, start
from support.scenario import Object, Scenario
from trimtab.api.base import API_VERSION
from trimtab.api.kinds import DRIFT_MONITOR
from trimtab.controllers import dataset as dataset_controller
from trimtab.controllers import trainingjob as controller
from trimtab.plans.plan import Gone, Key

VERSION = {"version": 1, "digest": f"{1:064x}", "manifestDigest": f"{101:064x}", "uri": "s3://b/d/1/", "rows": {}, "createdAt": NOON}
AT_REST = {"observedGeneration": 1, "versions": [VERSION], "activeVersion": 1, "latestVersion": 1}


def play(api: FakeApi) -> bool:
    """A Job starts, then ends; after the first version, a person changes the seed."""
    job = next((job for job in api.all("jobs") if not is_over(job)), None)
    if job:
        _forward(api, job)
        return True
    own = api.one("trainingjobs", "flights")
    if own["spec"].get("seed") or not api.all("modelversions"):
        return False
    api.given({**own, "spec": {**own["spec"], "seed": 1}})
    return True


def _forward(api: FakeApi, job: Object) -> None:
    if not any(pod["metadata"]["name"] == pod_of(job)["metadata"]["name"] for pod in api.all("pods")):
        start(api, job)
        return
    variables = {v["name"]: v.get("value") for v in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    answer(api, job, train_answer(digest=1 + json.loads(variables["TRIMTAB_DOCUMENT"])["spec"]["seed"]))


def world(api: FakeApi) -> None:
    """The Dataset is at rest, and the pod tells how far it is."""
    api.set_status(api.one("datasets", "flights"), **AT_REST)
    api.scrapes["10.1.1.1", 8081] = "trimtab_progress_percent 40\n"


INCIDENT = {"id": "abc", "cause": "Performance", "openedAt": NOON, "trainingJob": "flights"}
MONITOR = {"apiVersion": API_VERSION, "kind": "DriftMonitor", "metadata": {"name": "flights"}, "spec": {"deployment": "flights"}}


class watched:  # noqa: N801 - stands for a module
    """A controller that hears of DriftMonitors and leaves them as they are."""

    KIND = DRIFT_MONITOR
    CHILDREN = ()

    @staticmethod
    def RELATED(obj: Object) -> list[Key]:  # noqa: N802
        return []

    @staticmethod
    async def observe(*_: Any) -> Gone:
        return Gone()


def then_an_incident(api: FakeApi) -> bool:
    """Jobs of both kinds end; after the first version the monitor asks for another, and there are new rows."""
    job = next((job for job in api.all("jobs") if not is_over(job)), None)
    if job:
        _end(api, job)
        return True
    if api.all("driftmonitors") or not api.all("modelversions"):
        return False
    api.given(MONITOR | {"status": {"incident": INCIDENT}})
    return True


def _end(api: FakeApi, job: Object) -> None:
    variables = {v["name"]: v.get("value") for v in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    document = json.loads(variables["TRIMTAB_DOCUMENT"])
    number = 2 if document["request"] else 1
    answer(api, job, snapshot_answer(number) if document["verb"] == "snapshot" else train_answer(digest=number))


SCENARIOS = [
    Scenario(
        kind="TrainingJob",
        controller=controller,
        initial=[dataset(), training_job()],
        play=play,
        world=world,
        outlives=("modelversions",),
        never_again=("train",),
    ),
    Scenario(
        kind="TrainingJob",
        controller=controller,
        initial=[dataset(), training_job()],
        play=then_an_incident,
        also=(dataset_controller, watched),
        outlives=("modelversions",),
        never_again=("train",),
    ),
]
