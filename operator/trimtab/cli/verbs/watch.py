"""`trimtab watch NAME`: the tree of a model as it changes; ends when it is at rest, with code 1 where something failed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

import typer
from rich.console import Group
from rich.live import Live

from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import NoCluster, TimedOut, UserError
from trimtab.cli.options import Named
from trimtab.cli.render.show import aside, console, say
from trimtab.cli.render.text import tree_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.health import Mark
from trimtab.cli.views.listed import Listed
from trimtab.cli.views.news import news
from trimtab.cli.views.tree import Tree, tree
from trimtab.cli.views.waiting import duration

EXAMPLE = "trimtab watch flights"

SECONDS = 2.0
"""Between two looks: one LIST a kind each."""
SETTLED = 2
"""Looks in a row at rest that end it: between a version that is verified and its rollout there is a moment of rest."""

Timeout = Annotated[str, typer.Option("--timeout", help="Longest time to watch: 90s, 15m, 2h.")]


@on_cluster
async def watch(cluster: Cluster, name: Named, within: Timeout = "2h") -> None:
    """Follow a model until it is at rest. A live tree in a terminal, a line a change elsewhere."""
    out = console()
    looks = _looks(cluster, name, duration("--timeout", within))
    last = await (_live(looks) if out.is_terminal else _plain(looks))
    failed = [node for node in last.nodes if node.mark == Mark.FAILED]
    if failed:
        raise UserError(f"{last.title} is at rest, and not well: {failed[0].name}: {failed[0].message}", f"trimtab why {name}")


async def _looks(cluster: Cluster, name: str, seconds: float) -> AsyncIterator[tuple[Listed, Tree]]:
    """One after another, until the tree is at rest."""
    end, quiet = asyncio.get_running_loop().time() + seconds, 0
    while True:
        try:
            listed = await cluster.listed()
        except NoCluster as error:
            aside(f"{error.sentence} It is tried again.")
        else:
            choose(listed, name)
            found = tree(listed, name)
            yield listed, found
            quiet = quiet + 1 if found.at_rest else 0
            if quiet >= SETTLED:
                return
        if asyncio.get_running_loop().time() > end:
            raise TimedOut(f"{name} was not at rest when the time was over.", f"trimtab status {name}")
        await asyncio.sleep(SECONDS)


async def _live(looks: AsyncIterator[tuple[Listed, Tree]]) -> Tree:
    last: Tree | None = None
    with Live(console=console(), auto_refresh=False, vertical_overflow="crop") as live:
        async for _, last in looks:
            live.update(Group(*tree_lines(last)), refresh=True)
    return _seen(last)


async def _plain(looks: AsyncIterator[tuple[Listed, Tree]]) -> Tree:
    told: dict[str, str] = {}
    last: Tree | None = None
    async for _, last in looks:
        for line in news(last, told):
            say(line)
    return _seen(last)


def _seen(last: Tree | None) -> Tree:
    if last is None:
        raise TimedOut("The cluster did not answer once in all that time.", "trimtab doctor")
    return last
