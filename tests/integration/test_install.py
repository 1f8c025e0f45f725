"""Helm against a real API server: install, upgrade, uninstall. No pod runs here; what must be kept is kept."""

import base64
import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from support.control_plane import ControlPlane
from support.helm import CHART, helm

SYSTEM = "trimtab-system"
VALUES = ("--set", "objectStore.embedded.enabled=true", "--set", "tenants[0].namespace=team-a", "--set", "tenants[0].create=true")


@pytest.fixture(scope="module")
def plane() -> Iterator[ControlPlane]:
    """A server of this module's own: an installation owns what is in the whole cluster."""
    with ControlPlane() as it:
        it.kubectl("create", "namespace", SYSTEM)
        yield it


def run(plane: ControlPlane, *words: str) -> str:
    env = {**os.environ, "KUBECONFIG": str(plane.kubeconfig()), "HELM_CACHE_HOME": str(plane.folder / "helm"), "HELM_CONFIG_HOME": str(plane.folder / "helm")}
    return subprocess.run([str(helm()), *words, "-n", SYSTEM], env=env, capture_output=True, text=True, check=True).stdout


def upgrade(plane: ControlPlane, *values: str) -> str:
    """Without hooks: their Job would need a node."""
    return run(plane, "upgrade", "--install", "trimtab", str(CHART), "--no-hooks", "--reset-values", *values)


def key(plane: ControlPlane, secret: str, namespace: str, name: str) -> str:
    return base64.b64decode(json.loads(plane.kubectl("get", "secret", secret, "-n", namespace, "-o", "json"))["data"][name]).decode()


def keys(plane: ControlPlane) -> tuple[str, str]:
    return key(plane, "trimtab-object-store", SYSTEM, "ROOT_SECRET_ACCESS_KEY"), key(plane, "trimtab-store", "team-a", "AWS_SECRET_ACCESS_KEY")


def test_installing_says_what_was_prepared_and_what_is_next(plane):
    said = upgrade(plane, *VALUES)
    assert "team-a: ServiceAccount trimtab-worker, Secret trimtab-store (s3://trimtab/team-a/)" in said
    assert "kubectl get trimtab -A" in said
    assert "kubectl rollout status deployment/trimtab-operator -n trimtab-system" in said


def test_an_upgrade_keeps_every_key(plane):
    upgrade(plane, *VALUES)
    before = keys(plane)
    upgrade(plane, *VALUES, "--set", "operator.replicas=2", "--set", "tenants[1].namespace=default")
    assert keys(plane) == before
    assert len(before[0]) == 40


def test_without_tenants_the_notes_say_how_to_prepare_a_namespace(plane):
    assert "No namespace is prepared yet." in upgrade(plane)


def test_uninstalling_leaves_the_kinds_and_what_tenants_made(plane):
    upgrade(plane, *VALUES)
    dataset = {
        "apiVersion": "trimtab.dev/v1alpha1",
        "kind": "Dataset",
        "metadata": {"name": "flights"},
        "spec": {"source": {"uri": "s3://lake/f/"}, "label": "late"},
    }
    plane.kubectl("apply", "-n", "team-a", "-f", "-", stdin=json.dumps(dataset))
    run(plane, "uninstall", "trimtab", "--no-hooks")
    assert "flights" in plane.kubectl("get", "datasets.trimtab.dev", "-n", "team-a")
    assert plane.kubectl("get", "clusterroles", "-l", "app.kubernetes.io/part-of=trimtab", "-o", "name") == ""


def test_installing_again_finds_what_was_left(plane):
    upgrade(plane, *VALUES)
    assert "flights" in plane.kubectl("get", "dset", "-n", "team-a")
