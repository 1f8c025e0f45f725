"""The queue, in simulated time: a minute costs nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from support.simulated_time import simulated
from trimtab.kube.workqueue import FIRST_PAUSE, LONGEST_PAUSE, Outcome, WorkQueue
from trimtab.plans.plan import Key

A, B = Key("Dataset", "default", "a"), Key("Dataset", "default", "b")
DONE = Outcome("unchanged")


class Work:
    """Remembers when each key was worked on; `seconds` it takes, `outcomes` it comes to in turn (an error is raised)."""

    def __init__(self, *outcomes: Outcome | Exception, seconds: float = 0.0) -> None:
        self.outcomes, self.seconds = list(outcomes), seconds
        self.began: list[tuple[Key, float]] = []
        self.now: set[Key] = set()
        self.most = 0
        self.start = asyncio.get_running_loop().time()

    async def __call__(self, key: Key) -> Outcome:
        assert key not in self.now, "one key twice at the same time"
        self.began.append((key, round(asyncio.get_running_loop().time() - self.start, 3)))
        self.now.add(key)
        self.most = max(self.most, len(self.now))
        try:
            await asyncio.sleep(self.seconds)
        finally:
            self.now.discard(key)
        outcome = self.outcomes.pop(0) if self.outcomes else DONE
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    def times(self, key: Key = A) -> list[float]:
        return [when for each, when in self.began if each == key]


async def running(work: Callable[[Key], Awaitable[Outcome]], concurrency: int = 4) -> WorkQueue:
    queue = WorkQueue(work, concurrency, jitter=lambda: 1.0)
    queue.start()
    return queue


@simulated
async def test_a_key_added_many_times_is_worked_on_once() -> None:
    work = Work()
    queue = await running(work)
    for _ in range(5):
        queue.add(A)
    await asyncio.sleep(1)
    assert work.times() == [0]


@simulated
async def test_what_happens_while_a_key_is_worked_on_is_worked_on_once_more_afterwards() -> None:
    work = Work(seconds=10)
    queue = await running(work)
    queue.add(A)
    await asyncio.sleep(5)
    queue.add(A)
    queue.add(A)
    await asyncio.sleep(100)
    assert work.times() == [0, 10]


@simulated
async def test_keys_wait_for_a_free_worker_and_no_more_than_allowed_run_at_once() -> None:
    work = Work(seconds=1)
    queue = await running(work, concurrency=2)
    for name in "abcdef":
        queue.add(Key("Dataset", "default", name))
    await asyncio.sleep(0.5)
    assert queue.depth == 4
    await asyncio.sleep(10)
    assert (work.most, len(work.began), queue.depth) == (2, 6, 0)


@simulated
async def test_requeue_after_is_kept_and_an_event_comes_before_it() -> None:
    work = Work(Outcome("unchanged", timedelta(seconds=60)), Outcome("unchanged", timedelta(seconds=60)))
    queue = await running(work)
    queue.add(A)
    await asyncio.sleep(61)
    assert work.times() == [0, 60]
    queue.add(A)
    await asyncio.sleep(1000)
    assert work.times() == [0, 60, 61], "the event took the place of what was planned"


@simulated
async def test_failures_come_again_later_and_later_up_to_a_limit() -> None:
    work = Work(*[RuntimeError("no")] * 12)
    queue = await running(work)
    queue.add(A)
    await asyncio.sleep(3000)
    pauses = [round(later - earlier, 3) for earlier, later in zip(work.times(), work.times()[1:], strict=False)]
    assert pauses[:5] == [FIRST_PAUSE * 2**n for n in range(5)]
    assert max(pauses) == LONGEST_PAUSE
    assert len(pauses) == 12


@simulated
async def test_jitter_takes_up_to_half_of_a_pause() -> None:
    work = Work(RuntimeError("no"))
    queue = WorkQueue(work, 1, jitter=lambda: 0.0)
    queue.start()
    queue.add(A)
    await asyncio.sleep(10)
    assert work.times() == [0, FIRST_PAUSE / 2]


@simulated
async def test_success_forgets_earlier_failures() -> None:
    work = Work(RuntimeError("1"), RuntimeError("2"), DONE, RuntimeError("3"))
    queue = await running(work)
    queue.add(A)
    await asyncio.sleep(100)
    queue.add(A)
    await asyncio.sleep(100)
    assert work.times() == [0, 1, 3, 100, 101]


@simulated
async def test_an_event_cuts_a_pause_short_so_that_who_mends_something_does_not_wait() -> None:
    work = Work(*[RuntimeError("no")] * 6)
    queue = await running(work)
    queue.add(A)
    await asyncio.sleep(20)
    before = len(work.began)
    queue.add(A)
    await asyncio.sleep(0.1)
    assert len(work.began) == before + 1


@simulated
async def test_a_hold_is_not_cut_short_by_events() -> None:
    work = Work(Outcome("thrashing", hold=timedelta(seconds=60)))
    queue = await running(work)
    queue.add(A)
    for _ in range(10):
        await asyncio.sleep(1)
        queue.add(A)
    await asyncio.sleep(200)
    assert work.times() == [0, 60]


@simulated
async def test_an_event_during_the_work_that_ends_in_a_hold_waits_too() -> None:
    work = Work(Outcome("thrashing", hold=timedelta(seconds=60)), seconds=2)
    queue = await running(work)
    queue.add(A)
    await asyncio.sleep(1)
    queue.add(A)
    await asyncio.sleep(200)
    assert work.times() == [0, 62]


@simulated
async def test_the_oldest_age_counts_what_is_due_or_under_way_and_not_what_is_planned() -> None:
    work = Work(Outcome("unchanged", timedelta(seconds=500)), seconds=30)
    queue = await running(work, concurrency=1)
    assert queue.oldest() == 0
    queue.add(A)
    queue.add(B)
    await asyncio.sleep(20)
    assert round(queue.oldest()) == 20
    await asyncio.sleep(80)
    assert queue.oldest() == 0


@simulated
async def test_a_key_added_for_later_is_worked_on_then_unless_it_comes_up_earlier() -> None:
    work = Work()
    queue = await running(work)
    queue.add(A, after=50)
    queue.add(A, after=10)
    queue.add(A, after=70)
    await asyncio.sleep(100)
    assert work.times() == [10]


@simulated
async def test_one_key_that_fails_does_not_hold_up_another() -> None:
    async def work(key: Key) -> Outcome:
        if key == A:
            raise RuntimeError("no")
        done.append(key)
        return DONE

    done: list[Key] = []
    queue = await running(work, concurrency=1)
    queue.add(A)
    queue.add(B)
    await asyncio.sleep(0.1)
    assert done == [B]


@simulated
async def test_stopping_lets_work_under_way_end_and_takes_nothing_new() -> None:
    work = Work(seconds=2)
    queue = await running(work, concurrency=1)
    queue.add(A)
    queue.add(B)
    await asyncio.sleep(1)
    began = asyncio.get_running_loop().time()
    await queue.stop(grace=3)
    assert asyncio.get_running_loop().time() - began == 1
    assert (work.times(A), work.times(B)) == ([0], [])


@simulated
async def test_stopping_breaks_off_what_takes_longer_than_the_grace() -> None:
    work = Work(seconds=1000)
    queue = await running(work)
    queue.add(A)
    await asyncio.sleep(1)
    began = asyncio.get_running_loop().time()
    await queue.stop(grace=3)
    assert asyncio.get_running_loop().time() - began == 3
    assert work.now == set()


@simulated
async def test_a_key_that_is_done_is_forgotten() -> None:
    queue = await running(Work())
    queue.add(A)
    await asyncio.sleep(1)
    assert queue._entries == {}
