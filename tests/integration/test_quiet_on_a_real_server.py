"""The first law on a real API server: what it defaults, drops and rewrites in our children is no reason to write again."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any

import kopf
import pytest
import pytest_asyncio

from contract.scenarios_modelversion import GATES
from support.answers import evaluate_answer
from support.builders import dataset, deployment, drift_monitor, model_version, training_job
from support.conditions import verified
from support.control_plane import ControlPlane
from support.monitoring import DRIFT, LOST, evaluated, judged, serving
from support.played_namespace import Cluster
from trimtab.api.evaluation import Evaluated
from trimtab.controllers.registry import BY_KIND
from trimtab.kube.errors import Conflict, NotFound
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.resync import Resync
from trimtab.kube.settings import Settings
from trimtab.kube.transport import HttpClient
from trimtab.kube.workqueue import WorkQueue
from trimtab.plans.plan import Key

SETTINGS = Settings(worker_image="worker:1", serving_image="serving:1")
NOBODY = "00000000-0000-4000-8000-000000000000"
WRITES = ("create", "apply", "patch", "delete", "put_status")


class Counting(HttpClient):
    """Remembers what was written."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.written: list[str] = []

    async def _send(self, verb: str, method: str, url: str, *args: Any, **query: str) -> Any:
        if verb in WRITES:
            self.written.append(f"{verb} {url}")
        return await super()._send(verb, method, url, *args, **query)


@pytest_asyncio.fixture
async def client(kinds: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Counting]:
    monkeypatch.setenv("KUBECONFIG", str(kinds.kubeconfig()))
    async with Counting(lambda: kopf.login_with_kubeconfig(settings=kopf.OperatorSettings()), [namespace]) as it:
        yield it


def now() -> datetime:
    return datetime.now(UTC)


async def given(client: Counting, namespace: str, obj: dict[str, Any], plural: str, status: dict[str, Any] | None = None) -> Key:
    made = await client.create(obj["apiVersion"], plural, {**obj, "metadata": {**obj["metadata"], "namespace": namespace}})
    if status:
        await client.put_status(obj["apiVersion"], plural, {**made, "status": status})
    return Key(obj["kind"], namespace, obj["metadata"]["name"])


async def settled(client: Counting, key: Key) -> list[str]:
    """What a reconcile writes after ten of them."""
    reconciler = Reconciler(client, BY_KIND, SETTINGS, now)
    for _ in range(4):
        await reconciler(key)
    client.written.clear()
    await reconciler(key)
    return client.written


async def test_a_deployment_with_all_its_children_is_at_rest(client: Counting, namespace: str) -> None:
    version = model_version("flights", 1, summary={"gates": GATES}, lineage={})
    await given(client, namespace, version, "modelversions", verified(version)["status"])
    template = {
        "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "0.5", "memory": "1024Mi"}}, "env": [{"name": "EMPTY", "value": ""}]}]}
    }
    key = await given(client, namespace, deployment("flights", template=template), "modeldeployments")
    assert await settled(client, key) == []
    for api_version, plural in (("apps/v1", "deployments"), ("v1", "services"), ("policy/v1", "poddisruptionbudgets")):
        assert await client.list(api_version, plural), f"the story has no {plural}"


async def test_what_a_person_changes_in_a_child_is_put_right_once(client: Counting, namespace: str) -> None:
    version = model_version("flights", 1, summary={"gates": GATES}, lineage={})
    await given(client, namespace, version, "modelversions", verified(version)["status"])
    key = await given(client, namespace, deployment("flights"), "modeldeployments")
    await settled(client, key)
    (child,) = await client.list("apps/v1", "deployments")
    await client.patch("apps/v1", "deployments", namespace, child["metadata"]["name"], {"spec": {"replicas": 7}})
    assert await settled(client, key) == []
    (child,) = await client.list("apps/v1", "deployments")
    assert child["spec"]["replicas"] == 2


async def test_a_dataset_with_its_job_is_at_rest_and_the_resync_finds_nothing_to_do(client: Counting, namespace: str) -> None:
    key = await given(client, namespace, dataset(), "datasets")
    assert await settled(client, key) == []
    assert await client.list("batch/v1", "jobs")
    queue = WorkQueue(Reconciler(client, BY_KIND, SETTINGS, now), 1)
    assert await Resync(client, BY_KIND, SETTINGS, queue, now).once() == 0


async def test_a_monitor_that_has_found_all_there_is_to_find_is_at_rest(client: Counting, kinds: ControlPlane, namespace: str) -> None:
    """The server keeps every field of its status, so that nothing looks new the next time."""
    for number in (1, 2):
        version = model_version("flights", number, summary={"gates": GATES}, lineage={})
        await given(client, namespace, version, "modelversions", verified(version)["status"])
    watched = serving(1, 2)
    await given(client, namespace, watched, "modeldeployments", watched["status"])
    await given(client, namespace, training_job(), "trainingjobs")
    triggers = [{"name": "skill", "type": "Performance"}, {"name": "asked", "type": "Prometheus", "query": "up", "above": 1}]
    key = await given(client, namespace, drift_monitor(onTrigger={"trainingJob": "flights"}, triggers=triggers), "driftmonitors")
    assert await settled(client, key) == []
    (job,) = await client.list("batch/v1", "jobs")
    Cluster(kinds, namespace).end(job, evaluate_answer(everything()))
    assert await settled(client, key) == []
    status = (await client.list("trimtab.dev/v1alpha1", "driftmonitors"))[0]["status"]
    assert status["incident"]["cause"] == "Performance"
    assert {"lastWindow", "performance", "readings", "judged", "triggers", "standing", "clock", "evaluation"} <= status.keys()


def everything() -> Evaluated:
    return evaluated(now(), **DRIFT | LOST, judged=judged("NoGain"), left_out=["time_hour"], expected_false_alarms_per_month=0.21)


async def test_a_deletion_with_another_uid_is_a_conflict(client: Counting, namespace: str) -> None:
    await given(client, namespace, dataset(), "datasets")
    with pytest.raises(Conflict):
        await client.delete("trimtab.dev/v1alpha1", "datasets", namespace, "flights", uid=NOBODY)


@pytest.mark.parametrize("name", ["exists", "is-gone"])
async def test_an_apply_or_patch_that_pins_another_uid_changes_nothing(client: Counting, namespace: str, name: str) -> None:
    service = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "exists", "namespace": namespace}, "spec": {"ports": [{"port": 80}]}}
    made = await client.apply("v1", "services", service)
    pinned = {**service, "metadata": {**service["metadata"], "uid": made["metadata"]["uid"]}}
    await client.apply("v1", "services", pinned)
    with pytest.raises(Conflict):
        await client.apply("v1", "services", {**pinned, "metadata": {"name": name, "namespace": namespace, "uid": NOBODY}})
    with pytest.raises((Conflict, NotFound)):
        await client.patch("v1", "services", namespace, name, {"metadata": {"uid": NOBODY, "annotations": {"a": "b"}}})
    assert await client.get("v1", "services", namespace, "is-gone") is None
