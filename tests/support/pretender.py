"""Something that listens where a candidate should, and does with each request what a test says.

`with Pretender(error) as it:` and `it.url` goes into a split. `it.asked` counts requests, `it.heads` keeps what was said.
"""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Self

Does = Callable[["Pretender", asyncio.StreamWriter], Awaitable[None]]


def answer(status: int, body: bytes = b"{}", *, version: int = 8, took: bytes = b"100") -> Does:
    """Whole and well-formed."""
    head = f"HTTP/1.1 {status} X\r\nx-trimtab-version: {version}\r\nx-trimtab-took-us: {took.decode()}\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    return raw(head + body)


def raw(content: bytes, *, then_close: bool = False) -> Does:
    async def do(_: "Pretender", writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        await writer.drain()
        if then_close:
            writer.close()

    return do


def silent(seconds: float = 60.0) -> Does:
    async def do(_: "Pretender", writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(seconds)

    return do


class Pretender:
    """A server in a thread of its own."""

    def __init__(self, does: Does) -> None:
        self.does = does
        self.asked = 0
        self.connections = 0
        self.heads: list[str] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._server = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._serve, "127.0.0.1", 0), self._loop).result()
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    def __exit__(self, *_: object) -> None:
        async def end() -> None:
            self._server.close()
            others = asyncio.all_tasks() - {asyncio.current_task()}
            for each in others:
                each.cancel()
            await asyncio.gather(*others, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(5)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                await reader.readexactly(int(head.lower().split("content-length: ")[1].split("\r\n")[0]))
                self.asked += 1
                self.heads.append(head)
                await self.does(self, writer)
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError):
            writer.close()
