"""`trimtab prediction ID`: from one answer to the version, its data, and the very files that it was made of."""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from trimtab.cli.access import transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import NotThere
from trimtab.cli.options import Form
from trimtab.cli.render.show import Output, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.compare import upright
from trimtab.cli.views.listed import Listed, Manifest, at

EXAMPLE = "trimtab prediction 019b8e2c-8c00-7000-8000-000000000000"
MORE = "An answer is in the store about a minute after it was given."

MOST_FILES = 20
"""Of the source files, so many are told and hashed; -o json has the address of each."""

Id = Annotated[str, typer.Argument(metavar="ID", help="The id of an answer: `id` in its body, x-request-id in its headers.")]
Deployment = Annotated[str | None, typer.Option("--deployment", help="Look only among the answers of this Deployment.")]


@on_cluster
async def prediction(cluster: Cluster, request: Id, deployment: Deployment = None, output: Form = Output.TABLE) -> None:
    """One answer, back to the files it was made of. What was asked, which version, which data."""
    listed = await cluster.listed()
    names = [deployment] if deployment else [obj["metadata"]["name"] for obj in listed.of("Deployment")]
    async with transfer.opened(cluster) as store:
        rows = await store.prediction(request, names)
        if not rows:
            raise NotThere(
                f"No logged answer of {', '.join(names) or 'any Deployment'} has the id {request}.",
                "an answer is in the store about a minute after it was given",
            )
        made_of = await _made_of(store, listed, rows[0])
    table = upright(_facts(rows, made_of), request)
    show(table, output, table_lines(table))


async def _made_of(store: transfer.Transfer, listed: Listed, row: dict[str, Any]) -> dict[str, Any]:
    """The version that answered, what it learned from, and the files of that."""
    version = listed.find("ModelVersion", f"{row['model']}-v{row['version']}")
    lineage = at(version, "spec.lineage.dataset", {})
    found: dict[str, Any] = {"version": _version(row, version), "dataset": lineage or {"digest": row.get("dataset_digest")}}
    learned = listed.version_of_data("Dataset", lineage)
    if learned is None:
        return found
    with tempfile.TemporaryDirectory() as scratch:
        manifest = json.loads(await store.get(f"{learned['uri']}/manifest.json", Path(scratch)))
    objects = manifest.get("inputs", {}).get("objects", [])
    hashes = await store.sha256(objects[:MOST_FILES])
    found["files"] = {each["uri"]: f"sha256 {hashes[each['uri']]}" if each["uri"] in hashes else _unhashed(each, objects) for each in objects}
    return found


def _unhashed(each: dict[str, Any], objects: list[dict[str, Any]]) -> str:
    told = f"ETag {each['etag']}, {each['size']} bytes"
    return told if len(objects) > MOST_FILES else f"{told}; the file there now is another, or none"


def _version(row: dict[str, Any], version: Manifest | None) -> dict[str, Any]:
    return {
        "name": f"{row['model']}-v{row['version']}",
        "modelDigest": row.get("model_digest"),
        "registered": at(version, "metadata.creationTimestamp", "its ModelVersion is gone"),
        "run": at(version, "spec.lineage.runKey"),
    }


TOLD = ("time", "event_time", "role", "deployment", "pod", "latency_us", "file")


def _facts(rows: list[dict[str, Any]], made_of: dict[str, Any]) -> dict[str, Any]:
    """The first row in full; of a request of many rows the others by what came out."""
    first = rows[0]
    facts: dict[str, Any] = {key: first.get(key) for key in TOLD}
    facts["asked"] = {key.removeprefix("in_").removeprefix("ctx_"): value for key, value in first.items() if key.startswith(("in_", "ctx_"))}
    facts["answered"] = {key.removeprefix("out_"): value for key, value in first.items() if key.startswith("out_")}
    if len(rows) > 1:
        facts["rows"] = {str(row["row"]): str({key.removeprefix("out_"): value for key, value in row.items() if key.startswith("out_")}) for row in rows[1:]}
    return facts | made_of
