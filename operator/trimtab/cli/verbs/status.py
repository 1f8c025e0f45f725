"""`trimtab status [NAME]`: all models in a line each, or everything that belongs to one."""

from typing import Annotated

import typer

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.options import Form
from trimtab.cli.render.show import Output, aside, show
from trimtab.cli.render.text import table_lines, tree_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.overview import overview
from trimtab.cli.views.tree import tree

EXAMPLE = "trimtab status flights"

Name = Annotated[str | None, typer.Argument(metavar="[NAME]", help="A model, or an object of one; absent: all of the namespace.", show_default=False)]


@on_cluster
async def status(cluster: Cluster, name: Name = None, output: Form = Output.TABLE) -> None:
    """How models stand. One in full: data, runs, versions, serving, monitoring as one tree."""
    listed = await cluster.listed()
    if name:
        found = tree(listed, name)
        show(found, output, tree_lines(found))
        return
    if not listed:
        aside(f"There is nothing of Trimtab's in namespace {cluster.namespace}. To begin: trimtab init NAME --data FILE")
        return
    rows = overview(listed)
    show(rows, output, table_lines(rows))
