"""One kept HTTP/1.1 connection to another pod: a request out, a whole answer in, nothing else.

A client library would do the same for several times the cost: the parser is the one that the server itself stands on.
"""

import asyncio
from typing import NamedTuple, cast

from httptools import HttpParserError, HttpResponseParser

MOST_ANSWER_BYTES = 64 * 1024 * 1024
"""Larger than any answer to the largest body; what is more is no answer of ours."""


class Unanswered(Exception):  # noqa: N818
    """There is no answer that a client could get; `cause` is one word, for logs and metrics."""

    def __init__(self, cause: str, detail: str = "") -> None:
        super().__init__(f"{cause}: {detail}" if detail else cause)
        self.cause = cause


class Closed(Unanswered):
    """The connection ended before anything came back: it may have been closed for being idle."""


class Reply(NamedTuple):
    """A whole answer; the names of the headers are in small letters."""

    status: int
    headers: dict[bytes, bytes]
    body: bytes


class Connection(asyncio.Protocol):
    """Takes one request at a time. After anything unexpected it is closed and `is_open` says so."""

    def __init__(self) -> None:
        self.born = asyncio.get_running_loop().time()
        self.is_open = False
        self._transport: asyncio.Transport | None = None
        self._parser = HttpResponseParser(self)
        self._waiting: asyncio.Future[Reply] | None = None
        self._forget()

    def _forget(self) -> None:
        self._headers: dict[bytes, bytes] = {}
        self._parts: list[bytes] = []
        self._size, self._begun = 0, False

    async def ask(self, head: bytes, body: bytes) -> Reply:
        """The answer, or Unanswered. Whoever gives up waiting closes the connection: its answer would be taken for the next one's."""
        if self._transport is None or not self.is_open:
            raise Closed("Disconnected")
        self._forget()
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(head)
        self._transport.write(body)
        try:
            return await self._waiting
        except BaseException:
            self.close()
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        self.is_open = False
        if self._transport:
            self._transport.abort()

    # called by the event loop

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport, self.is_open = cast("asyncio.Transport", transport), True

    def data_received(self, data: bytes) -> None:
        if self._waiting is None:  # nobody asked
            self.close()
            return
        self._begun = True
        try:
            self._parser.feed_data(data)
        except HttpParserError as error:
            self._fail(Unanswered("Garbage", str(error)))

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._fail(Unanswered("Disconnected", "in the middle of an answer") if self._begun else Closed("Disconnected", str(exc or "")))

    # called by the parser

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers[name.lower()] = value

    def on_body(self, body: bytes) -> None:
        self._size += len(body)
        if self._size > MOST_ANSWER_BYTES:
            self._fail(Unanswered("Garbage", "an answer without end"))
            self.close()
            return
        self._parts.append(body)

    def on_message_complete(self) -> None:
        self.is_open = self.is_open and self._parser.should_keep_alive()
        if self._waiting and not self._waiting.done():
            self._waiting.set_result(Reply(self._parser.get_status_code(), self._headers, b"".join(self._parts)))

    def _fail(self, error: Unanswered) -> None:
        if self._waiting and not self._waiting.done():
            self._waiting.set_exception(error)
