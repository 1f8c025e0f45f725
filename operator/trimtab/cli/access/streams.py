"""Streams through the API server: a command in a pod, and a pod's port on this machine, both over WebSocket as kubectl has them.

A frame's first byte is its channel. For a command: 0 stdin, 1 stdout, 2 stderr, 3 how it ended, 255 closes another. For a port: two
channels a port, data and error, and the first frame of each repeats the port.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

from trimtab.cli.access.cluster import Cluster, refused, unreachable
from trimtab.cli.errors import UserError

STDIN, STDOUT, STDERR, ENDED, CLOSE = 0, 1, 2, 3, 255
EXEC_PROTOCOLS = ("v5.channel.k8s.io", "v4.channel.k8s.io")
FORWARD_PROTOCOL = "v4.channel.k8s.io"
CHUNK = 1 << 18
HEARTBEAT_SECONDS = 20.0
TRANSFER = "trimtab.jobs.transfer"


@dataclass
class Command:
    """A command that runs in a pod: read `output`, then `check()`."""

    socket: aiohttp.ClientWebSocketResponse
    complaint: bytearray = field(default_factory=bytearray)
    ended: str = ""

    async def feed(self, content: bytes) -> None:
        """All of its standard input."""
        for start in range(0, len(content), CHUNK):
            await self.socket.send_bytes(bytes([STDIN]) + content[start : start + CHUNK])
        await self._no_more()

    async def feed_file(self, path: Path) -> None:
        """The same from a file of any size."""
        with await asyncio.to_thread(path.open, "rb") as file:
            while content := await asyncio.to_thread(file.read, CHUNK):
                await self.socket.send_bytes(bytes([STDIN]) + content)
        await self._no_more()

    async def _no_more(self) -> None:
        if self.socket.protocol == EXEC_PROTOCOLS[0]:
            await self.socket.send_bytes(bytes([CLOSE, STDIN]))

    async def output(self) -> AsyncIterator[bytes]:
        """Its standard output as it comes; the rest of what it says is kept."""
        async for message in self.socket:
            if message.type != aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, content = message.data[0], message.data[1:]
            if channel == STDOUT and content:  # the server opens each channel with an empty frame
                yield content
            elif channel == STDERR:
                self.complaint += content
            elif channel == ENDED:
                self.ended += content.decode()

    def check(self) -> None:
        """UserError with what the command said, unless it ended well."""
        status = json.loads(self.ended) if self.ended else {"message": "the connection broke before the command was done"}
        if status.get("status") != "Success":
            said = self.complaint.decode(errors="replace").strip().splitlines()
            if said and said[-1].endswith(f"No module named {TRANSFER}"):
                raise UserError(
                    "The worker's image here is older than this command, and cannot read the store for it.",
                    "upgrade Trimtab in the cluster, or set TRIMTAB_WORKER_IMAGE",
                )
            raise UserError(said[-1] if said else str(status.get("message", "the command in the pod failed")))


@contextlib.asynccontextmanager
async def execute(cluster: Cluster, pod: str, container: str, command: Sequence[str]) -> AsyncIterator[Command]:
    query = [("container", container), ("stdin", "true"), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    async with _socket(cluster, pod, "exec", query, EXEC_PROTOCOLS) as socket:
        yield Command(socket)


async def run(cluster: Cluster, pod: str, container: str, command: Sequence[str], stdin: bytes = b"") -> bytes:
    """Its whole output; for answers that are short."""
    async with execute(cluster, pod, container, command) as running:
        await running.feed(stdin)
        found = b"".join([chunk async for chunk in running.output()])
        running.check()
        return found


@contextlib.asynccontextmanager
async def forwarded(cluster: Cluster, pod: str, port: int, local: int = 0) -> AsyncIterator[int]:
    """A port of this machine that is the pod's, while the block lasts; 0 takes any free one."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with _socket(cluster, pod, "portforward", [("ports", str(port))], (FORWARD_PROTOCOL,)) as socket:
                await _relay(reader, writer, socket)
        except UserError as error:
            failures.append(error)
        finally:
            writer.close()

    failures: list[UserError] = []
    try:
        server = await asyncio.start_server(connected, "127.0.0.1", local)
    except OSError as error:
        raise UserError(f"Port {local} of this machine is taken.", "leave --port out, and a free one is found") from error
    async with server:
        try:
            yield int(server.sockets[0].getsockname()[1])
        except aiohttp.ClientError:
            if failures:
                raise failures[0] from None
            raise


async def _relay(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, socket: aiohttp.ClientWebSocketResponse) -> None:
    """One connection; ends when either side has closed."""
    sending = asyncio.create_task(_send(reader, socket))
    opened: set[int] = set()
    try:
        async for message in socket:
            if message.type != aiohttp.WSMsgType.BINARY or not message.data:
                continue
            channel, content = message.data[0], message.data[1:]
            if channel not in opened:  # the port, repeated
                opened.add(channel)
                content = content[2:]
            if channel == 1 and content:
                return
            writer.write(content)
            await writer.drain()
    finally:
        sending.cancel()


async def _send(reader: asyncio.StreamReader, socket: aiohttp.ClientWebSocketResponse) -> None:
    while content := await reader.read(CHUNK):
        await socket.send_bytes(b"\x00" + content)


@contextlib.asynccontextmanager
async def _socket(
    cluster: Cluster, pod: str, subresource: str, query: Sequence[tuple[str, str]], protocols: Sequence[str]
) -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    url = cluster.access.server + cluster.path("v1", "pods", f"{pod}/{subresource}")
    try:
        socket = await cluster.session.ws_connect(
            url, params=query, protocols=protocols, max_msg_size=0, heartbeat=HEARTBEAT_SECONDS, timeout=aiohttp.ClientWSTimeout(ws_close=1.0)
        )
    except aiohttp.WSServerHandshakeError as error:
        raise refused(error.status, f'{{"message": "{subresource} in pod {pod} is refused ({error.status})"}}', cluster.access) from error
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise unreachable(cluster.access, error) from error
    async with socket:
        yield socket
