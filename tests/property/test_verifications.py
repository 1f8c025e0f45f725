"""Whatever becomes of verify Jobs, in whatever order: one at a time, no quiet writes, and a model that is well ends Ready."""

import asyncio
from datetime import timedelta

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.builders import model_version
from support.fake_api import ProcessDiedError
from support.job_pods import answer, fault, lose, start
from support.tale import SETTINGS, Tale
from trimtab.api.base import RUN_REQUESTED
from trimtab.api.documents import Result
from trimtab.controllers import modelversion

NAME = "flights-v7"
VERIFIED = Result(outcome="Succeeded", reason="Verified", message="32 golden examples reproduce.")
PASSING = ("StoreUnreachable", "StoreDenied", "ArtifactUnreachable")

ends = st.sampled_from(["start", "answer", "lose", "delete", *PASSING, "DigestMismatch", "Crashed"])
people = st.sampled_from(["request a", "request b", "another image", "forget the status"])
machine = st.sampled_from(["a minute", "an hour", "die after 1", "die after 2"])
story = st.lists(st.one_of(ends, ends, people, machine), max_size=25)


def end(tale, how):
    for job in tale.running("verify"):
        match how:
            case "start":
                start(tale.api, job)
            case "answer":
                answer(tale.api, job, VERIFIED)
            case "lose":
                lose(tale.api, job)
            case "delete":
                tale.api.remove("batch/v1", "jobs", "default", job["metadata"]["name"])
            case reason:
                fault(tale.api, job, reason, "Because.", code=3 if reason in PASSING else 2)


def happens(tale, step):
    obj = tale.api.one("modelversions", NAME)
    match step.split():
        case ["request", letter]:
            tale.api.given({**obj, "metadata": {**obj["metadata"], "annotations": {RUN_REQUESTED: letter}}})
        case ["another", "image"]:
            tale.settings = SETTINGS.model_copy(update={"serving_image": tale.settings.serving_image + "0"})
        case ["forget", *_]:
            tale.api.given({**obj, "status": {"observedGeneration": -1}})
        case ["a", "minute"] | ["an", "hour"]:
            tale.api.now += timedelta(hours=1) if step == "an hour" else timedelta(minutes=1)
        case ["die", "after", count]:
            tale.api.die_after = int(count)
        case _:
            end(tale, step)


async def settle(tale):
    try:
        await tale.settle()
    except ProcessDiedError:
        tale.api.die_after = None
        await tale.settle()
    assert len(tale.running("verify")) <= 1, "two Jobs at once"
    assert len(tale.jobs("verify")) <= 3, "finished Jobs pile up"


async def told(steps):
    tale = Tale(modelversion, given=(model_version("flights", 7),))
    await settle(tale)
    for step in steps:
        happens(tale, step)
        tale.api.now += timedelta(seconds=1)
        await settle(tale)
    return tale


async def to_the_end(tale):
    """Somebody asks once more, and from now on all is well."""
    tale.api.die_after = None
    happens(tale, "request once")
    for _ in range(4):
        await settle(tale)
        end(tale, "answer")
        tale.api.now += timedelta(minutes=6)
    await settle(tale)
    return tale


async def whole(steps):
    return await to_the_end(await told(steps))


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=story)
def test_a_model_that_is_well_ends_ready_and_is_left_alone(steps):
    tale = asyncio.run(whole(steps))
    assert tale.ready("ModelVersion", NAME) == ("True", "Verified")
    assert tale.status("ModelVersion", NAME)["lastHandledRequest"] == "once"
    assert tale.running("verify") == []


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=story, reason=st.sampled_from(PASSING))
def test_what_heals_is_tried_until_it_has_healed_without_anybody_asking(steps, reason):
    async def tell():
        tale = await told(steps)
        tale.api.die_after = None
        for _ in range(3):
            end(tale, reason)
            tale.api.now += timedelta(minutes=6)
            await settle(tale)
        healing = tale.ready("ModelVersion", NAME)[1] in PASSING
        for _ in range(3):
            end(tale, "answer")
            tale.api.now += timedelta(minutes=6)
            await settle(tale)
        return tale, healing

    tale, healing = asyncio.run(tell())
    if healing:
        assert tale.ready("ModelVersion", NAME) == ("True", "Verified")
