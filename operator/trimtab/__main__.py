"""The operator's process: `python -m trimtab`.

Starts what there is in this order and ends it in the reverse: logs, health, client, Lease, queue, resync, kopf. It
ends by itself, with code 1, when the Lease is lost or any part of it fails: Kubernetes starts it again, and a fresh
start is the one way of healing that is tested every day.
"""

import asyncio
import os
import signal
import socket
import sys
import uuid
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import structlog
from prometheus_client import REGISTRY

from trimtab import handlers
from trimtab.controllers.registry import BY_KIND
from trimtab.kube import connection, log, workqueue
from trimtab.kube.errors import ApiError, NotFound
from trimtab.kube.health import HealthServer, Heartbeat, oldest_is_young, resync_is_recent
from trimtab.kube.informer import kopf
from trimtab.kube.lease import Lease, LeaseLostError, Terms
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.resync import Resync
from trimtab.kube.settings import Settings
from trimtab.kube.told import StatusGauges
from trimtab.kube.transport import HttpClient
from trimtab.kube.watch import Dispatch
from trimtab.kube.workqueue import WorkQueue

GRACE_SECONDS = 3.0
"""For reconciles under way when the process is asked to stop; all of it takes less than ten."""
LAST_SECONDS = 9.0
"""After these the process ends whatever still hangs."""
MISSING_KINDS_SECONDS = 2.0
KOPF_IDENTITY: Any = "trimtab"
"""Without one kopf asks who the user is, and in a container the user is a number without a name. It only matters for peering."""

events = structlog.get_logger()


def main() -> int:
    """0 when asked to stop, 1 when something failed."""
    settings = Settings()
    settings = settings.model_copy(update={"identity": settings.identity or f"{socket.gethostname()}-{uuid.uuid4().hex[:8]}"})
    log.configure(settings.log_format, settings.log_level)
    try:
        asyncio.run(operate(settings))
    except LeaseLostError as error:
        events.error("lease.lost", error=str(error))
        return 1
    except connection.NoClusterError as error:
        events.error("cluster.not_found", error=str(error))
        return 1
    except Exception as error:  # noqa: BLE001  # the last one there is: said in the log, and the process ends with 1
        events.exception("operator.failed", error=str(error))
        return 1
    events.info("operator.stopped")
    return 0


async def operate(settings: Settings) -> None:
    """Until a signal comes; raises when it has to end for another reason."""
    stop = _stop_on_signal()
    health, heart = HealthServer(), Heartbeat()
    health.healthy.append(heart.check)
    health.start(settings.metrics_port)
    events.info("operator.started", identity=settings.identity, namespaces=settings.namespaces or "all", port=health.port)
    beating = asyncio.create_task(heart.beat(), name="heartbeat")
    try:
        async with HttpClient(connection.find, settings.namespaces) as client:
            terms = Terms(settings.lease_namespace, settings.lease_name, settings.lease_seconds)
            lease = Lease(client, terms, settings.identity, now)
            if await _unless_stopped(stop, lease.acquire()):
                try:
                    await _lead(client, lease, settings, health, stop)
                finally:
                    await lease.release()
    finally:
        beating.cancel()
        health.stop()


@dataclass
class Core:
    """What works while the Lease is held."""

    queue: WorkQueue
    resync: Resync
    dispatch: Dispatch


async def _lead(client: HttpClient, lease: Lease, settings: Settings, health: HealthServer, stop: asyncio.Event) -> None:
    keeping = asyncio.create_task(lease.keep(), name="lease")
    try:
        if not await _unless_stopped(stop, _kinds_are_there(client), keeping):
            return
        async with _core(client, settings, health) as core:
            await _until_stopped(keeping, core, await _tasks(client, core, settings))
    finally:
        keeping.cancel()


@asynccontextmanager
async def _core(client: HttpClient, settings: Settings, health: HealthServer) -> AsyncIterator[Core]:
    queue = WorkQueue(Reconciler(client, BY_KIND, settings, now), settings.max_concurrency)
    resync = Resync(client, BY_KIND, settings, queue, now)
    loop, began = asyncio.get_running_loop(), asyncio.get_running_loop().time()
    since = lambda: loop.time() - (resync.finished_at or began)  # noqa: E731
    health.healthy += [oldest_is_young(queue.oldest), resync_is_recent(since, settings.resync_seconds)]
    workqueue.report(queue)
    gauges = StatusGauges()
    REGISTRY.register(gauges)
    queue.start()
    try:
        yield Core(queue, resync, Dispatch(queue, BY_KIND, gauges.on_object))
    finally:
        REGISTRY.unregister(gauges)
        await queue.stop(GRACE_SECONDS)


async def _tasks(client: HttpClient, core: Core, settings: Settings) -> list[asyncio.Task[None]]:
    resyncing = asyncio.create_task(core.resync.forever(), name="resync")
    watching = kopf.operator(
        registry=handlers.register(core.dispatch, BY_KIND),
        settings=handlers.settings(BY_KIND, await client.version()),
        identity=KOPF_IDENTITY,
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
    )
    return [resyncing, asyncio.create_task(watching, name="kopf")]


async def _until_stopped(keeping: "asyncio.Task[None]", core: Core, tasks: list["asyncio.Task[None]"]) -> None:
    """The first part that ends, ends all; its error is raised. From here on signals are kopf's: it ends, and so does the rest."""
    try:
        done, _ = await asyncio.wait([keeping, *tasks], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    except LeaseLostError:
        await core.queue.stop(0)  # another works from now on: break off at once
        raise
    finally:
        asyncio.get_running_loop().call_later(LAST_SECONDS, os._exit, 1)
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks, timeout=LAST_SECONDS)


async def _kinds_are_there(client: HttpClient) -> None:
    """CRDs may be installed in the same breath as the operator."""
    for controller in BY_KIND.values():
        while True:
            try:
                await client.list(controller.KIND.api_version, controller.KIND.plural)
                break
            except NotFound:
                events.warning("kind.missing", plural=controller.KIND.plural, advice="Install the CRDs; the operator waits for them.")
            except ApiError as error:
                events.warning("kind.unreadable", plural=controller.KIND.plural, error=str(error))
            await asyncio.sleep(MISSING_KINDS_SECONDS)


async def _unless_stopped(stop: asyncio.Event, work: Coroutine[None, None, None], *beside: "asyncio.Task[None]") -> bool:
    """Whether `work` ended before a signal came; its error, or one of those `beside`, is raised."""
    doing, stopping = asyncio.create_task(work), asyncio.create_task(stop.wait())
    try:
        done, _ = await asyncio.wait([doing, stopping, *beside], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
        return doing in done
    finally:
        doing.cancel()
        stopping.cancel()


def _stop_on_signal() -> asyncio.Event:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    return stop


def now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    sys.exit(main())
