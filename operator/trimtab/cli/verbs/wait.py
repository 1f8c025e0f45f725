"""`trimtab wait NAME --for ...`: for scripts and CI; its exit code is its answer."""

import asyncio
from typing import Annotated

import typer

from trimtab.api.kinds import BY_KIND, KINDS
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import NotThere, TimedOut, UserError
from trimtab.cli.options import Named
from trimtab.cli.render.show import aside, say
from trimtab.cli.verb import on_cluster
from trimtab.cli.views.choosing import choose
from trimtab.cli.views.listed import Manifest, Ref, at, ref
from trimtab.cli.views.waiting import HOW, Judge, Verdict, duration, judge

EXAMPLE = "trimtab wait tj/flights --for ready --timeout 30m"
MORE = "Exit codes: 0 it is so; 1 it will not come by itself (Stalled, a failed gate); 2 the command means nothing; 3 no such object; 4 the time was over; 5 no cluster."

SECONDS = 1.0
"""Between two looks at one object."""

Goal = Annotated[str, typer.Option("--for", help=f"{HOW}.")]
Timeout = Annotated[str, typer.Option("--timeout", help="Longest wait: 90s, 15m, 2h.")]


@on_cluster
async def wait(cluster: Cluster, name: Named, goal: Goal = "ready", within: Timeout = "10m") -> None:
    """Wait until it is so; the exit code is the answer."""
    decide, end = judge(goal), asyncio.get_running_loop().time() + duration("--timeout", within)
    found = await _first(cluster, name, goal)
    if found is None:
        say(f"{name} is gone.")
        return
    await _until(cluster, found, decide, end)


async def _first(cluster: Cluster, name: str, goal: str) -> Manifest | None:
    try:
        return choose(await cluster.listed(KINDS), name)
    except NotThere:
        if goal == "deleted":
            return None
        raise


async def _until(cluster: Cluster, obj: Manifest, decide: Judge, end: float) -> None:
    meant, told = ref(obj), ""
    while True:
        found = await _again(cluster, meant, obj)
        judged = decide(found)
        if judged.verdict == Verdict.MET:
            say(f"{meant} {judged.message}")
            return
        if judged.verdict == Verdict.NEVER:
            raise UserError(f"{meant}: {judged.message}", f"trimtab why {meant}")
        if judged.message != told:
            told = judged.message
            aside(f"{meant}: {told}")
        if asyncio.get_running_loop().time() > end:
            raise TimedOut(f"{meant} was not so when the time was over: {told}", f"trimtab why {meant}")
        await asyncio.sleep(SECONDS)


async def _again(cluster: Cluster, meant: Ref, before: Manifest) -> Manifest | None:
    """The object as it is now; one of that name that was made since is another."""
    kind = BY_KIND[meant.kind]
    found = await cluster.get(kind.api_version, kind.plural, meant.name)
    return found if found and at(found, "metadata.uid") == at(before, "metadata.uid") else None
