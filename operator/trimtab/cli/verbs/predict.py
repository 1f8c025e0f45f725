"""`trimtab predict NAME`: asks a served model, over a port of one of its pods, and prints the curl that does the same."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Annotated, Any

import aiohttp
import typer

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.asking import ANSWER_SECONDS, call, reached
from trimtab.cli.errors import NotThere, Usage
from trimtab.cli.options import Form, Named
from trimtab.cli.render.show import Output, aside, emit, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views import inference
from trimtab.cli.views.choosing import choose

EXAMPLE = "trimtab predict flights --example"
MORE = "FILE is a request of the Open Inference Protocol, a JSON object a row, a list of them, or a CSV with a header; - is standard input. -o json prints the whole answer."

File = Annotated[str | None, typer.Option("--file", "-f", help="Rows to predict: JSON or CSV; - is standard input.")]
Example = Annotated[bool, typer.Option("--example", help="Send one of the model's own examples.")]
Url = Annotated[str | None, typer.Option("--url", help="Where the model answers; absent: a pod is reached through the API server.")]


@on_cluster
async def predict(cluster: Cluster, name: Named, file: File = None, example: Example = False, url: Url = None, output: Form = Output.TABLE) -> None:
    """Ask a served model; prints the curl that does the same."""
    if bool(file) == example:
        raise Usage("Say what to ask: --example, or --file FILE.", EXAMPLE)
    deployment = choose(await cluster.listed(), name, ("Deployment",))
    async with reached(cluster, deployment, url) as (base, address):
        await _ask(base, address, deployment["spec"]["model"], file, output)


async def _ask(base: str, address: str, model: str, file: str | None, output: Output) -> None:
    path = f"/v2/models/{model}"
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(ANSWER_SECONDS)) as session:
        body = await _body(session, base, path, file)
        aside(f"$ {inference.curl(f'{address}{path}/infer', body, _as_sent(file, body))}")
        answer, took = await call(session, "POST", f"{base}{path}/infer", body)
    if output in (Output.JSON, Output.YAML):
        emit(json.dumps(answer, indent=2))
        return
    table = inference.answer_table(answer)
    show(table, output, [*table_lines(table), f"version {answer.get('model_version')} answered in {took * 1000:.0f} ms; id {answer.get('id')}"])


async def _body(session: aiohttp.ClientSession, base: str, path: str, file: str | None) -> dict[str, Any]:
    if file is None:
        document, _ = await call(session, "GET", f"{base}/openapi.json")
        return dict(document["paths"][f"{path}/infer"]["post"]["requestBody"]["content"]["application/json"]["example"])
    text = await asyncio.to_thread(_text, file)
    metadata, _ = await call(session, "GET", base + path)
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
