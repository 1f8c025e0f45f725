"""The look at everything: cheap, without a write, and only what needs one is queued."""

import asyncio
from typing import Any

import pytest

from support import toy
from support.fake_api import FakeApi
from support.simulated_time import simulated
from support.story import SETTINGS, Story
from trimtab.api.reasons import Reason
from trimtab.kube.errors import Stalled, Unreachable
from trimtab.kube.resync import FAILED_AGAIN, Lists, Resync
from trimtab.kube.workqueue import WorkQueue
from trimtab.plans.plan import Key


class Queue(WorkQueue):
    def __init__(self) -> None:
        self.added: dict[Key, float] = {}

    def add(self, key: Key, after: float = 0.0) -> None:
        self.added[key] = after


def resync(story: Story, queue: WorkQueue, controllers: Any = None) -> Resync:
    return Resync(story.api, controllers or story.controllers, SETTINGS, queue, lambda: story.api.now)


async def settled(*objects: Any) -> Story:
    story = Story(toy.SCENARIO, FakeApi(*(objects or (toy.toy(),))))
    await story.settle()
    story.api.forget()
    return story


async def test_nothing_to_do_queues_nothing_and_writes_nothing() -> None:
    story, queue = await settled(), Queue()
    assert await resync(story, queue).once() == 0
    assert (queue.added, story.api.writes) == ({}, [])


async def test_what_an_event_should_have_told_is_found() -> None:
    story, queue = await settled(toy.toy(), toy.toy("other")), Queue()
    story.api.set_status(next(job for job in story.api.all("jobs") if job["metadata"]["name"].startswith("flights")), succeeded=1)
    assert await resync(story, queue).once() == 1
    assert queue.added == {Key("Toy", "default", "flights"): 0.0}


async def test_a_missing_child_is_found() -> None:
    story, queue = await settled(), Queue()
    story.api.remove("v1", "services", "default", "flights")
    assert await resync(story, queue).once() == 1


async def test_the_cost_grows_with_kinds_and_not_with_objects() -> None:
    few, many = await settled(), await settled(*[toy.toy(f"toy-{n}") for n in range(50)])
    for story in (few, many):
        await resync(story, Queue()).once()
    assert few.api.reads == many.api.reads == 3, "toys, jobs, services"


@pytest.mark.parametrize("error", [Stalled(Reason.CODE_MISSING, "x"), Unreachable("x"), KeyError("a plan that cannot read an object")])
async def test_one_object_that_cannot_be_decided_is_looked_at_live_and_stops_no_other(error: Exception) -> None:
    class Controller(toy.Controller):
        async def observe(self, client: Any, key: Key, *rest: Any) -> Any:
            if key.name == "flights":
                raise error
            return await toy.observe(client, key, *rest)

    story, queue = await settled(toy.toy(), toy.toy("other")), Queue()
    assert await resync(story, queue, {"Toy": Controller()}).once() == 1
    assert list(queue.added) == [Key("Toy", "default", "flights")]


async def test_when_to_look_again_is_kept_over_a_restart() -> None:
    from dataclasses import replace
    from datetime import timedelta

    class Controller(toy.Controller):
        def plan(self, *args: Any) -> Any:
            return replace(toy.plan(*args), requeue_after=timedelta(minutes=3))

    story, queue = await settled(), Queue()
    await resync(story, queue, {"Toy": Controller()}).once()
    assert queue.added == {Key("Toy", "default", "flights"): 180.0}


async def test_an_observe_cannot_write_through_the_lists() -> None:
    assert not hasattr(Lists(FakeApi(), {}), "create")


async def test_lists_answer_as_the_server_would_and_ask_it_for_the_rest() -> None:
    story = await settled(toy.toy(), toy.toy("other"))
    api = story.api
    lists = Lists(api, {("batch/v1", "jobs"): await api.list("batch/v1", "jobs")})
    uid = api.one("toys", "flights")["metadata"]["uid"]
    for arguments in ({"label_selector": f"trimtab.dev/owner-uid={uid}"}, {"field_selector": "metadata.name=nobody"}, {}):
        for namespace in (None, "default", "elsewhere"):
            assert await lists.list("batch/v1", "jobs", namespace, **arguments) == await api.list("batch/v1", "jobs", namespace, **arguments)
    assert await lists.get("batch/v1", "jobs", "default", "nobody") is None
    assert (await lists.get("v1", "services", "default", "flights") or {})["kind"] == "Service"


@simulated
async def test_it_comes_again_and_again_and_a_failure_is_not_the_end() -> None:
    story = await settled()
    it = resync(story, Queue())
    story.api.refuse("list", "toys", Unreachable("away"))
    going = asyncio.create_task(it.forever())
    await asyncio.sleep(1)
    assert it.finished_at is None
    await asyncio.sleep(FAILED_AGAIN)
    assert it.finished_at is not None
    going.cancel()
