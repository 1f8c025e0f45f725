"""One process's life: listen, fetch and load the model, answer, drain, end.

Both ports listen from the first moment, so that a probe always gets an answer; readiness comes when the golden examples have
come out again. On SIGTERM readiness goes first and everything else stays, until clients have been sent elsewhere; then what
is still under way is finished. Why a model could not be served stays behind as a Result where the kubelet finds it.
"""

import asyncio
import contextlib
import signal
import socket
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import uvicorn

from trimtab.api.documents import TRY_AGAIN, USER_FAULT, Result, leave
from trimtab.api.reasons import Reason
from trimtab.store.errors import StoreError
from trimtab_serving.app import Admin, Inference
from trimtab_serving.artifact import Files
from trimtab_serving.errors import ModelFault
from trimtab_serving.model import Identity, Model, load, warm_up
from trimtab_serving.pace import paced
from trimtab_serving.settings import Settings
from trimtab_serving.split.watch import Watch
from trimtab_serving.state import Server

if TYPE_CHECKING:
    from trimtab_serving.trail.trail import Trail

KEEP_ALIVE_SECONDS = 75
"""Longer than clients keep idle connections: the side that sends must be the one that closes, or a request gets lost in between."""

FINISH_SECONDS = 30
"""How long requests that are under way at the end may still take; with the drain it fits into the 60 s of grace that pods get."""

UPLOAD_SECONDS = 15.0
"""How long the last rows of the prediction log may take on their way to the object store; this too fits into the grace."""

BACKLOG = 2048

log = structlog.get_logger()


class Listener(uvicorn.Server):  # type: ignore[misc]
    """A uvicorn server that leaves signals to us: two run in one process, and neither may stop before the drain."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def listen(app: Callable[..., Awaitable[None]], host: str, port: int) -> tuple[Listener, socket.socket]:
    """The server and its bound socket, not yet running."""
    config = uvicorn.Config(
        app, http="httptools", loop="none", ws="none", lifespan="off", interface="asgi3", log_config=None, access_log=False, server_header=False,
        date_header=False, proxy_headers=False, timeout_keep_alive=KEEP_ALIVE_SECONDS, timeout_graceful_shutdown=FINISH_SECONDS, backlog=BACKLOG,
    )  # fmt: skip
    return Listener(config), socket.create_server((host, port), backlog=BACKLOG)


def prepare(fetch: Callable[[Path], Files], identity: Identity) -> tuple[Model, int]:
    """The model, loaded and proved, and how many golden examples proved it. Its files are only needed until it is loaded."""
    with tempfile.TemporaryDirectory(prefix="trimtab-model-") as folder:
        model = load(fetch(Path(folder)), identity)
        examples = warm_up(model)
        return paced(model), examples


def failure(error: Exception) -> tuple[Result, int]:
    """What to leave behind, and the exit code: only what may heal by itself is tried again at once."""
    if isinstance(error, StoreError | ModelFault):
        log.error("model.refused", reason=error.reason, message=error.message)
        return Result(outcome="Failed", reason=error.reason, message=error.message), TRY_AGAIN if error.temporary else USER_FAULT
    log.error("model.crashed", exc_info=error)
    detail = f"{type(error).__name__}: {error}"
    return Result(outcome="Failed", reason=Reason.CRASHED, message=Reason.CRASHED.say(code=TRY_AGAIN, detail=detail)), TRY_AGAIN


async def serve(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT; the exit code."""
    server = Server(settings.identity, settings.max_body_bytes)
    stop = asyncio.Event()
    for each in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(each, stop.set)
    listeners = [listen(Inference(server), settings.host, settings.port), listen(Admin(server), settings.host, settings.admin_port)]
    running = [asyncio.create_task(listener.serve([bound])) for listener, bound in listeners]
    log.info("server.listening", port=listeners[0][1].getsockname()[1], admin_port=listeners[1][1].getsockname()[1], model=settings.identity.model)
    watch = Watch(settings.split, server.division.follow)
    watch.look()
    watching = asyncio.create_task(watch.watch())
    code = await _live(server, settings, stop)
    for (listener, _), task in zip(listeners, running, strict=True):
        listener.should_exit = True
        await task
    watching.cancel()
    server.division.close()
    if server.trail and server.trail.recorder:
        await asyncio.to_thread(server.trail.recorder.close, UPLOAD_SECONDS)
    log.info("server.stopped", code=code)
    return code


def _prepare_all(settings: Settings, server: Server) -> "tuple[Model, int, Trail | None]":
    model, examples = prepare(settings.fetch, settings.identity)
    return model, examples, settings.trail(server.counters.log, model) if settings.trail else None


async def _live(server: Server, settings: Settings, stop: asyncio.Event) -> int:
    begun = time.perf_counter()
    loading = asyncio.create_task(asyncio.to_thread(_prepare_all, settings, server))
    stopping = asyncio.create_task(stop.wait())
    await asyncio.wait((loading, stopping), return_when=asyncio.FIRST_COMPLETED)
    if not loading.done():
        return 0
    try:
        model, examples, trail = loading.result()
    except Exception as error:  # noqa: BLE001 (whatever it was, it is left behind in words)
        result, code = failure(error)
        leave(result)
        return code
    if trail:
        from trimtab_serving.rehearsal import Rehearsal

        server.counters.rehearsal = Rehearsal()
        server.counters.rehearsal.begin(model, trail.place.store, trail.place.layout)
    server.take(model, trail)
    if trail and trail.recorder:
        trail.recorder.start()
    log.info(
        "server.ready",
        golden=examples,
        load_ms=model.load_ms,
        inline_rows=model.inline_rows,
        took_ms=round((time.perf_counter() - begun) * 1000),
        digest=model.digest,
    )
    await stopping
    server.drain()
    log.info("server.draining", seconds=settings.drain_seconds, inflight=server.counters.inflight)
    await asyncio.sleep(settings.drain_seconds)
    return 0
