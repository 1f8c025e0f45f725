"""A Dataset from its first look at the source to the versions it keeps."""

import json

import pytest

from support.answers import snapshot_answer
from support.builders import annotated, dataset, model_version, training_job
from support.job_pods import condition, fault, lose, pod_of, start, terminated, waiting
from support.tale import SETTINGS, Tale
from trimtab.api.documents import Result
from trimtab.controllers import dataset as controller


def story(*given, **spec):
    return Tale(controller, given=(dataset(**spec), *given))


async def begun(*given, **spec):
    told = story(*given, **spec)
    await told.settle()
    return told


async def made(*given, versions=1, **spec):
    """A Dataset with so many versions, one a request."""
    told = await begun(*given, **spec)
    await told.answered("snapshot", snapshot_answer(1))
    for version in range(2, versions + 1):
        await told.annotated("Dataset", {"trimtab.dev/run-requested": f"r{version}"})
        await told.answered("snapshot", snapshot_answer(version))
    return told


def ready(told):
    return told.ready("Dataset")


# when the source is looked at


async def test_a_new_dataset_is_looked_at_at_once():
    told = await begun()
    document = json.loads(next(v["value"] for v in told.job("snapshot")["spec"]["template"]["spec"]["containers"][0]["env"] if v["name"] == "TRIMTAB_DOCUMENT"))
    assert document["spec"]["label"] == "late"
    assert ready(told) == ("False", "Progressing")
    assert told.condition("Dataset", "Reconciling")["status"] == "True"


async def test_an_answer_becomes_a_version_that_serves():
    told = await made()
    status = told.status("Dataset")
    assert ready(told) == ("True", "Ready")
    assert (status["latestVersion"], status["activeVersion"], status["task"], status["state"]) == (1, 1, "classification", "Ready")
    assert status["versions"][0]["rows"] == {"train": 70, "validation": 15, "test": 15, "unlabelled": 3}
    assert told.condition("Dataset", "Valid")["status"] == "True"
    assert told.events().count("CreatedVersion") == 1


async def test_what_is_strange_about_a_versions_labels_is_told_where_people_look():
    told = await begun()
    answer = snapshot_answer()
    await told.answered("snapshot", answer.model_copy(update={"facts": answer.facts | {"remark": "1 labels are of no answer in the log: r-9/0."}}))
    assert ready(told) == ("True", "Ready")
    assert told.status("Dataset")["versions"][0]["remark"] == "1 labels are of no answer in the log: r-9/0."
    assert told.condition("Dataset", "Valid")["message"] == "All 0 validation rules hold. 1 labels are of no answer in the log: r-9/0."


async def test_a_version_stays_as_it_is_when_nothing_changes():
    told = await made()
    await told.after(days=3)
    assert len(told.jobs("snapshot")) == 1


@pytest.mark.parametrize("change", [{"label": "delayed"}, {"exclude": ["arr_time"]}, {"source": {"uri": "s3://lake/other/"}}, {"split": {"seed": 1}}])
async def test_a_changed_definition_is_a_new_look(change):
    told = await made()
    await told.edited("Dataset", **change)
    assert told.job("snapshot")
    assert ready(told)[0] == "True", "the version that was there still serves"


@pytest.mark.parametrize(
    "change",
    [{"retain": {"versions": 3}}, {"template": {"spec": {"nodeSelector": {"a": "b"}}}}, {"refresh": {"schedule": "0 0 * * *"}}, {"split": {"train": 70}}],
)
async def test_what_changes_no_version_is_no_new_look(change):
    told = await made()
    await told.edited("Dataset", **change)
    assert len(told.jobs("snapshot")) == 1


async def test_a_definition_that_changes_during_a_look_replaces_it():
    told = await begun()
    old = told.job("snapshot")["metadata"]["name"]
    await told.edited("Dataset", label="delayed")
    assert told.job("snapshot")["metadata"]["name"] != old


async def test_a_request_is_one_new_look():
    told = await made()
    await told.annotated("Dataset", {"trimtab.dev/run-requested": "monday"})
    assert told.status("Dataset")["lastHandledRequest"] == "monday"
    await told.answered("snapshot", snapshot_answer(1, reason="Unchanged"))
    await told.after(hours=1)
    assert len(told.jobs("snapshot")) == 2
    assert [v["version"] for v in told.status("Dataset")["versions"]] == [1]


async def test_an_id_that_was_used_before_is_a_look_of_its_own_again():
    told = Tale(controller, given=(dataset(),))
    await told.settle()
    await told.answered("snapshot", snapshot_answer(1))
    for version, request in enumerate(("one", "two", "one"), 2):
        await told.annotated("Dataset", {"trimtab.dev/run-requested": request})
        await told.answered("snapshot", snapshot_answer(version))
    assert told.status("Dataset")["latestVersion"] == 4
    assert told.running("snapshot") == []


async def test_a_request_during_a_look_waits_for_its_end():
    told = await begun()
    await told.annotated("Dataset", {"trimtab.dev/run-requested": "monday"})
    assert len(told.jobs("snapshot")) == 1
    await told.answered("snapshot", snapshot_answer(1))
    assert len(told.jobs("snapshot")) == 2


async def test_the_schedule_is_one_look_a_moment_and_missed_moments_are_one():
    told = await made(refresh={"schedule": "*/15 * * * *"})
    await told.after(minutes=14)
    assert len(told.jobs("snapshot")) == 1
    await told.after(minutes=1)
    assert len(told.jobs("snapshot")) == 2
    await told.answered("snapshot", snapshot_answer(1, reason="Unchanged"))
    await told.after(hours=2)
    await told.answered("snapshot", snapshot_answer(2))
    assert len(told.jobs("snapshot")) == 3
    assert told.status("Dataset")["activeVersion"] == 2


async def test_a_suspended_schedule_rests():
    told = await made(refresh={"schedule": "*/15 * * * *", "suspend": True})
    await told.after(hours=1)
    assert len(told.jobs("snapshot")) == 1


async def test_the_next_look_is_planned_to_the_second():
    told = await made(refresh={"schedule": "0 9 * * *"})
    outcome = await told.reconcile("Dataset", "flights")
    assert outcome.requeue_after.total_seconds() == 3600


async def test_a_schedule_that_is_none_is_said_so_and_the_version_serves_on():
    told = await made(refresh={"schedule": "99 * * * *"})
    assert ready(told) == ("True", "BadSchedule")
    assert told.condition("Dataset", "Stalled")["status"] == "True"


async def test_a_paused_dataset_does_nothing_and_says_so():
    told = Tale(controller, given=(annotated(dataset(), **{"trimtab.dev/paused": "true"}),))
    await told.settle()
    assert told.jobs() == []
    assert ready(told) == ("False", "Paused")
    await told.annotated("Dataset", {"trimtab.dev/paused": "false"})
    assert told.job("snapshot")


# what goes wrong, and how it heals


async def test_bad_data_stall_a_dataset_until_its_definition_changes():
    told = await begun()
    await told.failed("snapshot", "ColumnMissing", "spec.label: there is no column late; the columns are a, b.")
    assert ready(told) == ("False", "ColumnMissing")
    assert told.condition("Dataset", "Stalled")["message"] == "spec.label: there is no column late; the columns are a, b."
    assert told.condition("Dataset", "Valid")["status"] == "False"
    await told.after(days=1)
    assert len(told.jobs("snapshot")) == 1
    await told.edited("Dataset", label="delayed")
    await told.answered("snapshot", snapshot_answer(1))
    assert ready(told) == ("True", "Ready")


async def test_bad_data_stall_a_dataset_until_somebody_asks_again():
    told = await begun()
    await told.failed("snapshot", "RuleViolated", "rule positive: 3 rows, such as row 7.")
    await told.annotated("Dataset", {"trimtab.dev/run-requested": "mended"})
    await told.answered("snapshot", snapshot_answer(1))
    assert told.condition("Dataset", "Valid")["status"] == "True"


async def test_bad_new_data_leave_the_old_version_serving():
    told = await made()
    await told.annotated("Dataset", {"trimtab.dev/run-requested": "monday"})
    await told.failed("snapshot", "RuleViolated", "rule positive: 3 rows.")
    assert ready(told) == ("True", "RuleViolated")
    assert told.condition("Dataset", "Valid") | {"lastTransitionTime": ""} == {
        "type": "Valid",
        "status": "False",
        "reason": "RuleViolated",
        "message": "rule positive: 3 rows.",
        "observedGeneration": 1,
        "lastTransitionTime": "",
    }


@pytest.mark.parametrize("reason", ["NoObjects", "BucketMissing", "StoreDenied", "SourceUnreadable", "StoreUnreachable"])
async def test_what_heals_with_time_is_tried_again_with_growing_pauses(reason):
    told = await begun()
    await told.failed("snapshot", reason)
    assert ready(told) == ("False", reason)
    for pause in (1, 2, 4, 5, 5):
        await told.after(minutes=pause, seconds=-1)
        assert told.running("snapshot") == []
        await told.after(seconds=1)
        assert ready(told) == ("False", reason), "the same reason, without flicker"
        await told.failed("snapshot", reason)
    await told.after(minutes=5)
    await told.answered("snapshot", snapshot_answer(1))
    assert ready(told) == ("True", "Ready")


async def test_a_lost_answer_is_asked_for_again():
    told = await begun()
    lose(told.api, told.job("snapshot"))
    await told.settle()
    assert ready(told) == ("False", "AnswerLost")
    await told.after(minutes=1)
    await told.answered("snapshot", snapshot_answer(1, reason="Unchanged"))
    assert told.status("Dataset")["activeVersion"] == 1


async def test_a_deleted_job_is_made_again():
    told = await begun()
    first = told.job("snapshot")["metadata"]
    told.api.remove("batch/v1", "jobs", "default", first["name"])
    await told.settle()
    assert ready(told) == ("False", "AnswerLost")
    await told.after(minutes=1)
    assert told.job("snapshot")["metadata"]["name"] == first["name"][:-1] + "2"


async def test_a_missing_secret_is_told_and_heals_in_the_same_pod():
    told = await begun()
    job = told.job("snapshot")
    told.api.given(pod_of(job, state=waiting("CreateContainerConfigError", 'secret "trimtab-store" not found')))
    await told.settle()
    assert ready(told) == ("False", "StoreNotConfigured")
    start(told.api, job)
    await told.settle()
    assert ready(told) == ("False", "Progressing")
    assert len(told.jobs()) == 1


async def test_a_pod_that_could_start_otherwise_is_made_again():
    told = await begun()
    told.api.given(pod_of(told.job("snapshot"), state=waiting("ImagePullBackOff", "not found")))
    await told.settle()
    assert ready(told) == ("False", "ImagePullFailed")
    told.settings = SETTINGS.model_copy(update={"worker_image": "worker:2"})
    await told.settle()
    assert told.job("snapshot")["spec"]["template"]["spec"]["containers"][0]["image"] == "worker:2"


async def test_out_of_memory_heals_when_the_limit_is_raised():
    told = await begun()
    job = told.job("snapshot")
    fault(told.api, job, "Crashed", "", code=1)
    told.api.given(pod_of(job, phase="Failed", state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}))
    await told.settle()
    assert ready(told) == ("False", "OutOfMemory")
    await told.after(hours=1)
    assert len(told.jobs()) == 1
    await told.edited("Dataset", template={"spec": {"containers": [{"resources": {"limits": {"memory": "8Gi"}}}]}})
    assert told.job("snapshot")["spec"]["template"]["spec"]["containers"][0]["resources"] == {"limits": {"memory": "8Gi"}}


async def test_a_job_without_pods_is_explained_by_its_events():
    told = await begun()
    uid = told.job("snapshot")["metadata"]["uid"]
    event = {"apiVersion": "v1", "kind": "Event", "metadata": {"name": "e"}, "involvedObject": {"uid": uid}, "reason": "FailedCreate"}
    told.api.given(event | {"message": 'serviceaccount "trimtab-worker" not found'})
    await told.after(seconds=20)
    assert ready(told) == ("False", "ServiceAccountMissing")


async def test_a_job_of_another_owner_is_not_adopted():
    told = await begun()
    taken = told.job("snapshot")
    other = Tale(controller, given=(dataset(),))
    other.api.given({**taken, "metadata": {**taken["metadata"], "labels": {}, "ownerReferences": []}})
    for _ in range(3):
        await other.reconcile("Dataset", "flights")
    assert ready(other) == ("False", "NameTaken")
    assert f"Job {taken['metadata']['name']} exists and belongs to" in other.condition("Dataset", "Ready")["message"]
    other.api.remove("batch/v1", "jobs", "default", taken["metadata"]["name"])
    await other.settle()
    assert ready(other) == ("False", "Progressing")


# versions


async def test_active_version_names_the_one_that_serves():
    told = await made(versions=2, activeVersion=1)
    assert told.status("Dataset")["activeVersion"] == 1
    await told.edited("Dataset", activeVersion=9)
    await told.answered("snapshot", snapshot_answer(2, reason="Unchanged"))
    assert ready(told) == ("False", "VersionMissing")
    assert told.condition("Dataset", "Ready")["message"] == "spec.activeVersion: there is no version 9; the versions are 2, 1."


async def test_going_back_to_an_older_definition_brings_its_version_back():
    told = await made()
    await told.edited("Dataset", label="delayed")
    await told.answered("snapshot", snapshot_answer(2))
    await told.edited("Dataset", label="late")
    await told.after(minutes=1)
    if told.running("snapshot"):
        await told.answered("snapshot", snapshot_answer(1, reason="Unchanged"))
    assert told.status("Dataset")["activeVersion"] == 1
    assert told.status("Dataset")["latestVersion"] == 2


async def test_only_so_many_versions_are_kept():
    told = await made(versions=4, retain={"versions": 2})
    assert [v["version"] for v in told.status("Dataset")["versions"]] == [4, 3]
    assert told.jobs("gc") == [], "Retain leaves the data"


async def test_a_version_that_others_hold_on_to_stays():
    cited = model_version(lineage={"dataset": {"name": "flights", "version": 1, "digest": f"{1:064x}"}})
    told = await made(cited, training_job("pinned", datasetVersion=2), versions=5, retain={"versions": 1})
    assert [v["version"] for v in told.status("Dataset")["versions"]] == [5, 2, 1]


async def test_a_version_that_a_run_trains_on_stays():
    going = training_job("slow") | {"status": {"runs": [{"key": "k", "outcome": "Running", "datasetVersion": 1, "datasetDigest": f"{1:064x}"}]}}
    told = await made(going, versions=3, retain={"versions": 1})
    assert [v["version"] for v in told.status("Dataset")["versions"]] == [3, 1]


async def test_under_delete_the_data_of_dropped_versions_are_collected_and_no_look_runs_meanwhile():
    told = await made(versions=2, retain={"versions": 1, "reclaimPolicy": "Delete"})
    document = json.loads(next(v["value"] for v in told.job("gc")["spec"]["template"]["spec"]["containers"][0]["env"] if v["name"] == "TRIMTAB_DOCUMENT"))
    assert document["keep"] == [f"{2:064x}"]
    await told.annotated("Dataset", {"trimtab.dev/run-requested": "monday"})
    assert told.running("snapshot") == []
    told.api.set_status(told.job("gc"), conditions=[condition("Complete")])
    await told.settle()
    assert told.job("snapshot")


async def test_a_collection_that_failed_is_said_and_tried_again_with_what_stays_then():
    told = await made(versions=2, retain={"versions": 1, "reclaimPolicy": "Delete"})
    await told.failed("gc", "StoreUnreachable", "The object store does not answer.", code=3)
    assert ready(told) == ("True", "CollectionFailed")
    said = told.condition("Dataset", "Reconciling")["message"]
    assert (
        said
        == "Version 2 is ready. Data of versions that left the list could not be deleted from datasets/flights: The object store does not answer. It is tried again by itself."
    )
    assert told.running("gc") == []
    await told.after(minutes=1)
    assert told.job("gc")


async def test_a_collection_that_succeeds_later_is_no_matter_any_more():
    told = await made(versions=2, retain={"versions": 1, "reclaimPolicy": "Delete"})
    await told.failed("gc", "StoreUnreachable", "The object store does not answer.", code=3)
    await told.after(minutes=1)
    await told.answered("gc", Result(outcome="Succeeded", reason="Ready", message="Deleted."))
    assert ready(told) == ("True", "Ready")
    await told.after(days=1)
    assert told.running("gc") == []


async def test_a_collection_waits_for_the_look_that_goes_on():
    told = await made(versions=2, retain={"versions": 1, "reclaimPolicy": "Delete"})
    await told.failed("gc", "StoreUnreachable", "The object store does not answer.", code=3)
    await told.annotated("Dataset", {"trimtab.dev/run-requested": "monday"})
    await told.after(minutes=5)
    assert (len(told.running("gc")), len(told.running("snapshot"))) == (0, 1)
    await told.answered("snapshot", snapshot_answer(3))
    document = json.loads(next(v["value"] for v in told.job("gc")["spec"]["template"]["spec"]["containers"][0]["env"] if v["name"] == "TRIMTAB_DOCUMENT"))
    assert document["keep"] == [f"{3:064x}"], "what stays now"


async def test_a_collection_out_of_memory_waits_for_a_person_and_goes_again_with_a_higher_limit():
    told = await made(versions=2, retain={"versions": 1, "reclaimPolicy": "Delete"})
    job = told.job("gc")
    told.api.given(pod_of(job, phase="Failed", state=terminated(137, reason="OOMKilled")))
    told.api.set_status(job, active=0, failed=1, conditions=[condition("Failed", "BackoffLimitExceeded")])
    await told.after(days=1)
    assert told.condition("Dataset", "Stalled")["reason"] == "CollectionFailed"
    assert told.running("gc") == []
    await told.edited("Dataset", template={"spec": {"containers": [{"resources": {"limits": {"memory": "4Gi"}}}]}})
    assert told.job("gc")


async def test_the_same_versions_staying_twice_is_two_collections():
    told = await made(versions=2, retain={"versions": 1, "reclaimPolicy": "Delete"})
    await told.answered("gc", Result(outcome="Succeeded", reason="Ready", message="Deleted."))
    for version, request in ((3, "three"), (2, "two-again")):
        await told.annotated("Dataset", {"trimtab.dev/run-requested": request})
        await told.answered("snapshot", snapshot_answer(version))
        await told.answered("gc", Result(outcome="Succeeded", reason="Ready", message="Deleted."))
    assert [v["version"] for v in told.status("Dataset")["versions"]] == [2]


async def test_three_finished_jobs_stay():
    told = await made(versions=6)
    assert len(told.jobs("snapshot")) == 3
