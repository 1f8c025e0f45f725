"""Whatever is killed while data become a model that answers, the loop ends once: one run, one version, nothing left over.

Every test has a Dataset and a TrainingJob of its own, and training code slow enough for the kill to meet it at work. The last
two stand on what one loop up to a Deployment has left.
"""

import json
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

import httpx
import pytest

from support.installed import SYSTEM, Installed, Resource, condition, resource

SLOW = """
import time
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

def train(context):
    print("learning", flush=True)
    for second in range(8):
        context.log_metric("seconds", second)
        time.sleep(1)
    model = DecisionTreeClassifier(random_state=context.seed)
    return make_pipeline(context.columns_for(model), model).fit(context.train.X, context.train.y)
"""
CODE = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "slow"}, "data": {"train.py": SLOW}}
SLOWLY = {"python": {"configMap": {"name": "slow", "key": "train.py"}}}

OURS = ("datasets", "trainingjobs", "modelversions", "modeldeployments")
CHILDREN = ("jobs", "pods", "services", "deployments.apps", "replicasets.apps", "poddisruptionbudgets")
OWNER, VERB = "trimtab.dev/owner-uid", "trimtab.dev/verb"

AWAY_SECONDS = 30
CONNECTIONS = 4
"""Clients of two pods: that all of them are connected to the one that is not killed happens once in eight times."""


def rows(count: int = 400) -> str:
    """A small learnable table: late where size is large. Never the same twice: what was trained once is not trained again."""
    first = time.time_ns()
    lines = [f"{first + n},2024-01-{1 + n * 28 // count:02d}T{n % 24:02d}:00:00Z,{n * 37 % 100},{str(n * 37 % 100 > 60).lower()}" for n in range(count)]
    return "\n".join(["id,when,size,late", *lines]) + "\n"


def loop(name: str, trainer: Resource | None = None) -> tuple[Resource, Resource]:
    source = {"uri": "s3://trimtab/chaos/rows/"}
    recipe = {"dataset": name} | ({"trainer": trainer} if trainer else {})
    return resource("Dataset", name, {"source": source, "label": "late", "timestamp": "when", "id": "id"}), resource("TrainingJob", name, recipe)


@pytest.fixture(scope="module")
def chaos(trimtab: Installed) -> Installed:
    it = Installed(trimtab.cluster, "chaos")
    _delete_all(it)
    it.upload_pod()
    it.put("rows/a.csv", rows())
    it.apply(CODE)
    return it


@pytest.fixture(scope="module")
def served(chaos: Installed) -> Installed:
    """One whole loop, up to a Deployment of two pods."""
    chaos.apply(*loop("served"), resource("Deployment", "served", {"model": "served", "replicas": 2}))
    chaos.wait("modeldeployments", "served")
    return chaos


def test_the_operator_killed_in_the_middle_of_one_training_and_right_after_another_was_applied(chaos: Installed) -> None:
    """The first run ends while nobody looks: the next operator takes over 15 s after the last sign of life."""
    chaos.apply(*loop("middle", SLOWLY))
    _at_work(chaos, "middle")
    chaos.apply(*loop("early", SLOWLY))
    chaos.kill_operator()
    _ended_once(chaos, "middle")
    _ended_once(chaos, "early")


def test_the_operator_killed_right_after_the_job_has_finished(chaos: Installed) -> None:
    chaos.apply(*loop("late"))
    chaos.until("a train Job", lambda: _train_jobs(chaos, "late"))
    chaos.kubectl("wait", "jobs", "-l", f"trimtab.dev/owner-name=late,{VERB}=train", "--for=condition=Complete", "--timeout=120s")
    chaos.kill_operator()
    _ended_once(chaos, "late")


def test_the_worker_pod_killed_in_the_middle_of_training(chaos: Installed) -> None:
    chaos.apply(*loop("worker", SLOWLY))
    pod = _at_work(chaos, "worker")
    chaos.kubectl("delete", "pod", pod, "--grace-period=0", "--force")
    assert _at_work(chaos, "worker") != pod
    _ended_once(chaos, "worker")


def test_the_object_store_away_in_the_middle_of_training(chaos: Installed) -> None:
    chaos.apply(*loop("store", SLOWLY))
    _at_work(chaos, "store")
    _scale_store(chaos, 0)
    back = time.monotonic() + AWAY_SECONDS
    try:
        said = chaos.wait("trainingjobs", "store", "StoreUnreachable", status="False")
        print(condition(said, "Ready")["message"])
        time.sleep(max(0.0, back - time.monotonic()))
    finally:
        _scale_store(chaos, 1)
    _ended_once(chaos, "store")


def test_a_serving_pod_killed_under_load(served: Installed) -> None:
    """Connections to the pod that dies are cut, once each; every other request is answered."""
    body = json.dumps({"inputs": [{"name": "size", "shape": [1, 1], "datatype": "FP32", "data": [80.0]}]})
    with ExitStack() as stack:
        loads = [stack.enter_context(served.load("http://served/v2/models/served/infer", body)) for _ in range(CONNECTIONS)]
        time.sleep(3)
        victim, *_ = pods = _serving_pods(served)
        served.kubectl("delete", "pod", victim, "--grace-period=0", "--force")
        served.until("another pod is ready", lambda: len(_serving_pods(served)) == len(pods) and victim not in _serving_pods(served))
        time.sleep(2)
    codes = [load["codes"] for load in loads]
    print("answers of each connection:", codes)
    assert all(each["200"] > 0 for each in codes)
    cut = [sum(count for code, count in each.items() if code != "200") for each in codes]
    assert max(cut) <= 1, codes
    assert {code for each in codes for code in each} <= {"200", "RemoteDisconnected", "ConnectionResetError", "ConnectionRefusedError"}
    served.wait("modeldeployments", "served")


def test_a_namespace_restored_from_a_dump_trains_nothing_and_serves_the_same(served: Installed) -> None:
    """Also: whoever deletes all of ours is left with nothing of theirs."""
    before = {plural: served.every(plural) for plural in OURS}
    _delete_all(served)
    served.until("nothing of ours is left", lambda: not [*_all_of_ours(served), *_orphans(served)])
    served.apply(*(_as_dumped(each) for plural in OURS for each in before[plural]))
    for plural in OURS:
        for each in before[plural]:
            served.wait(plural, each["metadata"]["name"])
    assert served.every("jobs", f"{VERB}=train") == []
    after = {plural: served.every(plural) for plural in OURS}
    for said in (_versions, _runs, _data, _served_version):
        assert said(after) == said(before)
    with served.forwarded("service/served") as url:
        answer = httpx.get(f"{url}/v2/models/served", timeout=10)
    assert answer.status_code == 200, answer.text


def test_deleting_a_loop_leaves_its_versions_and_no_children(served: Installed) -> None:
    others = _children(served, but="served")
    for kind in ("modeldeployment", "trainingjob", "dataset"):
        served.kubectl("delete", kind, "served")
    served.until("nothing is left without its owner", lambda: not _orphans(served))
    assert _of_model(served, "served") == ["served-v1"]
    assert _children(served, but="served") == others


def _ended_once(chaos: Installed, name: str) -> None:
    """One run, registered; one version of it, verified; one version of the data; nothing whose owner is gone."""
    job = chaos.wait("trainingjobs", name, "Registered")
    version = chaos.wait("modelversions", job["status"]["modelVersion"])
    runs = job["status"]["runs"]
    print(name, [(run["outcome"], run["attempt"], run["job"]) for run in runs])
    assert [run["outcome"] for run in runs] == ["Registered"]
    assert _of_model(chaos, name) == [f"{name}-v1"]
    assert version["spec"]["lineage"]["runKey"] == runs[0]["key"]
    data = chaos.wait("datasets", name)
    assert len(data["status"]["versions"]) == 1
    chaos.until("nothing goes on", lambda: not [each for each in _train_jobs(chaos, name) if each.get("status", {}).get("active")])
    chaos.until("nothing is left without its owner", lambda: not _orphans(chaos), 30)


def _of_model(chaos: Installed, model: str) -> list[str]:
    return [each["metadata"]["name"] for each in chaos.every("modelversions") if each["spec"]["model"] == model]


def _train_jobs(chaos: Installed, name: str) -> list[Resource]:
    return chaos.every("jobs", f"trimtab.dev/owner-name={name},{VERB}=train")


def _at_work(chaos: Installed, name: str) -> str:
    """The pod whose training code has begun."""

    def found() -> str | None:
        pods = chaos.every("pods", f"trimtab.dev/owner-name={name},{VERB}=train")
        running = [pod["metadata"]["name"] for pod in pods if pod["status"].get("phase") == "Running" and "deletionTimestamp" not in pod["metadata"]]
        return next((pod for pod in running if "learning" in chaos.kubectl("logs", pod)), None)

    return str(chaos.until(f"the training code of {name} is at work", found))


def _scale_store(chaos: Installed, replicas: int) -> None:
    chaos.cluster.kubectl("-n", SYSTEM, "scale", "deployment/trimtab-object-store", f"--replicas={replicas}")
    chaos.cluster.kubectl("-n", SYSTEM, "rollout", "status", "deployment/trimtab-object-store", "--timeout=60s")


def _serving_pods(served: Installed) -> list[str]:
    """Those that are ready."""
    pods = served.every("pods", "trimtab.dev/owner-kind=Deployment,trimtab.dev/owner-name=served")
    return [pod["metadata"]["name"] for pod in pods if any(c["type"] == "Ready" and c["status"] == "True" for c in pod["status"].get("conditions", []))]


def _all_of_ours(chaos: Installed) -> list[Resource]:
    return [each for plural in OURS for each in chaos.every(plural)]


def _orphans(chaos: Installed) -> list[str]:
    """Children whose owner is no more."""
    living = {each["metadata"]["uid"] for each in _all_of_ours(chaos)}
    orphans = [each for each in _all_children(chaos) if each["metadata"]["labels"][OWNER] not in living]
    return [f"{each['kind']} {each['metadata']['name']}" for each in orphans]


def _all_children(chaos: Installed) -> list[Resource]:
    return [each for plural in CHILDREN for each in chaos.every(plural, OWNER)]


def _children(chaos: Installed, but: str) -> set[str]:
    """Uids of the children of all but one name."""
    return {each["metadata"]["uid"] for each in _all_children(chaos) if not each["metadata"]["labels"]["trimtab.dev/owner-name"].startswith(but)}


def _delete_all(chaos: Installed) -> None:
    """Deployments first: a version in use cannot be deleted."""
    chaos.kubectl("delete", "modeldeployments", "--all")
    chaos.until("no version is in use", lambda: not any(each.get("status", {}).get("servedBy") for each in chaos.every("modelversions")))
    chaos.kubectl("delete", "trainingjobs,datasets,modelversions", "--all")


def _as_dumped(obj: Resource) -> Resource:
    """What a backup keeps: no status, and nothing that the API server gave."""
    given = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")
    return {key: value for key, value in obj.items() if key != "status"} | {"metadata": {k: v for k, v in obj["metadata"].items() if k not in given}}


Objects = dict[str, list[Resource]]


def _by_name(objects: Sequence[Resource], fact: Callable[[Resource], object]) -> dict[str, object]:
    return {each["metadata"]["name"]: fact(each) for each in objects}


def _versions(of: Objects) -> dict[str, object]:
    return _by_name(of["modelversions"], lambda each: each["spec"])


def _runs(of: Objects) -> dict[str, object]:
    return _by_name(of["trainingjobs"], lambda each: (each["status"]["modelVersion"], [run["key"] for run in each["status"]["runs"]]))


def _data(of: Objects) -> dict[str, object]:
    return _by_name(of["datasets"], lambda each: [(version["version"], version["digest"]) for version in each["status"]["versions"]])


def _served_version(of: Objects) -> dict[str, object]:
    return _by_name(of["modeldeployments"], lambda each: (each["status"]["stable"]["version"], each["status"]["stable"]["digest"]))
