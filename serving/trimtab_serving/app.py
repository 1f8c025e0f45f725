"""The two ASGI applications of a pod: inference for clients, health and metrics for the cluster. Raw ASGI: the protocol is small.

What answers a request is `answering`'s business; here is what a client's connection has to do with it.
"""

import asyncio
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import orjson
import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from trimtab_serving import calls, metrics, pages
from trimtab_serving.answering import Answer, Answering
from trimtab_serving.budget import Held
from trimtab_serving.calls import Call
from trimtab_serving.errors import Refusal
from trimtab_serving.split.shadow import Copy
from trimtab_serving.state import LOADING, Phase, Server
from trimtab_serving.trail.labels import read as read_labels
from trimtab_serving.wire import CLOSE, SOON, ClientLeft, Header, Receive, Scope, Send, check_head, error, read_body, reply

BODY_SECONDS = 30.0
"""How long a client may take to send its body."""

CLIENT_LEFT = 499

log = structlog.get_logger()


class Inference:
    """The application on the clients' port."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._answering = Answering(server)
        self._open_path = f"{pages.model_paths(server.identity)[0]}/infer"
        self._infer_paths = frozenset(f"{path}/infer" for path in pages.model_paths(server.identity))
        self._label_paths = frozenset(f"{path}/labels" for path in pages.model_paths(server.identity))
        self._version: Header = (b"x-trimtab-version", server.identity.version.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path, method = scope["path"], scope["method"]
        if path in self._infer_paths and method == "POST":
            await self._infer(scope, receive, send)
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

    async def _infer(self, scope: Scope, receive: Receive, send: Send) -> None:
        server, begun = self._server, time.perf_counter()
        headers = dict(scope["headers"])
        call, held = calls.read(headers, server.division.sticky, server.identity.deployment), Held(server.budget)
        server.counters.inflight += 1
        status, own = CLIENT_LEFT, True
        try:
            answer, body = await self._answer(scope["path"], call, headers, receive, held)
            own = answer.own
            await reply(send, answer.status, answer.body, (*answer.head(), *self._closing()))
            status = answer.status
            self._copy(call, answer, body)
        except ClientLeft:
            log.debug("request.abandoned")
        finally:
            held.release()
            server.counters.inflight -= 1
            if own:
                server.counters.answered(call.role, status, time.perf_counter() - begun)

    async def _answer(self, path: str, call: Call, headers: Mapping[bytes, bytes], receive: Receive, held: Held) -> tuple[Answer, bytes]:
        """The answer, and the body it is to; that is empty where it was refused unread."""
        try:
            model = self._server.model_or_refusal()
            check_head(headers, self._server.max_body_bytes)
            async with asyncio.timeout(BODY_SECONDS):
                body = await read_body(receive, self._server.max_body_bytes, held.take)
        except Refusal as refusal:
            return self._answering.refusal(call, refusal), b""
        except TimeoutError:
            return self._answering.refusal(call, Refusal(408, _late(), (CLOSE,))), b""
        # Whoever names a version wants this one.
        return await self._answering.answer(call, model, body, call.key if path == self._open_path else None), body

    def _copy(self, call: Call, answer: Answer, body: bytes) -> None:
        if call.key is not None and answer.own and answer.status == 200:
            self._server.division.copy(call.key, Copy(body, call.id, call.user, answer.body))

    async def _take_labels(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers: tuple[Header, ...] = ()
        try:
            status, answer = 202, await self._keep_labels(dict(scope["headers"]), receive)
        except Refusal as refusal:
            status, answer, headers = refusal.status, error(refusal.sentence), refusal.headers
        except TimeoutError:
            status, answer, headers = 408, error(_late()), (CLOSE,)
        except ClientLeft:
            return
        await reply(send, status, answer, (*headers, self._version, *self._closing()))

    async def _keep_labels(self, headers: Mapping[bytes, bytes], receive: Receive) -> bytes:
        model, trail = self._server.model_or_refusal(), self._server.trail
        if trail is None:
            raise Refusal(501, "This server serves a local folder and has no object store to keep labels in.")
        check_head(headers, self._server.max_body_bytes)
        held = Held(self._server.budget)
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await read_body(receive, self._server.max_body_bytes, held.take)
        finally:
            held.release()  # the desk has a bound of its own
        labels, doubts = read_labels(body, model.signature, datetime.now(UTC))
        await trail.labels.keep(labels)
        return orjson.dumps({"accepted": len(labels)} | ({"warnings": doubts} if doubts else {}))

    def _closing(self) -> tuple[Header, ...]:
        """While draining, or when another version has taken over, ask clients to come back on another connection: it will lead to another pod."""
        return (CLOSE,) if self._server.phase is Phase.DRAINING or self._server.division.moved else ()


class Admin:
    """The application on the cluster's port."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._registry: CollectorRegistry = metrics.registry(server.counters, server.identity, server.division)

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


def _late() -> str:
    return f"The body did not arrive within {BODY_SECONDS:g} s."
