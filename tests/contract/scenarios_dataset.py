"""A source is looked at, a version made; asked for again, new files make a second version, and the first is collected."""

import json

from support.answers import snapshot_answer
from support.builders import annotated, dataset
from support.fake_api import FakeApi
from support.job_pods import answer, is_over
from support.scenario import Object, Scenario
from trimtab.api.base import RUN_REQUESTED
from trimtab.api.documents import Result
from trimtab.controllers import dataset as controller

SWEPT = Result(outcome="Succeeded", reason="Ready", message="1 version was collected.")


def play(api: FakeApi) -> bool:
    """Jobs end one after the other; after the first version, a person asks for another look."""
    job = next((job for job in api.all("jobs") if not is_over(job)), None)
    if job:
        answer(api, job, _said(job))
        return True
    own = api.one("datasets", "flights")
    if not own["metadata"].get("annotations"):
        api.given(annotated(own, **{RUN_REQUESTED: "new-files"}))
        return True
    return False


def _said(job: Object) -> Result:
    """The worker knows what the files are: those of the request are new."""
    variables = {v["name"]: v.get("value") for v in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    document = json.loads(variables["TRIMTAB_DOCUMENT"])
    if document["verb"] == "gc":
        return SWEPT
    return snapshot_answer(2 if document["request"] else 1)


SCENARIO = Scenario(
    kind="Dataset",
    controller=controller,
    initial=[dataset(retain={"versions": 1, "reclaimPolicy": "Delete"})],
    play=play,
)
