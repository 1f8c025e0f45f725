"""Kustomize, Helm and autoscalers meet our Deployment on a real API server: what they write is accepted, and what is theirs is left alone."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from subprocess import CalledProcessError

import kopf
import pytest
import pytest_asyncio
import yaml

from contract.scenarios_modelversion import GATES
from support.builders import Object, deployment, model_version
from support.conditions import verified
from support.control_plane import ControlPlane
from trimtab.controllers.registry import BY_KIND
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.settings import Settings
from trimtab.kube.transport import HttpClient
from trimtab.manifests.labels import OWNER_UID
from trimtab.plans.plan import Key

TEAM = {"team": "air"}


@pytest.fixture
def overlay(tmp_path: Path) -> Path:
    """A base with our Deployment, under a kustomization that labels all that it holds."""
    made = deployment("flights", template={"metadata": {"labels": {"a": "b"}}})
    del made["metadata"]["namespace"]
    (tmp_path / "deployment.yaml").write_text(yaml.safe_dump(made))
    return tmp_path


def kustomized(kinds: ControlPlane, folder: Path, **fields: object) -> Object:
    (folder / "kustomization.yaml").write_text(yaml.safe_dump({"resources": ["deployment.yaml"], **fields}))
    return dict(yaml.safe_load(kinds.kubectl("kustomize", str(folder))))


@pytest.mark.parametrize(
    "fields",
    [{"commonLabels": TEAM}, {"labels": [{"pairs": TEAM, "includeSelectors": True, "includeTemplates": True}]}],
    ids=["commonLabels", "labels"],
)
def test_what_kustomize_puts_into_anything_called_deployment_is_accepted(kinds: ControlPlane, namespace: str, overlay: Path, fields: Object) -> None:
    made = kustomized(kinds, overlay, **fields)
    assert made["spec"]["selector"] == {"matchLabels": TEAM}, "it takes ours for one of Kubernetes'"
    kinds.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(made))
    read = json.loads(kinds.kubectl("get", "mdep", "flights", "-n", namespace, "-o", "json"))
    assert read["spec"]["selector"] == {"matchLabels": TEAM}
    assert read["spec"]["template"]["metadata"]["labels"] == {"a": "b"} | TEAM


def test_labels_without_selectors_leave_the_spec_alone(kinds: ControlPlane, namespace: str, overlay: Path) -> None:
    made = kustomized(kinds, overlay, labels=[{"pairs": TEAM}])
    assert "selector" not in made["spec"]
    kinds.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps(made))


class Served:
    """A Deployment of ours with its children, and an operator of this process."""

    def __init__(self, kinds: ControlPlane, namespace: str, client: HttpClient) -> None:
        self.kinds, self.namespace, self.client = kinds, namespace, client
        self._reconcile = Reconciler(client, BY_KIND, Settings(serving_image="serving:1"), lambda: datetime.now(UTC))

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self.kinds.kubectl(*words, "-n", self.namespace, **({"stdin": stdin} if stdin else {}))

    async def given(self, **spec: object) -> None:
        version = model_version("flights", 1, summary={"gates": GATES}, lineage={})
        made = await self.client.create(version["apiVersion"], "modelversions", {**version, "metadata": {**version["metadata"], "namespace": self.namespace}})
        await self.client.put_status(version["apiVersion"], "modelversions", {**made, "status": verified(version)["status"]})
        self.applied(**spec)
        await self.settle()

    def applied(self, **spec: object) -> None:
        made = deployment("flights", **spec)
        made["metadata"]["namespace"] = self.namespace
        self.kubectl("apply", "--server-side", "--field-manager=a-person", "-f", "-", stdin=json.dumps(made))

    async def settle(self) -> None:
        for _ in range(4):
            await self._reconcile(Key("Deployment", self.namespace, "flights"))

    def scaled(self, replicas: int) -> None:
        """As a HorizontalPodAutoscaler does it, under its own name."""
        body = json.dumps({"spec": {"replicas": replicas}})
        self.kubectl("patch", "mdep", "flights", "--subresource=scale", "--type=merge", "--field-manager=an-autoscaler", "-p", body)

    def spec(self) -> Object:
        return dict(json.loads(self.kubectl("get", "mdep", "flights", "-o", "json"))["spec"])

    async def pods_wanted(self) -> list[int]:
        uid = json.loads(self.kubectl("get", "mdep", "flights", "-o", "json"))["metadata"]["uid"]
        children = await self.client.list("apps/v1", "deployments", self.namespace, label_selector=f"{OWNER_UID}={uid}")
        return [child["spec"]["replicas"] for child in children]


@pytest_asyncio.fixture
async def served(kinds: ControlPlane, namespace: str, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Served]:
    monkeypatch.setenv("KUBECONFIG", str(kinds.kubeconfig()))
    async with HttpClient(lambda: kopf.login_with_kubeconfig(settings=kopf.OperatorSettings()), [namespace]) as client:
        yield Served(kinds, namespace, client)


async def test_what_an_autoscaler_writes_into_scale_is_followed_and_never_taken_back(served: Served) -> None:
    await served.given(replicas=2)
    for replicas in (5, 3):
        served.scaled(replicas)
        await served.settle()
        assert (served.spec()["replicas"], await served.pods_wanted()) == (replicas, [replicas])


async def test_a_person_scales_a_deployment_that_names_no_replicas(served: Served) -> None:
    """An autoscaler reads `scale` first, and the API server has no answer before spec.replicas is there; kubectl only writes."""
    await served.given()
    served.kubectl("scale", "mdep", "flights", "--replicas=4")
    await served.settle()
    assert await served.pods_wanted() == [4]


async def test_applying_the_manifest_again_leaves_an_autoscalers_replicas_alone(served: Served) -> None:
    await served.given(replicas=2)
    served.scaled(5)
    served.applied(follow="Passed")
    await served.settle()
    assert (served.spec()["replicas"], await served.pods_wanted()) == (5, [5])


async def test_a_person_who_writes_replicas_too_is_told_of_the_conflict_by_the_api_server(served: Served) -> None:
    await served.given(replicas=2)
    served.scaled(5)
    with pytest.raises(CalledProcessError) as refused:
        served.applied(replicas=2)
    assert 'conflict with "an-autoscaler"' in refused.value.stderr


async def test_a_selector_changes_nothing_of_what_is_served(served: Served) -> None:
    await served.given(selector={"matchLabels": TEAM})
    children = await served.client.list("apps/v1", "deployments", served.namespace)
    assert all("team" not in child["spec"]["selector"]["matchLabels"] for child in children)
    assert children
