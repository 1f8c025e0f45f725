"""Runs that are asked for by an id, and runs that begin by themselves: an incident, new data, and what holds them back."""

import json

import pytest

from support.answers import snapshot_answer, train_answer
from support.builders import annotated, dataset, deployment, training_job
from support.job_pods import start
from support.tale import SETTINGS, Tale
from trimtab.api.base import API_VERSION
from trimtab.api.driftmonitor import Incident
from trimtab.controllers import dataset as dataset_controller
from trimtab.controllers import trainingjob as controller
from trimtab.plans.plan import Key

REQUESTED = "trimtab.dev/run-requested"
PAUSED = {"trimtab.dev/paused": "true"}


def monitor(incident_id="", *, name="flights", at="2026-01-05T08:00:00Z", outcome="", training_job="flights", **spec):
    """A DriftMonitor as the API has it, with an incident or none."""
    incident = Incident(id=incident_id, cause="Performance", opened_at=at, training_job=training_job, outcome=outcome)
    status = {"incident": incident.model_dump(mode="json", by_alias=True, exclude_none=True)} if incident_id else {}
    return {"apiVersion": API_VERSION, "kind": "DriftMonitor", "metadata": {"name": name}, "spec": {"deployment": "flights"} | spec, "status": status}


async def registered(*given, dataset_spec=None, **spec):
    """A Dataset with a version, and the version of the model that was made of it."""
    told = Tale(dataset_controller, controller, given=(dataset(**dataset_spec or {}), training_job(**spec), *given))
    await told.settle()
    await told.answered("snapshot", snapshot_answer(1))
    await told.answered("train", train_answer())
    return told


async def given(told, obj):
    told.api.given(obj)
    await told.settle()


async def new_data(told, version=2):
    """A person asks the Dataset to look, and there are new rows."""
    await told.annotated("Dataset", {REQUESTED: f"rows-{version}"})
    await told.answered("snapshot", snapshot_answer(version))


def document(told, verb="train"):
    return json.loads(next(v["value"] for v in told.job(verb)["spec"]["template"]["spec"]["containers"][0]["env"] if v["name"] == "TRIMTAB_DOCUMENT"))


def runs(told):
    return [(run["outcome"], run["cause"], run.get("request", "")) for run in told.status("TrainingJob")["runs"]]


def message(told, type_="Ready"):
    return told.condition("TrainingJob", type_)["message"]


# an incident


async def test_an_incident_makes_the_dataset_look_and_then_begins_a_run_with_its_id():
    told = await registered()
    await given(told, monitor("abc"))
    assert told.running("train") == []
    assert document(told, "snapshot")["request"] == "abc"
    await told.answered("snapshot", snapshot_answer(2))
    assert (document(told)["request"], document(told)["cause"], document(told)["dataset"]["version"]) == ("abc", "Incident", 2)
    await told.answered("train", train_answer(digest=2))
    assert runs(told) == [("Registered", "Incident", "abc"), ("Registered", "Change", "")]
    version = told.api.one("modelversions", "flights-v2")["metadata"]["annotations"]
    assert (version["trimtab.dev/request"], version["trimtab.dev/cause"]) == ("abc", "Incident")


async def test_while_the_dataset_looks_for_an_incident_the_training_job_stays_ready_and_says_so():
    told = await registered()
    await given(told, monitor("abc"))
    assert told.ready("TrainingJob") == ("True", "DatasetNotReady")
    assert message(told) == "Registered as flights-v1. Dataset flights looks at its source first."


async def test_one_incident_is_one_run_however_long_it_stays_open():
    told = await registered()
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(2))
    await told.answered("train", train_answer(digest=2))
    await told.after(days=30)
    assert len(told.jobs("train")) == 2
    assert len(told.jobs("snapshot")) == 2


async def test_an_incident_without_new_data_ends_unchanged_and_without_a_job():
    told = await registered()
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(1, reason="Unchanged"))
    assert len(told.jobs("train")) == 1
    assert runs(told)[0] == ("Unchanged", "Incident", "abc")
    assert told.ready("TrainingJob") == ("True", "NothingNew")
    assert message(told) == "There is nothing new to learn from: flights-v1 was made by this recipe on version 1 of Dataset flights."
    assert told.status("TrainingJob")["modelVersion"] == "flights-v1"


@pytest.mark.parametrize(
    "asks_nothing",
    [
        monitor(),
        monitor("abc", outcome="NoGain"),
        monitor("abc", training_job="other"),
        monitor("abc", suspend=True),
        annotated(monitor("abc"), **PAUSED),
    ],
)
async def test_who_has_no_open_incident_for_it_asks_for_nothing(asks_nothing):
    told = await registered()
    await given(told, asks_nothing)
    assert (len(told.jobs("train")), len(told.jobs("snapshot"))) == (1, 1)


async def test_two_monitors_are_answered_one_after_the_other_each_by_a_run_of_its_own():
    told = await registered()
    told.api.given(monitor("second", name="b", at="2026-01-05T09:00:00Z"))
    await given(told, monitor("first", name="a"))
    for version in (2, 3):
        await told.answered("snapshot", snapshot_answer(version))
    assert document(told)["request"] == "first"
    await told.answered("train", train_answer(digest=2))
    assert runs(told)[0] == ("Unchanged", "Incident", "second"), "the first run learned from the same data"
    assert len(told.jobs("snapshot")) == 3, "each was looked for once"


async def test_a_run_under_way_is_not_disturbed_by_an_incident():
    told = await registered()
    await told.edited("TrainingJob", seed=1)
    job = told.job("train")["metadata"]["name"]
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(2))
    assert told.job("train")["metadata"]["name"] == job, "though it has not started yet"
    await told.answered("train", train_answer(digest=2))
    assert document(told)["request"] == "abc"


async def test_an_incident_of_a_pinned_version_does_not_wait_for_a_look():
    told = await registered()
    await told.edited("TrainingJob", datasetVersion=1)
    await told.answered("train", train_answer(digest=2))
    await given(told, monitor("abc"))
    assert len(told.jobs("snapshot")) == 1
    assert runs(told)[0] == ("Unchanged", "Incident", "abc")


async def test_an_incident_waits_for_a_look_that_the_store_failed():
    told = await registered()
    await given(told, monitor("abc"))
    await told.failed("snapshot", "StoreUnreachable", "The object store does not answer.", code=3)
    assert runs(told) == [("Registered", "Change", "")]
    assert message(told).endswith("looks at its source first. The object store does not answer.")
    await told.after(minutes=1)
    await told.answered("snapshot", snapshot_answer(2))
    assert document(told)["request"] == "abc"


async def test_bad_new_data_leave_an_incident_with_what_was_there():
    told = await registered()
    await given(told, monitor("abc"))
    await told.failed("snapshot", "RuleViolated", "Rule positive: 7 rows break it.")
    assert runs(told)[0] == ("Unchanged", "Incident", "abc")


async def test_a_rejected_run_of_an_incident_leaves_the_training_job_ready():
    told = await registered()
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(2))
    await told.answered("train", train_answer(gate="Failed", digest=2))
    assert runs(told)[0] == ("Rejected", "Incident", "abc")
    assert told.ready("TrainingJob") == ("True", "GatesFailed")
    assert told.condition("TrainingJob", "Stalled")["status"] == "absent"
    assert message(told) == "flights-v2 did not pass: Skill is 0.1."


async def test_a_rejected_run_after_a_persons_change_stays_a_persons_matter_through_an_incident():
    told = await registered()
    await told.edited("TrainingJob", seed=1)
    await told.answered("train", train_answer(gate="Failed", digest=2))
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(1, reason="Unchanged"))
    assert told.ready("TrainingJob") == ("False", "GatesFailed")
    assert message(told, "Stalled").endswith("It did not pass: Skill is 0.1.")


async def test_a_cluster_that_does_not_know_the_kind_of_monitors_trains_all_the_same():
    from trimtab.kube.errors import NotFound

    told = Tale(dataset_controller, controller, given=(dataset(), training_job()))
    told.api.refuse("list", "driftmonitors", NotFound("there is no such kind", code=404), times=1000)
    await told.settle()
    await told.answered("snapshot", snapshot_answer(1))
    assert told.job("train")


async def test_a_process_that_died_after_the_job_of_an_incident_finds_it_again():
    told = await registered()
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(2))
    own = told.api.one("trainingjobs", "flights")
    told.api.given({**own, "status": {**own["status"], "runs": own["status"]["runs"][1:], "latestRun": own["status"]["runs"][1]["key"]}})
    await told.settle()
    assert len(told.running("train")) == 1
    assert runs(told)[0] == ("Running", "Incident", "abc")


def test_what_asks_for_a_run_wakes_those_who_answer():
    asked = annotated(training_job(), **{REQUESTED: "monday"})
    assert controller.RELATED(monitor("abc") | {"metadata": {"name": "m", "namespace": "default"}}) == [Key("TrainingJob", "default", "flights")]
    assert controller.RELATED(monitor() | {"metadata": {"name": "m", "namespace": "default"}}) == []
    assert dataset_controller.RELATED(asked) == [Key("Dataset", "default", "flights")]
    assert dataset_controller.RELATED(training_job()) == []
    assert dataset_controller.RELATED(asked | {"status": {"lastHandledRequest": "monday"}}) == []
    begun = training_job() | {"status": {"runs": [{"request": "abc"}]}}
    assert dataset_controller.RELATED(begun) == [Key("Dataset", "default", "flights")], "it need not remember the request any more"


# a person's annotation


async def test_a_person_who_asks_the_training_job_makes_the_dataset_look_first():
    told = await registered()
    await told.annotated("TrainingJob", {REQUESTED: "monday"})
    assert told.ready("TrainingJob") == ("False", "DatasetNotReady")
    await told.answered("snapshot", snapshot_answer(2))
    assert (document(told)["request"], document(told)["cause"], document(told)["dataset"]["version"]) == ("monday", "Request", 2)
    assert told.status("TrainingJob")["lastHandledRequest"] == "monday"


async def test_a_person_who_asks_for_what_was_learned_already_is_told_so():
    told = await registered()
    await told.annotated("TrainingJob", {REQUESTED: "monday"})
    await told.answered("snapshot", snapshot_answer(1, reason="Unchanged"))
    assert told.ready("TrainingJob") == ("True", "NothingNew")
    assert told.status("TrainingJob")["lastHandledRequest"] == "monday"


async def test_a_request_and_an_incident_do_not_take_turns():
    told = await registered()
    await told.annotated("Dataset", {REQUESTED: "rows"})
    await told.answered("snapshot", snapshot_answer(2))
    await told.annotated("TrainingJob", {REQUESTED: "monday"})
    await told.answered("snapshot", snapshot_answer(3))
    await told.answered("train", train_answer(digest=2))
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(4))
    await told.answered("train", train_answer(digest=3))
    await told.after(days=1)
    assert [request for _, _, request in runs(told)] == ["abc", "monday", ""]
    assert told.running("snapshot") == told.running("train") == []
    assert told.status("Dataset")["lastHandledRequest"] == "rows"
    assert told.status("TrainingJob")["lastHandledRequest"] == "monday"


# new data


async def test_new_data_begin_a_run_where_the_policy_says_so():
    told = await registered(runPolicy={"onNewData": True})
    await new_data(told)
    assert (document(told)["cause"], document(told)["request"], document(told)["dataset"]["version"]) == ("NewData", "", 2)
    await told.answered("train", train_answer(digest=2))
    await told.after(days=2)
    assert len(told.jobs("train")) == 2


async def test_going_back_to_older_data_trains_nothing():
    told = await registered(runPolicy={"onNewData": True})
    await new_data(told)
    await told.answered("train", train_answer(digest=2))
    await told.edited("Dataset", activeVersion=1)
    assert [run["modelVersion"] for run in told.status("TrainingJob")["runs"]] == ["flights-v1", "flights-v2"]
    await told.after(days=2)
    assert len(told.jobs("train")) == 2


async def test_new_data_wait_for_the_run_under_way():
    told = await registered(runPolicy={"onNewData": True, "concurrency": "Replace"})
    await told.edited("TrainingJob", seed=1)
    start(told.api, told.job("train"))
    await new_data(told)
    assert document(told)["spec"]["seed"] == 1
    assert document(told)["dataset"]["version"] == 1
    await told.answered("train", train_answer(digest=2))
    assert document(told)["dataset"]["version"] == 2


# what holds automatic runs back


async def a_full_day(most=2):
    told = await registered(runPolicy={"onNewData": True, "maxAutomaticRunsPerDay": most})
    for number in range(2, 2 + most):
        await told.after(hours=1)
        await new_data(told, number)
        await told.answered("train", train_answer(digest=number))
    await new_data(told, 9)
    return told


async def test_a_full_day_holds_the_next_automatic_run_back_and_says_until_when():
    told = await a_full_day()
    assert told.running("train") == []
    assert told.ready("TrainingJob") == ("True", "HeldBack")
    assert message(told).startswith(
        "Registered as flights-v3. The run on version 9 of Dataset flights is held back: 2 automatic runs were begun within 24 h, and spec.runPolicy.maxAutomaticRunsPerDay is 2; it goes on at 2026-01-06T"
    )
    assert told.condition("TrainingJob", "Reconciling")["reason"] == "HeldBack"


async def test_a_held_run_begins_when_the_oldest_of_the_day_is_a_day_old():
    told = await a_full_day()
    first = next(run for run in reversed(told.status("TrainingJob")["runs"]) if run["cause"] == "NewData")["startedAt"]
    assert first[11:19] in message(told), "it names the moment"
    outcome = await told.reconcile("TrainingJob")
    await told.after(seconds=outcome.requeue_after.total_seconds() - 1)
    assert told.running("train") == []
    await told.after(seconds=1)
    assert document(told)["dataset"]["version"] == 9


async def test_a_person_is_never_held_back_and_never_counted():
    told = await a_full_day()
    await told.edited("TrainingJob", seed=7)
    assert (document(told)["cause"], document(told)["dataset"]["version"]) == ("Change", 9)
    await told.answered("train", train_answer(digest=7))
    await told.annotated("TrainingJob", {REQUESTED: "monday"})
    await told.answered("snapshot", snapshot_answer(10))
    assert document(told)["cause"] == "Request"


async def test_raising_the_limit_lets_the_held_run_go():
    told = await a_full_day()
    await told.edited("TrainingJob", runPolicy={"onNewData": True, "maxAutomaticRunsPerDay": 3})
    assert document(told)["dataset"]["version"] == 9


async def test_a_limit_of_none_says_what_a_person_can_do():
    told = await registered(runPolicy={"onNewData": True, "maxAutomaticRunsPerDay": 0})
    await new_data(told)
    assert told.running("train") == []
    assert "is 0; ask for a run with the annotation trimtab.dev/run-requested." in message(told)
    assert told.condition("TrainingJob", "Reconciling")["status"] == "absent", "it does not go on by itself"


async def test_runs_that_found_nothing_new_do_not_fill_the_day():
    told = await registered(runPolicy={"maxAutomaticRunsPerDay": 1})
    for number in range(3):
        await given(told, monitor(f"i{number}"))
        await told.answered("snapshot", snapshot_answer(1, reason="Unchanged"))
    assert [outcome for outcome, _, _ in runs(told)] == ["Unchanged"] * 3 + ["Registered"]


async def test_a_pause_of_the_cluster_holds_incidents_and_new_data_but_no_person():
    told = await registered(monitor("abc"))
    told.settings = SETTINGS.model_copy(update={"pause_automatic_retraining": True})
    told.api.remove(API_VERSION, "driftmonitors", "default", "flights")
    await given(told, monitor("def"))
    await told.after(days=1)
    assert told.running("snapshot") == told.running("train") == []
    assert told.ready("TrainingJob") == ("True", "RetrainingPaused")
    assert message(told).endswith(
        "The run for incident def of DriftMonitor flights is held back: automatic retraining of the cluster is paused by the chart's `retraining.paused`."
    )
    await told.edited("TrainingJob", seed=1)
    assert told.job("train")
    told.settings = SETTINGS
    await told.answered("train", train_answer(digest=2))
    assert document(told, "snapshot")["request"] == "def"


async def test_a_paused_deployment_holds_the_runs_of_its_model():
    told = await registered(annotated(deployment("production", "flights"), **PAUSED), runPolicy={"onNewData": True})
    await new_data(told)
    assert told.running("train") == []
    assert "Deployment production is paused by its annotation trimtab.dev/paused" in message(told)
    await given(told, deployment("production", "flights") | {"metadata": {"name": "production", "namespace": "default", "annotations": {}}})
    assert document(told)["cause"] == "NewData"


async def test_suspended_holds_an_incident_and_the_dataset_does_not_look_for_it():
    told = await registered(runPolicy={"suspend": False})
    await told.edited("TrainingJob", runPolicy={"suspend": True})
    await given(told, monitor("abc"))
    assert told.running("snapshot") == told.running("train") == []
    assert told.ready("TrainingJob") == ("True", "Suspended")
    await told.edited("TrainingJob", runPolicy={"suspend": False})
    assert document(told, "snapshot")["request"] == "abc"


async def test_a_run_that_goes_again_is_not_kept_from_it_by_one_that_is_held():
    told = await registered(runPolicy={"onNewData": True, "maxAutomaticRunsPerDay": 1})
    await new_data(told, 2)
    await told.failed("train", "StoreUnreachable", "It does not answer.", code=3)
    await new_data(told, 3)
    assert told.ready("TrainingJob") == ("False", "StoreUnreachable")
    assert "It does not answer. The run on version 3 of Dataset flights is held back" in message(told)
    await told.after(minutes=1)
    assert document(told)["dataset"]["version"] == 2


async def test_a_failed_run_that_another_took_the_place_of_is_not_waited_for_any_more():
    """The monitor waits for the run of its incident: one that nobody tries again must not look as if it went on."""
    told = await registered(runPolicy={"onNewData": True})
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(2))
    await told.failed("train", "StoreUnreachable", "It does not answer.", code=3)
    assert runs(told)[0] == ("Failed", "Incident", "abc")
    await told.edited("TrainingJob", seed=1)
    await told.answered("train", train_answer(digest=3))
    assert runs(told)[:2] == [("Registered", "Change", ""), ("Superseded", "Incident", "abc")]
    behind = told.status("TrainingJob")["runs"][1]
    assert (behind["reason"], behind["message"].split(". ")[-1]) == ("Superseded", "It does not answer.")


async def test_a_run_left_behind_by_a_process_that_died_is_superseded_too():
    """The newer Job was made, and the status still shows the older run at work."""
    told = await registered()
    await told.edited("TrainingJob", seed=1)
    before = told.status("TrainingJob")
    await told.edited("TrainingJob", seed=2)
    told.api.set_status(told.api.one("trainingjobs", "flights"), **before)
    await told.settle()
    assert [outcome for outcome, _, _ in runs(told)] == ["Running", "Superseded", "Registered"]


async def test_a_pause_holds_further_attempts_of_an_automatic_run_too():
    told = await registered(deployment("production", "flights"))
    await given(told, monitor("abc"))
    await told.answered("snapshot", snapshot_answer(2))
    await told.failed("train", "StoreUnreachable", "It does not answer.", code=3)
    await given(told, annotated(deployment("production", "flights"), **PAUSED))
    for _ in range(3):
        outcome = await told.reconcile("TrainingJob")
        await told.after(minutes=5)
    assert outcome.requeue_after is None
    assert told.running("train") == []
    assert told.ready("TrainingJob") == ("False", "RetrainingPaused")
    assert "It does not answer. Another attempt at run" in message(told)
    assert "Deployment production is paused by its annotation trimtab.dev/paused" in message(told)
    await given(told, deployment("production", "flights") | {"metadata": {"name": "production", "namespace": "default", "annotations": {}}})
    assert document(told)["request"] == "abc"


async def test_an_automatic_run_that_was_suspended_and_then_paused_says_what_it_waits_for():
    told = await registered(deployment("production", "flights"), runPolicy={"onNewData": True})
    await new_data(told, 2)
    await told.edited("TrainingJob", runPolicy={"onNewData": True, "suspend": True})
    await given(told, annotated(deployment("production", "flights"), **PAUSED))
    await told.edited("TrainingJob", runPolicy={"onNewData": True, "suspend": False})
    assert (told.ready("TrainingJob"), told.running("train")) == (("False", "RetrainingPaused"), [])
    assert "Another attempt at run" in message(told)


async def test_a_pause_holds_no_further_attempt_of_a_persons_run():
    told = await registered(annotated(deployment("production", "flights"), **PAUSED))
    await told.edited("TrainingJob", seed=1)
    await told.failed("train", "StoreUnreachable", "It does not answer.", code=3)
    await told.after(minutes=1)
    assert document(told)["cause"] == "Change"


# data that have gone


async def test_a_failed_run_whose_data_left_the_list_promises_no_retry():
    told = await registered(dataset_spec={"retain": {"versions": 1}})
    await told.edited("TrainingJob", seed=1)
    await told.failed("train", "StoreUnreachable", "It does not answer.", code=3)
    status = told.status("Dataset")
    status["versions"] = [{**status["versions"][0], "version": 2, "digest": f"{2:064x}"}]
    told.api.set_status(told.api.one("datasets", "flights"), **status | {"activeVersion": 2})
    outcome = await told.reconcile("TrainingJob")
    assert told.ready("TrainingJob") == ("False", "VersionMissing")
    assert told.condition("TrainingJob", "Stalled")["status"] == "True"
    assert outcome.requeue_after is None, "nothing is tried again"
    run = told.status("TrainingJob")["runs"][0]
    assert (run["outcome"], run["reason"]) == ("Failed", "VersionMissing"), "who waits for the run hears that it is over"
    assert run["message"].startswith("It does not answer. It is not tried again: Dataset flights: there is no version 1")
