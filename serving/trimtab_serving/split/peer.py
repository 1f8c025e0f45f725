"""The pods of another version, behind their Service: ask them one thing, within limits, over kept connections.

The limits hold for a version that hangs as for one that is gone: at most CAP requests wait for it, none longer than its
deadline, and after a few that waited in vain hardly any (`breaker`).
"""

import asyncio
from urllib.parse import urlsplit

from trimtab_serving.split.breaker import Breaker
from trimtab_serving.split.connection import Closed, Connection, Reply, Unanswered

DEADLINE_SECONDS = 2.0
"""Tens of times the p99 of a healthy pod on a busy machine (20 to 50 ms), and less than clients wait (5 s and more)."""
DEADLINE_SECONDS_A_MEGABYTE = 1.0
"""More for large bodies: a megabyte of JSON takes a few tenths of a second."""
CAP = 256
"""Requests under way: a few where all is well, as many as there are clients where pods are busy, and those of a busy
version must not count as failed. A model that takes 5 ms answers 400 within the deadline."""
CONNECTION_SECONDS = 10.0
"""A connection stays with one pod; this often it is made anew, so that pods that came later get their part."""

FORWARDED = b"x-trimtab-forwarded"
USER = b"x-trimtab-user"
VERSION = b"x-trimtab-version"
TOOK = b"x-trimtab-took-us"


class Peer:
    """`ask` it, and `close` it when it is no longer needed."""

    def __init__(self, url: str, model: str, version: int, role: str, cap: int = CAP) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._version, self._cap = str(version).encode(), cap
        self._head = (
            f"POST {parts.path.rstrip('/')}/v2/models/{model}/infer HTTP/1.1\r\nhost: {parts.netloc}\r\n"
            f"content-type: application/json\r\n{FORWARDED.decode()}: {role}\r\n"
        ).encode()
        self._idle: list[Connection] = []
        self._under_way = 0
        self._closed = False
        self._breaker = Breaker()

    async def ask(self, body: bytes, request_id: str, user: str = "") -> Reply:
        """An answer or a refusal (4xx) of this version; Unanswered is everything else."""
        if self._under_way >= self._cap:
            raise Unanswered("Cap", f"{self._cap} requests are under way")
        if not self._breaker.allows():
            raise Unanswered("Resting", "it did not answer the last requests")
        self._under_way += 1
        try:
            async with asyncio.timeout(DEADLINE_SECONDS + DEADLINE_SECONDS_A_MEGABYTE * len(body) / 2**20):
                reply = await self._send(self._request(len(body), request_id, user), body)
        except TimeoutError:
            self._breaker.missed()
            raise Unanswered("Deadline") from None
        except OSError as error:
            self._breaker.missed()
            raise Unanswered("NoConnection", str(error)) from error
        except Unanswered:
            self._breaker.missed()
            raise
        finally:
            self._under_way -= 1
        self._breaker.heard()
        return self._checked(reply)

    def close(self) -> None:
        """Requests under way are still answered."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    def _request(self, size: int, request_id: str, user: str) -> bytes:
        known = f"{USER.decode()}: {user}\r\n" if user else ""
        return self._head + f"{known}x-request-id: {request_id}\r\ncontent-length: {size}\r\n\r\n".encode()

    async def _send(self, head: bytes, body: bytes) -> Reply:
        if connection := self._kept():
            try:
                return await self._over(connection, head, body)
            except Closed:  # while it was idle, most likely; asking twice for a prediction does no harm
                pass
        return await self._over(await self._connect(), head, body)

    async def _over(self, connection: Connection, head: bytes, body: bytes) -> Reply:
        reply = await connection.ask(head, body)
        if connection.is_open and not self._closed:
            self._idle.append(connection)
        else:
            connection.close()
        return reply

    def _kept(self) -> Connection | None:
        """The one that was used last; those that are too old go."""
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open and now < connection.born + CONNECTION_SECONDS:
                return connection
            connection.close()
        return None

    async def _connect(self) -> Connection:
        _, connection = await asyncio.get_running_loop().create_connection(Connection, self._host, self._port)
        return connection

    def _checked(self, reply: Reply) -> Reply:
        if reply.headers.get(VERSION) != self._version:
            raise Unanswered("Garbage", f"status {reply.status}, not from version {self._version.decode()}")
        if reply.status != 200 and not 400 <= reply.status < 500:
            raise Unanswered("Failed", f"status {reply.status}")
        if reply.status == 200 and not reply.headers.get(TOOK, b"").isdigit():
            raise Unanswered("Garbage", f"an answer without {TOOK.decode()}")
        return reply
