"""A TrainingJob from its recipe to a registered version: one run for each key, and none twice."""

import hashlib
import json

import pytest

from support.answers import snapshot_answer, train_answer
from support.builders import annotated, config_map, dataset, deployment, model_version, training_job
from support.job_pods import NOON, condition, fault, lose, pod_of, start, terminated, waiting
from support.tale import SETTINGS, Tale
from trimtab.controllers import dataset as dataset_controller
from trimtab.controllers import trainingjob as controller
from trimtab.controllers.trainingjob import read_progress

PYTHON = {"python": {"configMap": {"name": "code", "key": "train.py"}, "function": "train"}}


def versions_of(*numbers):
    return [{"version": n, "digest": f"{n:064x}", "manifestDigest": f"{n + 100:064x}", "uri": f"s3://b/d/{n}/", "createdAt": NOON, "rows": {}} for n in numbers]


def a_dataset(*numbers, active=None, looked_for="monday"):
    """A Dataset at rest, as its own controller leaves it."""
    status = {
        "observedGeneration": 1,
        "versions": versions_of(*numbers),
        "activeVersion": active or numbers[0],
        "latestVersion": max(numbers),
        "lastHandledRequest": looked_for,
    }
    return dataset() | {"status": status}


def tale(*given, data=None, **spec):
    return Tale(controller, given=(data or a_dataset(1), training_job(**spec), *given))


async def begun(*given, data=None, **spec):
    told = tale(*given, data=data, **spec)
    await told.settle()
    return told


async def registered(*given, data=None, **spec):
    told = await begun(*given, data=data, **spec)
    await told.answered("train", train_answer())
    return told


def ready(told):
    return told.ready("TrainingJob")


def runs(told):
    return [(run["outcome"], run.get("modelVersion", "")) for run in told.status("TrainingJob").get("runs", [])]


def document(told):
    return json.loads(next(v["value"] for v in told.job("train")["spec"]["template"]["spec"]["containers"][0]["env"] if v["name"] == "TRIMTAB_DOCUMENT"))


# from recipe to version


async def test_a_recipe_is_trained_on_the_active_version():
    told = await begun(data=a_dataset(2, 1, active=1))
    assert document(told)["dataset"] == {"name": "flights", "version": 1, "digest": f"{1:064x}", "manifestDigest": f"{101:064x}", "uri": "s3://b/d/1/"}
    assert ready(told) == ("False", "Progressing")
    assert told.events() == ["RunStarted", "Progressing"]


async def test_an_answer_is_registered_as_a_version():
    told = await registered()
    version = told.api.one("modelversions", "flights-v1")
    assert version["spec"]["artifact"]["manifestDigest"] == f"{1:064x}"
    assert version["spec"]["lineage"]["dataset"] == {"name": "flights", "version": 1, "digest": f"{1:064x}"}
    assert version["spec"]["lineage"]["runKey"] == told.status("TrainingJob")["latestRun"] == version["metadata"]["labels"]["trimtab.dev/run-key"]
    assert "ownerReferences" not in version["metadata"], "it outlives its TrainingJob"
    assert ready(told) == ("True", "Registered")
    assert (told.status("TrainingJob")["modelVersion"], told.status("TrainingJob")["latestModelVersion"]) == ("flights-v1", 1)
    assert told.status("TrainingJob")["progress"] == {"percent": 100, "message": "", "metrics": {}}


async def test_the_model_may_have_a_name_of_its_own():
    told = await begun(model="delays")
    assert document(told)["model"] == "delays"
    await told.answered("train", train_answer("delays"))
    assert told.api.one("modelversions", "delays-v1")


async def test_a_rejected_run_is_registered_and_stalls():
    told = await begun()
    await told.answered("train", train_answer(gate="Failed"))
    assert runs(told) == [("Rejected", "flights-v1")]
    assert ready(told) == ("False", "GatesFailed")
    assert told.condition("TrainingJob", "Stalled")["message"] == "flights-v1 did not pass: Skill is 0.1."


async def test_nothing_is_trained_when_nothing_changes():
    told = await registered()
    await told.after(days=30)
    assert len(told.jobs()) == 1


@pytest.mark.parametrize("change", [{"seed": 1}, {"trainer": {"estimator": "sklearn.ensemble.RandomForestClassifier"}}, {"evaluation": {"slices": ["origin"]}}])
async def test_a_changed_recipe_is_a_new_run_and_the_next_version(change):
    told = await registered()
    await told.edited("TrainingJob", **change)
    await told.answered("train", train_answer(digest=2))
    assert runs(told) == [("Registered", "flights-v2"), ("Registered", "flights-v1")]


@pytest.mark.parametrize(
    "change",
    [
        {"description": "d"},
        {"owner": "o"},
        {"objective": "o"},
        {"queueName": "q"},
        {"runPolicy": {"historyLimit": 9}},
        {"template": {"spec": {"nodeSelector": {"a": "b"}}}},
        {"seed": 0},
    ],
)
async def test_what_changes_no_model_is_no_new_run(change):
    told = await registered()
    await told.edited("TrainingJob", **change)
    assert len(told.jobs()) == 1


async def test_an_upgrade_of_the_worker_trains_nothing():
    told = await registered()
    told.settings = SETTINGS.model_copy(update={"worker_image": "worker:2"})
    await told.settle()
    assert len(told.jobs()) == 1


async def test_going_back_to_an_older_recipe_trains_nothing():
    told = await registered()
    await told.edited("TrainingJob", seed=1)
    await told.answered("train", train_answer(digest=2))
    await told.edited("TrainingJob", seed=0)
    assert len(told.jobs()) == 2
    assert runs(told) == [("Registered", "flights-v1"), ("Registered", "flights-v2")]
    assert told.status("TrainingJob")["latestModelVersion"] == 2


# data


async def test_new_data_alone_train_nothing_and_a_request_takes_them():
    told = await registered()
    told.api.given(a_dataset(2, 1))
    await told.after(days=1)
    assert len(told.jobs()) == 1
    await told.annotated("TrainingJob", {"trimtab.dev/run-requested": "monday"})
    assert document(told)["dataset"]["version"] == 2
    assert document(told)["request"] == "monday"
    assert told.status("TrainingJob")["lastHandledRequest"] == "monday"


async def test_a_request_is_one_run_and_forgetting_it_is_none():
    told = await registered()
    told.api.given(a_dataset(2, 1))
    await told.annotated("TrainingJob", {"trimtab.dev/run-requested": "monday"})
    await told.answered("train", train_answer(digest=2))
    await told.annotated("TrainingJob", {"trimtab.dev/run-requested": ""})
    await told.after(days=1)
    assert len(told.jobs()) == 2


async def test_a_pinned_version_is_taken():
    told = await begun(data=a_dataset(2, 1), datasetVersion=1)
    assert document(told)["dataset"]["version"] == 1


async def test_a_dataset_that_is_missing_is_named_and_its_coming_heals():
    told = tale()
    told.api.remove("trimtab.dev/v1alpha1", "datasets", "default", "flights")
    await told.settle()
    assert ready(told) == ("False", "DatasetMissing")
    told.api.given(a_dataset(1))
    await told.settle()
    assert told.job("train")


async def test_a_dataset_without_a_version_is_quoted():
    no_objects = {"observedGeneration": 1, "conditions": [condition("Ready", "NoObjects", "There are no csv objects.", status="False")]}
    told = await begun(data=dataset() | {"status": no_objects})
    assert ready(told) == ("False", "DatasetNotReady")
    assert told.condition("TrainingJob", "Ready")["message"] == "Dataset flights has no version yet: There are no csv objects."


async def test_a_pinned_version_that_is_not_there_is_said_with_those_that_are():
    told = await begun(data=a_dataset(2, 1), datasetVersion=7)
    assert told.condition("TrainingJob", "Ready")["message"] == "spec.datasetVersion: there is no version 7; the versions are 2, 1."


async def test_a_dataset_that_is_asked_anew_together_with_the_recipe_comes_first():
    told = Tale(dataset_controller, controller, given=(dataset(), training_job()))
    await told.settle()
    await told.answered("snapshot", snapshot_answer(1))
    await told.answered("train", train_answer())
    told.api.given(annotated(told.api.one("datasets", "flights"), **{"trimtab.dev/run-requested": "monday"}))
    told.api.given(annotated(told.api.one("trainingjobs", "flights"), **{"trimtab.dev/run-requested": "monday"}))
    await told.settle()
    assert told.running("train") == []
    assert ready(told) == ("False", "DatasetNotReady")
    await told.answered("snapshot", snapshot_answer(2))
    assert document(told)["dataset"]["version"] == 2


# code


async def test_code_is_part_of_the_key():
    told = await registered(config_map("code", **{"train.py": "def train(context): ..."}), trainer=PYTHON)
    assert told.api.one("modelversions", "flights-v1")["spec"]["lineage"]["codeDigest"] == hashlib.sha256(b"def train(context): ...").hexdigest()
    told.api.given(config_map("code", **{"train.py": "def train(context): pass"}))
    await told.settle()
    assert document(told)["codeDigest"] == hashlib.sha256(b"def train(context): pass").hexdigest()


@pytest.mark.parametrize(
    ("given", "words"),
    [((), "there is no ConfigMap code"), ((config_map("code", other="x"),), "has no key train.py; its keys are other")],
)
async def test_code_that_is_missing_is_named_and_its_coming_heals(given, words):
    told = await begun(*given, trainer=PYTHON)
    assert ready(told) == ("False", "CodeMissing")
    assert words in told.condition("TrainingJob", "Ready")["message"]
    told.api.given(config_map("code", **{"train.py": "def train(context): ..."}))
    await told.settle()
    assert told.job("train")


async def test_code_that_is_too_long_is_refused_with_its_size():
    told = await begun(config_map("code", **{"train.py": "#" * 600_000}), trainer=PYTHON)
    assert "has 600000 bytes" in told.condition("TrainingJob", "Ready")["message"]


# what goes wrong, and how it heals


async def test_a_users_fault_stalls_until_the_recipe_changes():
    told = await begun(trainer={"estimator": "sklearn.nope.Nope"})
    await told.failed("train", "UnknownEstimator", "spec.trainer.estimator: there is no sklearn.nope.")
    assert ready(told) == ("False", "UnknownEstimator")
    assert told.condition("TrainingJob", "Stalled")["status"] == "True"
    await told.after(days=1)
    assert len(told.jobs()) == 1
    await told.edited("TrainingJob", trainer=None)
    assert told.job("train")


async def test_a_lost_answer_is_asked_for_again_under_the_same_key():
    told = await begun()
    key = told.status("TrainingJob")["latestRun"]
    lose(told.api, told.job("train"))
    await told.settle()
    assert ready(told) == ("False", "AnswerLost")
    await told.after(minutes=1)
    assert document(told)["attempt"] == 2
    await told.answered("train", train_answer())
    assert told.status("TrainingJob")["latestRun"] == key
    assert runs(told) == [("Registered", "flights-v1")]


async def test_an_evicted_pod_is_told_until_the_next_one_trains():
    told = await begun()
    job = told.job("train")
    told.api.given(pod_of(job, "first", phase="Failed", reason="Evicted", message="The node was low on memory"))
    await told.settle()
    assert ready(told) == ("False", "Evicted")
    told.api.given(pod_of(job, "second", phase="Running", state={"running": {}}, created="2026-01-05T12:00:10Z"))
    await told.settle()
    assert ready(told) == ("False", "Progressing")
    assert len(told.jobs()) == 1


async def test_out_of_memory_heals_when_the_limit_is_raised():
    told = await begun()
    job = told.job("train")
    fault(told.api, job, "Crashed", "", code=1)
    told.api.given(pod_of(job, phase="Failed", state={"terminated": {"exitCode": 137, "reason": "OOMKilled"}}))
    await told.settle()
    assert ready(told) == ("False", "OutOfMemory")
    await told.after(hours=1)
    assert len(told.jobs()) == 1
    await told.edited("TrainingJob", template={"spec": {"containers": [{"resources": {"limits": {"memory": "8Gi"}}}]}})
    assert document(told)["attempt"] == 2


async def test_a_deadline_that_passed_before_the_pod_could_start_blames_what_held_it():
    told = await begun()
    job = told.job("train")
    told.api.given(pod_of(job, state=waiting("CreateContainerConfigError", 'secret "trimtab-store" not found')))
    await told.settle()
    assert ready(told) == ("False", "StoreNotConfigured")
    told.api.remove("v1", "pods", "default", f"{job['metadata']['name']}-a1b2c")
    told.api.set_status(job, conditions=[condition("Failed", "DeadlineExceeded", at="2026-01-05T08:00:00Z")])
    await told.settle()
    assert ready(told) == ("False", "StoreNotConfigured")
    await told.after(minutes=1)
    assert document(told)["attempt"] == 2


async def test_an_image_that_cannot_be_pulled_heals_with_another_image():
    told = await begun()
    told.api.given(pod_of(told.job("train"), state=waiting("ErrImagePull", "denied")))
    await told.settle()
    assert ready(told) == ("False", "ImagePullFailed")
    told.settings = SETTINGS.model_copy(update={"worker_image": "worker:2"})
    await told.settle()
    assert told.job("train")["spec"]["template"]["spec"]["containers"][0]["image"] == "worker:2"


async def test_a_queued_job_waits_for_admission():
    told = await begun(queueName="team-a")
    assert ready(told) == ("False", "Queued")


# policy


async def test_a_run_that_goes_on_is_let_finish():
    told = await begun()
    start(told.api, told.job("train"))
    await told.settle()
    await told.edited("TrainingJob", seed=1)
    assert len(told.jobs()) == 1
    await told.answered("train", train_answer())
    assert runs(told)[0] == ("Running", "")
    await told.answered("train", train_answer(digest=2))
    assert runs(told) == [("Registered", "flights-v2"), ("Registered", "flights-v1")]


async def test_a_run_that_goes_on_is_replaced_where_the_policy_says_so():
    told = await begun(runPolicy={"concurrency": "Replace"})
    start(told.api, told.job("train"))
    await told.settle()
    await told.edited("TrainingJob", seed=1)
    assert document(told)["spec"]["seed"] == 1
    assert [outcome for outcome, _ in runs(told)] == ["Running", "Superseded"]


async def test_a_run_that_has_not_started_gives_way_at_once():
    told = await begun()
    await told.edited("TrainingJob", seed=1)
    assert document(told)["spec"]["seed"] == 1


async def test_suspending_takes_a_run_back_and_resuming_begins_it_again():
    told = await begun()
    start(told.api, told.job("train"))
    await told.settle()
    await told.edited("TrainingJob", runPolicy={"suspend": True})
    assert told.jobs() == []
    assert ready(told) == ("False", "Suspended")
    await told.edited("TrainingJob", runPolicy={"suspend": False})
    await told.answered("train", train_answer())
    assert runs(told) == [("Registered", "flights-v1")]


async def test_a_suspended_recipe_that_is_registered_stays_ready():
    told = await registered()
    await told.edited("TrainingJob", runPolicy={"suspend": True})
    assert ready(told) == ("True", "Registered")


async def test_paused_does_nothing():
    told = Tale(controller, given=(a_dataset(1), annotated(training_job(), **{"trimtab.dev/paused": "true"})))
    await told.settle()
    assert told.jobs() == []
    assert ready(told) == ("False", "Paused")


async def test_so_many_finished_jobs_stay_and_so_many_runs():
    told = await registered(runPolicy={"historyLimit": 2})
    for number in range(2, 25):
        await told.edited("TrainingJob", seed=number)
        await told.answered("train", train_answer(digest=number))
    assert len(told.jobs()) == 2
    assert len(runs(told)) == 20
    assert len(json.dumps(told.api.one("trainingjobs", "flights"))) < 32 * 1024


# numbers and neighbours


async def test_numbers_go_on_after_those_that_are_there():
    told = await registered(model_version(version=7))
    assert runs(told) == [("Registered", "flights-v8")]


async def test_a_deleted_version_leaves_its_number_unused():
    told = await registered()
    told.api.remove("trimtab.dev/v1alpha1", "modelversions", "default", "flights-v1")
    await told.edited("TrainingJob", seed=1)
    await told.answered("train", train_answer(digest=2))
    assert runs(told)[0] == ("Registered", "flights-v2")


async def test_two_training_jobs_of_one_model_never_take_one_number():
    told = await begun(training_job("rival", model="flights", seed=9))
    for job in list(told.running("train")):
        pod = pod_of(job, phase="Succeeded", state={"terminated": {"exitCode": 0, "message": train_answer().encode()}})
        told.api.given(pod)
        told.api.set_status(job, conditions=[condition("Complete")])
    await told.settle()
    names = sorted(version["metadata"]["name"] for version in told.api.all("modelversions"))
    assert names == ["flights-v1", "flights-v2"]
    assert told.status("TrainingJob")["modelVersion"] != told.status("TrainingJob", "rival")["modelVersion"]


async def test_the_same_recipe_under_another_name_is_done_at_once():
    told = await registered()
    told.api.given(training_job("again", model="flights"))
    await told.settle()
    assert told.ready("TrainingJob", "again")[0] == "False", "another spec: the model is named in it"


async def test_what_is_served_is_the_yardstick():
    serving = {"stable": {"version": 3, "name": "flights-v3"}}
    told = await begun(model_version(version=3), deployment("production", "flights") | {"status": serving}, deployment("other", "other"))
    assert document(told)["champions"] == [
        {"deployment": "production", "name": "flights-v3", "uri": "s3://lake/models/flights/3/", "manifestDigest": f"{3:064x}"}
    ]


async def test_git_annotations_reach_the_record_and_the_lineage():
    told = Tale(controller, given=(a_dataset(1), annotated(training_job(), **{"trimtab.dev/git-commit": "abc", "trimtab.dev/git-dirty": "false"})))
    await told.settle()
    assert document(told)["git"] == {"commit": "abc", "dirty": "false"}
    await told.answered("train", train_answer())
    assert told.api.one("modelversions", "flights-v1")["spec"]["lineage"]["gitCommit"] == "abc"


# restored


@pytest.mark.parametrize("request_id", ["", "monday"])
async def test_a_cluster_restored_from_a_dump_trains_nothing(request_id):
    told = await registered()
    if request_id:
        told.api.given(a_dataset(2, 1))
        await told.annotated("TrainingJob", {"trimtab.dev/run-requested": request_id})
        await told.answered("train", train_answer(digest=2))
    twin = tale()
    twin.api = told.api.restored(["trainingjobs", "modelversions"])
    await twin.settle()
    assert twin.jobs() == []
    assert ready(twin) == ("True", "Registered")


async def test_restored_after_going_back_to_an_older_recipe_still_trains_nothing():
    told = await registered()
    await told.edited("TrainingJob", seed=1)
    await told.answered("train", train_answer(digest=2))
    await told.edited("TrainingJob", seed=0)
    twin = tale()
    twin.api = told.api.restored(["datasets", "trainingjobs", "modelversions"])
    await twin.settle()
    assert twin.jobs() == []
    assert twin.status("TrainingJob")["modelVersion"] == "flights-v1"


# progress


METRICS = """
# TYPE trimtab_progress_percent gauge
trimtab_progress_percent 42.7
# TYPE trimtab_progress_metric gauge
trimtab_progress_metric{name="log_loss"} 0.51234567
# TYPE trimtab_progress_info gauge
trimtab_progress_info{message="fitting the \\"big\\" one"} 1.0
"""


def test_progress_is_read_from_a_workers_metrics():
    progress = read_progress(METRICS)
    assert (progress.percent, progress.message, progress.metrics) == (42, 'fitting the "big" one', {"log_loss": "0.512346"})
    assert read_progress("") is None


@pytest.mark.parametrize(
    "text", ["trimtab_progress_percent +Inf", "trimtab_progress_percent NaN", "{{{", 'trimtab_progress_percent 5\ntrimtab_progress_metric{a="b"} 1']
)
async def test_whatever_a_persons_code_says_there_stops_no_reconcile(text):
    class Pod:
        async def scrape(self, address, port):
            return text

    pod = {"metadata": {"labels": {"trimtab.dev/verb": "train"}}, "status": {"phase": "Running", "podIP": "10.0.0.1"}}
    assert await controller._progress(Pod(), (pod,)) is None


def test_a_metric_s_name_is_bounded_as_the_status_is():
    progress = read_progress(f'trimtab_progress_percent 5\ntrimtab_progress_metric{{name="{"x" * 5000}"}} 1\n')
    assert list(progress.metrics) == ["x" * 63]


async def test_progress_is_written_at_most_every_thirty_seconds():
    told = await begun()
    start(told.api, told.job("train"))
    told.api.scrapes["10.1.1.1", 8081] = METRICS
    await told.settle()
    assert told.status("TrainingJob")["progress"]["percent"] == 42
    told.api.scrapes["10.1.1.1", 8081] = METRICS.replace("42.7", "50")
    await told.after(seconds=20)
    assert told.status("TrainingJob")["progress"]["percent"] == 42
    await told.after(seconds=10)
    assert told.status("TrainingJob")["progress"]["percent"] == 50


async def test_running_out_of_memory_names_the_limit_and_the_peak_that_the_pod_noted():
    told = await begun()
    job = told.job("train")
    start(told.api, job)
    told.api.scrapes["10.1.1.1", 8081] = METRICS + "trimtab_memory_peak_bytes 2.005925888e+09\n"
    await told.settle()
    assert told.status("TrainingJob")["progress"]["peakMemory"] == "1913Mi"
    told.api.scrapes.clear()
    told.api.given(pod_of(job, phase="Failed", state=terminated(137, '{"peakMemory": "1990Mi"}', reason="OOMKilled")))
    told.api.set_status(job, active=0, failed=1, conditions=[condition("Failed", "BackoffLimitExceeded")])
    await told.settle()
    assert told.ready("TrainingJob") == ("False", "OutOfMemory")
    assert "its limit of 2Gi (1990Mi when last noted); raise" in told.condition("TrainingJob", "Ready")["message"]


async def test_a_pod_that_does_not_answer_leaves_the_progress_as_it_was():
    told = await begun()
    start(told.api, told.job("train"))
    told.api.scrapes["10.1.1.1", 8081] = METRICS
    await told.settle()
    told.api.scrapes.clear()
    await told.after(minutes=5)
    assert told.status("TrainingJob")["progress"]["percent"] == 42
