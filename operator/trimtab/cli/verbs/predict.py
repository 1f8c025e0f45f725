"""`trimtab predict NAME`: asks a served model, over a port of one of its pods, and prints the curl that does the same."""

import asyncio
import contextlib
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.streams import forwarded
from trimtab.cli.errors import NotThere, Usage, UserError
from trimtab.cli.options import Form, Named
from trimtab.cli.render.show import Output, aside, emit, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views import inference
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.listed import Manifest, at

EXAMPLE = "trimtab predict flights --example"
MORE = "FILE is a request of the Open Inference Protocol, a JSON object a row, a list of them, or a CSV with a header; - is standard input. -o json prints the whole answer."

PORT = 8080
ANSWER_SECONDS = 30.0

File = Annotated[str | None, typer.Option("--file", "-f", help="Rows to predict: JSON or CSV; - is standard input.")]
Example = Annotated[bool, typer.Option("--example", help="Send one of the model's own examples.")]
Url = Annotated[str | None, typer.Option("--url", help="Where the model answers; absent: a pod is reached through the API server.")]


@on_cluster
async def predict(cluster: Cluster, name: Named, file: File = None, example: Example = False, url: Url = None, output: Form = Output.TABLE) -> None:
    """Ask a served model; prints the curl that does the same."""
    if bool(file) == example:
        raise Usage("Say what to ask: --example, or --file FILE.", EXAMPLE)
    deployment = choose(await cluster.listed(), name, ("Deployment",))
    async with _reached(cluster, deployment, url) as (base, address):
        await _ask(base, address, deployment["spec"]["model"], file, output)


@contextlib.asynccontextmanager
async def _reached(cluster: Cluster, deployment: Manifest, url: str | None) -> AsyncIterator[tuple[str, str]]:
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


async def _ask(base: str, address: str, model: str, file: str | None, output: Output) -> None:
    path = f"/v2/models/{model}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_SECONDS)) as session:
        body = await _body(session, base, path, file)
        aside(f"$ {inference.curl(f'{address}{path}/infer', body, _as_sent(file, body))}")
        answer, took = await _call(session, "POST", f"{base}{path}/infer", body)
    if output in (Output.JSON, Output.YAML):
        emit(json.dumps(answer, indent=2))
        return
    table = inference.answer_table(answer)
    show(table, output, [*table_lines(table), f"version {answer.get('model_version')} answered in {took * 1000:.0f} ms; id {answer.get('id')}"])


async def _body(session: aiohttp.ClientSession, base: str, path: str, file: str | None) -> dict[str, Any]:
    if file is None:
        document, _ = await _call(session, "GET", f"{base}/openapi.json")
        return dict(document["paths"][f"{path}/infer"]["post"]["requestBody"]["content"]["application/json"]["example"])
    text = await asyncio.to_thread(_text, file)
    metadata, _ = await _call(session, "GET", base + path)
    return inference.body_of(text, file, metadata)


def _as_sent(file: str | None, body: dict[str, Any]) -> str | None:
    """The file's name where curl can send it as it is."""
    if file in (None, "-") or file.endswith(".csv"):
        return None
    return file if json.loads(Path(file).read_text()) == body else None


def _text(file: str) -> str:
    try:
        return sys.stdin.read() if file == "-" else Path(file).read_text()
    except OSError as error:
        raise NotThere(f"{file} cannot be read: {error.strerror}.") from error


async def _call(session: aiohttp.ClientSession, method: str, url: str, body: Any = None) -> tuple[dict[str, Any], float]:
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
