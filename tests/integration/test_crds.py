"""What the API server takes and what it refuses, with our sentence, before the operator ever sees it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.control_plane import REPOSITORY, ControlPlane
from trimtab.api.base import API_VERSION
from trimtab.api.kinds import BY_KIND, KINDS, Kind

SHA = "0" * 64

DATASET = {"source": {"uri": "s3://lake/flights/"}, "label": "late"}
TRAINING_JOB = {"dataset": "flights"}
MODEL_VERSION = {"model": "flights", "version": 7, "artifact": {"uri": "s3://lake/models/flights/abc/", "manifestDigest": SHA, "format": "onnx"}}
DEPLOYMENT = {"model": "flights"}
FEATURE_SET = {"entities": ["origin"], "timestamp": "time_hour", "source": {"uri": "s3://lake/weather/"}}
DRIFT_MONITOR = {"deployment": "flights"}
MINIMAL = {
    "FeatureSet": FEATURE_SET,
    "Dataset": DATASET,
    "TrainingJob": TRAINING_JOB,
    "ModelVersion": MODEL_VERSION,
    "Deployment": DEPLOYMENT,
    "DriftMonitor": DRIFT_MONITOR,
}


def triggered(**trigger: Any) -> dict[str, Any]:
    return DRIFT_MONITOR | {"triggers": [{"name": "it", **trigger}]}


def manifest(kind: str, spec: dict[str, Any], name: str = "") -> str:
    return json.dumps({"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name or default_name(kind)}, "spec": spec})


def default_name(kind: str) -> str:
    return "flights-v7" if kind == "ModelVersion" else "flights"


def apply(kinds: ControlPlane, namespace: str, text: str) -> str:
    return kinds.kubectl("apply", "-n", namespace, "-f", "-", stdin=text)


def refusal(kinds: ControlPlane, namespace: str, text: str) -> str:
    """The server's words about a manifest that it must not take."""
    with pytest.raises(subprocess.CalledProcessError) as error:
        apply(kinds, namespace, text)
    return error.value.stderr


def read(kinds: ControlPlane, namespace: str, kind: Kind, name: str) -> dict[str, Any]:
    return json.loads(kinds.kubectl("get", f"{kind.plural}.{kind.group}", name, "-n", namespace, "-o", "json"))


def write_status(kinds: ControlPlane, namespace: str, kind: Kind, name: str, status: dict[str, Any]) -> None:
    kinds.kubectl("patch", f"{kind.plural}.{kind.group}", name, "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))


@pytest.fixture(params=KINDS, ids=lambda kind: kind.kind)
def kind(request: pytest.FixtureRequest) -> Kind:
    return request.param


def test_a_manifest_with_only_the_obvious_is_accepted(kinds, namespace, kind):
    assert "created" in apply(kinds, namespace, manifest(kind.kind, MINIMAL[kind.kind]))


def test_an_object_nobody_has_looked_at_says_so(kinds, namespace, kind):
    apply(kinds, namespace, manifest(kind.kind, MINIMAL[kind.kind]))
    assert read(kinds, namespace, kind, default_name(kind.kind))["status"] == {"observedGeneration": -1}


def test_applying_again_changes_nothing(kinds, namespace, kind):
    for _ in range(2):
        said = apply(kinds, namespace, manifest(kind.kind, MINIMAL[kind.kind]))
    assert "unchanged" in said
    assert read(kinds, namespace, kind, default_name(kind.kind))["metadata"]["generation"] == 1


def test_lists_get_no_defaults_so_that_applying_again_changes_nothing(kinds, namespace):
    gates = [{"name": "overfit", "maxGap": {"metric": "roc_auc", "value": 0.1}}, {"name": "simple", "metric": "skill", "notWorseThan": {"simpleModel": True}}]
    spec = TRAINING_JOB | {"evaluation": {"gates": gates}, "template": {"spec": {"containers": [{"resources": {"limits": {"memory": "1Gi"}}}]}}}
    for _ in range(2):
        said = apply(kinds, namespace, manifest("TrainingJob", spec))
    assert "unchanged" in said


def test_defaults_of_the_schema_are_those_of_the_models(kinds, namespace):
    apply(kinds, namespace, manifest("Dataset", DATASET | {"split": {"method": "random"}}))
    apply(kinds, namespace, manifest("TrainingJob", TRAINING_JOB | {"runPolicy": {"backoffLimit": 0}}))
    found = json.loads(kinds.kubectl("get", "datasets,trainingjobs", "-n", namespace, "-o", "json"))["items"]
    assert found[0]["spec"]["split"] == {"method": "random", "train": 70, "validation": 15, "test": 15, "seed": 0}
    assert found[1]["spec"]["runPolicy"] == {
        "concurrency": "Finish",
        "activeDeadlineSeconds": 3600,
        "backoffLimit": 0,
        "historyLimit": 5,
        "maxAutomaticRunsPerDay": 3,
        "onNewData": False,
        "suspend": False,
    }


def test_the_stored_object_is_read_back_by_the_models(kinds, namespace, kind):
    apply(kinds, namespace, manifest(kind.kind, MINIMAL[kind.kind]))
    stored = read(kinds, namespace, kind, default_name(kind.kind))
    assert kind.spec.model_validate(stored["spec"]).model_dump(by_alias=True, exclude_unset=True) == stored["spec"]
    assert kind.status.model_validate(stored["status"]).model_dump(by_alias=True, exclude_unset=True) == stored["status"]


W5, W50 = {"weight": 5, "duration": "2m"}, {"weight": 50, "duration": "2m"}


def steps(*of: dict[str, Any], **rest: Any) -> dict[str, Any]:
    return DEPLOYMENT | {"rollout": {"steps": list(of)} | rest}


REFUSED = {
    "a delay that outlasts validity": ("FeatureSet", FEATURE_SET | {"publishDelay": "4h", "ttl": "3h"}, "spec.publishDelay is longer than spec.ttl"),
    "a negative ttl": ("FeatureSet", FEATURE_SET | {"ttl": "-1h"}, "spec.ttl is negative; write how long a value stays valid"),
    "a value known before its event": ("FeatureSet", FEATURE_SET | {"publishDelay": "-1h"}, "spec.publishDelay is negative; a value cannot be known before"),
    "features about nothing": ("FeatureSet", FEATURE_SET | {"entities": []}, "spec.entities in body should have at least 1 items"),
    "the time as a key": ("FeatureSet", FEATURE_SET | {"entities": ["time_hour"]}, "spec.entities names the timestamp"),
    "two transforms": (
        "FeatureSet",
        FEATURE_SET | {"transform": {"sql": "SELECT 1", "python": {"configMap": {"name": "c", "key": "k"}}}},
        "give exactly one of `sql` and `python`",
    ),
    "a split that adds up to 110": ("Dataset", DATASET | {"split": {"train": 80}}, "spec.split: train, validation and test must add up to 100"),
    "a group split without its column": ("Dataset", DATASET | {"split": {"method": "group"}}, "method `group` needs `column`"),
    "a time split without a timestamp": ("Dataset", DATASET | {"split": {"method": "time"}}, "method `time` needs spec.timestamp"),
    "an excluded label": ("Dataset", DATASET | {"exclude": ["late"]}, "spec.exclude names the label"),
    "a uri that is no object store's": ("Dataset", DATASET | {"source": {"uri": "/data/flights.csv"}}, "spec.source.uri: Invalid value"),
    "a source that is nowhere": ("Dataset", DATASET | {"source": {}}, "spec.source: give `uri`, `predictions` or both"),
    "a format of no files": ("Dataset", DATASET | {"source": {"predictions": "flights", "format": "csv"}}, "`format` is that of the files under `uri`"),
    "an unquoted y as the label": ("Dataset", DATASET | {"label": True}, 'spec.label in body must be of type string: "boolean"'),
    "a negative seed": ("TrainingJob", TRAINING_JOB | {"seed": -1}, "spec.seed in body should be greater than or equal to 0"),
    "an unknown task": ("Dataset", DATASET | {"task": "clustering"}, 'supported values: "classification", "regression"'),
    "a rule about nothing": ("Dataset", DATASET | {"validation": [{"name": "r"}]}, "exactly one of `column`, `rows` and `sql`"),
    "a rule with sql and no answer": ("Dataset", DATASET | {"validation": [{"name": "r", "sql": "SELECT 1"}]}, "with `sql` needs `expect`"),
    "a column beside a split that has no use for it": ("Dataset", DATASET | {"split": {"column": "carrier"}}, "`column` belongs to method `group`"),
    "a rule on a column without a bound": (
        "Dataset",
        DATASET | {"validation": [{"name": "r", "column": "hour"}]},
        "needs `min`, `max`, `allowed`, `unique` or",
    ),
    "a bound on no column": ("Dataset", DATASET | {"validation": [{"name": "r", "rows": {"min": 1}, "max": 3}]}, "and only such a rule has them"),
    "a schedule of four fields": ("Dataset", DATASET | {"refresh": {"schedule": "* * * *"}}, "spec.refresh.schedule: Invalid value"),
    "an estimator and a pipeline": (
        "TrainingJob",
        TRAINING_JOB | {"trainer": {"estimator": "sklearn.svm.SVC", "pipeline": [{"estimator": "sklearn.svm.SVC"}]}},
        "spec.trainer: give exactly one of `estimator`, `pipeline` and `python`",
    ),
    "parameters without their estimator": (
        "TrainingJob",
        TRAINING_JOB | {"trainer": {"pipeline": [{"estimator": "sklearn.svm.SVC"}], "parameters": {"C": 1}}},
        "spec.trainer.parameters belong to `estimator`",
    ),
    "an estimator that is no import path": ("TrainingJob", TRAINING_JOB | {"trainer": {"estimator": "SVC"}}, "spec.trainer.estimator: Invalid value"),
    "a gate without a bound": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "metric": "skill"}]}},
        "needs `min`, `max` or `notWorseThan`",
    ),
    "a gap with a bound beside it": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "maxGap": {"metric": "skill", "value": 0.1}, "min": 0}]}},
        "a gate with `maxGap` has no `min`",
    ),
    "a gap between a split and itself": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "maxGap": {"metric": "skill", "value": 0.1, "between": ["test", "test"]}}]}},
        "name two different splits",
    ),
    "a comparison on every slice at once": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "metric": "skill", "slice": {"column": "carrier"}, "notWorseThan": {"simpleModel": True}}]}},
        "compares on one slice: give `slice.value`",
    ),
    "a comparison with no model": (
        "TrainingJob",
        TRAINING_JOB | {"evaluation": {"gates": [{"name": "g", "metric": "skill", "notWorseThan": {"simpleModel": False}}]}},
        "compares with nothing",
    ),
    "follow beside version": ("Deployment", DEPLOYMENT | {"follow": "Passed", "version": 7}, "spec: give either `follow` or `version`"),
    "steps that do not increase": ("Deployment", steps(W50, W5), "each weight must be larger than the one before it"),
    "a weight twice": ("Deployment", steps(W50, {"pause": {}}, W50), "each weight must be larger than the one before it"),
    "a weight of nothing": ("Deployment", steps({"weight": 0, "duration": "1m"}), "should be greater than or equal to 1"),
    "a weight above all": ("Deployment", steps({"weight": 101, "duration": "1m"}), "should be less than or equal to 100"),
    "no step": ("Deployment", steps(), "should have at least 1 items"),
    "more than twenty steps": ("Deployment", steps(*({"weight": n, "duration": "1m"} for n in range(1, 22))), "must have at most 20 items"),
    "a step that is neither": ("Deployment", steps({"duration": "1m"}), "give each step either `weight` and `duration`, or `pause`"),
    "a step that is both": ("Deployment", steps(W5 | {"pause": {}}), "give each step either `weight` and `duration`, or `pause`"),
    "a weight for ever": ("Deployment", steps({"weight": 5}), "`weight` and `duration` go together"),
    "a pause with a duration beside it": ("Deployment", steps({"pause": {}, "duration": "1m"}), "`weight` and `duration` go together"),
    "a duration in days": ("Deployment", steps({"weight": 5, "duration": "1d"}), "duration: Invalid value"),
    "looks without a pause between them": ("Deployment", steps(W5, analysis={"interval": "10ms"}), "one second is the shortest"),
    "a latency below stable's": ("Deployment", steps(W5, analysis={"maxLatencyRatioPercent": 90}), "should be greater than or equal to 100"),
    "a header that is none": ("Deployment", DEPLOYMENT | {"sticky": {"header": "X User"}}, "spec.sticky.header: Invalid value"),
    "a shadow of nothing": ("Deployment", DEPLOYMENT | {"shadow": {"version": 7, "percent": 0}}, "should be greater than or equal to 1"),
    "fewer than no replicas": ("Deployment", DEPLOYMENT | {"replicas": -1}, "should be greater than or equal to 0"),
    "an artifact nobody can verify": (
        "ModelVersion",
        MODEL_VERSION | {"artifact": {"uri": "s3://lake/m.onnx", "format": "onnx"}},
        "spec.artifact: give `sha256` of the file for a model you bring",
    ),
    "a pickle": ("ModelVersion", MODEL_VERSION | {"artifact": MODEL_VERSION["artifact"] | {"format": "pickle"}}, 'supported values: "onnx", "skops"'),
    "an approval nobody signed": ("ModelVersion", MODEL_VERSION | {"approval": "Approved"}, "spec.approvedBy must be your own user name"),
    "a window of an hour and a half": ("DriftMonitor", DRIFT_MONITOR | {"window": {"duration": "90m"}}, "spec.window.duration: give whole hours"),
    "three drifted windows of two": (
        "DriftMonitor",
        DRIFT_MONITOR | {"tests": {"consecutive": {"k": 3, "of": 2}}},
        "spec.tests.consecutive: k is larger than of",
    ),
    "a schedule without one": ("DriftMonitor", triggered(type="Schedule"), "a Schedule trigger needs `schedule`"),
    "a query without a bound": ("DriftMonitor", triggered(type="Prometheus", query="up"), "needs `query` and exactly one of `above` and `below`"),
    "a query with two bounds": ("DriftMonitor", triggered(type="Prometheus", query="up", above=1, below=0), "exactly one of `above` and `below`"),
    "patience without a query": ("DriftMonitor", triggered(type="Drift", **{"for": "5m"}), "`query`, `above`, `below` and `for` belong to type Prometheus"),
    "a percentage of drift": ("DriftMonitor", triggered(type="Drift", percent=5), "`schedule` belongs to type Schedule, `percent` to type NewData"),
    "two triggers of one name": (
        "DriftMonitor",
        DRIFT_MONITOR | {"triggers": [{"name": "one", "type": "Drift"}, {"name": "one", "type": "Performance"}]},
        "spec.triggers: two triggers have the same name",
    ),
    "a schedule of alerts": ("DriftMonitor", triggered(type="Schedule", schedule="0 3 * * 1"), "a Schedule says when to retrain"),
    "going back for new data": (
        "DriftMonitor",
        triggered(type="NewData") | {"onTrigger": {"action": "Rollback"}},
        "new data are no reason to go back",
    ),
    "a retraining of nobody": ("DriftMonitor", DRIFT_MONITOR | {"onTrigger": {"action": "Retrain"}}, "spec.onTrigger: Retrain needs `trainingJob`"),
    "a retraining by default of nobody": ("DriftMonitor", DRIFT_MONITOR | {"onTrigger": {"cooldown": "1h"}}, "spec.onTrigger: Retrain needs `trainingJob`"),
    "deprecation without a floor": (
        "DriftMonitor",
        DRIFT_MONITOR | {"onTrigger": {"trainingJob": "flights", "onNoGain": "Deprecate"}},
        "Deprecate needs spec.performance.floor",
    ),
    "a misspelt field": ("TrainingJob", TRAINING_JOB | {"datasetversion": 4}, 'unknown field "spec.datasetversion"'),
    "no label": ("Dataset", {"source": DATASET["source"]}, "spec.label: Required value"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_a_sentence(kinds, namespace, case):
    kind, spec, sentence = REFUSED[case]
    assert sentence in refusal(kinds, namespace, manifest(kind, spec))


NAMES_REFUSED = {
    "a name of 60 characters": ("Dataset", "n" * 60, "metadata.name: Too long: may not be more than 52"),
    "a name with a dot": ("Dataset", "flights.v2", "use small letters, digits and dashes"),
    "a TrainingJob whose name is too long for a model": ("TrainingJob", "n" * 45, "at most 44 characters"),
    "a Deployment that begins with a digit": ("Deployment", "7flights", "must begin with a letter"),
    "a version under another number": ("ModelVersion", "flights-v8", "must be <spec.model>-v<spec.version>"),
    "a version under another model": ("ModelVersion", "trains-v7", "must be <spec.model>-v<spec.version>"),
    "a version with a leading zero": ("ModelVersion", "flights-v07", "must be <spec.model>-v<spec.version>"),
}


@pytest.mark.parametrize("case", NAMES_REFUSED)
def test_the_name_is_refused_with_a_sentence(kinds, namespace, case):
    kind, name, sentence = NAMES_REFUSED[case]
    assert sentence in refusal(kinds, namespace, manifest(kind, MINIMAL[kind], name))


def test_yaml_makes_a_boolean_of_an_unquoted_y_and_the_description_says_so(kinds):
    assert yaml.safe_load("label: yes")["label"] is True
    said = " ".join(kinds.kubectl("explain", "datasets.spec.label", f"--api-version={API_VERSION}").split())
    assert "must be quoted in YAML" in said


IMMUTABLE = {
    "model": {"model": "trains"},
    "version": {"version": 8},
    "artifact": {"artifact": MODEL_VERSION["artifact"] | {"manifestDigest": "1" * 64}},
    "summary": {"summary": {"metrics": [{"name": "skill", "value": "1"}]}},
    "lineage": {"lineage": {"runKey": "abc"}},
}


@pytest.mark.parametrize("field", IMMUTABLE)
def test_a_model_version_cannot_be_changed(kinds, namespace, field):
    apply(kinds, namespace, manifest("ModelVersion", MODEL_VERSION))
    assert f"spec.{field} cannot be changed" in refusal(kinds, namespace, manifest("ModelVersion", MODEL_VERSION | IMMUTABLE[field]))


@pytest.mark.parametrize("field", [{"deployment": "trains"}, {"clock": "Event"}], ids=["deployment", "clock"])
def test_what_a_monitor_watches_by_which_clock_cannot_be_changed(kinds, namespace, field):
    apply(kinds, namespace, manifest("DriftMonitor", DRIFT_MONITOR))
    assert f"spec.{next(iter(field))} cannot be changed" in refusal(kinds, namespace, manifest("DriftMonitor", DRIFT_MONITOR | field))


def test_words_about_a_model_version_can_be_changed(kinds, namespace):
    apply(kinds, namespace, manifest("ModelVersion", MODEL_VERSION))
    spec = MODEL_VERSION | {"description": "the first good one", "deprecated": {"reason": "learned from a wrong label"}}
    assert "configured" in apply(kinds, namespace, manifest("ModelVersion", spec))


def test_versions_of_one_model_are_found_by_field_selector(kinds, namespace):
    apply(kinds, namespace, manifest("ModelVersion", MODEL_VERSION))
    apply(kinds, namespace, manifest("ModelVersion", MODEL_VERSION | {"model": "trains"}, "trains-v7"))
    assert kinds.kubectl("get", "mv", "-n", namespace, "--field-selector=spec.model=trains", "-o", "name") == "modelversion.trimtab.dev/trains-v7\n"


def test_a_deployment_has_a_scale(kinds, namespace):
    apply(kinds, namespace, manifest("Deployment", DEPLOYMENT | {"replicas": 2}))
    write_status(kinds, namespace, BY_KIND["Deployment"], "flights", {"replicas": 1, "selector": "trimtab.dev/owner-name=flights"})
    kinds.kubectl("scale", "mdep/flights", "--replicas=5", "-n", namespace)
    scale = json.loads(kinds.kubectl("get", "--raw", f"/apis/{API_VERSION}/namespaces/{namespace}/modeldeployments/flights/scale"))
    assert scale["spec"] == {"replicas": 5}
    assert scale["status"] == {"replicas": 1, "selector": "trimtab.dev/owner-name=flights"}


def test_a_status_write_leaves_the_generation_and_a_spec_write_leaves_the_status(kinds, namespace, kind):
    name = default_name(kind.kind)
    apply(kinds, namespace, manifest(kind.kind, MINIMAL[kind.kind]))
    write_status(kinds, namespace, kind, name, {"observedGeneration": 1, "state": "Ready"})
    kinds.kubectl("annotate", f"{kind.plural}.{kind.group}", name, "-n", namespace, "a=b")
    stored = read(kinds, namespace, kind, name)
    assert (stored["metadata"]["generation"], stored["status"]["state"]) == (1, "Ready")


def test_the_table_shows_ready_state_and_why(kinds, namespace):
    apply(kinds, namespace, manifest("Dataset", DATASET))
    ready = {"type": "Ready", "status": "False", "reason": "NoObjects", "message": "There are no files.", "lastTransitionTime": "2026-01-01T00:00:00Z"}
    write_status(kinds, namespace, BY_KIND["Dataset"], "flights", {"state": "Waiting", "conditions": [ready]})
    header, row = kinds.kubectl("get", "dset", "-n", namespace, "-o", "wide").splitlines()
    assert header.split() == ["NAME", "READY", "STATE", "VERSION", "TASK", "SINCE", "AGE", "REASON", "MESSAGE"]
    assert (row.split()[1], row.split()[2], row.split()[-5], " ".join(row.split()[-4:])) == ("False", "Waiting", "NoObjects", "There are no files.")


def test_one_word_lists_every_kind(kinds, namespace):
    for kind in KINDS:
        apply(kinds, namespace, manifest(kind.kind, MINIMAL[kind.kind]))
    assert len(kinds.kubectl("get", "trimtab", "-n", namespace, "-o", "name").split()) == len(KINDS)


def test_tools_may_put_a_selector_into_a_deployment(kinds, namespace):
    assert "created" in apply(kinds, namespace, manifest("Deployment", DEPLOYMENT | {"selector": {"matchLabels": {"app": "x"}}}))


@pytest.mark.parametrize("path", sorted((REPOSITORY / "examples").rglob("*.yaml")), ids=lambda path: path.stem)
def test_the_examples_are_accepted(kinds, namespace, path: Path):
    ours = [each for each in yaml.safe_load_all(path.read_text()) if each.get("apiVersion") == API_VERSION]
    for each in ours:
        assert "created" in apply(kinds, namespace, json.dumps(each))


def test_a_deployment_keeps_its_model(kinds, namespace):
    apply(kinds, namespace, manifest("Deployment", {"model": "flights"}))
    assert "spec.model cannot be changed" in refusal(kinds, namespace, manifest("Deployment", {"model": "trains"}))
    apply(kinds, namespace, manifest("Deployment", {"model": "flights", "version": 3}))


def test_a_rollout_of_weights_and_pauses_is_taken_with_its_defaults(kinds, namespace):
    apply(kinds, namespace, manifest("Deployment", steps({"pause": {}}, W5, {"pause": {"duration": "1h"}}, W50)))
    stored = json.loads(kinds.kubectl("get", "modeldeployment", "flights", "-n", namespace, "-o", "json"))["spec"]["rollout"]
    assert stored["steps"] == [{"pause": {}}, W5, {"pause": {"duration": "1h"}}, W50]
    assert (stored["progressDeadlineSeconds"], stored["rollbackWindow"], stored["onInconclusive"]) == (600, "10m", "Wait")
    assert "configured" not in apply(kinds, namespace, manifest("Deployment", steps({"pause": {}}, W5, {"pause": {"duration": "1h"}}, W50)))
