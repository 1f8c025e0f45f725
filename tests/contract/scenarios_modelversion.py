"""A version is registered, one pod verifies it, and a Deployment says that it serves it."""

from support.builders import deployment, model_version
from support.fake_api import FakeApi
from support.job_pods import answer, is_over
from support.scenario import Scenario
from trimtab.api.documents import Result
from trimtab.controllers import modelversion

VERIFIED = Result(outcome="Succeeded", reason="Verified", message="Digest verified; loads in the serving image; 32 golden examples reproduce.")
GATES = [{"name": "skill", "outcome": "Passed", "message": "0.21 is above 0."}]
SERVING = {"stable": {"version": 7, "name": "flights-v7"}, "url": "http://production.default.svc"}


def play(api: FakeApi) -> bool:
    job = next((job for job in api.all("jobs") if not is_over(job)), None)
    if job:
        answer(api, job, VERIFIED)
    return job is not None


SCENARIO = Scenario(
    kind="ModelVersion",
    controller=modelversion,
    initial=[model_version("flights", 7, summary={"gates": GATES}), deployment("production", "flights") | {"status": SERVING}],
    play=play,
    name="flights-v7",
)
