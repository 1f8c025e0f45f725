"""The way to a namespace's object store: a short-lived pod that may use it, spoken to over exec.

A store inside the cluster has no address for a laptop, and its Secret is nobody's to hand out: who may run and enter pods in the
namespace may read its store, by their own Kubernetes permissions. The pod runs the worker's image, has no token, and ends by itself.
"""

import asyncio
import contextlib
import json
import os
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.api.pods import CONTAINER_SECURITY, POD_SECURITY, SERVICE_ACCOUNT, STORE_SECRET
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.streams import TRANSFER, execute, run
from trimtab.cli.access.untar import Untar
from trimtab.cli.errors import NoCluster, TimedOut, UserError
from trimtab.cli.render.show import aside
from trimtab.cli.views.listed import Manifest, at

IMAGE = "TRIMTAB_WORKER_IMAGE"
"""Names the worker's image where no Job of the namespace tells it."""
LIFE_SECONDS = 900
READY_SECONDS = 120.0
CONTAINER = "transfer"
LABEL = "trimtab.dev/transfer"
PROGRAM = ("python", "-m", TRANSFER)

HOPELESS = ("ErrImagePull", "ImagePullBackOff", "InvalidImageName", "CreateContainerConfigError", "ErrImageNeverPull", "CreateContainerError")


@dataclass(frozen=True)
class Transfer:
    """A pod that is running; each method is one command in it."""

    cluster: Cluster
    pod: str

    async def where(self) -> str:
        """The folder of the namespace's place: s3://bucket/prefix."""
        found = (await self._lines("where"))[0]
        return "/".join(["s3:/", found["bucket"], *([found["prefix"]] if found["prefix"] else [])])

    async def objects(self, uri: str) -> list[dict[str, Any]]:
        return await self._lines("list", uri)

    async def fetch(self, uris: Sequence[str], folder: Path) -> dict[str, Path]:
        """Copies of these objects under a folder of this machine, by address."""
        into = Untar(folder)
        async with execute(self.cluster, self.pod, CONTAINER, [*PROGRAM, "tar"]) as running:
            await running.feed("\n".join(uris).encode())
            async for chunk in running.output():
                into.feed(chunk)
            running.check()
        return into.finish()

    async def get(self, uri: str, folder: Path) -> bytes:
        return (await self.fetch([uri], folder))[uri].read_bytes()

    async def sha256(self, objects: Sequence[dict[str, Any]]) -> dict[str, str]:
        """By address; what is another object by now is left out."""
        asked = "\n".join(json.dumps({"uri": each["uri"], "etag": each["etag"]}) for each in objects)
        return {each["uri"]: each["sha256"] for each in await self._lines("sha256", stdin=asked.encode())}

    async def prediction(self, request: str, deployments: Sequence[str]) -> list[dict[str, Any]]:
        return await self._lines("prediction", request, *deployments)

    async def put(self, file: Path, uri: str) -> str:
        """What the pod said of the copy: address and sha256."""
        async with execute(self.cluster, self.pod, CONTAINER, ["python", "-m", "trimtab.store.put", uri]) as running:
            await running.feed_file(file)
            said = b"".join([chunk async for chunk in running.output()])
            running.check()
            return said.decode().strip()

    async def _lines(self, *words: str, stdin: bytes = b"") -> list[dict[str, Any]]:
        return [json.loads(line) for line in (await run(self.cluster, self.pod, CONTAINER, [*PROGRAM, *words], stdin)).splitlines()]


@contextlib.asynccontextmanager
async def opened(cluster: Cluster) -> AsyncIterator[Transfer]:
    """A pod for as long as the block lasts."""
    await _sweep(cluster)
    pod = manifest(f"trimtab-transfer-{uuid.uuid4().hex[:8]}", await worker(cluster))
    await cluster.create("v1", "pods", pod)
    name = pod["metadata"]["name"]
    try:
        aside(f"Pod {name} reads the store of namespace {cluster.namespace}; it goes when this is done.")
        await _ready(cluster, name)
        yield Transfer(cluster, name)
    finally:
        with contextlib.suppress(UserError):
            await cluster.delete("v1", "pods", name)


def manifest(name: str, template: Manifest) -> Manifest:
    """The pod: the worker's image where its Jobs run, the Secret by name, nothing else."""
    container = {
        "name": CONTAINER,
        "image": template["image"],
        "imagePullPolicy": template.get("imagePullPolicy", "IfNotPresent"),
        "command": ["sleep", str(LIFE_SECONDS)],
        "env": [{"name": "POD_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}}],
        "envFrom": [{"secretRef": {"name": STORE_SECRET}}],
        "resources": {"requests": {"cpu": "50m", "memory": "128Mi"}, "limits": {"memory": "1Gi"}},
        "securityContext": CONTAINER_SECURITY,
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],  # noqa: S108 - the pod's own
    }
    spec: Manifest = {
        "automountServiceAccountToken": False,
        "restartPolicy": "Never",
        "activeDeadlineSeconds": LIFE_SECONDS,
        "terminationGracePeriodSeconds": 0,
        "securityContext": POD_SECURITY,
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    }
    spec |= {key: template[key] for key in ("serviceAccountName", "nodeSelector", "tolerations", "imagePullSecrets") if template.get(key)}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": {LABEL: "true", "app.kubernetes.io/managed-by": "trimtab-cli"}},
        "spec": spec,
    }


async def worker(cluster: Cluster) -> Manifest:
    """Image and placement of the worker here: what the newest Job of the namespace ran, else what the operator is told."""
    if given := os.environ.get(IMAGE):
        return {"image": given, "serviceAccountName": SERVICE_ACCOUNT}
    jobs = await cluster.list("batch/v1", "jobs", labelSelector="trimtab.dev/verb,trimtab.dev/verb!=verify")
    if jobs:
        newest = max(jobs, key=lambda job: str(at(job, "metadata.creationTimestamp", "")))
        return of_pod(newest["spec"]["template"]["spec"])
    with contextlib.suppress(UserError):
        operators = (await cluster.request("GET", "/apis/apps/v1/deployments", query={"labelSelector": "app.kubernetes.io/part-of=trimtab"})).get("items", [])
        found = {each["name"]: each.get("value", "") for each in _variables(operators)}
        if found.get(IMAGE):
            return {"image": found[IMAGE], "imagePullPolicy": found.get(f"{IMAGE}_PULL_POLICY", "IfNotPresent"), "serviceAccountName": SERVICE_ACCOUNT}
    raise UserError(f"No Job of namespace {cluster.namespace} tells which image the worker has.", f"export {IMAGE}=<the chart's worker image>")


def of_pod(spec: Manifest) -> Manifest:
    """What of a worker's pod a transfer pod takes over."""
    container = spec["containers"][0]
    return {key: container[key] for key in ("image", "imagePullPolicy") if key in container} | {
        key: spec[key] for key in ("serviceAccountName", "nodeSelector", "tolerations", "imagePullSecrets") if key in spec
    }


def _variables(deployments: list[Manifest]) -> list[Manifest]:
    return [each for one in deployments for container in one["spec"]["template"]["spec"]["containers"] for each in container.get("env", [])]


async def _ready(cluster: Cluster, name: str) -> None:
    end, said = asyncio.get_running_loop().time() + READY_SECONDS, ""
    while asyncio.get_running_loop().time() < end:
        pod = await cluster.get("v1", "pods", name)
        state = next((each.get("state", {}) for each in at(pod, "status.containerStatuses", [])), dict[str, Any]())
        if "running" in state:
            return
        waiting: dict[str, Any] = state.get("waiting", {})
        if waiting.get("reason") in HOPELESS or at(pod, "status.phase") == "Failed":
            raise NoCluster(f"The transfer pod cannot start: {waiting.get('reason', 'it failed')}: {waiting.get('message', '')}", "trimtab doctor")
        unscheduled = [each.get("message") for each in at(pod, "status.conditions", []) if each["type"] == "PodScheduled" and each["status"] == "False"]
        said = next(iter(unscheduled), None) or waiting.get("reason", "it has not started")
        await asyncio.sleep(0.3)
    raise TimedOut(f"The transfer pod was not running after {READY_SECONDS:.0f} s: {said}", f"kubectl describe pod {name} -n {cluster.namespace}")


async def _sweep(cluster: Cluster) -> None:
    """Pods of ours that ended by themselves, because the command that started them was killed."""
    for each in await cluster.list("v1", "pods", labelSelector=LABEL):
        if at(each, "status.phase") in ("Succeeded", "Failed"):
            with contextlib.suppress(UserError):
                await cluster.delete("v1", "pods", each["metadata"]["name"])
