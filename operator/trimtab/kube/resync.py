"""The net under the events: every few minutes, everything is looked at once, cheaply.

One LIST a kind and one a kind of child; then each kind's own `observe` and `plan` run on these lists. Lists may be a
little old, so nothing is done on their word: a key whose plan is not empty is queued and observed live. What is not
in the lists (a ConfigMap, a pod's metrics) is read live.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime
from time import perf_counter
from typing import cast

import structlog

from trimtab.kube.client import Client, Manifest, Manifests, Reader
from trimtab.kube.controller import OWNER_UID, Controller
from trimtab.kube.errors import ApiError
from trimtab.kube.matching import fields_match, labels_match
from trimtab.kube.reconcile import is_gone, pending
from trimtab.kube.settings import Settings
from trimtab.kube.workqueue import WorkQueue
from trimtab.plans.plan import Key

FAILED_AGAIN = 30.0
"""Seconds after a resync that failed: what an API server that was away kept from us shall not wait for the next regular one."""

Collection = tuple[str, str]
"""(apiVersion, plural)."""

log = structlog.get_logger()


class Lists:
    """Answers reads from lists where it has them; it cannot write."""

    def __init__(self, live: Reader, lists: Mapping[Collection, Manifests]) -> None:
        self._live, self._by_namespace = live, {collection: _by_namespace(objects) for collection, objects in lists.items()}

    async def get(self, api_version: str, plural: str, namespace: str, name: str) -> Manifest | None:
        held = self._by_namespace.get((api_version, plural))
        if held is None:
            return await self._live.get(api_version, plural, namespace, name)
        return next((obj for obj in held[namespace] if obj["metadata"]["name"] == name), None)

    async def list(
        self, api_version: str, plural: str, namespace: str | None = None, label_selector: str | None = None, field_selector: str | None = None
    ) -> Manifests:
        held = self._by_namespace.get((api_version, plural))
        if held is None:
            return await self._live.list(api_version, plural, namespace, label_selector, field_selector)
        objects = held[namespace] if namespace else [obj for each in held.values() for obj in each]
        return [obj for obj in objects if labels_match(label_selector, obj["metadata"].get("labels", {})) and fields_match(field_selector, obj)]

    async def scrape(self, pod_ip: str, port: int, path: str = "/metrics") -> str:
        return await self._live.scrape(pod_ip, port, path)


class Resync:
    """`await resync.once()` queues what needs a look; `await resync.forever()` does so again and again."""

    def __init__(self, client: Client, controllers: Mapping[str, Controller], settings: Settings, queue: WorkQueue, clock: Callable[[], datetime]) -> None:
        self._client, self._controllers, self._settings, self._queue, self._clock = client, controllers, settings, queue, clock
        self.finished_at: float | None = None

    async def forever(self) -> None:
        while True:
            pause = self._settings.resync_seconds
            try:
                await self.once()
            except ApiError as error:
                pause = min(pause, FAILED_AGAIN)
                log.warning("resync.failed", error=str(error))
            await asyncio.sleep(pause)

    async def once(self) -> int:
        """How many keys were queued."""
        started = perf_counter()
        lists = await read_lists(self._client, self._controllers)
        cached = cast("Client", Lists(self._client, lists))  # an observe only reads
        queued = looked_at = 0
        for controller in self._controllers.values():
            for obj in lists[_own(controller)]:
                looked_at += 1
                queued += await self._look(cached, controller, obj)
                await asyncio.sleep(0)  # planning is pure computing: let the workers have their turn
        self.finished_at = asyncio.get_running_loop().time()
        log.info("resynced", objects=looked_at, queued=queued, took_ms=round((perf_counter() - started) * 1000))
        return queued

    async def _look(self, cached: Client, controller: Controller, obj: Manifest) -> bool:
        meta, now = obj["metadata"], self._clock()
        key = Key(controller.KIND.kind, meta["namespace"], meta["name"])
        try:
            seen = await controller.observe(cached, key, self._settings, now)
            if is_gone(seen):
                return False
            plan = controller.plan(seen, now)
        except Exception:  # noqa: BLE001  # whatever it is, the reconcile tells it, and one bad object must not stop the look at the others
            self._queue.add(key)
            return True
        if pending(seen, plan):
            self._queue.add(key)
            return True
        if plan.requeue_after is not None:
            self._queue.add(key, plan.requeue_after.total_seconds())
        return False


async def read_lists(client: Client, controllers: Mapping[str, Controller]) -> dict[Collection, Manifests]:
    """Our own kinds whole, kinds of children by their label."""
    lists = {_own(controller): await client.list(*_own(controller)) for controller in controllers.values()}
    for controller in controllers.values():
        for child in controller.CHILDREN:
            collection = (child.api_version, child.plural)
            if collection not in lists:
                lists[collection] = await client.list(*collection, label_selector=OWNER_UID)
    return lists


def _own(controller: Controller) -> Collection:
    return controller.KIND.api_version, controller.KIND.plural


def _by_namespace(objects: Manifests) -> dict[str, Manifests]:
    grouped: dict[str, Manifests] = defaultdict(list)
    for obj in objects:
        grouped[obj["metadata"].get("namespace", "")].append(obj)
    return grouped
