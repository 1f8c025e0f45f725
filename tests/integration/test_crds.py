"""What the API server takes and what it refuses, with our sentence, before the operator ever sees it."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from support.control_plane import REPOSITORY, ControlPlane
from support.refused import DATASET, DEPLOYMENT, DRIFT_MONITOR, MINIMAL, MODEL_VERSION, NAMES_REFUSED, REFUSED, TRAINING_JOB, W5, W50, default_name, steps
from trimtab.api.base import API_VERSION
from trimtab.api.kinds import BY_KIND, KINDS, Kind


def manifest(kind: str, spec: dict[str, Any], name: str = "") -> str:
    return json.dumps({"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name or default_name(kind)}, "spec": spec})


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


@pytest.mark.parametrize("case", REFUSED)
def test_it_is_refused_with_a_sentence(kinds, namespace, case):
    kind, spec, sentence = REFUSED[case]
    assert sentence in refusal(kinds, namespace, manifest(kind, spec))


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
