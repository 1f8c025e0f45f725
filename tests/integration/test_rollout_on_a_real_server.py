"""A rollout against a real API server; kubelet and pods are played. What is written is taken and kept by the server, and at rest nothing is written."""

from collections.abc import AsyncIterator
from typing import Any

import kopf
import pytest
import pytest_asyncio

from contract.scenarios_modelversion import GATES
from integration.test_quiet_on_a_real_server import SETTINGS, Counting, given, now, settled
from support.builders import Object, deployment, model_version
from support.conditions import verified
from support.control_plane import ControlPlane
from support.serving_pods import pod_of
from support.sharing import arm, exposition
from trimtab.api.rollout import ABORT
from trimtab.api.split import SPLIT, generation
from trimtab.controllers.registry import BY_KIND
from trimtab.kube.errors import Unreachable
from trimtab.kube.reconcile import Reconciler
from trimtab.manifests.serving import version_of
from trimtab.plans.plan import Key
from trimtab.plans.splits import split_on, text_on
from trimtab.plans.tallies import Pair, PodCounts

STEPS = [{"weight": 20, "duration": "1h"}, {"weight": 50, "duration": "1h"}]


class Played(Counting):
    """Pods answer with what a test says."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.pages: dict[str, str] = {}

    async def scrape(self, pod_ip: str, port: int, path: str = "/metrics") -> str:
        if pod_ip not in self.pages:
            raise Unreachable(pod_ip)
        return self.pages[pod_ip]


@pytest_asyncio.fixture
async def client(kinds: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Played]:
    monkeypatch.setenv("KUBECONFIG", str(kinds.kubeconfig()))
    async with Played(lambda: kopf.login_with_kubeconfig(settings=kopf.OperatorSettings()), [namespace]) as it:
        yield it


async def come_up(client: Played, namespace: str) -> None:
    """Each child gets the pods it wants, all ready."""
    have = {pod["metadata"]["name"] for pod in await client.list("v1", "pods")}
    for child in await client.list("apps/v1", "deployments"):
        wanted = child["spec"]["replicas"]
        await client.put_status("apps/v1", "deployments", {**child, "status": {"replicas": wanted, "readyReplicas": wanted, "observedGeneration": 1}})
        for name in {f"{child['metadata']['name']}-{number}" for number in range(wanted)} - have:
            pod = pod_of(child, name, ready=True)
            made = await client.create("v1", "pods", {**pod, "spec": {"containers": [{"name": "serving", "image": "serving:1"}]}})
            await client.put_status("v1", "pods", {**made, "status": {**pod["status"], "containerStatuses": []}})


async def follow(client: Played, failing: bool = False) -> None:
    """Stable pods act upon what they carry."""
    for pod in await client.list("v1", "pods"):
        share = split_on(pod).candidate
        seen = {(share.version, share.percent): Pair(arm(0, 60) if failing else arm(60), arm(240))} if share and share.percent else {}
        client.pages[pod["status"]["podIP"]] = exposition(PodCounts(generation(text_on(pod)), share.percent if share else 0, seen))


async def go_on(client: Played, namespace: str, key: Key, rounds: int, *, failing: bool = False) -> None:
    reconciler = Reconciler(client, BY_KIND, SETTINGS, now)
    for _ in range(rounds):
        await reconciler(key)
        await come_up(client, namespace)
        await follow(client, failing)


async def at_its_first_step(client: Played, namespace: str) -> Key:
    """Version 1 serves, version 2 has a fifth of the requests."""
    key = await given(client, namespace, deployment("flights", rollout={"steps": STEPS}), "modeldeployments")
    for number in (1, 2):
        version = model_version("flights", number, summary={"gates": GATES}, lineage={})
        await given(client, namespace, version, "modelversions", verified(version)["status"])
        await go_on(client, namespace, key, 6)
    return key


async def stable_pods(client: Played) -> list[Object]:
    return [pod for pod in await client.list("v1", "pods") if version_of(pod) == 1]


async def test_a_step_that_waits_is_at_rest_and_its_status_is_kept_whole(client: Played, namespace: str) -> None:
    key = await at_its_first_step(client, namespace)
    assert [(share.version, share.percent) for pod in await stable_pods(client) if (share := split_on(pod).candidate)] == [(2, 20.0)] * 2
    assert await settled(client, key) == []
    status = (await client.list("trimtab.dev/v1alpha1", "modeldeployments"))[0]["status"]
    assert status["candidate"].items() >= {"version": 2, "step": 1, "steps": 2, "desiredPercent": 20, "programmedPercent": 20}.items()
    assert status["candidate"]["message"].startswith("Nothing is proved against it")


async def test_the_operator_touches_no_other_annotation_of_a_pod(client: Played, namespace: str) -> None:
    key = await at_its_first_step(client, namespace)
    for pod in await stable_pods(client):
        await client.patch("v1", "pods", namespace, pod["metadata"]["name"], {"metadata": {"annotations": {"team": "ml"}}})
    await client.patch("trimtab.dev/v1alpha1", "modeldeployments", namespace, "flights", {"metadata": {"annotations": {ABORT: "2"}}})
    await go_on(client, namespace, key, 6)
    assert [pod["metadata"]["annotations"] for pod in await stable_pods(client)] == [{"team": "ml"}] * 2


async def test_one_that_fails_is_blocked_on_the_server_and_pods_carry_nothing_any_more(client: Played, namespace: str) -> None:
    key = await at_its_first_step(client, namespace)
    await follow(client, failing=True)
    await go_on(client, namespace, key, 6, failing=True)
    second = await client.get("trimtab.dev/v1alpha1", "modelversions", namespace, "flights-v2")
    assert second is not None
    assert "120 of 120 requests failed" in second["metadata"]["annotations"]["blocked.trimtab.dev/flights"]
    assert [SPLIT in pod["metadata"].get("annotations", {}) for pod in await stable_pods(client)] == [False, False]
    assert await settled(client, key) == []
