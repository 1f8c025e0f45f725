"""When a model is verified, and what is said about it."""

from datetime import UTC, datetime, timedelta

import pytest

from support.builders import annotated, deployment, model_version, with_uid
from support.job_pods import condition, pod_of, running, terminated, waiting
from trimtab.api.documents import DOCUMENT_VARIABLE, Result, VerifyDocument
from trimtab.api.reasons import Reason
from trimtab.plans.conditions import find
from trimtab.plans.modelversion import Seen, plan
from trimtab.plans.plan import Create, Delete

NOON = "2026-01-05T12:00:00Z"
NOW = datetime(2026, 1, 5, 12, 0, 20, tzinfo=UTC)
GATES = [{"name": "skill", "outcome": "Passed"}, {"name": "served", "outcome": "Skipped"}]
OK = terminated(0, Result(outcome="Succeeded", reason="Verified", message="All well.").encode())
COMPLETE, GAVE_UP = condition("Complete"), condition("Failed", "PodFailurePolicy")


def failed(reason, message="Because.", code=2):
    return terminated(code, Result(outcome="Failed", reason=reason, message=message).encode())


class World:
    """A version and its Jobs; `after(...)` is the look after the first Job got to that point."""

    def __init__(self, annotations=None, status=None, image="serving:1", deployments=(), **spec):
        made = model_version("flights", 7, **({"summary": {"gates": GATES}} | spec))
        self.obj = with_uid(annotated(made, **(annotations or {}))) | {"status": status or {}}
        self.image, self.jobs, self.pods, self.deployments = image, [], [], deployments

    def plan(self, now=NOW):
        return plan(Seen(self.obj, self.image, jobs=tuple(self.jobs), pods=tuple(self.pods), deployments=tuple(self.deployments)), now)

    def after(self, state=None, *conditions, phase="Running", keep_status=True):
        first = self.plan()
        job = with_uid(started(first)[0], uid=f"job-{len(self.jobs)}")
        job["metadata"]["creationTimestamp"] = NOON
        job |= {"status": {"conditions": list(conditions)}}
        self.jobs.insert(0, job)
        self.pods += [pod_of(job, state=state, phase=phase)] if state else []
        if keep_status:
            self.obj = {**self.obj, "status": first.status}
        return self

    def seen(self, now=NOW):
        """Write the status, as the operator would."""
        self.obj = {**self.obj, "status": self.plan(now).status}
        return self

    def condition(self, name="Ready", now=NOW):
        return find(self.plan(now).status["conditions"], name)

    def ready(self, now=NOW):
        said = self.condition("Ready", now)
        return said["status"], said["reason"]


def started(the_plan):
    return [deed.manifest for deed in the_plan.deeds if isinstance(deed, Create)]


def limit_of(the_plan):
    (job,) = started(the_plan)
    return job["spec"]["template"]["spec"]["containers"][0]["resources"]["limits"]["memory"]


def deleted(the_plan):
    return [deed.ref.name for deed in the_plan.deeds if isinstance(deed, Delete)]


class TestVerifying:
    def test_a_new_version_is_verified_by_a_job_in_the_serving_image(self):
        (job,) = started(World().plan())
        container = job["spec"]["template"]["spec"]["containers"][0]
        assert (container["image"], container["command"]) == ("serving:1", ["python", "-m", "trimtab_serving.verify"])
        document = VerifyDocument.model_validate_json(next(v["value"] for v in container["env"] if v["name"] == DOCUMENT_VARIABLE))
        assert (document.model, document.version, document.artifact.manifest_digest) == ("flights", 7, f"{7:064x}")
        assert job["metadata"]["labels"]["trimtab.dev/model"] == "flights"

    def test_while_the_job_runs_nothing_else_is_started(self):
        world = World().after(running())
        assert started(world.plan()) == []
        assert world.ready() == ("False", Reason.VERIFYING)
        assert world.condition("Reconciling")["status"] == "True"

    def test_a_verified_model_is_ready_and_says_when(self):
        world = World().after(OK, COMPLETE, phase="Succeeded")
        assert world.ready() == ("True", Reason.VERIFIED)
        assert world.condition()["message"] == "All well."
        assert world.plan().status["verifiedAt"] == NOON
        assert world.condition("Reconciling") is None

    def test_once_is_enough_even_when_its_job_is_gone(self):
        world = World().after(OK, COMPLETE, phase="Succeeded").seen()
        world.jobs, world.pods = [], []
        assert world.plan().deeds == ()
        assert world.ready() == ("True", Reason.VERIFIED)

    def test_an_older_job_does_not_speak_for_a_newer_one_that_is_gone(self):
        world = World().after(failed("StoreUnreachable", code=3), GAVE_UP, phase="Failed").seen()
        verification = world.obj["status"]["verification"] | {"attempt": 2, "outcome": "Verified", "reason": "Verified", "message": "All well."}
        world.obj["status"]["verification"] = verification
        assert world.ready() == ("True", Reason.VERIFIED)
        assert started(world.plan(NOW + timedelta(hours=1))) == []

    def test_restored_without_status_it_is_verified_again(self):
        assert len(started(World(status={}).plan())) == 1

    def test_a_job_that_somebody_deleted_before_it_ended_is_made_again(self):
        world = World().after(running())
        world.jobs, world.pods = [], []
        assert len(started(world.plan())) == 1

    def test_another_serving_image_alone_verifies_nothing_again(self):
        world = World().after(OK, COMPLETE, phase="Succeeded").seen()
        world.image = "serving:2"
        assert world.plan().deeds == ()


class TestOnRequest:
    def asked(self):
        world = World().after(OK, COMPLETE, phase="Succeeded").seen()
        world.obj = annotated(world.obj, **{"trimtab.dev/run-requested": "monday"})
        return world

    def test_it_is_verified_again_and_stays_ready_meanwhile(self):
        world = self.asked()
        assert len(started(world.plan())) == 1
        assert world.ready() == ("True", Reason.VERIFYING)

    def test_the_request_counts_as_handled_when_there_is_an_answer(self):
        world = self.asked()
        assert world.plan().status["lastHandledRequest"] == ""
        assert world.after(OK, COMPLETE, phase="Succeeded").plan().status["lastHandledRequest"] == "monday"

    def test_tampering_shows(self):
        world = self.asked().after(failed("DigestMismatch", "model.onnx has another sha256."), GAVE_UP, phase="Failed")
        assert world.ready() == ("False", Reason.DIGEST_MISMATCH)
        assert world.condition("Stalled")["message"] == "model.onnx has another sha256."

    def test_a_store_that_is_away_takes_no_verified_model_down(self):
        world = self.asked().after(failed("StoreUnreachable", code=3), GAVE_UP, phase="Failed")
        assert world.ready() == ("True", Reason.STORE_UNREACHABLE)


class TestFailing:
    @pytest.mark.parametrize("reason", ["DigestMismatch", "ArtifactUnusable", "GoldenMismatch"])
    def test_a_model_that_is_not_what_was_registered_waits_for_a_person(self, reason):
        world = World().after(failed(reason), GAVE_UP, phase="Failed").seen()
        assert world.ready() == ("False", reason)
        assert world.condition("Stalled")["status"] == "True"
        later = world.plan(NOW + timedelta(days=1))
        assert (started(later), later.requeue_after) == ([], None)

    @pytest.mark.parametrize("reason", ["StoreUnreachable", "StoreDenied", "BucketMissing", "ArtifactUnreachable"])
    def test_what_heals_is_tried_again_after_a_pause(self, reason):
        world = World().after(failed(reason), GAVE_UP, phase="Failed").seen()
        assert world.ready() == ("False", reason)
        assert world.condition("Reconciling")["status"] == "True"
        assert started(world.plan()) == []
        assert world.plan().requeue_after == timedelta(seconds=40)
        (again,) = started(world.plan(NOW + timedelta(seconds=40)))
        assert again["metadata"]["name"].endswith("-2")

    def test_the_reason_stays_while_it_is_tried_again(self):
        world = World().after(failed("ArtifactUnreachable", "No such key."), GAVE_UP, phase="Failed").seen()
        later = NOW + timedelta(minutes=2)
        assert world.ready(later) == ("False", Reason.ARTIFACT_UNREACHABLE)

    def test_a_missing_secret_is_explained_and_waited_for(self):
        world = World().after(waiting("CreateContainerConfigError", 'secret "trimtab-store" not found'), phase="Pending")
        assert world.ready() == ("False", Reason.STORE_NOT_CONFIGURED)
        assert started(world.plan()) == []

    def test_a_corrected_image_is_tried_at_once_and_the_stuck_job_goes(self):
        world = World(image="serving:typo").after(waiting("ImagePullBackOff", "not found"), phase="Pending").seen()
        assert world.ready() == ("False", Reason.IMAGE_PULL_FAILED)
        world.image = "serving:1"
        assert len(started(world.plan())) == 1
        assert deleted(world.plan()) == [world.jobs[0]["metadata"]["name"]]

    def test_memory_follows_from_the_size_of_the_files(self):
        artifact = model_version("flights", 7)["spec"]["artifact"]
        sizes = {None: "2Gi", 1000: "2Gi", 1 << 28: "3Gi", 5 << 30: "31Gi", 20 << 30: "121Gi"}
        assert {size: limit_of(World(artifact={**artifact, "sizeBytes": size}).plan()) for size in sizes} == sizes

    def test_a_pod_that_ran_out_of_memory_is_followed_by_one_with_twice_as_much(self):
        world = World().after(terminated(137, reason="OOMKilled"), GAVE_UP, phase="Failed")
        assert limit_of(world.plan()) == "4Gi"
        assert world.ready() == ("False", Reason.OUT_OF_MEMORY)
        assert world.condition("Reconciling")["status"] == "True"
        assert world.after(OK, COMPLETE, phase="Succeeded").ready() == ("True", Reason.VERIFIED)
        world.obj = annotated(world.obj, **{"trimtab.dev/run-requested": "monday"})
        assert limit_of(world.plan()) == "2Gi", "another question"

    def test_no_pod_gets_more_than_the_most_and_then_a_person_must_act(self):
        world = World()
        for _ in (2, 4, 8, 16, 32):
            world.after(terminated(137, reason="OOMKilled"), GAVE_UP, phase="Failed")
        assert started(world.plan(NOW + timedelta(days=1))) == []
        assert world.condition("Stalled")["message"].endswith(
            "limit of 32Gi; it is tried with twice as much, up to 32Gi; if that is too little, bring a smaller model."
        )
        assert world.plan(NOW + timedelta(days=1)).requeue_after is None

    def test_a_verification_that_hangs_ends_and_says_what_to_do(self):
        world = World().after(running())
        assert world.jobs[0]["spec"]["activeDeadlineSeconds"] == 3600
        world.jobs[0]["status"] = {"conditions": [condition("Failed", "DeadlineExceeded")]}
        world.pods = []
        assert world.ready() == ("False", Reason.DEADLINE_EXCEEDED)
        assert "trimtab.dev/run-requested" in world.condition("Stalled")["message"]

    def test_an_hour_without_an_image_is_about_the_image_and_heals(self):
        world = World().after(waiting("ImagePullBackOff", "not found"), phase="Pending").seen()
        world.jobs[0]["status"] = {"conditions": [condition("Failed", "DeadlineExceeded")]}
        world.pods = []
        assert world.ready() == ("False", Reason.IMAGE_PULL_FAILED)
        assert world.condition("Reconciling")["status"] == "True"
        assert len(started(world.plan(NOW + timedelta(minutes=5)))) == 1


class TestGates:
    @pytest.mark.parametrize(
        ("summary", "status", "reason"),
        [
            ({"gates": GATES}, "True", "Passed"),
            ({"gates": [*GATES, {"name": "auc", "outcome": "Failed", "message": "0.5 is below 0.7"}]}, "False", "GatesFailed"),
            ({}, "Unknown", "NoGates"),
        ],
    )
    def test_they_are_read_from_the_immutable_summary(self, summary, status, reason):
        said = World(summary=summary).condition("GatesPassed")
        assert (said["status"], said["reason"]) == (status, reason)

    def test_what_failed_and_what_was_skipped_is_named(self):
        assert World().condition("GatesPassed")["message"] == "1 gates passed. Skipped: served."
        bad = World(summary={"gates": [{"name": "auc", "outcome": "Failed", "message": "0.5 is below 0.7"}]})
        assert bad.condition("GatesPassed")["message"] == "flights-v7 did not pass: auc: 0.5 is below 0.7"


class TestApproval:
    def test_nobody_said_anything(self):
        assert World().condition("Approved") is None

    @pytest.mark.parametrize(("approval", "status", "reason"), [("Approved", "True", "Approved"), ("Rejected", "False", "Rejected")])
    def test_who_said_what_and_when(self, approval, status, reason):
        world = World(approval=approval, approvedBy="eva")
        said = world.condition("Approved")
        assert (said["status"], said["reason"], said["message"]) == (status, reason, f"{approval} by eva.")
        assert world.plan().status["approvedAt"] == "2026-01-05T12:00:20Z"

    def test_the_time_stays_until_the_word_or_the_person_changes(self):
        world = World(approval="Approved", approvedBy="eva").seen()
        later = NOW + timedelta(hours=1)
        assert world.plan(later).status["approvedAt"] == "2026-01-05T12:00:20Z"
        for another in ("olaf", "ev"):
            world.obj = {**world.obj, "spec": world.obj["spec"] | {"approvedBy": another}}
            assert world.plan(later).status["approvedAt"] == "2026-01-05T13:00:20Z"

    def test_pending_is_no_word(self):
        world = World(approval="Pending")
        assert world.condition("Approved")["status"] == "Unknown"
        assert "approvedAt" not in world.plan().status


def test_a_deprecation_is_told_whoever_made_it():
    assert World().condition("Deprecated")["status"] == "False"
    assert World(deprecated={"reason": "leaks"}).condition("Deprecated")["message"] == "leaks"
    assert World(annotations={"trimtab.dev/deprecated": "worse"}).condition("Deprecated")["status"] == "True"


def test_who_serves_it_is_read_from_the_deployments_of_its_model():
    def using(name, model="flights", **status):
        return deployment(name, model) | {"status": {"url": f"http://{name}.default.svc"} | status}

    found = World(
        deployments=[
            using("staging", candidate={"version": 7}, stable={"version": 6}),
            using("production", stable={"version": 7}),
            using("elsewhere", model="weather", stable={"version": 7}),
            using("old", stable={"version": 1}),
            deployment("new", "flights"),
        ]
    ).plan()
    assert found.status["servedBy"] == [
        {"deployment": "production", "role": "Stable", "percent": 100, "url": "http://production.default.svc"},
        {"deployment": "staging", "role": "Candidate", "percent": 0, "url": "http://staging.default.svc"},
    ]


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {"stable": {"version": 7}, "candidate": {"version": 8, "desiredPercent": 25, "programmedPercent": 12}}, [("Stable", 75)]),
        ({}, {"stable": {"version": 6}, "candidate": {"version": 7, "desiredPercent": 25, "programmedPercent": 12}}, [("Candidate", 25)]),
        ({"shadow": {"version": 7}}, {"stable": {"version": 6}, "shadow": {"version": 7, "percent": 50}}, [("Shadow", 50)]),
        ({}, {"stable": {"version": 8}, "warm": {"version": 7}}, [("Warm", 0)]),
        ({}, {"stable": {"version": 8}}, []),
    ],
)
def test_each_place_in_a_deployment_has_its_role_and_share(spec, status, expected):
    found = World(deployments=[deployment("production", "flights", **spec) | {"status": status}]).plan().status["servedBy"]
    assert [(entry["role"], entry["percent"]) for entry in found] == expected


@pytest.mark.parametrize(("spec", "role"), [({"version": 7}, "Candidate"), ({"shadow": {"version": 7}}, "Shadow")])
def test_a_version_that_a_deployment_names_is_in_use_before_its_status_says_so(spec, role):
    new = deployment("production", "flights", **spec)
    serving = new | {"status": {"stable": {"version": 6}}}
    for each in (new, serving):
        assert [entry["role"] for entry in World(deployments=[each]).plan().status["servedBy"]] == [role]


def test_a_pinned_version_that_serves_is_told_once():
    pinned = deployment("production", "flights", version=7) | {"status": {"stable": {"version": 7}}}
    assert [entry["role"] for entry in World(deployments=[pinned]).plan().status["servedBy"]] == ["Stable"]


def test_paused_starts_nothing_and_says_so():
    world = World(annotations={"trimtab.dev/paused": "true"})
    assert world.plan().deeds == ()
    assert world.ready() == ("False", Reason.PAUSED)
