"""The laws of `tests/contract` on a real API server: defaulting, validation, status subresources and real conflicts included.

The same stories, told to their end: all of them once, and of each kind the one in which most happens under every law. The
other stories keep these laws in memory.
"""

import asyncio
from contextlib import AsyncExitStack
from datetime import timedelta

import pytest

from contract.laws import ready
from contract.test_laws import scenarios
from support.control_plane import ControlPlane
from support.fake_api import ProcessDiedError
from support.real_api import OURS, RealApi
from support.scenario import Scenario
from support.story import SETTINGS, Story, picture
from trimtab.api.kinds import BY_KIND
from trimtab.kube.resync import Resync
from trimtab.kube.workqueue import WorkQueue

SCENARIOS = [scenario for scenario in scenarios() if scenario.kind in BY_KIND]
RICHEST = {"TrainingJob": 1, "Deployment": 2}
"""Which of several stories of a kind that is."""
MOST_DEATHS = 4
"""Spread over the story: each is told anew, which takes a second or two."""
VOLATILE = ("events", "pods")
PEOPLES = (*OURS, "configmaps")
"""What a person dumps and restores."""


pytestmark = pytest.mark.long

every_story = pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.kind)
one_of_each_kind = pytest.mark.parametrize(
    "scenario",
    [[scenario for scenario in SCENARIOS if scenario.kind == kind][RICHEST.get(kind, 0)] for kind in BY_KIND],
    ids=lambda scenario: scenario.kind,
)


@pytest.fixture
def kubeconfig(kinds: ControlPlane, monkeypatch: pytest.MonkeyPatch) -> ControlPlane:
    monkeypatch.setenv("KUBECONFIG", str(kinds.kubeconfig()))
    return kinds


class Cluster:
    """Namespaces of one real server, each a story's cluster."""

    def __init__(self, control_plane: ControlPlane, scenario: Scenario, stack: AsyncExitStack) -> None:
        self.control_plane, self.scenario, self._stack = control_plane, scenario, stack

    async def beginning(self) -> RealApi:
        api = await self.entered(RealApi(self.control_plane, *self.scenario.initial))
        self.scenario.world(api)
        return api

    async def entered(self, api: RealApi) -> RealApi:
        self._stack.callback(api.close)
        return await self._stack.enter_async_context(api)

    async def told(self, api: RealApi) -> Story:
        return await Story(self.scenario, api).to_the_end()


@pytest.fixture
async def cluster(kubeconfig: ControlPlane, scenario: Scenario):
    async with AsyncExitStack() as stack:
        yield Cluster(kubeconfig, scenario, stack)


@every_story
async def test_a_story_ends_well_and_then_nothing_is_written(cluster: Cluster) -> None:
    api = await cluster.beginning()
    story = await cluster.told(api)
    assert ready(story.own()) == "True", story.own()["status"]
    assert story.own()["status"]["observedGeneration"] == story.own()["metadata"]["generation"]
    api.forget()
    await Story(cluster.scenario, api).round()
    queue = WorkQueue(story.reconciler, 1)
    queued = await Resync(api, story.controllers, SETTINGS, queue, lambda: api.now).once()
    assert (api.writes, queued) == ([], 0)


@one_of_each_kind
async def test_a_process_that_dies_after_a_write_leaves_the_same_end(cluster: Cluster) -> None:
    whole = await cluster.told(await cluster.beginning())
    expected, writes = picture(whole.api, without=VOLATILE), len(whole.api.writes)
    for k in range(1, writes + 1, max(1, -(-writes // MOST_DEATHS))):
        api = await cluster.beginning()
        api.die_after = k
        with pytest.raises(ProcessDiedError) as death:
            await cluster.told(api)
        api.die_after = None
        end = picture((await cluster.told(api)).api, without=VOLATILE)
        assert end == expected, f"the end is another when the process dies after write {k}: {death.value}"


@one_of_each_kind
async def test_a_dump_without_status_redoes_nothing_that_is_done(cluster: Cluster) -> None:
    before = await cluster.told(await cluster.beginning())
    api = await cluster.entered(before.api.restored(PEOPLES))
    cluster.scenario.world(api)
    after = await cluster.told(api)
    verbs = {job["metadata"]["name"]: job["metadata"]["labels"]["trimtab.dev/verb"] for job in api.all("jobs")}
    made = [verbs.get(write.name) for write in api.writes if (write.verb, write.plural) == ("create", "jobs")]
    assert [verb for verb in made if verb in cluster.scenario.never_again] == []
    assert ready(after.own()) == ready(before.own())
    names = [{(plural, obj["metadata"]["name"]) for plural in OURS for obj in each.all(plural)} for each in (api, before.api)]
    assert names[0] == names[1]


@one_of_each_kind
async def test_two_operators_at_once_come_to_the_same_end(cluster: Cluster) -> None:
    """Both believe that they lead: names and resourceVersions keep the peace."""
    expected = picture((await cluster.told(await cluster.beginning())).api, without=VOLATILE)
    api = await cluster.beginning()
    first, second = Story(cluster.scenario, api), Story(cluster.scenario, api)
    for _ in range(60):
        for _ in range(2):
            await asyncio.gather(*(each.round() for each in (first, second)))
        api.now += timedelta(seconds=10)
        if not cluster.scenario.play(api):
            break
    assert picture((await cluster.told(api)).api, without=VOLATILE) == expected
