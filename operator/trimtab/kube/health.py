"""/metrics, /healthz and /readyz, answered from a thread of their own.

From a thread, because the most important thing to notice is an event loop that stands still, and because a scraper's
open connection must not hold up the end of the process. Unhealthy: the loop did not turn, the oldest object has been
due for too long, or the last resync is too long ago. A standby that waits for the Lease is healthy and ready.
"""

import asyncio
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import monotonic

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

BEAT_SECONDS = 1.0
LONGEST_STILL = 20.0
"""Seconds the event loop may not turn."""
LONGEST_DUE = 300.0
"""Seconds an object may be due or under way: ten requests that all time out take 100."""
RESYNCS_MISSED = 3

Check = Callable[[], str | None]
"""A sentence about what is wrong, or None."""


class Heartbeat:
    """Whether the event loop turns, for a thread that asks."""

    def __init__(self) -> None:
        self._last = monotonic()

    async def beat(self) -> None:
        while True:
            self._last = monotonic()
            await asyncio.sleep(BEAT_SECONDS)

    def check(self) -> str | None:
        still = monotonic() - self._last
        return f"the event loop stands still for {still:.0f} s" if still > LONGEST_STILL else None


def oldest_is_young(oldest: Callable[[], float]) -> Check:
    def check() -> str | None:
        age = oldest()
        return f"an object has been due for {age:.0f} s" if age > LONGEST_DUE else None

    return check


def resync_is_recent(age: Callable[[], float], period: float) -> Check:
    """`age`: seconds since the last one ended, or since the start where there was none."""

    def check() -> str | None:
        seconds = age()
        return f"the last resync was {seconds:.0f} s ago" if seconds > period * RESYNCS_MISSED else None

    return check


class HealthServer:
    """`start` on a port (0: any free one, then in `port`), add checks as parts come up, `stop`."""

    def __init__(self) -> None:
        self.healthy: list[Check] = []
        self.ready: list[Check] = []
        self.port = 0
        self._server: ThreadingHTTPServer | None = None

    def start(self, port: int) -> None:
        self._server = ThreadingHTTPServer(("", port), _handler(self))
        self._server.daemon_threads = True
        self.port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    def stop(self) -> None:
        if self._server:
            self._server.shutdown()
            self._server.server_close()

    def answer(self, path: str) -> tuple[int, str, bytes]:
        if path == "/metrics":
            return 200, CONTENT_TYPE_LATEST, generate_latest()
        if path not in ("/healthz", "/readyz"):
            return 404, "text/plain", b"here are /metrics, /healthz and /readyz\n"
        wrong = [sentence for check in (self.healthy if path == "/healthz" else self.ready) if (sentence := check())]
        return 503 if wrong else 200, "text/plain", ("\n".join(wrong or ["ok"]) + "\n").encode()


def _handler(server: HealthServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 10

        def do_GET(self) -> None:
            code, kind, body = server.answer(self.path.partition("?")[0])
            self.send_response(code)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """A probe every few seconds is not worth a line."""

    return Handler
