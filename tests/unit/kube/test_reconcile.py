"""One reconcile: what it writes, in which order, and what it does when the world is not as it was seen."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from support import toy
from support.fake_api import START, FakeApi, Object, Write
from support.story import SETTINGS
from trimtab.api.reasons import Reason
from trimtab.kube.errors import AlreadyExists, ApiError, Conflict, Stalled, Unreachable, Waiting
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.workqueue import Outcome
from trimtab.plans.plan import Apply, Create, Delete, Event, Key, Patch, Plan, Ref

KEY = Key("Toy", "default", "flights")


class Controller(toy.Controller):
    """The toy with a plan, or an observe, of the test's own."""

    def __init__(self, **replaced: Any) -> None:
        for name, value in replaced.items():
            setattr(self, name, value)


def reconciler(api: FakeApi, **replaced: Any) -> Reconciler:
    return Reconciler(api, {"Toy": Controller(**replaced)}, SETTINGS, lambda: api.now)


def planned(*plans: Plan) -> Any:
    """A plan function that answers with these in turn, the last one for ever."""
    left = list(plans)
    return lambda seen, now: left.pop(0) if len(left) > 1 else left[0]


def conditions(api: FakeApi) -> dict[str, tuple[str, str]]:
    return {c["type"]: (c["status"], c["reason"]) for c in api.one("toys", "flights")["status"]["conditions"]}


def reasons(api: FakeApi) -> list[tuple[str, str]]:
    return [(event["reason"], event["type"]) for event in api.all("events")]


async def test_deeds_come_before_the_status_and_the_status_before_events() -> None:
    api = FakeApi(toy.toy())
    outcome = await reconciler(api)(KEY)
    assert [(write.verb, write.plural) for write in api.writes] == [("apply", "services"), ("create", "jobs"), ("put_status", "toys"), ("create", "events")]
    assert outcome.word == "changed"


async def test_an_object_that_is_gone_is_nothing_to_do() -> None:
    api = FakeApi()
    assert await reconciler(api)(KEY) == Outcome("gone")
    assert api.writes == []


async def test_one_that_goes_while_we_look_is_nothing_to_do_either() -> None:
    api = FakeApi(toy.toy())

    def plan(seen: Any, now: Any) -> Plan:
        api.remove(toy.KIND.api_version, "toys", "default", "flights")
        return Plan(status={"x": 1})

    assert (await reconciler(api, plan=plan)(KEY)).word == "gone"


async def test_requeue_after_is_handed_on() -> None:
    api = FakeApi(toy.toy())
    outcome = await reconciler(api, plan=planned(Plan(requeue_after=timedelta(seconds=7))))(KEY)
    assert outcome == Outcome("unchanged", timedelta(seconds=7))


async def test_a_status_that_means_the_same_is_not_written() -> None:
    api = FakeApi({**toy.toy(), "status": {"observedGeneration": 1, "list": []}})
    await reconciler(api, plan=planned(Plan(status={"observedGeneration": 1, "none": None})))(KEY)
    assert api.writes == []


async def test_a_conflict_looks_again_at_once() -> None:
    api = FakeApi(toy.toy())
    api.refuse("put_status", "toys", Conflict("somebody was first", code=409))
    assert (await reconciler(api)(KEY)).word == "changed"
    assert conditions(api)["Reconciling"] == ("True", "Progressing")


async def test_conflicts_without_end_are_left_to_the_queue() -> None:
    api = FakeApi(toy.toy())
    api.refuse("put_status", "toys", Conflict("somebody was first", code=409), times=9)
    with pytest.raises(Conflict):
        await reconciler(api)(KEY)


async def test_a_leader_that_looks_at_an_old_object_cannot_write_its_status() -> None:
    api = FakeApi(toy.toy())
    old = api.one("toys", "flights")
    api.given({**toy.toy(words="changed by a person")})

    async def observe(*_: Any) -> toy.Seen:
        return toy.Seen(old)

    with pytest.raises(Conflict):
        await reconciler(api, observe=observe, plan=planned(Plan(status={"x": 1})))(KEY)
    assert "x" not in api.one("toys", "flights")["status"]


async def test_an_api_server_that_is_away_is_told_to_the_queue() -> None:
    api = FakeApi(toy.toy())
    api.refuse("get", "toys", Unreachable("away"))
    with pytest.raises(Unreachable):
        await reconciler(api)(KEY)


async def test_a_stall_is_said_in_the_status_and_looked_at_again_after_a_while() -> None:
    api = FakeApi(toy.toy())

    async def observe(*_: Any) -> Any:
        raise Stalled(Reason.CODE_MISSING, "spec.trainer: there is no ConfigMap code; create it.")

    outcome = await reconciler(api, observe=observe)(KEY)
    assert conditions(api) == {"Ready": ("False", "CodeMissing"), "Stalled": ("True", "CodeMissing")}
    assert outcome.requeue_after is not None
    assert reasons(api) == [("CodeMissing", "Warning")]
    api.forget()
    await reconciler(api, observe=observe)(KEY)
    assert api.writes == [], "said once"


async def test_waiting_is_work_in_progress_and_not_a_warning() -> None:
    api = FakeApi(toy.toy())

    async def observe(*_: Any) -> Any:
        raise Waiting(Reason.QUEUED, "Waits for its queue.", timedelta(seconds=3))

    outcome = await reconciler(api, observe=observe)(KEY)
    assert outcome == Outcome("changed", timedelta(seconds=3))
    assert conditions(api)["Reconciling"] == ("True", "Queued")
    assert reasons(api) == [("Queued", "Normal")]


async def test_a_stall_keeps_the_other_conditions_and_facts_of_the_status() -> None:
    api = FakeApi({**toy.toy(), "status": {"job": "kept", "conditions": [_condition("GatesPassed")]}})

    async def observe(*_: Any) -> Any:
        raise Stalled(Reason.CODE_MISSING, "x")

    await reconciler(api, observe=observe)(KEY)
    assert api.one("toys", "flights")["status"]["job"] == "kept"
    assert "GatesPassed" in conditions(api)


async def test_an_event_tells_of_each_new_reason_once_and_of_nothing_else() -> None:
    api = FakeApi(toy.toy())
    ready = {"conditions": [_condition("Ready", "Ready")]}
    work = reconciler(api, plan=planned(Plan(status=ready), Plan(status=ready), Plan(status={**ready, "progress": 10})))
    for _ in range(3):
        await work(KEY)
    assert reasons(api) == [("Ready", "Normal")]


async def test_a_plan_s_own_event_takes_the_place_of_the_condition_s() -> None:
    api = FakeApi(toy.toy())
    plan = Plan(status={"conditions": [_condition("Ready", "Registered")]}, events=(Event("Registered", "As flights-v7."),))
    await reconciler(api, plan=planned(plan))(KEY)
    assert [(event["reason"], event["message"]) for event in api.all("events")] == [("Registered", "As flights-v7.")]


async def test_a_plan_that_changes_nothing_posts_no_event() -> None:
    api = FakeApi(toy.toy())
    await reconciler(api, plan=planned(Plan(events=(Event("Ready", "Again."),))))(KEY)
    assert api.writes == []


async def test_an_event_that_is_refused_harms_nothing() -> None:
    api = FakeApi(toy.toy())
    api.refuse("create", "events", ApiError("forbidden", code=403))
    assert (await reconciler(api)(KEY)).word == "changed"


async def test_an_event_names_its_object_and_its_reporter() -> None:
    api = FakeApi(toy.toy())
    await reconciler(api)(KEY)
    event = api.all("events")[0]
    assert event["involvedObject"] == {
        "apiVersion": toy.KIND.api_version,
        "kind": "Toy",
        "name": "flights",
        "namespace": "default",
        "uid": api.one("toys", "flights")["metadata"]["uid"],
    }
    assert (event["reportingComponent"], event["reportingInstance"], event["action"]) == ("trimtab.dev/operator", "here", "Reconcile")


async def test_a_deletion_is_decided_again_on_a_fresh_look() -> None:
    api = FakeApi(toy.toy())
    await reconciler(api)(KEY)
    job = api.all("jobs")[0]
    delete = Plan(deeds=(Delete(toy.ref_of(job)),))
    await reconciler(api, plan=planned(delete, Plan()))(KEY)
    assert api.all("jobs") == [job], "the second look did not want it any more"
    await reconciler(api, plan=planned(delete, delete, Plan()))(KEY)
    assert api.all("jobs") == []


async def test_a_deletion_spares_a_namesake_of_another_uid() -> None:
    api = FakeApi(toy.toy())
    await reconciler(api)(KEY)
    ref = replace(toy.ref_of(api.all("jobs")[0]), uid="another")
    with pytest.raises(Conflict):
        await reconciler(api, plan=planned(Plan(deeds=(Delete(ref),))))(KEY)
    assert len(api.all("jobs")) == 1


async def test_a_job_that_was_made_before_we_died_is_taken_for_ours() -> None:
    api = FakeApi(toy.toy())
    create = Plan(deeds=(Create("jobs", toy.child(api.one("toys", "flights"), "batch/v1", "Job", "j")),))
    await reconciler(api, plan=planned(create))(KEY)
    await reconciler(api, plan=planned(create))(KEY)
    assert len(api.all("jobs")) == 1


async def test_what_outlives_its_owner_is_ours_by_its_run_key_when_the_owner_was_restored() -> None:
    api = FakeApi(toy.toy())
    version = _version("run-1", owner_uid="of the life before")
    api.given(version)
    again = _version("run-1", owner_uid="of this life")
    await reconciler(api, plan=planned(Plan(deeds=(Create("modelversions", again),))))(KEY)
    assert len(api.all("modelversions")) == 1


async def test_the_loser_of_a_number_draws_again() -> None:
    api = FakeApi(toy.toy())
    api.given(_version("run-of-another", owner_uid="x"))
    theirs, mine = _version("run-1", owner_uid="y"), {**_version("run-1", owner_uid="y")}
    mine["metadata"] = {**mine["metadata"], "name": "flights-v2"}
    work = reconciler(api, plan=planned(Plan(deeds=(Create("modelversions", theirs),)), Plan(deeds=(Create("modelversions", mine),))))
    await work(KEY)
    assert [v["metadata"]["name"] for v in api.all("modelversions")] == ["flights-v1", "flights-v2"]


async def test_an_applied_object_pins_the_uid_that_was_looked_at() -> None:
    api = FakeApi(toy.toy())
    await reconciler(api)(KEY)
    old = api.one("services", "flights")
    api.remove("v1", "services", "default", "flights")
    await reconciler(api)(KEY)
    wanted = toy.child(api.one("toys", "flights"), "v1", "Service", "flights", words="other")

    with pytest.raises(Conflict):
        await reconciler(api, plan=planned(Plan(deeds=(Apply("services", wanted, old),))))(KEY)


async def test_a_patch_of_something_gone_looks_again() -> None:
    api = FakeApi(toy.toy())
    patch = Patch(Ref(toy.KIND.api_version, "toys", "default", "nobody"), {"metadata": {"annotations": {"a": "b"}}})
    assert (await reconciler(api, plan=planned(Plan(deeds=(patch,)), Plan()))(KEY)).word == "unchanged"


async def test_more_than_ten_writes_a_minute_to_one_object_rest_and_say_so() -> None:
    api = FakeApi(toy.toy())
    count = iter(range(100))

    def plan(seen: Any, now: Any) -> Plan:
        return Plan(deeds=(Apply("services", toy.child(seen.obj, "v1", "Service", "flights", words=str(next(count)))),))

    work = reconciler(api, plan=plan)
    outcomes = [await work(KEY) for _ in range(11)]
    assert [outcome.word for outcome in outcomes] == ["changed"] * 10 + ["thrashing"]
    assert outcomes[-1].hold is not None
    assert reasons(api) == [("Thrashing", "Warning")]


async def test_ten_writes_in_two_minutes_are_no_thrashing() -> None:
    api = FakeApi(toy.toy())
    count = iter(range(1000))
    work = reconciler(api, plan=lambda seen, now: Plan(deeds=(Apply("services", toy.child(seen.obj, "v1", "Service", "flights", words=str(next(count)))),)))
    for _ in range(20):
        assert (await work(KEY)).word == "changed"
        api.now += timedelta(seconds=7)


async def test_a_status_that_counts_fifty_pods_becoming_ready_is_no_thrashing_but_a_flapping_one_is() -> None:
    api = FakeApi(toy.toy())
    count = iter(range(1000))
    work = reconciler(api, plan=lambda seen, now: Plan(status={"n": next(count)}))
    outcomes = [(await work(KEY)).word for _ in range(61)]
    assert outcomes == ["changed"] * 60 + ["thrashing"]


@pytest.mark.parametrize("code", [400, 403, 422])
async def test_what_the_api_server_refuses_is_said_in_its_words_and_tried_again(code: int) -> None:
    api = FakeApi(toy.toy())
    api.refuse("create", "jobs", ApiError('Job "flights-1" is invalid: spec.limits: must match the expression', code=code))
    work = reconciler(api)
    outcome = await work(KEY)
    ready = next(c for c in api.one("toys", "flights")["status"]["conditions"] if c["type"] == "Ready")
    assert (ready["status"], ready["reason"]) == ("False", "Refused")
    assert "spec.limits: must match the expression. Correct" in ready["message"]
    assert conditions(api)["Stalled"][0] == "True"
    assert outcome.requeue_after == timedelta(seconds=60)
    await work(KEY)
    assert "Stalled" not in conditions(api)


async def test_a_refused_deed_leaves_ready_what_serves() -> None:
    api = FakeApi(toy.toy())
    await reconciler(api, plan=planned(Plan(status={"conditions": [_condition("Ready", "Serving")]})))(KEY)
    api.refuse("create", "jobs", ApiError("no", code=403))
    job = toy.child(api.one("toys", "flights"), "batch/v1", "Job", "flights-1")
    await reconciler(api, plan=planned(Plan((Create("jobs", job),), status={"conditions": [_condition("Ready", "Serving")]})))(KEY)
    assert conditions(api) == {"Ready": ("True", "Refused"), "Stalled": ("True", "Refused")}


async def test_a_refused_create_is_not_a_write() -> None:
    api = FakeApi(toy.toy())
    api.refuse("create", "jobs", AlreadyExists("x", code=409))
    await reconciler(api)(KEY)
    assert Write("create", "jobs", "default", api.all("jobs")[0]["metadata"]["name"]) in api.writes


def _condition(name: str, reason: str = "Passed") -> Object:
    return {"type": name, "status": "True", "reason": reason, "message": "m", "lastTransitionTime": START.isoformat(), "observedGeneration": 1}


def _version(run: str, owner_uid: str) -> Object:
    labels = {"trimtab.dev/run-key": run, "trimtab.dev/owner-kind": "TrainingJob", "trimtab.dev/owner-name": "flights", "trimtab.dev/owner-uid": owner_uid}
    return {
        "apiVersion": toy.KIND.api_version,
        "kind": "ModelVersion",
        "metadata": {"name": "flights-v1", "namespace": "default", "labels": labels},
        "spec": {},
    }
