"""Carrying a deed out: one patch, one sentence."""

from datetime import UTC, datetime

from trimtab.api.kinds import BY_KIND
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.deeds import Deed
from trimtab.cli.render.show import say


async def carry_out(cluster: Cluster, deed: Deed) -> None:
    await cluster.patch(BY_KIND[deed.target["kind"]], deed.target["metadata"]["name"], deed.patch)
    say(deed.said)


def now() -> datetime:
    return datetime.now(UTC)
