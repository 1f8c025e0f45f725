"""`trimtab models ...`: the registry, and a version on this machine."""

from pathlib import Path
from typing import Annotated

import typer

from trimtab.cli.access import transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import Usage
from trimtab.cli.options import Form, Named
from trimtab.cli.pulling import pull as pulled
from trimtab.cli.render.show import Output, say, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views import registry
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.compare import differences, upright

NAME = "models"
HELP = "Versions of models: list, show, compare, pull."
EXAMPLES = {
    "list": "trimtab models list flights",
    "show": "trimtab models show flights-v7",
    "compare": "trimtab models compare flights-v6 flights-v7",
    "pull": "trimtab models pull flights-v7 ./flights",
}
KINDS = ("ModelVersion",)

Model = Annotated[str | None, typer.Argument(metavar="[MODEL]", help="Absent: all models of the namespace.", show_default=False)]
Several = Annotated[list[str], typer.Argument(metavar="NAME NAME ...", help="Two or more versions.")]
Everything = Annotated[bool, typer.Option("--all", help="Also what is the same.")]
Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Folder that is made; it must be empty or not there.")]


@on_cluster
async def list_(cluster: Cluster, model: Model = None, output: Form = Output.TABLE) -> None:
    """All versions with gates, approval, skill and where they are served."""
    table = registry.table(await cluster.listed(), model)
    show(table, output, table_lines(table))


@on_cluster
async def show_(cluster: Cluster, name: Named, output: Form = Output.TABLE) -> None:
    """One version: parameters, metrics, gates, lineage."""
    version = choose(await cluster.listed(), name, KINDS)
    table = upright(registry.facts(version), f"mv/{version['metadata']['name']}")
    show(table, output, table_lines(table))


@on_cluster
async def compare(cluster: Cluster, names: Several, everything: Everything = False, output: Form = Output.TABLE) -> None:
    """Versions side by side, only where they differ."""
    if len(names) < 2:
        raise Usage("Give two versions or more.", EXAMPLES["compare"])
    listed = await cluster.listed()
    found = [choose(listed, name, KINDS) for name in names]
    table = differences([each["metadata"]["name"] for each in found], [registry.facts(each) for each in found], everything=everything)
    show(table, output, table_lines(table))


@on_cluster
async def pull(cluster: Cluster, name: Named, folder: Folder) -> None:
    """A version's files, verified, with a program that runs it on this machine."""
    version = choose(await cluster.listed(), name, KINDS)
    async with transfer.opened(cluster) as store:
        said = await pulled(store, version, folder)
    for line in said:
        say(line)
