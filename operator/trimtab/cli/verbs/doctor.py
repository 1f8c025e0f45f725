"""`trimtab doctor`: is everything there that the loop needs, and what to do where it is not."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from trimtab.api.base import GROUP
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.errors import UserError
from trimtab.cli.options import Form
from trimtab.cli.render.show import Output, show
from trimtab.cli.render.text import table_lines
from trimtab.cli.verb import on_cluster
from trimtab.cli.views import doctor as views
from trimtab.cli.views.listed import Manifest

EXAMPLE = "trimtab doctor -n team-a"
MORE = "Exit codes: 0 nothing failed; 1 something did; 5 no cluster."

T = TypeVar("T")


@on_cluster
async def doctor(cluster: Cluster, output: Form = Output.TABLE) -> None:
    """Check that all is there that Trimtab needs."""
    found = await _look(cluster)
    table = views.table(found)
    show(table, output, table_lines(table))
    if table.names:
        raise UserError(f"{len(table.names)} of {len(table.rows)} checks failed: {', '.join(table.names)}.")


async def _look(cluster: Cluster) -> views.Found:
    answer = await cluster.request("GET", "/version")
    version = int(answer["major"]), int(str(answer["minor"]).rstrip("+"))
    user, listed, deployments, secret, account, may = await asyncio.gather(
        cluster.who_am_i(), _or_none(cluster.listed()), _or_none(_deployments(cluster)), _exists(cluster, "secrets", "trimtab-store"),
        _exists(cluster, "serviceaccounts", "trimtab-worker"), _may(cluster),
    )  # fmt: skip
    return views.Found(cluster.access.server, user, version, listed, may, deployments, secret, account)


async def _or_none(work: Awaitable[T]) -> T | None:
    try:
        return await work
    except UserError:
        return None


async def _deployments(cluster: Cluster) -> list[Manifest]:
    answer = await cluster.request("GET", "/apis/apps/v1/deployments", query={"labelSelector": "app.kubernetes.io/part-of=trimtab"})
    return list(answer.get("items", []))


async def _exists(cluster: Cluster, plural: str, name: str) -> bool | None:
    """By name alone: of a Secret nothing but its metadata is asked for. None where this person may not."""
    try:
        return await cluster.named("v1", plural, name)
    except UserError:
        return None


async def _may(cluster: Cluster) -> dict[str, bool]:
    verbs = [verb for verb, _ in views.NEEDED]
    asked = [
        *(cluster.may(verb, GROUP, "modeldeployments") for verb in verbs),
        cluster.may("approve", GROUP, "modelversions"),
        cluster.may("create", "", "pods"),
        cluster.may("create", "", "pods", subresource="exec"),
        cluster.may("create", "", "pods", subresource="portforward"),
    ]
    return dict(zip([*verbs, "approve", "pods", "exec", "portforward"], await asyncio.gather(*asked), strict=True))
