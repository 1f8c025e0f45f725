"""A Deployment that takes steps, from what people and pods do to what they see."""

from datetime import timedelta

import pytest

from support import serving_pods, sharing
from support.stage import KEY, STEPS, Stage
from trimtab.api.rollout import ABORT, PROMOTE
from trimtab.manifests.serving import version_of

PAUSED = {"trimtab.dev/paused": "true"}


class TestAGoodVersion:
    async def test_its_pods_come_first_and_then_a_share_on_every_stable_pod(self):
        stage = await Stage(replicas=3).two()
        assert stage.running() == {1: 3, 2: 1}
        assert stage.told() == [(2, 20)] * 3
        assert stage.routed() == 1

    async def test_what_people_see_of_it(self):
        stage = await Stage().two()
        assert stage.candidate | {"message": ""} == {
            "version": 2, "name": "flights-v2", "digest": f"{2:064x}", "image": "serving:1", "ready": 1,
            "step": 1, "steps": 2, "stepStartedAt": "2026-01-05T08:00:11Z", "desiredPercent": 20, "programmedPercent": 20,
            "verdict": "Inconclusive", "message": "",
        }  # fmt: skip
        assert (stage.condition()["status"], stage.status["state"]) == ("True", "RollingOut")
        assert stage.condition()["message"].startswith("flights-v2 answers 20% of the requests (step 1 of 2): Nothing is proved against it")
        assert stage.condition("Progressing")["status"] == "True"

    async def test_step_by_step_to_all_requests(self):
        stage = await Stage().two()
        await stage.passed()
        assert (stage.told(), stage.running()) == ([(2, 50), (2, 50)], {1: 2, 2: 2})
        await stage.passed()
        assert stage.routed() == 2
        assert [entry["version"] for entry in stage.status["history"]] == [1, 2]
        assert stage.condition("Progressing") == {}
        assert stage.condition()["reason"] == "Serving"

    async def test_each_step_is_an_event(self):
        stage = await (await (await Stage().two()).passed()).passed()
        assert [note.split(":")[0] for note in stage.events("StepRunning")] == [
            "flights-v2 answers 20% of the requests (step 1 of 2)",
            "flights-v2 answers 50% of the requests (step 2 of 2)",
        ]

    async def test_waiting_writes_nothing(self):
        stage = await Stage().two()
        await stage.asked(2000)
        stage.api.forget()
        for _ in range(3):
            await stage.asked(50)
            await stage.after(seconds=5)
        assert stage.api.writes == []

    async def test_promotion_restarts_nothing(self):
        stage = await (await Stage().two()).passed()
        before = {pod["metadata"]["uid"] for pod in stage.pods(2)}
        await stage.passed()
        assert {pod["metadata"]["uid"] for pod in stage.pods(2)} == before

    async def test_clients_whose_connection_is_kept_by_an_old_pod_reach_the_new_version_too(self):
        stage = await (await (await Stage().two()).passed()).passed()
        assert stage.told(1) == [(2, 100), (2, 100)]
        assert stage.texts(2) == ["", ""]
        assert all('"moved":true' in text for text in stage.texts(1))


class TestARehearsal:
    async def test_a_new_version_answers_the_log_before_clients_and_people_see_how(self):
        stage = Stage()
        stage.rehearsal = sharing.rehearsal(done=False)
        await stage.two()
        assert (stage.told(), stage.running()) == ([None, None], {1: 2, 2: 1})
        assert stage.condition("Progressing")["message"] == "flights-v2 is starting: It answers requests of the log first."
        stage.rehearsal = sharing.rehearsal(same=196, other=4)
        await stage.settle()
        assert stage.told() == [(2, 20), (2, 20)]
        assert stage.candidate["rehearsal"] == "0 of 200 requests of the log failed; 4 of 200 rows have another answer."

    async def test_one_that_fails_on_it_is_never_asked(self):
        stage = Stage()
        stage.rehearsal = sharing.rehearsal(ok=120, errors=80)
        await stage.version(1)
        await stage.after(seconds=11)
        stage.api.forget()
        await stage.version(2)
        assert stage.blocks()[2].startswith("80 of 200 requests of the log failed, more than analysis.maxErrorPercent 1 allows.")
        assert (stage.routed(), stage.running()) == (1, {1: 2})
        assert [write for write in stage.api.writes if write.plural == "pods"] == [], "no pod was told of it"

    async def test_without_steps_nobody_waits(self):
        stage = Stage(rollout={"steps": []})
        stage.rehearsal = sharing.rehearsal(done=False)
        await stage.version(1)
        await stage.after(seconds=11)
        await stage.version(2)
        assert stage.routed() == 2


class TestAVersionThatFails:
    async def failed(self, **how):
        stage = await (await Stage(replicas=4).two()).passed()
        return await stage.asked(**(how or {"errors": 1.0}))

    async def test_it_is_asked_no_more_blocked_and_gone(self):
        stage = await self.failed()
        assert stage.routed() == 1
        assert list(stage.blocks()) == [2]
        assert stage.running() == {1: 4}
        assert stage.texts() == [""] * 4

    async def test_traffic_goes_before_the_block_and_the_block_before_the_pods(self):
        stage = await (await Stage(replicas=2).two()).passed()
        stage.api.forget()
        await stage.asked(errors=1.0)
        order = [(write.verb, write.plural) for write in stage.api.writes if write.plural in ("pods", "modelversions", "deployments")]
        assert order.index(("patch", "modelversions")) > order.index(("patch", "pods"))
        assert order.index(("delete", "deployments")) > order.index(("patch", "modelversions"))

    async def test_no_pod_goes_while_a_stable_pod_still_asks_it(self):
        stage = await (await Stage(replicas=2).two()).passed()
        for pod in stage.pods(1):
            sharing.ask(stage.api, pod, 5000, errors=1.0)
        for _ in range(5):  # the kubelet is slow: nobody hears of the new text
            await stage.reconcile(KEY)
        assert stage.told() == [(2, 0), (2, 0)]
        assert (stage.blocks(), stage.running()) == ({}, {1: 2, 2: 2})
        await stage.settle()
        assert (list(stage.blocks()), stage.running()) == ([2], {1: 2})

    async def test_it_is_said_with_the_numbers(self):
        stage = await self.failed()
        assert stage.blocks()[2].startswith("10000 of 14000 requests failed, more than analysis.maxErrorPercent 1 allows. (2026-01-05T08:00:42Z)")
        said = stage.condition("Progressing")
        assert (said["status"], said["reason"]) == ("False", "RolledBack")
        assert said["message"].startswith("flights-v2 was taken back: 10000 of 14000 requests failed")
        assert stage.events("RolledBack")
        assert stage.status["blocked"] == [{"version": 2, "reason": stage.blocks()[2]}]
        assert (stage.condition()["status"], stage.condition()["reason"]) == ("True", "Serving")

    async def test_slow_is_a_failure(self):
        stage = await self.failed(seconds=0.09)
        assert "latency" in stage.blocks()[2]

    async def test_it_is_not_tried_again_until_a_person_removes_the_block(self):
        stage = await (await self.failed()).after(hours=1)
        assert stage.running() == {1: 4}
        version = stage.api.one("modelversions", "flights-v2")
        del version["metadata"]["annotations"]
        address = ("trimtab.dev/v1alpha1", "modelversions", "default", "flights-v2")
        stage.api.objects[address] = version
        await stage.settle()
        assert stage.told() == [(2, 20)] * 4

    async def test_the_next_version_takes_its_chance(self):
        stage = await (await self.failed()).version(3)
        assert stage.told() == [(3, 20)] * 4


class TestPeople:
    async def test_abort_takes_it_back(self):
        stage = await (await Stage().two()).annotated({ABORT: "2"})
        assert stage.blocks()[2].startswith("A person took it back")
        assert stage.running() == {1: 2}

    async def test_a_word_about_another_version_means_nothing(self):
        stage = await (await Stage(rollout={"steps": [{"pause": {}}]}).two()).annotated({ABORT: "7", PROMOTE: "1"})
        assert (stage.routed(), stage.blocks()) == (1, {})

    async def test_promote_ends_a_pause(self):
        stage = await Stage(rollout={"steps": [{"pause": {}}]}).two()
        assert (stage.running(), stage.routed()) == ({1: 2, 2: 2}, 1)
        assert "trimtab.dev/promote=2" in stage.condition()["message"]
        await stage.annotated({PROMOTE: "2"})
        assert stage.routed() == 2

    async def test_paused_freezes_the_step(self):
        stage = await (await Stage().two()).annotated(PAUSED)
        await stage.passed()
        assert stage.told() == [(2, 20)] * 2
        assert stage.candidate["desiredPercent"] == 20
        await stage.annotated({"trimtab.dev/paused": "false"})
        assert stage.told() == [(2, 50)] * 2

    async def test_a_rollout_that_is_taken_out_of_the_spec_ends_in_a_switch(self):
        stage = await (await Stage().two()).edited(rollout=None)
        assert stage.routed() == 2
        await stage.after(seconds=11)
        assert stage.running() == {2: 2}


class TestWhatMayHappenMeanwhile:
    async def test_a_new_stable_pod_begins_with_nothing_and_is_told(self):
        stage = await Stage(replicas=3).two()
        serving_pods.remove(stage.api, stage.pods(1)[0])
        await stage.settle()
        assert stage.told() == [(2, 20)] * 3

    async def test_another_version_comes(self):
        """The first one is asked no more before its pods go, and the other begins at the first step."""
        stage = await (await (await Stage(replicas=4).two()).passed()).version(3)
        assert stage.told() == [(3, 20)] * 4
        assert stage.running() == {1: 4, 3: 1}
        assert stage.blocks() == {}

    async def test_the_version_is_deleted(self):
        stage = await Stage().two()
        stage.api.remove("trimtab.dev/v1alpha1", "modelversions", "default", "flights-v2")
        await stage.settle()
        assert (stage.texts(), stage.running()) == (["", ""], {1: 2})

    async def test_more_replicas_mean_more_candidates(self):
        stage = await (await Stage(replicas=2).two()).edited(replicas=10)
        assert stage.running() == {1: 10, 2: 2}

    async def test_an_autoscaler_of_stable_is_followed(self):
        stage = await (await Stage(replicas=2).two()).passed()
        child = next(child for child in serving_pods.children(stage.api) if version_of(child) == 1)
        owned = [{"manager": "hpa", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}]
        stage.api.given({**child, "spec": {**child["spec"], "replicas": 5}, "metadata": {**child["metadata"], "managedFields": owned}})
        await stage.settle()
        assert stage.running() == {1: 5, 2: 5}

    async def test_a_candidate_that_loses_all_pods_is_asked_nothing_until_they_are_back(self):
        stage = await Stage().two()
        stage.broken.add("flights-v2")
        serving_pods.get_ready(stage.api, stage.pods(2)[0], ready=False)
        await stage.settle()
        assert stage.told() == [(2, 0)] * 2
        stage.broken.clear()
        await stage.settle()
        assert stage.told() == [(2, 20)] * 2

    async def test_a_pod_that_does_not_answer_holds_the_step_and_is_named(self):
        stage = await Stage().two()
        await stage.asked()
        silent = stage.pods(1)[0]
        del stage.api.scrapes[silent["status"]["podIP"], 8081]
        await stage.reconcile(KEY)
        assert silent["metadata"]["name"] in stage.candidate["message"]
        assert stage.candidate["programmedPercent"] == 10

    async def test_a_status_that_is_lost_changes_nothing(self):
        """Pods carry how far it is."""
        stage = await (await Stage().two()).passed()
        address = ("trimtab.dev/v1alpha1", "modeldeployments", "default", "flights")
        stage.api.objects[address]["status"] = {}
        await stage.settle()
        assert stage.told() == [(2, 50)] * 2
        assert stage.candidate["step"] == 2

    async def test_pods_that_are_late_are_said_to_be(self):
        stage = await Stage().version(1)
        stage.broken.add("flights-v2")
        await stage.version(2)
        child = next(child for child in serving_pods.children(stage.api) if version_of(child) == 2)
        late = [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded"}]
        stage.api.set_status(child, conditions=late)
        await stage.settle()
        said = stage.condition("Progressing")
        assert (said["status"], said["reason"]) == ("False", "ProgressDeadlineExceeded")
        assert stage.condition()["status"] == "True"


class TestTheWayBack:
    async def promoted(self, **spec):
        return await (await (await Stage(**spec).two()).passed()).passed()

    async def test_the_version_before_is_kept_and_said_to_be(self):
        stage = await (await self.promoted()).after(minutes=4)
        assert stage.running() == {1: 2, 2: 2}
        assert stage.status["warm"] == {"version": 1, "until": "2026-01-05T08:06:13Z"}

    async def test_until_the_window_closes(self):
        stage = await (await self.promoted()).after(minutes=6)
        assert stage.running() == {2: 2}
        assert "warm" not in stage.status

    async def test_how_long_is_a_persons_wish(self):
        stage = await (await self.promoted(rollout={"rollbackWindow": "20s"})).after(seconds=25)
        assert stage.running() == {2: 2}

    async def test_a_block_on_what_serves_leads_back_at_once(self):
        stage = await self.promoted()
        stage.api.forget()
        await stage.annotated({"blocked.trimtab.dev/flights": "wrong on Sundays"}, "modelversions", "flights-v2")
        assert stage.routed() == 1
        assert stage.texts(1) == ["", ""]
        assert [write.plural for write in stage.api.writes][:3] == ["pods", "pods", "services"]
        assert stage.status["history"][-1]["reason"] == "RolledBack"

    async def test_a_block_on_what_serves_does_not_promote_a_candidate_that_is_on_its_way(self):
        stage = await (await self.promoted()).version(3)
        assert stage.told(2) == [(3, 20), (3, 20)]
        await stage.annotated({"blocked.trimtab.dev/flights": "wrong on Sundays"}, "modelversions", "flights-v2")
        assert stage.routed() == 1
        await stage.after(seconds=11)
        assert stage.told(1) == [(3, 20), (3, 20)], "it takes its steps from there"

    async def test_what_served_before_and_does_not_come_up_makes_room_for_a_newer_one(self):
        stage = await (await (await self.promoted()).after(minutes=6)).version(3)
        assert stage.running().keys() == {2, 3}
        stage.broken = {"flights-v1"}
        await stage.annotated({"blocked.trimtab.dev/flights": "wrong on Sundays"}, "modelversions", "flights-v2")
        assert stage.routed() == 2
        late = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": "", "lastTransitionTime": "2026-01-05T08:20:00Z"}
        child = next(child for child in serving_pods.children(stage.api) if child["metadata"]["name"] == "flights-v1")
        stage.api.set_status(child, conditions=[late])
        await stage.settle()
        assert stage.routed() == 3
        await stage.after(seconds=11)
        assert 1 not in stage.running()

    async def test_so_does_a_pin_and_the_other_is_warm_then(self):
        stage = await (await self.promoted()).edited(version=1)
        assert stage.routed() == 1
        assert stage.status["warm"]["version"] == 2
        assert stage.told(2) == [(1, 100), (1, 100)]

    async def test_forward_again_it_takes_the_steps(self):
        stage = await (await (await self.promoted()).edited(version=1)).edited(version=None)
        assert stage.routed() == 1
        assert stage.told(1) == [(2, 20), (2, 20)]

    async def test_what_was_blocked_is_not_kept_warm(self):
        stage = await self.promoted()
        await stage.annotated({"blocked.trimtab.dev/flights": "wrong"}, "modelversions", "flights-v2")
        await stage.after(seconds=11)
        assert stage.running() == {1: 2}


class TestStopped:
    """`replicas: 0` in the middle of a rollout."""

    async def test_who_was_on_the_way_has_not_arrived(self):
        stage = await (await Stage(replicas=2).two()).edited(replicas=0)
        await stage.after(minutes=1)
        assert (stage.routed(), stage.status["state"]) == (1, "Stopped")
        await stage.edited(replicas=2)
        assert (stage.routed(), stage.told(1)) == (1, [(2, 20), (2, 20)])

    async def test_the_candidate_starts_no_pod_before_one_of_stable_is_ready(self):
        stage = await (await Stage(replicas=2).two()).edited(replicas=0)
        stage.api.now += timedelta(minutes=5)
        stage.broken = {"flights-v1"}
        await stage.edited(replicas=2)
        assert (stage.routed(), stage.running()) == (1, {1: 2, 2: 0})
        stage.broken = set()
        await stage.settle()
        assert (stage.routed(), stage.told(1)) == (1, [(2, 20), (2, 20)])

    async def test_but_where_stable_does_not_come_up_it_is_the_way_out(self):
        stage = await (await Stage(replicas=2).two()).edited(replicas=0)
        stage.broken = {"flights-v1"}
        await stage.edited(replicas=2)
        await stage.after(seconds=61)
        assert stage.routed() == 2

    async def test_a_version_that_comes_meanwhile_takes_its_steps_afterwards(self):
        stage = await (await Stage(replicas=2).version(1)).edited(replicas=0)
        await stage.version(2)
        assert stage.routed() == 1
        await stage.edited(replicas=2)
        assert stage.told(1) == [(2, 20), (2, 20)]

    async def test_one_that_was_aborted_meanwhile_does_not_come(self):
        stage = await (await Stage(replicas=2).two()).edited(replicas=0)
        await stage.annotated({"trimtab.dev/abort": "2"})
        await stage.edited(replicas=2)
        await stage.after(seconds=11)
        assert stage.routed() == 1
        assert "blocked.trimtab.dev/flights" in stage.api.one("modelversions", "flights-v2")["metadata"]["annotations"]


class TestShadow:
    async def shadowed(self, percent=50, **spec):
        stage = Stage(rollout={"steps": []}, shadow={"version": 9, "percent": percent}, replicas=4, **spec)
        await stage.version(1)
        return await stage.version(9, approval="Rejected", approvedBy="eva")

    async def test_it_is_asked_by_every_stable_pod_and_never_becomes_stable(self):
        stage = await self.shadowed()
        assert stage.running() == {1: 4, 9: 2}
        assert all('"shadow":{"percent":50.0' in text for text in stage.texts())
        assert stage.routed() == 1

    async def test_its_percent_changes_its_share_and_its_pods(self):
        stage = await self.shadowed(100)
        assert stage.running() == {1: 4, 9: 4}
        assert all('"percent":100.0' in text for text in stage.texts())

    async def test_the_comparison_is_in_the_status(self):
        stage = await (await self.shadowed()).asked(1000, disagree=0.04)
        assert stage.status["shadow"] == {"version": 9, "ready": 2, "percent": 50, "compared": 2000, "disagreementPercent": "4.00"}

    async def test_taken_out_of_the_spec_its_pods_go(self):
        stage = await (await self.shadowed()).edited(shadow=None)
        await stage.after(seconds=11)
        assert stage.running() == {1: 4}
        assert stage.texts() == [""] * 4

    async def test_even_when_nobody_else_answers_clients_do_not_reach_it(self):
        stage = await self.shadowed()
        for pod in stage.pods(1):
            stage.broken.add("flights-v1")
            serving_pods.get_ready(stage.api, pod, ready=False)
        await stage.settle()
        assert stage.routed() == 1

    async def test_one_that_is_not_there_is_named(self):
        stage = await Stage(rollout={"steps": []}, shadow={"version": 9}).version(1)
        assert stage.status["shadow"]["message"] == "spec.shadow.version: there is no ModelVersion flights-v9."
        assert stage.condition()["status"] == "True"

    async def test_comparing_a_version_with_itself_is_pointless_and_said_so(self):
        stage = await Stage(rollout={"steps": []}, shadow={"version": 1}).version(1)
        assert "nothing to compare" in stage.status["shadow"]["message"]

    async def test_agreement_is_asked_of_a_candidate_by_shadowing_it(self):
        stage = await Stage(rollout={"analysis": {"minAgreementPercent": 90}}).two()
        assert all('"shadow":{"percent":20.0' in text for text in stage.texts())
        await stage.asked(disagree=0.5)
        assert "answers differ" in stage.blocks()[2]


class TestSticky:
    async def test_the_header_reaches_the_pods(self):
        stage = await Stage(sticky={"header": "X-User"}).two()
        assert all('"sticky":"X-User"' in text for text in stage.texts())

    async def test_alone_it_divides_nothing_and_names_the_user_in_the_log(self):
        assert (await Stage(sticky={"header": "X-User"}).version(1)).texts() == ['{"sticky":"X-User"}'] * 2


class TestWithoutRollout:
    async def test_all_is_as_it_ever_was(self):
        stage = Stage(rollout={"steps": []})
        await stage.version(1)
        stage.api.forget()
        await stage.version(2)
        await stage.after(seconds=11)
        assert stage.routed() == 2
        assert "patch" not in {write.verb for write in stage.api.writes}
        assert [service["metadata"]["name"] for service in stage.api.all("services")] == ["flights"]

    async def test_the_first_version_of_a_model_takes_no_steps(self):
        assert (await Stage().version(1)).routed() == 1


@pytest.mark.parametrize("steps", [STEPS, [{"weight": 5, "duration": "30s"}], [{"weight": 100, "duration": "30s"}]])
async def test_steps_are_what_is_followed(steps):
    stage = await Stage(rollout={"steps": steps}).two()
    assert stage.told() == [(2, steps[0]["weight"])] * 2
