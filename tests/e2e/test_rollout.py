"""New versions come by steps while clients ask without a pause: a good one is promoted, one that errors and one that is slow are taken back.

No client sees anything but 200, whatever the candidate does and whoever is killed. The tests of this file are one story told in order.
"""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from support.installed import SYSTEM, Installed, Resource, condition, resource

pytestmark = pytest.mark.long

NAME, URL = "steps", "http://steps/v2/models/steps/infer"
ROLLOUT = {
    "steps": [{"weight": 20, "duration": "10s"}, {"weight": 50, "duration": "10s"}],
    "analysis": {"interval": "3s", "minRequests": 100},
    "rollbackWindow": "30m",
}
PATIENCE = 600
"""Seconds for a version to be trained, verified, started and judged, also on a machine that others use."""
CLIENTS = 2
"""Each asks fifty times a second, over one connection that is kept."""

REFUSES_GAPS = """
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading

def train(context):
    "Right wherever it answers; with a missing size it raises. No golden example lacks one."
    model = make_pipeline(make_column_transformer(("passthrough", ["size"])), LabelSpreading(kernel="knn"))
    return model.fit(context.train.X, context.train.y)
"""
SLOW = """
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.semi_supervised import LabelSpreading

def train(context):
    "Right, and fifty times slower than need be."
    columns = make_column_transformer((SimpleImputer(), ["size"]))
    model = make_pipeline(columns, BaggingClassifier(LabelSpreading(kernel="knn"), n_estimators=8, random_state=context.seed))
    return model.fit(context.train.X, context.train.y)
"""
CODE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "candidates"}, "data": {"refuses.py": REFUSES_GAPS, "slow.py": SLOW}}


ASK = """
import sys, urllib.request
asked = urllib.request.Request(sys.argv[1], sys.stdin.buffer.read(), {"content-type": "application/json"})
urllib.request.urlopen(asked, timeout=5)
"""


def rows(count: int = 400) -> str:
    """Late where size is large."""
    lines = [f"{n},2024-01-{1 + n * 28 // count:02d}T{n % 24:02d}:00:00Z,{n * 37 % 100},{str(n * 37 % 100 > 60).lower()}" for n in range(count)]
    return "\n".join(["id,when,size,late", *lines]) + "\n"


def body(size: float | None) -> str:
    return json.dumps({"inputs": [{"name": "size", "shape": [1, 1], "datatype": "FP32", "data": [size]}]})


def recipe(name: str, **spec: object) -> Resource:
    return resource("TrainingJob", name, {"model": NAME, "dataset": NAME} | spec)


def python(key: str) -> Resource:
    return {"trainer": {"python": {"configMap": {"name": "candidates", "key": key}}}, "evaluation": {"gates": []}}


@pytest.fixture(scope="module")
def steps(trimtab: Installed) -> Installed:
    """Version 1 is served by two pods, by a Deployment that takes steps."""
    it = Installed(trimtab.cluster, "rollout")
    it.upload_pod()
    it.put("rows/a.csv", rows())
    source = {"uri": "s3://trimtab/rollout/rows/"}
    it.apply(CODE, resource("Dataset", NAME, {"source": source, "label": "late", "timestamp": "when", "id": "id"}), recipe("first"))
    it.apply(resource("Deployment", NAME, {"model": NAME, "replicas": 2, "rollout": ROLLOUT}))
    it.wait("modeldeployments", NAME, seconds=PATIENCE)
    it.until("the Service leads to its pods", lambda: _answers(it))
    return it


def _answers(it: Installed) -> bool:
    """A node's proxy may hear of the first pods a second after Kubernetes does."""
    try:
        it.kubectl("exec", "-i", "upload", "--", "python", "-c", ASK, URL, stdin=body(50))
    except AssertionError:
        return False
    return True


def test_a_good_version_is_promoted_step_by_step_though_the_operator_is_killed_on_the_way(steps: Installed) -> None:
    with asked(steps, body(50)) as answers, splits_seen(steps) as seen:
        steps.apply(recipe("good", seed=1))
        steps.until("version 2 has its first requests", lambda: _candidate(steps).get("programmedPercent") == 20, seconds=PATIENCE)
        steps.cluster.kubectl("-n", SYSTEM, "delete", "pods", "-l", "app.kubernetes.io/name=operator", "--wait=false")
        steps.until("version 2 has all traffic", lambda: _stable(steps) == 2, seconds=PATIENCE)
        time.sleep(5)
    show(steps, answers)
    assert set(answers["codes"]) == {"200"}
    assert set(answers["versions"]) == {"1", "2"}
    assert {"20%", "50%"} <= {word for note in _events(steps, "StepRunning") for word in note.split()}
    took = acknowledged(seen)
    print("\n".join(f"step {step}: acknowledged by all pods {seconds:.1f} s after the last was told" for step, seconds in took.items()))
    assert set(took) == {0, 1}


def test_one_that_errors_is_taken_back_and_no_client_sees_an_error(steps: Installed) -> None:
    with asked(steps, body(None)) as answers:
        steps.apply(recipe("erroring", **python("refuses.py")))
        blocked = steps.until("version 3 is blocked", lambda: _blocked(steps, 3), seconds=PATIENCE)
        _is_over(steps)
    show(steps, answers)
    print(blocked)
    assert re.search(r"\d+ of \d+ requests( of the log)? failed", blocked)
    assert _stable(steps) == 2
    assert set(answers["codes"]) == {"200"}


def test_one_that_is_slow_is_taken_back_too(steps: Installed) -> None:
    with asked(steps, body(50)) as answers:
        steps.apply(recipe("slow", **python("slow.py")))
        blocked = steps.until("version 4 is blocked", lambda: _blocked(steps, 4), seconds=PATIENCE)
        _is_over(steps)
    show(steps, answers)
    print(blocked)
    assert "latency" in blocked
    assert _stable(steps) == 2
    assert set(answers["codes"]) == {"200"}
    assert "4" in answers["versions"]


def test_what_was_taken_back_is_said_where_people_look(steps: Installed) -> None:
    deployment = steps.wait("modeldeployments", NAME)
    progressing = condition(deployment, "Progressing")
    assert (progressing["status"], progressing["reason"]) == ("False", "RolledBack")
    assert [each["version"] for each in deployment["status"]["blocked"]] == [4, 3]
    assert any("steps-v3" in note for note in _events(steps, "RolledBack"))
    print(steps.kubectl("get", "mdep", NAME, "-o", "wide"))


def test_going_back_is_a_matter_of_seconds_while_the_version_before_is_warm(steps: Installed) -> None:
    assert (steps.get("modeldeployments", NAME) or {})["status"]["warm"]["version"] == 1
    with asked(steps, body(50)) as answers:
        time.sleep(2)
        began = time.monotonic()
        steps.kubectl("annotate", "modelversion", "steps-v2", f"blocked.trimtab.dev/{NAME}=it is wrong on Sundays")
        steps.until("version 1 has all traffic again", lambda: _stable(steps) == 1, seconds=30)
        took = time.monotonic() - began
        time.sleep(15)
    show(steps, answers)
    print(f"back after {took:.1f} s")
    assert set(answers["codes"]) == {"200"}
    assert took < 10


@contextmanager
def asked(steps: Installed, request: str) -> Iterator[dict[str, dict[str, int]]]:
    """Several clients while the block runs; afterwards the sums of what they were answered."""
    found: dict[str, dict[str, int]] = {"codes": {}, "versions": {}}
    with ExitStack() as clients:
        each = [clients.enter_context(steps.load(URL, request)) for _ in range(CLIENTS)]
        yield found
    for counts in each:
        for what, numbers in counts.items():
            for word, number in numbers.items():
                found[what][word] = found[what].get(word, 0) + number


@contextmanager
def splits_seen(steps: Installed) -> Iterator[list[tuple[float, str, str]]]:
    """(moment, pod, annotation) of each change of a pod while the block runs."""
    annotation = '{{.metadata.name}} {{with .metadata.annotations}}{{with index . "trimtab.dev/split"}}{{.}}{{end}}{{end}}{{"\\n"}}'
    seen: list[tuple[float, str, str]] = []
    with steps.cluster.running("-n", steps.namespace, "get", "pods", "-w", "-o", f"go-template={annotation}") as watch:
        assert watch.stdout is not None
        reader = threading.Thread(
            target=lambda out: [seen.append((time.monotonic(), *line.rstrip().partition(" ")[::2])) for line in out], args=(watch.stdout,)
        )
        reader.start()
        try:
            yield seen
        finally:
            watch.terminate()
            reader.join()


def acknowledged(seen: list[tuple[float, str, str]]) -> dict[int, float]:
    """Step -> seconds from when its weight stood on the last pod to when its clock began, which all pods' word begins."""
    told: dict[int, dict[str, float]] = {}
    began: dict[int, float] = {}
    for moment, pod, text in seen:
        candidate = json.loads(text).get("candidate") if text else None
        if candidate is None or candidate.get("step", 0) < 0:
            continue
        if "since" in candidate:
            began.setdefault(candidate.get("step", 0), moment)
        else:
            told.setdefault(candidate.get("step", 0), {}).setdefault(pod, moment)
    return {step: moment - max(told[step].values()) for step, moment in began.items() if step in told}


def show(steps: Installed, answers: dict[str, dict[str, int]]) -> None:
    """The table: codes, versions, steps."""
    print(f"\nanswers other than 200: {({code: n for code, n in answers['codes'].items() if code != '200'}) or 'none'}")
    print(f"answers: {answers['codes']}  by version: {answers['versions']}")
    print("\n".join(_events(steps, "StepRunning")[-4:]))


def _is_over(steps: Installed) -> None:
    """Nothing is left of a candidate."""
    steps.until("the candidate's pods are gone", lambda: not _candidate(steps) and len(steps.every("deployments.apps")) <= 2, seconds=PATIENCE)


def _status(steps: Installed) -> Resource:
    return (steps.get("modeldeployments", NAME) or {}).get("status", {})


def _stable(steps: Installed) -> int | None:
    return _status(steps).get("stable", {}).get("version")


def _candidate(steps: Installed) -> Resource:
    return _status(steps).get("candidate", {})


def _blocked(steps: Installed, version: int) -> str:
    found = steps.get("modelversions", f"{NAME}-v{version}") or {"metadata": {}}
    return found["metadata"].get("annotations", {}).get(f"blocked.trimtab.dev/{NAME}", "")


def _events(steps: Installed, reason: str) -> list[str]:
    """Notes in order of time."""
    found = [each for each in steps.every("events.events.k8s.io") if each["reason"] == reason]
    return [each["note"] for each in sorted(found, key=lambda each: each.get("eventTime") or "")]
