"""How a verb meets the cluster: `@on_cluster` gives an async function its connection and the options that say which one."""

import asyncio
import functools
import inspect
from collections.abc import Awaitable, Callable
from typing import Any

from trimtab.cli.access import kubeconfig
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.kubeconfig import Place
from trimtab.cli.options import Context, Kubeconfig, Namespace

PLACE = {"namespace": Namespace, "context": Context, "kubeconfig": Kubeconfig}


def on_cluster(act: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """The verb as typer calls it: the first parameter, a Cluster, is opened here; the rest are the verb's own."""
    own = list(inspect.signature(act, eval_str=True).parameters.values())[1:]
    place = [inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=kind) for name, kind in PLACE.items()]

    @functools.wraps(act)
    def verb(**given: Any) -> None:
        meant = Place(*(given.pop(name) for name in PLACE))
        asyncio.run(_connected(act, meant, given))

    del verb.__wrapped__
    parameters = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in own] + place
    verb.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    verb.__annotations__ = {each.name: each.annotation for each in parameters} | {"return": None}
    return verb


async def _connected(act: Callable[..., Awaitable[None]], place: Place, given: dict[str, Any]) -> None:
    async with Cluster(kubeconfig.find(place)) as cluster:
        await act(cluster, **given)
