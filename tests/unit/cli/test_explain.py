"""Where a value in force comes from."""

import json

from support.builders import annotated, dataset, deployment, model_version, training_job
from support.told import ready
from trimtab.cli.views.explain import LAST_APPLIED, explain, meaning_of_absence
from trimtab.cli.views.listed import Listed


def facts(obj, *others):
    return {row["field"]: (row["value"], row["from"], row["note"]) for row in explain(Listed.of_all(obj, *others), obj).data()}


def applied(obj, stored):
    """As kubectl apply leaves it: what was written in an annotation, the spec with defaults."""
    return annotated(obj | {"spec": obj["spec"] | stored}, **{LAST_APPLIED: json.dumps({"spec": obj["spec"]})})


def test_what_was_written_is_told_as_written_though_it_equals_the_default():
    obj = applied(dataset(split={"seed": 0}), {"split": {"train": 70, "validation": 15, "test": 15, "seed": 0}})
    found = facts(ready(obj))
    assert found["spec.split.seed"][:2] == ("0", "written")
    assert found["spec.split.train"] == ("70", "default", "Percent of rows to train on")


def test_server_side_apply_says_what_was_written():
    obj = ready(dataset(retain={"versions": 10}) | {"metadata": {"name": "flights"}})
    obj["metadata"]["managedFields"] = [
        {"operation": "Apply", "fieldsV1": {"f:spec": {"f:label": {}, "f:retain": {"f:versions": {}}, "f:source": {"f:uri": {}}}}}
    ]
    assert facts(obj)["spec.retain.versions"][:2] == ("10", "written")
    assert facts(obj)["spec.retain.reclaimPolicy"][:2] == ("Retain", "default")


def test_without_either_a_value_unlike_the_default_counts_as_written():
    found = facts(ready(training_job(seed=7)))
    assert found["spec.seed"][:2] == ("7", "written")
    assert found["spec.dataset"][:2] == ("flights", "written")


def test_what_is_absent_says_what_that_means():
    assert facts(ready(dataset()))["spec.refresh"] == ("(absent)", "default", "on a change of the spec and on request")


def test_what_the_operator_found_is_told_with_its_reason():
    found = facts(ready(dataset(timestamp="when"), task="classification", activeVersion=3))
    assert found["spec.task"] == ("classification", "found", "from the label late")
    assert found["spec.split.method"] == ("time", "found", "spec.timestamp is when")
    assert found["spec.activeVersion"][0] == "3"


def test_default_gates_are_told_with_what_they_said():
    gates = [{"name": "skill", "outcome": "Passed", "message": "Skill 0.05."}, {"name": "auc", "outcome": "Failed"}]
    job = ready(training_job(evaluation={"gates": [{"name": "auc", "metric": "roc_auc", "min": 0.6}]}), modelVersion="flights-v1")
    found = facts(job, ready(model_version(summary={"gates": gates})))
    assert found["gate skill"] == ("Passed", "default", "Skill 0.05.")
    assert "gate auc" not in found


def test_a_deployment_tells_what_it_follows_and_what_its_pods_run():
    found = facts(ready(deployment(), stable={"version": 4, "image": "serving:1"}))
    assert found["spec.version"][:2] == ("4", "found")
    assert found["spec.follow"][:2] == ("Passed", "default")
    assert found["image"][0] == "serving:1"


def test_the_meaning_of_absence_is_read_from_the_description():
    assert meaning_of_absence("Pods, 2 by default; 0 stops.") == ""
    assert meaning_of_absence("The log; by default all are logged, with all columns.") == "all are logged, with all columns"
