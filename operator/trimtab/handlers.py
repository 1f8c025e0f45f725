"""The only file with kopf's decorators: kopf is the informer, and an event does one thing, it adds a key to the queue.

Not used of kopf: handlers for create and update (edge-triggered), timers, daemons, index, memo, patches, finalizers,
peering, admission, Events. Children are filtered on the server, by the label that every child carries; a decorator's
`labels=` would stream the whole cluster and throw most of it away here.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from trimtab.kube import connection
from trimtab.kube.controller import OWNER_UID, ChildKind, Controller
from trimtab.kube.informer import kopf
from trimtab.kube.watch import Dispatch

SILENCE_SECONDS = 70.0
"""A watch that is silent for longer is dead: the server sends a bookmark every 60 s."""
STREAMED_LISTS_SINCE = (1, 34)
"""From this version of Kubernetes the first list of a watch can come as a stream, which costs both sides less memory."""


def register(dispatch: Dispatch, controllers: Mapping[str, Controller]) -> kopf.OperatorRegistry:
    """Every event of our kinds and of their children goes to `dispatch`."""
    registry = kopf.OperatorRegistry()
    for controller in controllers.values():
        kind = controller.KIND
        kopf.on.event(group=kind.group, version=kind.version, plural=kind.plural, id="object", registry=registry)(_on_object(dispatch))
    for child in children(controllers.values()):
        group, version = group_and_version(child)
        kopf.on.event(group=group, version=version, plural=child.plural, id="child", registry=registry)(_on_child(dispatch))
    kopf.on.login(registry=registry)(_login)
    return registry


def settings(controllers: Mapping[str, Controller], server: tuple[int, int]) -> kopf.OperatorSettings:
    """kopf's own settings: it watches, and writes nothing."""
    chosen = kopf.OperatorSettings()
    chosen.posting.enabled = False
    chosen.scanning.disabled = True  # the kinds are there before kopf starts, and watching CRDs would need one more permission
    chosen.watching.inactivity_timeout = SILENCE_SECONDS
    chosen.watching.initial_streaming = server >= STREAMED_LISTS_SINCE
    chosen.networking.request_timeout = 30
    chosen.networking.connect_timeout = 10
    for child in children(controllers.values()):
        chosen.watching.label_selectors[*group_and_version(child), child.plural] = OWNER_UID
    return chosen


def children(controllers: Iterable[Controller]) -> list[ChildKind]:
    """Each kind of child once; a kind of ours that is also a child is watched as itself."""
    own = {(controller.KIND.api_version, controller.KIND.plural) for controller in controllers}
    every = {child: None for controller in controllers for child in controller.CHILDREN}
    return [child for child in every if (child.api_version, child.plural) not in own]


def group_and_version(child: ChildKind) -> tuple[str, str]:
    """`batch/v1` -> (batch, v1); `v1` -> ("", v1)."""
    group, _, version = child.api_version.rpartition("/")
    return group, version


def _on_object(dispatch: Dispatch) -> Any:
    async def on_object(event: Any, **_: Any) -> None:
        dispatch.on_object(event["type"], dict(event["object"]))

    return on_object


def _on_child(dispatch: Dispatch) -> Any:
    async def on_child(event: Any, **_: Any) -> None:
        dispatch.on_child(dict(event["object"]))

    return on_child


def _login(**_: Any) -> kopf.ConnectionInfo:
    return connection.find()
