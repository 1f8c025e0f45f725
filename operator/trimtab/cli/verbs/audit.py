"""`trimtab audit mv/x > evidence.zip`: all that is known of a version of a model, for somebody who has to check it."""

import json
import sys
import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from trimtab.cli.access import transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import Usage, UserError
from trimtab.cli.options import Named
from trimtab.cli.render.show import aside
from trimtab.cli.verb import on_cluster
from trimtab.cli.views import evidence
from trimtab.cli.views.choosing import choose

EXAMPLE = "trimtab audit mv/flights-v7 > evidence.zip"
MORE = """README.txt in the archive says what is what and how to check it. The same state gives the same bytes.

Ends with 1 where something that should be known is not there any more; the archive is written all the same, and names it."""

To = Annotated[Path | None, typer.Option("--to", metavar="FILE", help="Write here instead of to standard output.", show_default=False)]


@on_cluster
async def audit(cluster: Cluster, name: Named, to: To = None) -> None:
    """Card, record, lineage, gates, approvals and serving history of a version, as one archive."""
    if to is None and sys.stdout.isatty():
        raise Usage("An archive is not for a terminal.", EXAMPLE)
    listed = await cluster.listed()
    version = choose(listed, name, ("ModelVersion",))
    async with transfer.opened(cluster) as store:
        fetched = await _fetched(store, evidence.wanted(version))
        fetched |= await _fetched(store, evidence.further(listed, version, fetched))
        sources = await _sources(store, fetched.get(evidence.DATASET))
    content = evidence.archive(evidence.files(listed, version, fetched, sources))
    if to:
        to.write_bytes(content)
    else:
        sys.stdout.buffer.write(content)
        sys.stdout.flush()
    name = version["metadata"]["name"]
    aside(f"{name}: {len(fetched)} files of the store, {len(sources)} source files, {len(content):,} bytes.")
    if missing := evidence.gaps(listed, version, fetched, sources):
        raise UserError(f"The archive is written, but the chain of {name} is not whole:\n" + "\n".join(missing), f"trimtab lineage mv/{name}")


async def _fetched(store: transfer.Transfer, names: dict[str, str]) -> dict[str, bytes]:
    """What is there of it, by its name in the archive."""
    folders = {uri.rpartition("/")[0] for uri in names}
    there = {each["uri"] for folder in sorted(folders) for each in await store.objects(f"{folder}/")}
    found = [uri for uri in names if uri in there]
    with tempfile.TemporaryDirectory() as scratch:
        return {names[uri]: path.read_bytes() for uri, path in (await store.fetch(found, Path(scratch))).items()} if found else {}


async def _sources(store: transfer.Transfer, manifest: bytes | None) -> list[dict[str, Any]]:
    objects: list[dict[str, Any]] = json.loads(manifest).get("inputs", {}).get("objects", []) if manifest else []
    hashes = await store.sha256(objects) if objects else {}
    return [each | ({"sha256": hashes[each["uri"]]} if each["uri"] in hashes else {}) for each in objects]
