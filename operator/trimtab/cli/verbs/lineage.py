"""`trimtab lineage X`: what something was made of, and what was made of it."""

import json
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from trimtab.cli.access import transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import NotThere, Usage
from trimtab.cli.options import Form
from trimtab.cli.render.show import Output, show
from trimtab.cli.render.text import table_lines, tree_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.lineage import lineage as lineage_of
from trimtab.cli.views.listed import Listed, at
from trimtab.cli.views.table import Table

EXAMPLE = "trimtab lineage mv/flights-v7"
MORE = "X is mv/flights-v7, dset/flights:3 or fset/weather:2. With --from, everything that a file of the store went into."

Thing = Annotated[str | None, typer.Argument(metavar="X", help="A version of a model, a Dataset or a FeatureSet.", show_default=False)]
From = Annotated[str | None, typer.Option("--from", help="A source file, s3://bucket/file, or the beginning of its address.")]


@on_cluster
async def lineage(cluster: Cluster, name: Thing = None, source: From = None, output: Form = Output.TABLE) -> None:
    """What something was made of, and what was made of it."""
    if (name is None) == (source is None):
        raise Usage("Give either a version or --from s3://...", EXAMPLE)
    listed = await cluster.listed()
    if name:
        found = lineage_of(listed, name)
        show(found, output, tree_lines(found))
        return
    async with transfer.opened(cluster) as store:
        table = await _made_of(store, listed, str(source))
    show(table, output, table_lines(table))


async def _made_of(store: transfer.Transfer, listed: Listed, source: str) -> Table:
    """Which versions of data hold files of that address, and which models learned from them."""
    manifests = [(obj, each) for obj in (*listed.of("FeatureSet"), *listed.of("Dataset")) for each in at(obj, "status.versions", [])]
    with tempfile.TemporaryDirectory() as scratch:
        found = await store.fetch([f"{each['uri']}/manifest.json" for _, each in manifests], Path(scratch)) if manifests else {}
        read = {uri: json.loads(path.read_text()) for uri, path in found.items()}
    rows: list[tuple[Any, ...]] = []
    for obj, each in manifests:
        objects = [one for one in read[f"{each['uri']}/manifest.json"].get("inputs", {}).get("objects", []) if one["uri"].startswith(source)]
        models = [one["metadata"]["name"] for one in listed.of("ModelVersion") if at(one, "spec.lineage.dataset.digest") == each["digest"]]
        rows += [(f"{obj['kind']} {obj['metadata']['name']}:{each['version']}", one["uri"], one["etag"], ", ".join(models)) for one in objects]
    if not rows:
        raise NotThere(f"No listed version of a Dataset or FeatureSet was made of {source}.")
    return Table(("VERSION", "FILE", "ETAG", "MODELS"), tuple(rows), tuple(row[0] for row in rows))
