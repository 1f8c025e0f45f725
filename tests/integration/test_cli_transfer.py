"""The transfer pod from the command's side: made, spoken to over exec, gone again; the store is a real one, the pod is played."""

import asyncio
import os

import pytest

from support.command import environment
from support.pods_played import PlayedPods
from trimtab.cli.access import kubeconfig, transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.kubeconfig import Place
from trimtab.cli.errors import UserError

JOB = {
    "metadata": {"name": "flights-1", "creationTimestamp": "2026-01-05T12:00:00Z"},
    "spec": {
        "template": {"spec": {"serviceAccountName": "trimtab-worker", "containers": [{"name": "worker", "image": "worker:7", "imagePullPolicy": "Always"}]}}
    },
}


@pytest.fixture
def pods(object_store, bucket):
    with PlayedPods(environment() | object_store.environment(bucket), lists={"jobs": [JOB]}) as it:
        yield it


@pytest.fixture
def within(pods, tmp_path):
    """Runs a coroutine function with a transfer pod."""

    def run(act):
        async def whole():
            async with Cluster(kubeconfig.find(Place(kubeconfig=str(pods.kubeconfig(tmp_path))))) as cluster, transfer.opened(cluster) as it:
                return await act(it)

        return asyncio.run(whole())

    return run


def test_it_runs_what_the_newest_job_ran_without_a_token_and_goes(pods, within, bucket):
    assert within(lambda it: it.where()) == f"s3://{bucket}/team"
    (pod,) = pods.created
    container = pod["spec"]["containers"][0]
    assert (container["image"], container["imagePullPolicy"]) == ("worker:7", "Always")
    assert container["envFrom"] == [{"secretRef": {"name": "trimtab-store"}}]
    assert pod["spec"]["automountServiceAccountToken"] is False
    assert pod["spec"]["activeDeadlineSeconds"] == 900
    assert pods.pods == {}


def test_files_arrive_as_they_are(within, store, bucket, tmp_path):
    large = os.urandom(5 << 20)
    uris = {f"s3://{bucket}/team/a": b"one", f"s3://{bucket}/team/deep/b": large, f"s3://{bucket}/team/empty": b""}
    for uri, content in uris.items():
        store.put(uri, content)
    found = within(lambda it: it.fetch(list(uris), tmp_path / "to"))
    assert {uri: path.read_bytes() for uri, path in found.items()} == uris


def test_a_thousand_addresses_go_there_at_once(within, store, bucket, tmp_path):
    uris = [f"s3://{bucket}/{'long' * 50}/{number}" for number in range(200)]
    for uri in uris:
        store.put(uri, uri.encode())
    assert len(within(lambda it: it.fetch(uris, tmp_path))) == 200


def test_a_file_is_put_there(within, store, bucket, tmp_path):
    file = tmp_path / "data.csv"
    file.write_bytes(os.urandom(3 << 20))
    said = within(lambda it: it.put(file, f"s3://{bucket}/team/data.csv"))
    assert "sha256" in said
    assert store.get(f"s3://{bucket}/team/data.csv") == file.read_bytes()


def test_what_goes_wrong_in_the_pod_is_said_and_the_pod_goes(pods, within, bucket, tmp_path):
    with pytest.raises(UserError, match="none"):
        within(lambda it: it.fetch([f"s3://{bucket}/none"], tmp_path))
    assert pods.pods == {}


def test_leftovers_of_a_killed_command_are_swept(pods, within):
    pods.pods["trimtab-transfer-old"] = {"metadata": {"name": "trimtab-transfer-old"}, "status": {"phase": "Failed"}}
    within(lambda it: it.where())
    assert pods.pods == {}


def test_without_a_job_the_image_must_be_named(pods, within):
    pods.lists["jobs"] = []
    with pytest.raises(UserError, match="which image the worker has") as error:
        within(lambda it: it.where())
    assert error.value.hint.startswith("export TRIMTAB_WORKER_IMAGE=")
