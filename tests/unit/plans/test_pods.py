"""What became of a Job, in words: one case for each way a pod can end or not begin."""

from datetime import UTC, datetime, timedelta

import pytest

from support.builders import with_uid
from support.job_pods import condition, pod_of, running, terminated, waiting
from trimtab.api.dataset import DatasetSpec
from trimtab.api.documents import Result, SnapshotDocument
from trimtab.api.reasons import Reason
from trimtab.manifests import jobs
from trimtab.manifests.labels import Owner
from trimtab.plans.pods import Failed, Finished, Running, Waiting, read

NOW = datetime(2026, 1, 5, 12, 0, 30, tzinfo=UTC)
SPEC = DatasetSpec.model_validate({"source": {"uri": "s3://lake/a/"}, "label": "late"})
ANSWER = Result(outcome="Succeeded", reason="CreatedVersion", message="Version 1 was made.")


def job(*conditions, created="2026-01-05T12:00:00Z", **spec):
    document = SnapshotDocument(namespace="default", name="flights", uid="u", spec=SPEC)
    built = jobs.job(Owner("Dataset", "default", "flights", "u"), document, "k" * 64, 1, jobs.PodShape("worker:1"))
    built["spec"] |= spec
    built["metadata"]["creationTimestamp"] = created
    return with_uid(built, "job-uid") | {"status": {"conditions": list(conditions)}}


COMPLETE = condition("Complete")
GAVE_UP = condition("Failed", "BackoffLimitExceeded")


def outcome(pod_state=None, *conditions, events=(), now=NOW, spec=None, **pod):
    the_job = job(*conditions, **(spec or {}))
    pods = [pod_of(the_job, state=pod_state, **pod)] if pod_state or pod else []
    return read(the_job, pods, list(events), now)


def test_a_job_that_has_just_been_made_is_running_and_not_started():
    assert outcome(now=NOW - timedelta(seconds=25)) == Running(started=False)


def test_a_running_container_has_started():
    assert outcome(running(), phase="Running") == Running(started=True)


def test_the_answer_of_a_job_that_is_done_is_its_result():
    assert outcome(terminated(0, ANSWER.encode()), COMPLETE, phase="Succeeded") == Finished(ANSWER)


def test_a_rejection_is_an_answer_too():
    said = Result(outcome="Rejected", reason="GatesFailed", message="Skill is -0.1.")
    assert outcome(terminated(0, said.encode()), COMPLETE, phase="Succeeded") == Finished(said)


@pytest.mark.parametrize("pod", [{}, {"pod_state": terminated(0, "no json"), "phase": "Succeeded"}], ids=["pod gone", "no answer in it"])
def test_a_lost_answer_is_asked_for_again(pod):
    lost = outcome(pod.pop("pod_state", None), COMPLETE, **pod)
    assert isinstance(lost, Failed)
    assert (lost.reason, lost.retry) == (Reason.ANSWER_LOST, True)


WAITING = {
    "a registry that says no": (
        waiting("ErrImagePull", "pull access denied"),
        Reason.IMAGE_PULL_FAILED,
        "Image worker:1 cannot be pulled: pull access denied.",
    ),
    "a pull that backs off": (waiting("ImagePullBackOff", "Back-off pulling"), Reason.IMAGE_PULL_FAILED, "Back-off pulling."),
    "an image that is no name": (waiting("InvalidImageName"), Reason.IMAGE_PULL_FAILED, "InvalidImageName."),
    "no Secret for the store": (
        waiting("CreateContainerConfigError", 'secret "trimtab-store" not found'),
        Reason.STORE_NOT_CONFIGURED,
        "Secret trimtab-store is missing in namespace default",
    ),
    "another Secret missing": (waiting("CreateContainerConfigError", 'secret "mine" not found'), Reason.CONFIG_ERROR, 'secret "mine" not found.'),
    "a command that is not there": (waiting("RunContainerError", "exec: not found"), Reason.CONFIG_ERROR, "exec: not found."),
}


@pytest.mark.parametrize(("state", "reason", "words"), WAITING.values(), ids=WAITING)
def test_a_container_that_cannot_start_says_why(state, reason, words):
    held = outcome(state)
    assert isinstance(held, Waiting)
    assert held.reason == reason
    assert words in held.message


def test_a_container_that_is_being_made_is_running():
    assert outcome(waiting("ContainerCreating")) == Running(started=False)


def test_a_pod_that_no_node_takes_says_why():
    scheduled = condition("PodScheduled", "Unschedulable", "0/3 nodes are available: 3 Insufficient memory", status="False")
    held = outcome(phase="Pending", conditions=[scheduled])
    assert held == Waiting(Reason.UNSCHEDULABLE, "No node takes the pod: 0/3 nodes are available: 3 Insufficient memory.")


def test_a_suspended_job_waits_for_its_queue():
    held = outcome(spec={"suspend": True})
    assert isinstance(held, Waiting)
    assert held.reason == Reason.QUEUED


def created_event(message):
    return {"reason": "FailedCreate", "message": message, "involvedObject": {"uid": "job-uid"}}


NOT_CREATED = {
    "no ServiceAccount": ('pods "x" is forbidden: error looking up service account: serviceaccount "trimtab-worker" not found', Reason.SERVICE_ACCOUNT_MISSING),
    "no quota": ('pods "x" is forbidden: exceeded quota: small', Reason.CONFIG_ERROR),
}


@pytest.mark.parametrize(("message", "reason"), NOT_CREATED.values(), ids=NOT_CREATED)
def test_a_job_without_pods_asks_its_events(message, reason):
    held = outcome(events=[created_event(message)])
    assert isinstance(held, Waiting)
    assert held.reason == reason


def test_events_of_other_jobs_say_nothing():
    assert outcome(events=[created_event("quota") | {"involvedObject": {"uid": "other"}}]) == Running(started=False)


def test_out_of_memory_names_the_limit_and_the_field():
    failed = outcome(terminated(137, reason="OOMKilled"), GAVE_UP, phase="Failed")
    assert isinstance(failed, Failed)
    assert failed.reason == Reason.OUT_OF_MEMORY
    assert "limit of 2Gi; raise spec.template.spec.containers[0].resources.limits.memory" in failed.message
    assert not failed.retry


NOTE = '{"peakMemory": "1913Mi"}'


def test_out_of_memory_names_the_peak_where_the_pod_noted_it():
    failed = outcome(terminated(137, NOTE, reason="OOMKilled"), GAVE_UP, phase="Failed")
    assert isinstance(failed, Failed)
    assert "limit of 2Gi (1913Mi when last noted); raise" in failed.message


def test_a_note_of_memory_is_no_sentence_about_another_death():
    failed = outcome(terminated(139, NOTE), GAVE_UP, phase="Failed")
    assert isinstance(failed, Failed)
    assert "peakMemory" not in failed.message
    assert "139" in failed.message


@pytest.mark.parametrize(("code", "retry"), [(2, False), (3, True)])
def test_the_exit_code_says_whether_the_same_work_may_succeed_later(code, retry):
    said = Result(outcome="Failed", reason="NoObjects", message="There are no csv objects.").encode()
    assert outcome(terminated(code, said), GAVE_UP, phase="Failed") == Failed(Reason.NO_OBJECTS, "There are no csv objects.", retry=retry)


def test_a_crash_shows_its_code_and_the_end_of_its_log():
    failed = outcome(terminated(1, "Traceback\n  File x\nValueError: bad\n"), GAVE_UP, phase="Failed")
    assert failed == Failed(Reason.CRASHED, "The container ended with exit code 1: ValueError: bad.")


def test_a_reason_of_a_newer_worker_keeps_its_sentence():
    said = Result(outcome="Failed", reason="FromTheFuture", message="Cold fusion failed.").encode()
    assert outcome(terminated(2, said), GAVE_UP, phase="Failed") == Failed(Reason.CRASHED, "Cold fusion failed.")


def test_an_evicted_pod_is_not_its_works_fault():
    failed = outcome(None, GAVE_UP, phase="Failed", reason="Evicted", message="The node was low on memory")
    assert failed == Failed(Reason.EVICTED, "The pod was evicted: The node was low on memory. It is tried again by itself.", retry=True)


def test_a_drained_node_is_a_disruption():
    target = condition("DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting")
    failed = outcome(terminated(143), GAVE_UP, phase="Failed", conditions=[target])
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.retry) == (Reason.EVICTED, True)


def test_a_deadline_names_its_seconds():
    failed = outcome(None, condition("Failed", "DeadlineExceeded"), spec={"activeDeadlineSeconds": 60})
    assert isinstance(failed, Failed)
    assert failed.reason == Reason.DEADLINE_EXCEEDED
    assert "after 60 s; give it fewer files" in failed.message


def test_a_deadline_that_the_spec_sets_is_named_by_its_field():
    failed_job = job(condition("Failed", "DeadlineExceeded"), activeDeadlineSeconds=60)
    failed_job["metadata"]["labels"]["trimtab.dev/owner-kind"] = "TrainingJob"
    failed = read(failed_job, [], [], NOW)
    assert isinstance(failed, Failed)
    assert "after 60 s; raise spec.runPolicy.activeDeadlineSeconds" in failed.message


def test_a_failed_job_whose_pods_are_gone_is_asked_again():
    failed = outcome(None, GAVE_UP)
    assert isinstance(failed, Failed)
    assert (failed.reason, failed.retry) == (Reason.ANSWER_LOST, True)


def test_between_two_pods_the_last_failure_is_shown_and_the_job_goes_on():
    said = Result(outcome="Failed", reason="StoreUnreachable", message="The object store does not answer.").encode()
    assert outcome(terminated(3, said), phase="Failed") == Waiting(Reason.STORE_UNREACHABLE, "The object store does not answer.")


def test_the_newest_pod_speaks():
    the_job = job()
    old = pod_of(the_job, "old", phase="Failed", state=terminated(1), created="2026-01-05T12:00:01Z")
    new = pod_of(the_job, "new", phase="Running", state=running(), created="2026-01-05T12:00:09Z")
    assert read(the_job, [old, new], [], NOW) == Running(started=True)


def test_pods_of_other_jobs_say_nothing():
    other = job()
    other["metadata"]["uid"] = "other"
    assert read(job(), [pod_of(other, phase="Failed", state=terminated(1))], [], NOW) == Running(started=False)
