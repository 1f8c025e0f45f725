"""Which object is looked at next: each at most once at a time, each as soon as it is due, failures later and later.

Whatever happens to an object adds its key; a key that waits is not added twice, a key that is being worked on is
worked on once more afterwards. Work says when to look again; work that fails is tried again after a growing pause,
which an event cuts short: a person who mends something shall not wait. Only a `hold` cannot be cut short: it is for
objects that we and somebody else write in turn. Decided elsewhere: what work is, and when to hold.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta

from trimtab.kube import metrics
from trimtab.plans.plan import Key

FIRST_PAUSE = 1.0
"""Seconds after the first failure; doubles with each further one."""
LONGEST_PAUSE = 300.0
"""Seconds; the resync comes by then anyway."""


@dataclass(frozen=True)
class Outcome:
    """What became of a piece of work: when to look again at the latest, and how long not to look at all."""

    word: str
    requeue_after: timedelta | None = None
    hold: timedelta | None = None


@dataclass
class _Entry:
    """One key: `due` while it waits, `started` while it is worked on, `again` when something happened meanwhile."""

    due: float | None = None
    timer: asyncio.TimerHandle | None = None
    started: float | None = None
    again: float | None = None
    held_until: float = 0.0
    failures: int = 0


class WorkQueue:
    """`start`, then `add` from anywhere on the loop, then `stop`. `work` says itself what went wrong before it raises."""

    def __init__(self, work: Callable[[Key], Awaitable[Outcome]], concurrency: int, jitter: Callable[[], float] = random.random) -> None:
        self._work, self._concurrency, self._jitter = work, concurrency, jitter
        self._entries: dict[Key, _Entry] = {}
        self._ready: asyncio.Queue[Key | None] = asyncio.Queue()
        self._workers: list[asyncio.Task[None]] = []
        self._stopping = False
        self._loop = asyncio.get_running_loop()

    def add(self, key: Key, after: float = 0.0) -> None:
        """Look at this object in `after` seconds, or earlier if that was planned already."""
        entry = self._entries.setdefault(key, _Entry())
        due = max(self._loop.time() + after, entry.held_until)
        if entry.started is not None:
            entry.again = due if entry.again is None else min(due, entry.again)
        elif entry.due is None or due < entry.due:
            self._schedule(key, entry, due)

    def start(self) -> None:
        self._workers = [asyncio.create_task(self._worker(), name=f"worker {number}") for number in range(self._concurrency)]

    async def stop(self, grace: float) -> None:
        """Take no more keys, give work under way `grace` seconds to end, then break it off: every write is repeatable."""
        self._stopping = True
        for entry in self._entries.values():
            _disarm(entry)
        for _ in self._workers:
            self._ready.put_nowait(None)
        if self._workers:
            await asyncio.wait(self._workers, timeout=grace)
        for worker in self._workers:
            worker.cancel()
        await asyncio.gather(*self._workers, return_exceptions=True)

    @property
    def depth(self) -> int:
        """How many are due and wait for a worker."""
        return self._ready.qsize()

    def oldest(self) -> float:
        """Seconds that the oldest key has been due or under way; 0 when nothing is. May be asked from another thread."""
        now = self._loop.time()
        moments = [moment for entry in list(self._entries.values()) if (moment := entry.started if entry.started is not None else entry.due) is not None]
        return max(0.0, now - min(moments, default=now))

    def _schedule(self, key: Key, entry: _Entry, due: float) -> None:
        _disarm(entry)
        entry.due = due
        if due <= self._loop.time():
            self._ready.put_nowait(key)
        elif not self._stopping:
            entry.timer = self._loop.call_at(due, self._ready.put_nowait, key)

    async def _worker(self) -> None:
        while True:
            key = await self._ready.get()
            if key is None or self._stopping:
                return
            await self._once(key, self._entries[key])

    async def _once(self, key: Key, entry: _Entry) -> None:
        entry.due, entry.timer, entry.started, entry.again = None, None, self._loop.time(), None
        try:
            following = self._after_success(entry, await self._work(key))
        except Exception:  # noqa: BLE001  # the work has told; here it only means: later
            entry.failures += 1
            following = self._loop.time() + self._pause(entry.failures)
        entry.started = None
        wishes = [moment for moment in (entry.again, following) if moment is not None]
        if wishes:
            self._schedule(key, entry, max(min(wishes), entry.held_until))
        else:
            del self._entries[key]

    def _after_success(self, entry: _Entry, outcome: Outcome) -> float | None:
        entry.failures = 0
        entry.held_until = self._loop.time() + outcome.hold.total_seconds() if outcome.hold else 0.0
        if outcome.hold:
            return entry.held_until
        return None if outcome.requeue_after is None else self._loop.time() + outcome.requeue_after.total_seconds()

    def _pause(self, failures: int) -> float:
        # Half to whole: objects that failed together shall not come back together.
        return float(min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** (failures - 1)) * (0.5 + self._jitter() / 2))


def report(queue: WorkQueue) -> None:
    """Let the gauges ask the queue whenever they are read."""
    metrics.QUEUE_DEPTH.set_function(lambda: queue.depth)
    metrics.QUEUE_OLDEST.set_function(queue.oldest)


def _disarm(entry: _Entry) -> None:
    if entry.timer is not None:
        entry.timer.cancel()
        entry.timer = None
