"""From the whole body of a request to its answer: by this pod's model, or by the candidate where the split says so.

A candidate costs a client nothing but its deadline: whatever it does but answer, this pod answers, and that is counted against it.
A request is answered on the loop itself where that is quick (`pace`), because one row is cheaper than a hand-over to a thread;
others go to threads (ONNX Runtime and numpy release the interpreter's lock there), so that small ones do not wait behind them.
"""

import asyncio
import time
from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from numpy.typing import NDArray

from trimtab_serving.calls import Call
from trimtab_serving.errors import Refusal
from trimtab_serving.model import Model
from trimtab_serving.protocol import Request
from trimtab_serving.split.arms import ERROR, OK, settle
from trimtab_serving.split.connection import Reply, Unanswered
from trimtab_serving.split.division import Draw
from trimtab_serving.split.peer import TOOK, VERSION, Peer
from trimtab_serving.state import Server
from trimtab_serving.wire import Header, error, is_safe

INLINE_BYTES = 64 * 1024
"""Larger bodies are read on a thread, whatever the model."""
COMPLAINT_SECONDS = 10.0
"""At most so often the log says that a candidate fails; the metrics count all of them."""

log = structlog.get_logger()


class Answer(NamedTuple):
    """What a client gets. `version` answered it, and took so long for it; `own` is False where that was another pod's."""

    status: int
    body: bytes
    id: str
    version: bytes
    seconds: float = 0.0
    headers: tuple[Header, ...] = ()
    own: bool = True

    def head(self) -> tuple[Header, ...]:
        took: tuple[Header, ...] = ((TOOK, b"%d" % (self.seconds * 1e6)),) if self.status == 200 else ()
        return (b"x-request-id", self.id.encode()), *self.headers, (VERSION, self.version), *took


class Answering:
    """Answers for one server."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._version = server.identity.version.encode()
        self._complained = float("-inf")

    async def answer(self, call: Call, model: Model, body: bytes, key: bytes | None) -> Answer:
        """`key` decides who answers; without one this pod does, and nothing is compared."""
        draw = self._server.division.draw(key) if key is not None else None
        if draw is None:
            return await self._own(call, model, body)
        if draw.peer is None:
            answer = await self._own(call, model, body)
            settle(draw.arm, ERROR if answer.status >= 500 else OK, _good(answer))
            return answer
        return await self._candidates(draw, draw.peer, call, model, body)

    def refusal(self, call: Call, refusal: Refusal) -> Answer:
        return Answer(refusal.status, error(refusal.sentence), call.id, self._version, headers=refusal.headers)

    async def _candidates(self, draw: Draw, peer: Peer, call: Call, model: Model, body: bytes) -> Answer:
        try:
            reply = await peer.ask(body, call.id, call.user)
        except Unanswered as failure:
            self._complain(draw, failure)
            return await self._instead(draw, call, model, body)
        if reply.status == 200:
            answer = _of_reply(reply, call)
            settle(draw.arm, OK, answer.seconds)
            return answer
        return await self._judge_refusal(draw, call, model, body)

    async def _instead(self, draw: Draw, call: Call, model: Model, body: bytes) -> Answer:
        settle(draw.arm, ERROR)
        draw.arms.fallbacks += 1
        return await self._own(call, model, body)

    async def _judge_refusal(self, draw: Draw, call: Call, model: Model, body: bytes) -> Answer:
        """Where both refuse, the request is wrong; where only the candidate does, the candidate is."""
        answer = await self._own(call, model, body)
        wrongly = answer.status < 400
        settle(draw.arm, ERROR if wrongly else OK)
        draw.arms.fallbacks += wrongly
        return answer

    async def _own(self, call: Call, model: Model, body: bytes) -> Answer:
        begun = time.perf_counter()
        try:
            answered_as, content = await self._predict(call, model, body, begun)
        except Refusal as refusal:
            return self.refusal(call, refusal)
        except Exception:
            log.exception("request.failed", request_id=call.id)
            return Answer(500, error(f"The model failed on this request; the server's log says more under {call.id}."), call.id, self._version)
        return Answer(200, content, answered_as if is_safe(answered_as) else call.id, self._version, time.perf_counter() - begun)

    async def _predict(self, call: Call, model: Model, body: bytes, begun: float) -> tuple[str, bytes]:
        """The answer's id, which is the client's own where the body has one, and the answer."""
        loop, threads = asyncio.get_running_loop(), self._server.threads
        request = model.protocol.decode(body) if len(body) <= INLINE_BYTES else await loop.run_in_executor(threads, model.protocol.decode, body)
        answered_as = request.id or call.id
        if request.rows <= model.inline_rows:
            outputs = model.predict(request)
            content = model.answer(answered_as, request, outputs)
        else:
            outputs = await loop.run_in_executor(threads, model.predict, request)
            content = await loop.run_in_executor(threads, model.answer, answered_as, request, outputs)
        self._log(call, answered_as, request, outputs, begun)
        return answered_as, content

    def _log(self, call: Call, answered_as: str, request: Request, outputs: Sequence[NDArray[Any]], begun: float) -> None:
        trail = self._server.trail
        if trail and trail.recorder:
            trail.recorder.take(answered_as, request, outputs, time.perf_counter() - begun, role=call.role, user=call.user)

    def _complain(self, draw: Draw, failure: Unanswered) -> None:
        now = time.monotonic()
        if now >= self._complained + COMPLAINT_SECONDS:
            self._complained = now
            log.warning("candidate.failed", version=draw.arms.candidate, cause=failure.cause, detail=str(failure), fallbacks=draw.arms.fallbacks + 1)


def _good(answer: Answer) -> float | None:
    return answer.seconds if answer.status == 200 else None


def _of_reply(reply: Reply, call: Call) -> Answer:
    headers = reply.headers
    id_ = headers.get(b"x-request-id", b"").decode("latin-1")
    return Answer(200, reply.body, id_ or call.id, headers[VERSION], int(headers[TOOK]) / 1e6, own=False)
