"""An API server with pods that are played: exec runs the command on this machine, portforward reaches a port of it. No schema, no admission.

Speaks the protocols of the real one (`v5.channel.k8s.io`, `v4.channel.k8s.io`), so that the command's own client can be tested
without nodes; a cluster with nodes is the end-to-end tests' business.
"""

import asyncio
import contextlib
import json
import os
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from aiohttp import WSMsgType, web

from support.builders import Object


class PlayedPods:
    """`with PlayedPods(environment) as it:` then `it.kubeconfig(folder)`; `it.pods` tells what was created and not deleted."""

    def __init__(self, env: dict[str, str] | None = None, ports: dict[int, int] | None = None, lists: dict[str, list[Object]] | None = None) -> None:
        self.env, self.ports, self.lists = env or {}, ports or {}, lists or {}
        self.pods: dict[str, Object] = {}
        self.created: list[Object] = []
        self.commands: list[list[str]] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self):
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self._runner.cleanup(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def kubeconfig(self, folder: Path) -> Path:
        config = {
            "current-context": "played",
            "clusters": [{"name": "played", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "contexts": [{"name": "played", "context": {"cluster": "played"}}],
        }
        path = folder / "played.kubeconfig"
        path.write_text(json.dumps(config))
        return path

    async def _start(self) -> None:
        app = web.Application(client_max_size=1 << 30)
        pods = "/api/v1/namespaces/{namespace}/pods"
        app.router.add_get(pods, self._list_pods)
        app.router.add_post(pods, self._create)
        app.router.add_get(f"{pods}/{{name}}", self._get)
        app.router.add_delete(f"{pods}/{{name}}", self._delete)
        app.router.add_get(f"{pods}/{{name}}/exec", self._exec)
        app.router.add_get(f"{pods}/{{name}}/portforward", self._forward)
        app.router.add_get("/{rest:.*}/{plural}", self._list)
        self._runner = web.AppRunner(app, shutdown_timeout=1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.port = site._server.sockets[0].getsockname()[1]

    async def _list(self, request: web.Request) -> web.Response:
        *_, before, last = request.path.split("/")
        for each in self.lists.get(before, []):
            if each["metadata"]["name"] == last:
                return web.json_response(each)
        return web.json_response({"kind": "List", "items": self.lists.get(request.match_info["plural"], [])})

    async def _list_pods(self, _: web.Request) -> web.Response:
        return web.json_response({"kind": "PodList", "items": [*self.pods.values(), *self.lists.get("pods", [])]})

    async def _create(self, request: web.Request) -> web.Response:
        pod = await request.json()
        self.created.append(pod)
        self.pods[pod["metadata"]["name"]] = pod | {"status": {"phase": "Running", "containerStatuses": [{"state": {"running": {}}}]}}
        return web.json_response(pod, status=201)

    async def _get(self, request: web.Request) -> web.Response:
        found = self.pods.get(request.match_info["name"])
        return web.json_response(found) if found else web.json_response({"message": "not found"}, status=404)

    async def _delete(self, request: web.Request) -> web.Response:
        self.pods.pop(request.match_info["name"], None)
        return web.json_response({})

    async def _exec(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("v5.channel.k8s.io",), max_msg_size=0)
        await socket.prepare(request)
        for channel in (1, 2, 3):  # as the real one opens its channels
            await socket.send_bytes(bytes([channel]))
        command = [sys.executable if word == "python" else word for word in request.query.getall("command")]
        self.commands.append(command)
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe, stderr=pipe, env={**os.environ, **self.env})
        ways = [asyncio.create_task(_out(process.stdout, 1, socket)), asyncio.create_task(_out(process.stderr, 2, socket))]
        feeding = asyncio.create_task(_in(socket, process.stdin))
        await asyncio.gather(*ways)
        code = await process.wait()
        feeding.cancel()
        status = {"status": "Success"} if code == 0 else {"status": "Failure", "message": f"command terminated with exit code {code}"}
        await socket.send_bytes(b"\x03" + json.dumps(status).encode())
        await socket.close()
        return socket

    async def _forward(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(protocols=("v4.channel.k8s.io",), max_msg_size=0)
        await socket.prepare(request)
        port = int(request.query["ports"])
        for channel in (0, 1):
            await socket.send_bytes(bytes([channel]) + port.to_bytes(2, "little"))
        if port not in self.ports:
            await socket.send_bytes(b"\x01connection refused")
            await socket.close()
            return socket
        reader, writer = await asyncio.open_connection("127.0.0.1", self.ports[port])
        coming = asyncio.create_task(_out(reader, 0, socket))
        async for message in socket:
            if message.type == WSMsgType.BINARY and message.data[0] == 0:
                writer.write(message.data[1:])
                await writer.drain()
        coming.cancel()
        writer.close()
        return socket


async def _out(stream: asyncio.StreamReader, channel: int, socket: web.WebSocketResponse) -> None:
    while content := await stream.read(1 << 16):
        await socket.send_bytes(bytes([channel]) + content)


async def _in(socket: web.WebSocketResponse, stream: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        async for message in socket:
            if message.type != WSMsgType.BINARY:
                continue
            if message.data[0] == 255:
                stream.close()
            elif message.data[0] == 0:
                stream.write(message.data[1:])
                await stream.drain()


@contextlib.contextmanager
def played(*args, **kwargs) -> Iterator[PlayedPods]:
    with PlayedPods(*args, **kwargs) as it:
        yield it
