"""`trimtab who-answered NAME --at TIME`: which version answered then."""

from typing import Annotated

import typer

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.doing import now
from trimtab.cli.options import Form, Named
from trimtab.cli.render.show import Output, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views import rollout as views
from trimtab.cli.views.choosing import choose

NAME = "who-answered"
EXAMPLE = "trimtab who-answered flights --at 2026-01-05T12:00:00Z"

When = Annotated[str, typer.Option("--at", help="A time, such as 2026-01-05T12:00:00Z; without a zone it is UTC.")]


@on_cluster
async def who_answered(cluster: Cluster, name: Named, at: When = "now", output: Form = Output.TABLE) -> None:
    """Which version of a model answered at a moment."""
    obj = choose(await cluster.listed(), name, ("Deployment",))
    table = views.who_answered(obj, views.parsed(at, now()))
    show(table, output, table_lines(table))
