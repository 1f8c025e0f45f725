"""`trimtab run NAME`: the annotation that asks for a run now."""

from typing import Annotated

import typer

from trimtab.cli import deeds
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.doing import carry_out, now
from trimtab.cli.options import Named
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose

EXAMPLE = "trimtab run tj/flights"
MORE = "A TrainingJob trains, a Dataset or FeatureSet looks for new data, a ModelVersion is verified again."

KINDS = ("TrainingJob", "Dataset", "FeatureSet", "ModelVersion")

Id = Annotated[str | None, typer.Option("--id", help="Id of the request; the same id twice asks for nothing new. Absent: your name and the time.")]


@on_cluster
async def run(cluster: Cluster, name: Named, request: Id = None) -> None:
    """Ask for a run now; a bare name means the TrainingJob."""
    obj = choose(await cluster.listed(), name, KINDS)
    await carry_out(cluster, deeds.run(obj, request or deeds.request_id(await cluster.who_am_i(), now())))
