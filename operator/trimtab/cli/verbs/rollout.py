"""`trimtab rollout ...`: looking at a rollout and taking part in it. Writes annotations and spec, never a status."""

from typing import Annotated

import typer

from trimtab.cli import deeds
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.doing import carry_out, now
from trimtab.cli.options import Form, Named
from trimtab.cli.render.show import Output, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views import rollout as views
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.listed import Listed, Manifest

NAME = "rollout"
HELP = "How a new version comes in."
EXAMPLES = {
    "status": "trimtab rollout status flights",
    "promote": "trimtab rollout promote flights",
    "abort": "trimtab rollout abort flights",
    "pause": "trimtab rollout pause flights",
    "resume": "trimtab rollout resume flights",
    "undo": "trimtab rollout undo flights",
    "retry": "trimtab rollout retry flights 7",
    "history": "trimtab rollout history flights",
}

KINDS = ("Deployment",)
Number = Annotated[int, typer.Argument(metavar="VERSION", help="Number of the version.", min=1)]


async def _deployment(cluster: Cluster, name: str) -> tuple[Listed, Manifest]:
    listed = await cluster.listed()
    return listed, choose(listed, name, KINDS)


@on_cluster
async def status(cluster: Cluster, name: Named, output: Form = Output.TABLE) -> None:
    """Which versions answer, with which share, and what the analysis says."""
    table = views.status((await _deployment(cluster, name))[1])
    show(table, output, table_lines(table))


@on_cluster
async def history(cluster: Cluster, name: Named, output: Form = Output.TABLE) -> None:
    """Which versions were served, from when until when."""
    table = views.history((await _deployment(cluster, name))[1])
    show(table, output, table_lines(table))


@on_cluster
async def promote(cluster: Cluster, name: Named) -> None:
    """Let the candidate go on past the step where it rests."""
    await carry_out(cluster, deeds.promote((await _deployment(cluster, name))[1]))


@on_cluster
async def abort(cluster: Cluster, name: Named) -> None:
    """Take the candidate back; the stable version answers alone."""
    await carry_out(cluster, deeds.abort((await _deployment(cluster, name))[1]))


@on_cluster
async def pause(cluster: Cluster, name: Named) -> None:
    """Keep everything as it is now."""
    await carry_out(cluster, deeds.pause((await _deployment(cluster, name))[1]))


@on_cluster
async def resume(cluster: Cluster, name: Named) -> None:
    """Let a paused rollout go on."""
    await carry_out(cluster, deeds.resume((await _deployment(cluster, name))[1]))


@on_cluster
async def undo(cluster: Cluster, name: Named) -> None:
    """Go back to the version that was served before."""
    listed, obj = await _deployment(cluster, name)
    await carry_out(cluster, deeds.undo(listed, obj, await cluster.who_am_i(), now()))


@on_cluster
async def retry(cluster: Cluster, name: Named, version: Number) -> None:
    """Take the block off a version, so that it is tried again."""
    listed, obj = await _deployment(cluster, name)
    for deed in deeds.retry(listed, obj, version):
        await carry_out(cluster, deed)
