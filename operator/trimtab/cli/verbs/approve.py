"""`trimtab approve mv/NAME`: a person's word on a version, in their own name."""

from trimtab.cli import deeds
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.doing import carry_out
from trimtab.cli.options import Named
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose

EXAMPLE = "trimtab approve mv/flights-v7"


@on_cluster
async def approve(cluster: Cluster, name: Named) -> None:
    """Say that a version may be served. Needs the RBAC verb `approve`."""
    version = choose(await cluster.listed(), name, ("ModelVersion",))
    await carry_out(cluster, deeds.approval(version, "Approved", await cluster.who_am_i()))
