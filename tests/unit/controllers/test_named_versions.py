"""A version that is named by its number and not listed: after a restore without status, or once it has left the list."""

import json

from support.answers import materialize_answer, snapshot_answer
from support.builders import dataset, feature_set, training_job
from support.job_pods import complain
from support.tale import Tale
from trimtab.api.documents import Found, Result
from trimtab.controllers import dataset as datasets
from trimtab.controllers import featureset as feature_sets
from trimtab.controllers import trainingjob as training_jobs


def also(answer: Result, *older: Result) -> Result:
    """An answer that tells of older versions too."""
    return answer.with_found([Found(uri=each.uri, manifest_digest=each.manifest_digest, facts=each.facts) for each in older])


def asked_for(told: Tale, verb: str) -> list[int]:
    variables = told.job(verb)["spec"]["template"]["spec"]["containers"][0]["env"]
    named: list[int] = json.loads(next(each["value"] for each in variables if each["name"] == "TRIMTAB_DOCUMENT"))["named"]
    return named


def listed(told: Tale, kind: str, name: str = "flights") -> list[int]:
    return [each["version"] for each in told.status(kind, name)["versions"]]


async def test_a_dataset_restored_without_status_serves_the_version_that_it_names():
    told = Tale(datasets, given=(dataset(activeVersion=2),))
    await told.settle()
    assert asked_for(told, "snapshot") == [2]
    await told.answered("snapshot", also(snapshot_answer(5, reason="Unchanged"), snapshot_answer(2)))
    assert listed(told, "Dataset") == [5, 2]
    assert told.ready("Dataset") == ("True", "Ready")
    assert told.status("Dataset")["activeVersion"] == 2


async def test_a_feature_set_does_so_too():
    told = Tale(feature_sets, given=(feature_set(activeVersion=1),))
    await told.settle()
    assert asked_for(told, "materialize") == [1]
    await told.answered("materialize", also(materialize_answer(3), materialize_answer(1)))
    assert (listed(told, "FeatureSet", "weather"), told.status("FeatureSet", "weather")["activeVersion"]) == ([3, 1], 1)


async def test_a_run_that_pins_a_version_finds_it_after_a_restore():
    told = Tale(datasets, training_jobs, given=(dataset(), training_job(datasetVersion=3)))
    await told.settle()
    assert asked_for(told, "snapshot") == [3]
    await told.answered("snapshot", also(snapshot_answer(4, reason="Unchanged"), snapshot_answer(3)))
    assert listed(told, "Dataset") == [4, 3]
    assert told.running("train")


async def test_a_number_that_is_named_later_is_looked_for_once_and_then_said_to_be_missing():
    told = Tale(datasets, given=(dataset(),))
    await told.settle()
    await told.answered("snapshot", snapshot_answer(2))
    assert not told.running("snapshot")
    await told.edited("Dataset", activeVersion=1)
    assert asked_for(told, "snapshot") == [1]
    await told.answered("snapshot", snapshot_answer(2, reason="Unchanged"))
    assert told.ready("Dataset") == ("False", "VersionMissing")
    await told.after(hours=5)
    assert not told.running("snapshot")


async def test_a_version_that_has_left_the_list_comes_back_when_it_is_named():
    told = Tale(datasets, given=(dataset(retain={"versions": 1}),))
    await told.settle()
    await told.answered("snapshot", snapshot_answer(1))
    await told.annotated("Dataset", {"trimtab.dev/run-requested": "again"})
    await told.answered("snapshot", snapshot_answer(2))
    assert listed(told, "Dataset") == [2]
    await told.edited("Dataset", activeVersion=1)
    await told.answered("snapshot", also(snapshot_answer(2, reason="Unchanged"), snapshot_answer(1)))
    assert (listed(told, "Dataset"), told.status("Dataset")["activeVersion"]) == ([2, 1], 1)


async def test_bad_new_data_after_a_restore_take_nothing_away():
    told = Tale(datasets, given=(dataset(),))
    await told.settle()
    broken = also(Result(outcome="Failed", reason="RuleViolated", message="1 of 1 validation rules are broken."), snapshot_answer(4), snapshot_answer(2))
    complain(told.api, told.job("snapshot"), broken)
    await told.settle()
    assert (listed(told, "Dataset"), told.status("Dataset")["activeVersion"]) == ([4, 2], 4)
    assert told.ready("Dataset") == ("True", "RuleViolated")
    assert told.condition("Dataset", "Valid")["status"] == "False"


async def test_a_status_that_is_lost_while_the_look_goes_on_is_read_from_its_job():
    told = Tale(datasets, given=(dataset(activeVersion=1),))
    await told.settle()
    told.api.given({**told.api.one("datasets", "flights"), "status": {}})
    await told.settle()
    assert told.status("Dataset")["check"]["named"] == [1]
    assert len(told.jobs("snapshot")) == 1
