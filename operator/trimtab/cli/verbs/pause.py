"""`trimtab pause NAME`."""

from trimtab.cli import deeds
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.doing import carry_out
from trimtab.cli.options import Named
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose

EXAMPLE = "trimtab pause mdep/flights"


@on_cluster
async def pause(cluster: Cluster, name: Named) -> None:
    """Stop all deeds on an object. What is served goes on being served."""
    await carry_out(cluster, deeds.pause(choose(await cluster.listed(), name)))
