"""A source is transformed by a person's code, a version made; the code is changed, a second version follows, and the first is collected."""

import json

from support.answers import materialize_answer
from support.builders import config_map, dataset, feature_set
from support.fake_api import FakeApi
from support.job_pods import answer, is_over
from support.scenario import Object, Scenario
from trimtab.api.base import RUN_REQUESTED
from trimtab.api.documents import Result
from trimtab.controllers import featureset as controller
from trimtab.plans.recipe import code_digest

SWEPT = Result(outcome="Succeeded", reason="Ready", message="1 version was collected.")
OLD, NEW = "def transform(df):\n    return df\n", "def transform(df):\n    return df.dropna()\n"
PYTHON = {"python": {"configMap": {"name": "code", "key": "features.py"}}}


def play(api: FakeApi) -> bool:
    """Jobs end one after the other; after the first version, a person changes the code and asks for another look."""
    job = next((job for job in api.all("jobs") if not is_over(job)), None)
    if job:
        answer(api, job, _said(job))
        return True
    own = api.one("featuresets", "weather")
    if own["metadata"].get("annotations"):
        return False
    api.given(config_map("code", **{"features.py": NEW}))
    api.given({**own, "metadata": {**own["metadata"], "annotations": {RUN_REQUESTED: "new-code"}}})
    return True


def _said(job: Object) -> Result:
    variables = {v["name"]: v.get("value") for v in job["spec"]["template"]["spec"]["containers"][0]["env"]}
    document = json.loads(variables["TRIMTAB_DOCUMENT"])
    if document["verb"] == "gc":
        return SWEPT
    return materialize_answer(1 if document["codeDigest"] == code_digest(OLD) else 2)


SCENARIO = Scenario(
    kind="FeatureSet",
    controller=controller,
    name="weather",
    initial=[
        feature_set(transform=PYTHON, retain={"versions": 1, "reclaimPolicy": "Delete"}, maxAge="6h"),
        config_map("code", **{"features.py": OLD}),
        dataset(timestamp="when"),
    ],
    play=play,
)
