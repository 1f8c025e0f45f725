"""`trimtab explain NAME`: every value in force, and where it comes from."""

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.options import Form, Named
from trimtab.cli.render.show import Output, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.explain import explain as facts_of

EXAMPLE = "trimtab explain dset/flights"


@on_cluster
async def explain(cluster: Cluster, name: Named, output: Form = Output.TABLE) -> None:
    """Every value in force, and where it comes from."""
    listed = await cluster.listed()
    table = facts_of(listed, choose(listed, name))
    show(table, output, table_lines(table))
