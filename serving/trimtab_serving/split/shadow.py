"""A version that is asked too, when the client has its answer already, and whose answers are compared and thrown away.

Nothing waits for it: what cannot be asked soon is dropped and counted. Rows are compared, not requests.
"""

import asyncio
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor
from typing import NamedTuple

import structlog
from prometheus_client.core import CounterMetricFamily, Metric

from trimtab_serving.split.choice import Share
from trimtab_serving.split.compare import Compared, compare
from trimtab_serving.split.connection import Unanswered
from trimtab_serving.split.peer import Peer

AT_ONCE = 4
"""Requests under way: one would be enough for a quick model; more would take the processor from clients' requests."""
MOST_WAITING, MOST_WAITING_BYTES = 256, 16 * 1024 * 1024
"""A quarter of a second at a thousand requests a second, or one body of the largest size."""
INLINE_BYTES = 64 * 1024
"""Larger answers are compared on a thread."""

log = structlog.get_logger()


class Copy(NamedTuple):
    """A request that was answered, and how."""

    body: bytes
    request_id: str
    user: str
    answer: bytes


class Shadow:
    """`offer` it each answered request; it takes its share of them."""

    def __init__(self, version: int, url: str, peer: Peer, threads: Executor) -> None:
        self.version, self.url = version, url
        self.counts = {"compared": 0, "disagreed": 0, "failed": 0, "dropped": 0}
        self._peer, self._threads = peer, threads
        self._waiting: deque[Copy] = deque()
        self._bytes = 0
        self._workers: set[asyncio.Task[None]] = set()

    def offer(self, share: Share, key: bytes, copy: Copy) -> None:
        if not share.takes(key):
            return
        size = len(copy.body) + len(copy.answer)
        if len(self._waiting) >= MOST_WAITING or (self._waiting and self._bytes + size > MOST_WAITING_BYTES):
            self.counts["dropped"] += 1
            return
        self._waiting.append(copy)
        self._bytes += size
        if len(self._workers) < AT_ONCE:
            worker = asyncio.create_task(self._work())
            self._workers.add(worker)
            worker.add_done_callback(self._workers.discard)

    def close(self) -> None:
        """What waits is forgotten."""
        self._waiting.clear()
        self._peer.close()

    async def _work(self) -> None:
        while self._waiting:
            copy = self._waiting.popleft()
            self._bytes -= len(copy.body) + len(copy.answer)
            try:
                found = await self._compared(copy)
            except Unanswered:
                self.counts["failed"] += 1
            except Exception as error:  # noqa: BLE001 (an answer that cannot be read is one that failed, whatever is wrong with it)
                log.debug("shadow.incomparable", version=self.version, error=str(error))
                self.counts["failed"] += 1
            else:
                self.counts["compared"] += found.rows
                self.counts["disagreed"] += found.disagreed

    async def _compared(self, copy: Copy) -> Compared:
        reply = await self._peer.ask(copy.body, copy.request_id, copy.user)
        if reply.status != 200:
            raise Unanswered("Refused", f"status {reply.status}")
        if len(copy.answer) <= INLINE_BYTES:
            found = compare(copy.answer, reply.body)
        else:
            found = await asyncio.get_running_loop().run_in_executor(self._threads, compare, copy.answer, reply.body)
        if found is None:
            raise Unanswered("Incomparable", "no output in common")
        return found

    def collect(self, names: list[str], values: list[str]) -> Iterator[Metric]:
        """For an exposition; `names` and `values` are labels that all have."""
        for name, text in TEXTS.items():
            family = CounterMetricFamily(f"trimtab_shadow_{name}", text, labels=[*names, "candidate"])
            family.add_metric([*values, str(self.version)], self.counts[name])
            yield family


TEXTS = {
    "compared": "Rows that the shadow answered too.",
    "disagreed": "Rows where the shadow's answer is another one.",
    "failed": "Copied requests that the shadow did not answer, or not comparably.",
    "dropped": "Requests that were not copied because too many waited.",
}
