"""The two ASGI applications of a pod: inference for clients, health and metrics for the cluster. Raw ASGI: the protocol is small.

A request is answered on the loop itself, because one row is cheaper than a hand-over to a thread; large ones go to threads
(ONNX Runtime and numpy release the interpreter's lock there), so that small ones do not wait behind them.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from trimtab_serving import metrics, pages
from trimtab_serving.errors import Refusal
from trimtab_serving.model import Model
from trimtab_serving.state import LOADING, Phase, Server
from trimtab_serving.trail.labels import read as read_labels
from trimtab_serving.wire import CLOSE, SOON, ClientLeft, Header, Receive, Scope, Send, check_head, error, is_safe, read_body, reply, request_id

INLINE_ROWS = 64
INLINE_BYTES = 64 * 1024
"""Above either, threads do the work."""

BODY_SECONDS = 30.0
"""How long a client may take to send its body."""

CLIENT_LEFT = 499

log = structlog.get_logger()


class Inference:
    """The application on the clients' port."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._infer_paths = frozenset(f"{path}/infer" for path in pages.model_paths(server.identity))
        self._label_paths = frozenset(f"{path}/labels" for path in pages.model_paths(server.identity))
        self._version: Header = (b"x-trimtab-version", server.identity.version.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path in self._infer_paths and method == "POST":
            await self._count(scope, receive, send)
        elif path in self._label_paths and method == "POST":
            await self._take_labels(scope, receive, send)
        else:
            status, body, headers = self._page(path, method)
            await reply(send, status, body, (*headers, self._version, *self._closing()))

    def _page(self, path: str, method: str) -> tuple[int, bytes, tuple[Header, ...]]:
        known = self._server.pages.get(path)
        if path in self._infer_paths | self._label_paths:
            return 405, error(f"{path}: expected POST, found {method}."), ((b"allow", b"POST"),)
        if known is None:
            return self._no_page(path)
        if method not in ("GET", "HEAD"):
            return 405, error(f"{path}: expected GET, found {method}."), ((b"allow", b"GET, HEAD"),)
        return (*known(), ())

    def _no_page(self, path: str) -> tuple[int, bytes, tuple[Header, ...]]:
        server = self._server
        mine = path in ("/", "/openapi.json") or path.startswith(pages.model_paths(server.identity))
        if server.model is None and mine:
            return 503, error(LOADING), (SOON,)
        return 404, error(pages.unknown(path, server.identity, [*server.pages, *self._infer_paths, *self._label_paths])), ()

    async def _count(self, scope: Scope, receive: Receive, send: Send) -> None:
        counters, begun = self._server.counters, time.perf_counter()
        counters.inflight += 1
        status = CLIENT_LEFT
        try:
            headers = dict(scope["headers"])
            status, body, answered_as, extra = await self._infer(headers, receive, begun)
            await reply(send, status, body, ((b"x-request-id", answered_as.encode()), *extra, self._version, *self._closing()))
        except ClientLeft:
            log.debug("request.abandoned")
        finally:
            counters.inflight -= 1
            counters.answered(status, time.perf_counter() - begun)

    async def _infer(self, headers: Mapping[bytes, bytes], receive: Receive, begun: float) -> tuple[int, bytes, str, tuple[Header, ...]]:
        asked_as = request_id(headers)
        try:
            model = self._server.model_or_refusal()
            check_head(headers, self._server.max_body_bytes)
            async with asyncio.timeout(BODY_SECONDS):
                body = await read_body(receive, self._server.max_body_bytes)
            answered_as, answer = await self._answer(model, body, asked_as, begun)
        except Refusal as refusal:
            return refusal.status, error(refusal.sentence), asked_as, refusal.headers
        except TimeoutError:
            return 408, error(f"The body did not arrive within {BODY_SECONDS:g} s."), asked_as, (CLOSE,)
        except ClientLeft:
            raise
        except Exception:
            log.exception("request.failed", request_id=asked_as)
            return 500, error(f"The model failed on this request; the server's log says more under {asked_as}."), asked_as, ()
        return 200, answer, answered_as if is_safe(answered_as) else asked_as, ()

    async def _answer(self, model: Model, body: bytes, asked_as: str, begun: float) -> tuple[str, bytes]:
        """The answer's id, which is the client's own where the body has one, and the answer."""
        loop, threads = asyncio.get_running_loop(), self._server.threads
        request = model.protocol.decode(body) if len(body) <= INLINE_BYTES else await loop.run_in_executor(threads, model.protocol.decode, body)
        answered_as = request.id or asked_as
        if request.rows <= INLINE_ROWS:
            outputs = model.predict(request)
            answer = model.answer(answered_as, request, outputs)
        else:
            outputs = await loop.run_in_executor(threads, model.predict, request)
            answer = await loop.run_in_executor(threads, model.answer, answered_as, request, outputs)
        if self._server.trail and self._server.trail.recorder:
            self._server.trail.recorder.take(answered_as, request, outputs, time.perf_counter() - begun)
        return answered_as, answer

    async def _take_labels(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: tuple[Header, ...] = ()
        try:
            status, answer = 202, await self._keep_labels(dict(scope["headers"]), receive)
        except Refusal as refusal:
            status, answer, headers = refusal.status, error(refusal.sentence), refusal.headers
        except TimeoutError:
            status, answer, headers = 408, error(f"The body did not arrive within {BODY_SECONDS:g} s."), (CLOSE,)
        except ClientLeft:
            return
        await reply(send, status, answer, (*headers, self._version, *self._closing()))

    async def _keep_labels(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        model, trail = self._server.model_or_refusal(), self._server.trail
        if trail is None:
            raise Refusal(501, "This server serves a local folder and has no object store to keep labels in.")
        check_head(headers, self._server.max_body_bytes)
        async with asyncio.timeout(BODY_SECONDS):
            body = await read_body(receive, self._server.max_body_bytes)
        labels, doubts = read_labels(body, model.signature, datetime.now(UTC))
        await trail.labels.keep(labels)
        return orjson.dumps({"accepted": len(labels)} | ({"warnings": doubts} if doubts else {}))

    def _closing(self) -> tuple[Header, ...]:
        """While draining, ask clients to come back on another connection: it will lead to another pod."""
        return (CLOSE,) if self._server.phase is Phase.DRAINING else ()


class Admin:
    """The application on the cluster's port."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._registry: CollectorRegistry = metrics.registry(server.counters, server.identity)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        del receive
        match scope["path"]:
            case "/metrics":
                await reply(send, 200, metrics.render(self._registry), (), (b"content-type", CONTENT_TYPE_LATEST.encode()))
            case "/healthz":
                await reply(send, 200, b'{"live":true}', ())
            case "/readyz":
                ready = self._server.is_ready()
                await reply(send, 200 if ready else 503, orjson.dumps({"ready": ready, "phase": self._server.phase}), ())
            case path:
                await reply(send, 404, error(f"There is nothing at {path!r:.120}; the paths are /metrics, /healthz and /readyz."), ())
