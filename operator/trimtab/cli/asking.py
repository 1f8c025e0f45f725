"""The way to a served model: through a port of one of its pods by the person's own permissions, or by a URL."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.streams import forwarded
from trimtab.cli.errors import UserError
from trimtab.cli.render.show import aside
from trimtab.cli.views.listed import Manifest, at

PORT = 8080
ANSWER_SECONDS = 30.0


@contextlib.asynccontextmanager
async def reached(cluster: Cluster, deployment: Manifest, url: str | None) -> AsyncIterator[tuple[str, str]]:
    """(where to send, what a person would write): through a pod's port unless a URL is given."""
    if url:
        yield url.rstrip("/"), url.rstrip("/")
        return
    name = deployment["metadata"]["name"]
    async with forwarded(cluster, await pod_of(cluster, deployment), PORT) as port:
        aside(f"$ kubectl port-forward service/{name} {PORT}:80 -n {cluster.namespace} &")
        yield f"http://127.0.0.1:{port}", f"http://localhost:{PORT}"


async def pod_of(cluster: Cluster, deployment: Manifest) -> str:
    """A ready pod behind the clients' Service."""
    name = deployment["metadata"]["name"]
    service = await cluster.get("v1", "services", name)
    selector = at(service, "spec.selector", {})
    pods = await cluster.list("v1", "pods", labelSelector=",".join(f"{key}={value}" for key, value in selector.items())) if selector else []
    ready = [pod for pod in pods if any(each["type"] == "Ready" and each["status"] == "True" for each in at(pod, "status.conditions", []))]
    if not ready:
        raise UserError(f"No pod of {name} is ready to answer.", f"trimtab why mdep/{name}")
    return str(ready[0]["metadata"]["name"])


async def call(session: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> tuple[dict[str, Any], float]:
    """The answer and the seconds it took; what the server refuses is told in its own sentence."""
    began = asyncio.get_running_loop().time()
    try:
        async with session.request(method, url, json=body) as answer:
            code, text = answer.status, await answer.text()
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise UserError(f"{url} does not answer: {error or type(error).__name__}.", "trimtab status") from error
    try:
        found = dict(json.loads(text))
    except ValueError:
        found = {"error": text[:200]}
    if code >= 400:
        raise UserError(f"The model refuses ({code}): {found.get('error', found)}")
    return found, asyncio.get_running_loop().time() - began
