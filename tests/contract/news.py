"""A story told by the real queue, dispatch and resync, with events that come twice, in any order, or not at all."""

import asyncio
import random
from datetime import timedelta

from support.fake_api import FakeApi, Object
from support.story import MOST_SCENES, SETTINGS, Story
from trimtab.api.base import API_VERSION
from trimtab.kube.resync import Resync
from trimtab.kube.watch import Dispatch, key_of
from trimtab.kube.workqueue import WorkQueue


class BadNews:
    """`kind`: doubled, shuffled or lost."""

    def __init__(self, story: Story, kind: str) -> None:
        self.story, self.api, self.kind = story, story.api, kind
        self.queue = WorkQueue(story.reconciler, 2)
        self.dispatch = Dispatch(self.queue, story.controllers)
        self.resync = Resync(self.api, story.controllers, SETTINGS, self.queue, lambda: self.api.now)
        self.untold: list[tuple[str | None, Object]] = [(None, obj) for obj in self.api.objects.values()]
        self.api.on_change(lambda change, obj: self.untold.append((change, obj)))

    async def to_the_end(self) -> FakeApi:
        self.queue.start()
        try:
            for _ in range(MOST_SCENES * 4):
                self.api.now += timedelta(seconds=10)
                if not await self._tell() and not self.story.scenario.play(self.api):
                    return self.api
        finally:
            await self.queue.stop(1)
        raise AssertionError("never comes to an end")

    async def _tell(self) -> bool:
        """Deliver what happened and let the queue work it off; whether anything was written."""
        writes, told = len(self.api.writes), list(self.untold)
        self.untold.clear()
        if self.kind == "lost":
            await self.resync.once()
        else:
            for change, obj in told * 2 if self.kind == "doubled" else random.Random(7).sample(told, len(told)):
                self._deliver(change, obj)
            self._come_due()
        await idle(self.queue)
        return len(self.api.writes) > writes

    def _come_due(self) -> None:
        """What was planned for later: its time passes in the world, not on the queue's own clock."""
        for key in [key for key, entry in self.queue._entries.items() if entry.timer is not None]:
            self.queue.add(key)

    def _deliver(self, change: str | None, obj: Object) -> None:
        controller = self.story.controllers.get(obj["kind"])
        if controller and controller.KIND.api_version == obj["apiVersion"]:
            self.dispatch.on_object(change, obj)
        elif obj["apiVersion"] == API_VERSION:
            self._tell_whom_it_concerns(obj)
        else:
            self.dispatch.on_child(obj)

    def _tell_whom_it_concerns(self, obj: Object) -> None:
        """Of a kind that nobody looks after in this story: it is news to others all the same."""
        for controller in self.story.controllers.values():
            for related in controller.RELATED(obj):
                self.dispatch._add(related, cause=key_of(obj))


async def idle(queue: WorkQueue) -> None:
    """Until nothing is due or under way; what is planned for later does not count."""
    while queue.depth or any(entry.started is not None for entry in queue._entries.values()):  # noqa: ASYNC110  # the queue has no event for it
        await asyncio.sleep(0.001)
