"""`trimtab data diff A B`: what is different between two versions of a Dataset."""

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
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.compare import differences
from trimtab.cli.views.listed import Listed, Manifest, at

NAME = "data"
HELP = "Versions of data: diff."
EXAMPLES = {"diff": "trimtab data diff flights:3 flights:4"}

One = Annotated[str, typer.Argument(metavar="NAME:VERSION", help="A version of a Dataset.")]
Other = Annotated[str, typer.Argument(metavar="NAME:VERSION", help="Another one.")]


@on_cluster
async def diff(cluster: Cluster, one: One, other: Other, output: Form = Output.TABLE) -> None:
    """Two versions: rows, columns, missing values, source files, features, rules of the split."""
    listed = await cluster.listed()
    versions = [_version(listed, each) for each in (one, other)]
    async with transfer.opened(cluster) as store:
        with tempfile.TemporaryDirectory() as scratch:
            facts = [_facts(json.loads(await store.get(f"{each['uri']}/manifest.json", Path(scratch)))) for each in versions]
    table = differences([one, other], facts)
    show(table, output, table_lines(table))


def _version(listed: Listed, text: str) -> dict[str, Any]:
    name, _, number = text.partition(":")
    if not number.removeprefix("v").isdigit():
        raise Usage(f"{text} names no version; write {name}:3.", EXAMPLES["diff"])
    dataset: Manifest = choose(listed, name, ("Dataset",))
    known = at(dataset, "status.versions", [])
    found = next((each for each in known if each["version"] == int(number.removeprefix("v"))), None)
    if found is None:
        raise NotThere(f"Dataset {name} lists no version {number}; it lists {', '.join(str(each['version']) for each in known) or 'none'}.")
    return dict(found)


def _facts(manifest: dict[str, Any]) -> dict[str, Any]:
    """A version's manifest, flat: each column and each source file by its name."""
    facts = dict(manifest.get("facts", {}))
    columns = {each["name"]: {key: value for key, value in each.items() if key != "name"} for each in facts.pop("columns", [])}
    files = {each["uri"]: f"{each['size']:,} bytes, ETag {each['etag'][:12]}" for each in manifest.get("inputs", {}).get("objects", [])}
    features = {each["name"]: each["version"] for each in facts.pop("features", []) or [] if isinstance(each, dict)}
    return {"rows": facts.pop("rows", {}), "columns": columns, "features": features, "files": files, **facts}
