"""`trimtab resume NAME`."""

from trimtab.cli import deeds
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.doing import carry_out
from trimtab.cli.options import Named
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose

EXAMPLE = "trimtab resume mdep/flights"


@on_cluster
async def resume(cluster: Cluster, name: Named) -> None:
    """Let a paused object go on."""
    await carry_out(cluster, deeds.resume(choose(await cluster.listed(), name)))
