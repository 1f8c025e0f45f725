"""What a Deployment does and says, situation by situation."""

from datetime import UTC, datetime, timedelta

import pytest

from support.builders import annotated, deployment, model_version, with_uid
from support.conditions import verified, with_conditions
from support.serving_pods import pod_of
from trimtab.api.reasons import Reason
from trimtab.manifests import serving
from trimtab.manifests.labels import owner_of
from trimtab.manifests.serving import Image, Served
from trimtab.plans.conditions import find
from trimtab.plans.deployment import Seen, plan
from trimtab.plans.plan import Apply, Delete

NOW = datetime(2026, 1, 5, 12, 0, 0, tzinfo=UTC)
OLD = "2026-01-05T08:00:00Z"
V1, V2 = (verified(model_version("flights", n)) for n in (1, 2))
NOT_PULLED = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such host"}}}


class World:
    """A Deployment with some versions, the pods of some, and a Service that sends clients to one."""

    def __init__(self, *versions, stable=None, status=None, annotations=None, **spec):
        obj = with_uid(annotated(deployment("flights", **spec), **(annotations or {})))
        if stable and status is None:
            status = {"stable": {"version": stable, "since": OLD}, "history": [{"version": stable, "since": OLD, "reason": "Followed"}]}
        self.obj = {**obj, "status": status or {}}
        self.owner = owner_of(self.obj)
        self.versions, self.children, self.budgets, self.pods = list(versions), [], [], []
        self.service = with_uid(serving.service(self.owner, "flights", stable)) if stable else None
        self.image = Image("serving:1")

    def was_ready(self):
        self.obj = with_conditions(self.obj, Ready=("True", "Serving"))
        return self

    def pods_of(self, version, ready, wanted=2, image="serving:1", **container):
        served = Served.of_version(model_version("flights", version))
        child = with_uid(serving.deployment(self.owner, served, Image(image), wanted), uid=f"child-{version}")
        self.children.append(child | {"status": {"replicas": wanted, "readyReplicas": ready}})
        self.budgets.append(with_uid(serving.budget(self.owner, served), uid=f"budget-{version}"))
        for i in range(wanted):
            self.pods.append(pod_of(child, f"flights-v{version}-{i}", ready=i < ready, **({} if i < ready else container)))
        return self

    def plan(self, now=NOW):
        return plan(Seen(self.obj, self.versions, self.children, self.budgets, self.pods, self.service, self.image), now)

    def says(self, now=NOW):
        return self.plan(now).status

    def condition(self, name="Ready"):
        return find(self.says()["conditions"], name)


def applied(the_plan, plural="deployments"):
    return {d.manifest["metadata"]["name"]: d.manifest for d in the_plan.deeds if isinstance(d, Apply) and d.plural == plural}


def deleted(the_plan):
    return [(d.ref.plural, d.ref.name, d.ref.uid) for d in the_plan.deeds if isinstance(d, Delete)]


def routed(the_plan):
    return applied(the_plan, "services")["flights"]["spec"]["selector"][serving.VERSION]


class TestTheFirstVersion:
    def test_its_pods_a_budget_and_a_service_that_sends_nobody_anywhere_yet(self):
        first = World(V1).plan()
        assert set(applied(first)) == set(applied(first, "poddisruptionbudgets")) == {"flights-v1"}
        assert applied(first)["flights-v1"]["spec"]["replicas"] == 2
        assert routed(first) == serving.NO_VERSION

    def test_it_is_a_candidate_until_its_first_pod_answers(self):
        world = World(V1).pods_of(1, ready=0)
        assert world.says()["candidate"]["name"] == "flights-v1"
        assert "stable" not in world.says()
        assert world.condition()["reason"] == Reason.ROLLING_OUT
        assert world.condition()["message"] == "flights-v1 is starting: 0 of 2 pods are ready."
        assert world.condition("Reconciling")["status"] == "True"

    def test_its_first_pod_gets_requests_and_ready_comes_with_the_last(self):
        world = World(V1).pods_of(1, ready=1)
        assert routed(world.plan()) == "1"
        assert world.condition()["status"] == "False"
        assert World(V1, stable=1).pods_of(1, ready=2).condition()["status"] == "True"

    def test_no_version_at_all_is_waited_for(self):
        world = World()
        assert world.condition()["reason"] == Reason.NO_VERSION
        assert applied(world.plan()) == {}


class TestAnotherVersion:
    def test_its_pods_come_up_beside_those_that_serve(self):
        world = World(V1, V2, stable=1).was_ready().pods_of(1, ready=2).pods_of(2, ready=1)
        assert routed(world.plan()) == "1"
        assert deleted(world.plan()) == []
        assert world.condition()["status"] == "True"
        assert world.condition()["message"] == "flights-v2 is starting: 1 of 2 pods are ready. flights-v1 serves meanwhile."
        assert (world.says()["stable"]["version"], world.says()["candidate"]["version"]) == (1, 2)

    def test_traffic_moves_when_all_of_them_answer(self):
        world = World(V1, V2, stable=1).was_ready().pods_of(1, ready=2).pods_of(2, ready=2)
        moved = world.plan()
        assert routed(moved) == "2"
        assert deleted(moved) == []
        assert [(e.reason, e.message) for e in moved.events] == [("Switched", "Traffic moved from flights-v1 to flights-v2.")]
        assert moved.requeue_after == timedelta(seconds=10)
        assert moved.status["history"] == [
            {"version": 1, "since": OLD, "reason": "Followed", "until": "2026-01-05T12:00:00Z"},
            {"version": 2, "since": "2026-01-05T12:00:00Z", "reason": "Followed"},
        ]

    def test_only_the_service_that_was_looked_at_is_moved(self):
        world = World(V1, V2, stable=1).pods_of(1, ready=2).pods_of(2, ready=2)
        assert applied(world.plan(), "services")["flights"]["metadata"]["resourceVersion"] == "1"

    def test_the_old_pods_go_after_the_grace_by_their_uid(self):
        status = {"stable": {"version": 2, "since": "2026-01-05T11:59:55Z"}}
        world = World(V1, V2, stable=2, status=status).pods_of(1, ready=2).pods_of(2, ready=2)
        assert deleted(world.plan()) == []
        assert world.plan().requeue_after == timedelta(seconds=5)
        assert deleted(world.plan(NOW + timedelta(seconds=5))) == [
            ("poddisruptionbudgets", "flights-v1", "budget-1"),
            ("deployments", "flights-v1", "child-1"),
        ]

    def test_a_move_whose_status_was_never_written_starts_the_grace_anew(self):
        world = World(V1, V2, stable=2, status={"stable": {"version": 1, "since": OLD}}).pods_of(1, ready=2).pods_of(2, ready=2)
        assert deleted(world.plan()) == []
        assert world.says()["stable"]["since"] == "2026-01-05T12:00:00Z"
        assert [e.reason for e in world.plan().events] == ["Switched"]

    def test_one_that_never_comes_up_leaves_users_served_and_says_why(self):
        world = World(V1, V2, stable=1).was_ready().pods_of(1, ready=2).pods_of(2, ready=0, **NOT_PULLED)
        assert (world.condition()["status"], world.condition()["reason"]) == ("True", Reason.IMAGE_PULL_FAILED)
        assert "Image serving:1 cannot be pulled: no such host." in world.condition()["message"]
        assert world.condition("Reconciling")["status"] == "True"

    def test_a_third_replaces_a_second_that_was_never_ready_at_once(self):
        world = World(V1, V2, verified(model_version("flights", 3)), stable=1).was_ready().pods_of(1, ready=2).pods_of(2, ready=0)
        assert set(applied(world.plan())) == {"flights-v1", "flights-v3"}
        assert [name for plural, name, _ in deleted(world.plan()) if plural == "deployments"] == ["flights-v2"]

    def test_one_with_something_against_it_is_mentioned_while_the_old_one_serves(self):
        failed = with_conditions(model_version("flights", 2), Ready=("True", "Verified"), GatesPassed=("False", "GatesFailed", "flights-v2 did not pass: auc"))
        world = World(V1, failed, stable=1).was_ready().pods_of(1, ready=2)
        assert world.condition()["message"] == "flights-v1 answers at http://flights.default.svc. Not taken up: flights-v2 did not pass: auc"
        assert world.condition("Reconciling") is None

    def test_a_way_back_is_called_so_in_the_history(self):
        blocked = annotated(V2, **{"blocked.trimtab.dev/flights": "slow"})
        world = World(V1, blocked, stable=2).pods_of(1, ready=2).pods_of(2, ready=2)
        assert world.says()["history"][-1] == {"version": 1, "since": "2026-01-05T12:00:00Z", "reason": "RolledBack"}

    def test_the_history_keeps_the_last_twenty(self):
        entries = [{"version": n, "since": OLD, "until": OLD, "reason": "Followed"} for n in range(100, 119)]
        status = {"stable": {"version": 1, "since": OLD}, "history": [*entries, {"version": 1, "since": OLD, "reason": "Followed"}]}
        history = World(V1, V2, stable=1, status=status).pods_of(1, ready=2).pods_of(2, ready=2).says()["history"]
        assert (len(history), history[-1]["version"], history[0]["version"]) == (20, 2, 101)


class TestAPin:
    def test_one_that_does_not_exist_leaves_the_old_one_serving(self):
        world = World(V1, stable=1, version=7).was_ready().pods_of(1, ready=2)
        assert (world.condition()["status"], world.condition()["reason"]) == ("True", Reason.NO_VERSION)
        assert "there is no ModelVersion flights-v7. flights-v1 serves meanwhile." in world.condition()["message"]
        assert deleted(world.plan()) == []

    def test_one_that_is_not_ready_is_waited_for(self):
        world = World(with_conditions(model_version("flights", 1), Ready=("False", "DigestMismatch", "The files were changed.")), version=1)
        assert world.condition()["reason"] == Reason.VERSION_NOT_READY
        assert "The files were changed." in world.condition()["message"]

    def test_it_is_called_so_in_the_history(self):
        assert World(V1, V2, stable=2, version=1).pods_of(1, ready=2).pods_of(2, ready=2).says()["history"][-1]["reason"] == "Pinned"


class TestImage:
    def test_an_upgrade_restarts_no_model_that_answers(self):
        world = World(V1, stable=1).pods_of(1, ready=1)
        world.image = Image("serving:2")
        assert serving.container_of(applied(world.plan())["flights-v1"])["image"] == "serving:1"
        assert world.says()["stable"]["image"] == "serving:1"

    def test_pods_that_never_came_up_take_a_corrected_image(self):
        world = World(V1).pods_of(1, ready=0, image="serving:typo", **NOT_PULLED)
        assert serving.container_of(applied(world.plan())["flights-v1"])["image"] == "serving:1"


class TestScale:
    def test_zero_stops_serving_and_is_what_was_asked_for(self):
        world = World(V1, stable=1, replicas=0).was_ready().pods_of(1, ready=2)
        assert applied(world.plan())["flights-v1"]["spec"]["replicas"] == 0
        assert (world.condition()["status"], world.condition()["reason"]) == ("True", Reason.STOPPED)
        assert world.says()["state"] == "Stopped"

    def test_the_scale_subresource_finds_pods_and_their_number(self):
        status = World(V1, stable=1).pods_of(1, ready=1).says()
        assert status["replicas"] == 2
        assert status["selector"] == "trimtab.dev/owner-uid=11111111-2222-4333-8444-555555555555,trimtab.dev/version=1"

    def scaled(self, by_others, **spec):
        world = World(V1, stable=1, **spec).pods_of(1, ready=2)
        world.children[0]["spec"]["replicas"] = by_others
        world.children[0]["metadata"]["managedFields"] = [
            {"manager": "hpa", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {"f:replicas": {}}}}
        ]
        return world

    def test_the_number_of_pods_is_left_to_an_autoscaler_that_took_it(self):
        world = self.scaled(5)
        assert "replicas" not in applied(world.plan())["flights-v1"]["spec"]
        assert "2 of 5 pods are ready" in world.condition()["message"]

    def test_stopping_is_stronger_than_an_autoscaler(self):
        assert applied(self.scaled(5, replicas=0).plan())["flights-v1"]["spec"]["replicas"] == 0

    def test_a_child_scaled_to_nothing_by_hand_is_not_taken_for_complete(self):
        world = self.scaled(0)
        world.children[0]["status"], world.pods = {}, []
        assert world.condition()["status"] == "False"


class TestTrouble:
    def lost_one(self, **container):
        return World(V1, stable=1).was_ready().pods_of(1, ready=1, **container)

    def test_users_are_served_on_by_what_is_left(self):
        world = self.lost_one(lastState={"terminated": {"exitCode": 137, "reason": "OOMKilled"}})
        assert (world.condition()["status"], world.condition()["reason"]) == ("True", Reason.PODS_NOT_READY)
        assert world.condition()["message"].startswith("1 of 2 pods are ready: The container was killed for using more memory")
        assert world.says()["state"] == "Degraded"

    def test_when_nobody_answers_ready_is_false_and_the_reason_is_the_trouble(self):
        result = '{"outcome": "Failed", "reason": "StoreUnreachable", "message": "The object store does not answer."}'
        world = World(V1, stable=1).was_ready().pods_of(1, ready=0, lastState={"terminated": {"exitCode": 3, "message": result}})
        assert (world.condition()["status"], world.condition()["reason"]) == ("False", Reason.STORE_UNREACHABLE)
        assert "The object store does not answer." in world.condition()["message"]

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            (
                'pods "x" is forbidden: error looking up service account default/trimtab-worker: serviceaccount "trimtab-worker" not found',
                "ServiceAccountMissing",
            ),
            ('pods "x" is forbidden: exceeded quota: cpu', "ConfigError"),
        ],
    )
    def test_pods_that_cannot_even_be_made_are_explained(self, message, reason):
        world = World(V1).pods_of(1, ready=0, wanted=2)
        world.pods = []
        world.children[0]["status"]["conditions"] = [{"type": "ReplicaFailure", "status": "True", "message": message}]
        assert world.condition()["reason"] == reason

    def test_a_missing_store_secret_says_how_to_make_it(self):
        refused = {"state": {"waiting": {"reason": "CreateContainerConfigError", "message": 'secret "trimtab-store" not found'}}}
        world = World(V1).pods_of(1, ready=0, **refused)
        assert world.condition()["reason"] == Reason.STORE_NOT_CONFIGURED
        assert "AWS_ACCESS_KEY_ID" in world.condition()["message"]

    def test_pods_of_a_child_that_was_just_deleted_are_not_counted(self):
        world = World(V1, V2, stable=1).pods_of(1, ready=2).pods_of(2, ready=2)
        world.children[1]["status"] = {}
        assert routed(world.plan()) == "1"


class TestAVersionThatIsGone:
    def test_its_pods_serve_on_and_are_kept_as_they_are(self):
        world = World(stable=1).was_ready().pods_of(1, ready=2)
        assert Served.of_child(applied(world.plan())["flights-v1"]) == Served.of_version(V1)
        assert world.condition()["status"] == "True"

    def test_without_pods_too_the_sentence_says_what_to_do(self):
        world = World(stable=1).was_ready()
        assert "restore it, or name another in spec.version" in world.condition()["message"]
        assert applied(world.plan()) == {}


class TestPaused:
    def test_nothing_is_done_and_it_is_said(self):
        world = World(V1, V2, stable=1, annotations={"trimtab.dev/paused": "true"}).was_ready().pods_of(1, ready=2).pods_of(2, ready=2)
        assert world.plan().deeds == ()
        assert (world.condition()["status"], world.condition()["reason"]) == ("True", Reason.PAUSED)


class TestLeftovers:
    def test_a_budget_whose_pods_somebody_deleted_goes_too(self):
        world = World(V1, V2, stable=2).pods_of(1, ready=2).pods_of(2, ready=2)
        del world.children[0]
        assert deleted(world.plan()) == [("poddisruptionbudgets", "flights-v1", "budget-1")]

    def test_a_service_that_somebody_deleted_comes_back_where_it_was(self):
        world = World(V1, V2, stable=1).pods_of(1, ready=2).pods_of(2, ready=0)
        world.service = None
        assert routed(world.plan()) == "1"


def test_a_template_reaches_the_pods():
    template = {
        "metadata": {"annotations": {"team": "ml"}},
        "spec": {"containers": [{"resources": {"limits": {"memory": "3Gi"}}}], "nodeSelector": {"disk": "ssd"}},
    }
    pod = applied(World(V1, template=template).plan())["flights-v1"]["spec"]["template"]
    assert pod["metadata"]["annotations"]["team"] == "ml"
    assert pod["spec"]["nodeSelector"] == {"disk": "ssd"}
    assert pod["spec"]["containers"][0]["resources"] == {"limits": {"memory": "3Gi"}}
