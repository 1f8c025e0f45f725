"""The laws that every kind keeps. A class of tests per law; `test_laws` lets every kind's scenario stand before each.

They are what makes a level-based controller safe to kill, to restart, to run twice and to restore from a dump.
"""

from dataclasses import dataclass
from typing import Any

import pytest

from contract.news import BadNews
from support.audit import Write as Status
from support.audit import needless
from support.fake_api import FakeApi, Object, ProcessDiedError, Write
from support.scenario import Scenario
from support.story import SETTINGS, Story, beginning, picture
from trimtab.kube.controller import OWNER_UID
from trimtab.kube.errors import Unreachable
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.resync import Resync
from trimtab.kube.workqueue import WorkQueue
from trimtab.plans.conditions import find

RESTORED = ("featuresets", "datasets", "trainingjobs", "modelversions", "modeldeployments", "driftmonitors", "toys", "configmaps")


def ready(obj: Object) -> str:
    condition = find(obj.get("status", {}).get("conditions", []), "Ready")
    return condition["status"] if condition else "absent"


class ComesToRest:
    async def test_the_story_ends_well(self, scenario: Scenario) -> None:
        story = await Story(scenario).to_the_end()
        assert ready(story.own()) == ("True" if scenario.ends_ready else "False"), story.own().get("status")

    async def test_a_quiet_reconcile_writes_nothing(self, scenario: Scenario) -> None:
        story = await Story(scenario).to_the_end()
        story.api.forget()
        await story.round()
        assert story.api.writes == []

    async def test_a_restarted_operator_writes_nothing_either(self, scenario: Scenario) -> None:
        api = (await Story(scenario).to_the_end()).api
        api.forget()
        await Story(scenario, api).round()
        assert api.writes == []

    async def test_observing_and_resyncing_write_nothing_and_find_nothing_to_do(self, scenario: Scenario) -> None:
        story = await Story(scenario).to_the_end()
        story.api.forget()
        queue = WorkQueue(story.reconciler, 1)
        queued = await Resync(story.api, story.controllers, SETTINGS, queue, lambda: story.api.now).once()
        assert (queued, story.api.writes) == (0, [])

    async def test_a_status_is_written_for_news_or_for_progress_each_half_minute(self, scenario: Scenario) -> None:
        writes = (await Story(scenario).to_the_end()).api.writes
        assert list(needless(Status(each.plural, each.name, each.at, each.status) for each in writes if each.status is not None)) == []

    async def test_status_says_which_generation_it_is_about(self, scenario: Scenario) -> None:
        own = (await Story(scenario).to_the_end()).own()
        assert own["status"]["observedGeneration"] == own["metadata"]["generation"]


class SurvivesDeath:
    async def test_a_process_that_dies_after_any_write_leaves_the_same_end(self, scenario: Scenario) -> None:
        whole = await Story(scenario).to_the_end()
        expected, writes = picture(whole.api), len(whole.api.writes)
        assert writes, "a story without a write has no law to keep"
        for k in range(1, writes + 1):
            api = beginning(scenario)
            api.die_after = k
            try:
                await Story(scenario, api).to_the_end()
            except ProcessDiedError as death:
                died: Write = death.args[0]
            api.die_after = None
            end = picture((await Story(scenario, api).to_the_end()).api)
            assert end == expected, f"the end is another when the process dies after write {k}: {died}"

    async def test_every_refused_write_is_made_good(self, scenario: Scenario) -> None:
        whole = await Story(scenario).to_the_end()
        for verb, plural in sorted({(write.verb, write.plural) for write in whole.api.writes if write.plural != "events"}):
            api = beginning(scenario)
            api.refuse(verb, plural, Unreachable("the API server is away"))
            with pytest.raises(Unreachable):
                await Story(scenario, api).to_the_end()
            assert picture((await Story(scenario, api).to_the_end()).api) == picture(whole.api), f"{verb} {plural}"


class SurvivesRestoring:
    async def test_a_dump_without_status_redoes_nothing_that_is_done(self, scenario: Scenario) -> None:
        before = await Story(scenario).to_the_end()
        api = before.api.restored(RESTORED)
        scenario.world(api)
        after = await Story(scenario, api).to_the_end()
        redone = [
            write.name for write in after.api.writes if write.verb == "create" and write.plural == "jobs" and _verb(after.api, write) in scenario.never_again
        ]
        assert redone == []
        assert ready(after.own()) == ready(before.own())
        assert _ours(after.api) == _ours(before.api), "an object of ours appeared or went"


class SurvivesAnOlderLook:
    async def test_an_older_snapshot_destroys_nothing(self, scenario: Scenario) -> None:
        story = Story(scenario)
        snapshots = [story.api.snapshot()]
        for _ in range(60):
            await story.settle()
            snapshots.append(story.api.snapshot())
            if not scenario.play(story.api):
                break
            snapshots.append(story.api.snapshot())
        await story.to_the_end()
        expected, uids = picture(story.api), _uids(story.api)
        for index, older in enumerate(snapshots):
            api = story.api.snapshot()
            await _reconcile_from(older, api, scenario)
            assert uids <= _uids(api), (
                f"looking from snapshot {index} destroyed {[o for o in story.api.objects.values() if o['metadata']['uid'] in uids - _uids(api)]}"
            )
            assert picture((await Story(scenario, api).to_the_end()).api) == expected


class LeavesNothingBehind:
    async def test_deletion_leaves_no_orphan(self, scenario: Scenario) -> None:
        story = await Story(scenario).to_the_end()
        uid = story.own()["metadata"]["uid"]
        kind = scenario.controller.KIND
        story.api.remove(kind.api_version, kind.plural, "default", scenario.name)
        story.api.forget()
        await story.settle()
        left = [address for address, obj in story.api.objects.items() if obj["metadata"].get("labels", {}).get(OWNER_UID) == uid]
        assert [address for address in left if address[1] not in scenario.outlives] == []

    async def test_an_object_that_is_going_gets_no_new_children(self, scenario: Scenario) -> None:
        api = beginning(scenario)
        going = api.one(scenario.controller.KIND.plural, scenario.name)
        api.given({**going, "metadata": {**going["metadata"], "deletionTimestamp": "2026-01-05T08:00:00Z"}})
        story = Story(scenario, api)
        await story.reconciler(next(key for key in story.every_key() if (key.kind, key.name) == (scenario.kind, scenario.name)))
        assert api.writes == []


class RefusesWhatIsNotItsOwn:
    async def test_a_child_of_the_same_name_is_never_adopted_and_its_going_heals(self, scenario: Scenario) -> None:
        whole = await Story(scenario).to_the_end()
        for plural, name in await _first_children(scenario):
            api = beginning(scenario)
            made = _first_version(whole.api, plural, name)
            foreign = api.given(
                {key: value for key, value in made.items() if key != "status"} | {"metadata": {"name": name, "namespace": "default"}, "spec": {"theirs": True}}
            )
            await Story(scenario, api).settle()
            own = api.one(scenario.controller.KIND.plural, scenario.name)
            assert api.one(plural, name) == foreign, "another's object was changed"
            assert ready(own) == "False"
            assert find(own["status"]["conditions"], "Ready")["reason"] == "NameTaken"
            assert find(own["status"]["conditions"], "Stalled")["status"] == "True"
            assert name in find(own["status"]["conditions"], "Ready")["message"]
            api.remove(foreign["apiVersion"], plural, "default", name)
            assert picture((await Story(scenario, api).to_the_end()).api) == picture(whole.api)


class SurvivesBadNews:
    """Events doubled, shuffled or lost: the queue and the resync make the same of them."""

    @pytest.mark.parametrize("news", ["doubled", "shuffled", "lost"])
    async def test_the_end_is_the_same_when_events_are(self, scenario: Scenario, news: str) -> None:
        expected = picture((await Story(scenario).to_the_end()).api)
        assert picture(await BadNews(Story(scenario), news).to_the_end()) == expected


@dataclass
class _FirstLookIsOld:
    """A controller whose first look is at an older day."""

    inner: Any
    older: FakeApi
    looked: bool = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def observe(self, client: Any, *args: Any) -> Any:
        client, self.looked = (client if self.looked else self.older), True
        return await self.inner.observe(client, *args)


async def _reconcile_from(older: FakeApi, live: FakeApi, scenario: Scenario) -> None:
    for key in Story(scenario, live).every_key():
        controllers = {c.KIND.kind: _FirstLookIsOld(c, older) for c in (scenario.controller, *scenario.also)}
        await Reconciler(live, controllers, SETTINGS, lambda: live.now)(key)


def _uids(api: FakeApi) -> set[str]:
    return {obj["metadata"]["uid"] for (_, plural, _, _), obj in api.objects.items() if plural != "events"}


def _ours(api: FakeApi) -> set[tuple[str, str]]:
    return {(plural, name) for (_, plural, _, name) in api.objects if plural in RESTORED}


def _verb(api: FakeApi, write: Write) -> str:
    jobs = [job for job in api.all("jobs") if job["metadata"]["name"] == write.name]
    return jobs[0]["metadata"]["labels"].get("trimtab.dev/verb", "") if jobs else ""


async def _first_children(scenario: Scenario) -> list[tuple[str, str]]:
    """What the object under law makes before the world has moved."""
    story = Story(scenario)
    await story.settle()
    uid = story.own()["metadata"]["uid"]
    return [
        (plural, name)
        for (_, plural, _, name), obj in story.api.objects.items()
        if any(reference["uid"] == uid for reference in obj["metadata"].get("ownerReferences", []))
    ]


def _first_version(api: FakeApi, plural: str, name: str) -> Object:
    kinds = {
        "jobs": ("batch/v1", "Job"),
        "services": ("v1", "Service"),
        "deployments": ("apps/v1", "Deployment"),
        "poddisruptionbudgets": ("policy/v1", "PodDisruptionBudget"),
    }
    api_version, kind = kinds[plural]
    return {"apiVersion": api_version, "kind": kind}
