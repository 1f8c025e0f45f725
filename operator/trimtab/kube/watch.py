"""From something that happened to keys in the queue; what happened is not passed on, only that something did.

An object of ours queues itself when a person changed it, not when we wrote its status: `generation` moves with the
spec alone, annotations and labels are a person's verbs. It also queues those whose kind says that it matters to them
(RELATED), for whom a status is news. A child queues its owner, whom its labels name.
"""

from collections.abc import Callable, Mapping

from trimtab.kube.client import Manifest
from trimtab.kube.controller import EVERY, OWNER_KIND, OWNER_NAME, Controller
from trimtab.kube.workqueue import WorkQueue
from trimtab.plans.plan import Key

DELETED = "DELETED"


class Dispatch:
    """Remembers of each object of ours how a person left it, so that our own writes can be told apart; `listen` hears of every event."""

    def __init__(
        self, queue: WorkQueue, controllers: Mapping[str, Controller], listen: Callable[[str | None, Manifest], None] = lambda _change, _obj: None
    ) -> None:
        self._queue, self._controllers, self._listen = queue, controllers, listen
        self._left: dict[Key, object] = {}

    def on_object(self, change: str | None, obj: Manifest) -> None:
        """A Dataset, TrainingJob ... was there at the start (None), ADDED, MODIFIED or DELETED."""
        self._listen(change, obj)
        key = key_of(obj)
        left, before = as_left(obj), self._left.get(key)
        if change == DELETED:
            self._left.pop(key, None)
        else:
            self._left[key] = left
        if change == DELETED or left != before:
            self._queue.add(key)
        for controller in self._controllers.values():
            for related in controller.RELATED(obj):
                self._add(related, cause=key)

    def on_child(self, obj: Manifest) -> None:
        """A Job, a pod ... that was made for an owner changed in any way."""
        meta = obj["metadata"]
        kind, name = meta.get("labels", {}).get(OWNER_KIND), meta.get("labels", {}).get(OWNER_NAME)
        if kind in self._controllers and name:
            self._queue.add(Key(kind, meta["namespace"], name))

    def _add(self, key: Key, cause: Key) -> None:
        if key.name != EVERY:
            self._queue.add(key)
            return
        for known in self._left:
            if (known.kind, known.namespace) == (key.kind, key.namespace) and known != cause:
                self._queue.add(known)


def key_of(obj: Manifest) -> Key:
    return Key(obj["kind"], obj["metadata"]["namespace"], obj["metadata"]["name"])


def as_left(obj: Manifest) -> object:
    """What of an object only others than we write."""
    meta = obj["metadata"]
    return meta.get("uid"), meta.get("generation"), meta.get("annotations"), meta.get("labels"), meta.get("deletionTimestamp")
