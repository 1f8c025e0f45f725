"""What lint finds without a cluster, and the sentence for it."""

import pytest
import yaml

from support.builders import dataset, deployment, training_job
from support.command import alone
from support.control_plane import REPOSITORY
from support.refused import FEATURE_SET, MINIMAL, NAMES_REFUSED, REFUSED, W5, W50, default_name, steps, triggered
from trimtab.api.base import API_VERSION
from trimtab.api.crd import root_schema
from trimtab.api.kinds import BY_KIND, Kind
from trimtab.cli.checking import is_ours, problems, references


def said(manifest):
    return [f"{each.where}: {each.said}" for each in problems(manifest)]


def test_a_good_manifest_has_no_problem():
    assert problems(dataset()) == []


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        (dataset(labl="late"), "spec.labl: there is no such field. Did you mean label?"),
        (dataset(split={"trian": 80}), "spec.split.trian: there is no such field. Did you mean train?"),
        (dataset(label=True), "spec.label: YAML reads this word as true or false; write it in quotes."),
        (dataset(split={"method": "timely"}), "spec.split.method: write 'time', 'stratified', 'random' or 'group'."),
        (dataset(split={"train": 120}), "spec.split.train: should be less than or equal to 98; found 120."),
        (dataset(source={"uri": "/data"}), 'spec.source.uri: "/data" does not fit ^s3://'),
        ({"apiVersion": "trimtab.dev/v1alpha1", "kind": "TrainingJob", "metadata": {"name": "a"}, "spec": {}}, "spec.dataset: this field is needed."),
        (dataset("Flights"), "metadata.name: 'Flights' is no name; use small letters, digits and dashes."),
        (dataset("a" * 53), "has 53 characters; at most 52 fit."),
        (dataset() | {"kind": "Datset"}, "kind: Datset is no kind of trimtab.dev. Did you mean Dataset?"),
        (dataset() | {"apiVersion": "trimtab.dev/v1"}, "apiVersion: write trimtab.dev/v1alpha1."),
        (dataset() | {"specs": {}}, "specs: there is no field specs. Did you mean spec?"),
    ],
)
def test_a_problem_says_where_and_what_to_write(manifest, sentence):
    assert any(sentence in each for each in said(manifest)), said(manifest)


def test_every_problem_of_a_manifest_is_told_at_once():
    assert len(said(dataset("X", labl="a", split={"train": 120}))) == 3


def test_names_that_no_manifest_has_are_doubts():
    found = [(each["kind"], problem.said, problem.doubt) for each, problem in references([training_job(dataset="flight"), deployment(model="birds")])]
    assert found == [("TrainingJob", "there is no Dataset flight here.", True), ("Deployment", "nothing here makes model birds.", True)]


def test_names_that_fit_are_no_doubt():
    assert references([dataset(), training_job(), deployment()]) == []


def as_manifest(kind: str, spec: dict, name: str = "") -> dict:
    return {"apiVersion": API_VERSION, "kind": kind, "metadata": {"name": name or default_name(kind)}, "spec": spec}


@pytest.mark.parametrize("kind", MINIMAL)
def test_what_the_server_takes_has_no_problem(kind):
    assert problems(as_manifest(kind, MINIMAL[kind])) == []


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_server_refuses_is_found_without_it_a_rule_in_the_same_words(case):
    kind, spec, sentence = REFUSED[case]
    found = problems(as_manifest(kind, spec))
    assert found
    if any(sentence in message for message in messages(BY_KIND[kind])):
        assert any(sentence in f"{problem.where}: {problem.said}" for problem in found), found


@pytest.mark.parametrize("case", NAMES_REFUSED)
def test_a_name_that_the_server_refuses_is_found_without_it(case):
    kind, name, _ = NAMES_REFUSED[case]
    assert next(problem.where for problem in problems(as_manifest(kind, MINIMAL[kind], name))) in ("metadata.name", "the manifest")


def messages(kind: Kind) -> list[str]:
    return [rule["message"] for schema in parts(root_schema(kind)) for rule in schema.get("x-kubernetes-validations", [])]


def parts(schema: dict) -> list[dict]:
    inner = [*schema.get("properties", {}).values(), *(schema[key] for key in ("items", "additionalProperties") if isinstance(schema.get(key), dict))]
    return [schema, *(each for part in inner for each in parts(part))]


ACCEPTED = {
    "steps that increase, a pause among them": ("Deployment", steps(W5, {"pause": {}}, W50, analysis={"interval": "10s"})),
    "a query with its bound and its patience": ("DriftMonitor", triggered(type="Prometheus", query="up", above=0, **{"for": "5m"})),
    "a schedule of retrainings": ("DriftMonitor", triggered(type="Schedule", schedule="0 3 * * 1") | {"onTrigger": {"trainingJob": "flights"}}),
    "windows of two days": ("DriftMonitor", {"deployment": "flights", "window": {"duration": "48h"}, "tests": {"consecutive": {"k": 2, "of": 3}}}),
    "features that are valid for a day": ("FeatureSet", FEATURE_SET | {"publishDelay": "1h", "ttl": "24h"}),
    "a split of its own": ("Dataset", MINIMAL["Dataset"] | {"split": {"method": "group", "column": "carrier", "train": 60, "validation": 20, "test": 20}}),
}


@pytest.mark.parametrize("case", ACCEPTED)
def test_a_rule_that_holds_is_no_problem(case):
    assert problems(as_manifest(*ACCEPTED[case])) == []


def test_all_examples_are_without_a_problem():
    files = [file for file in sorted((REPOSITORY / "examples").rglob("*.yaml")) if "\napiVersion: trimtab.dev" in f"\n{file.read_text()}"]
    manifests = [each for file in files for each in yaml.safe_load_all(file.read_text()) if each and is_ours(each)]
    assert len(manifests) > 10
    assert [(each["metadata"]["name"], problems(each)) for each in manifests if problems(each)] == []


def test_a_rule_of_a_change_is_the_servers():
    assert problems(as_manifest("DriftMonitor", MINIMAL["DriftMonitor"] | {"clock": "Event"})) == []


def test_lint_reads_a_folder_and_ends_with_1_where_something_is_wrong(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: trimtab.dev/v1alpha1\nkind: Dataset\nmetadata: {name: flights}\nspec: {labl: late}\n"
    )
    done = alone("lint", str(tmp_path))
    assert done.code == 1
    assert f"{tmp_path}/a.yaml: Dataset flights: spec.labl: there is no such field. Did you mean label?" in done.out


def test_lint_of_good_manifests_says_so_and_a_broken_rule_is_told_as_the_server_tells_it(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "apiVersion: trimtab.dev/v1alpha1\nkind: Dataset\nmetadata: {name: flights}\nspec: {label: late, source: {uri: s3://lake/data/}}\n"
    )
    done = alone("lint", str(tmp_path))
    assert (done.code, done.out) == (0, "1 manifests of Trimtab's, nothing wrong.\n")
    (tmp_path / "b.yaml").write_text(
        "apiVersion: trimtab.dev/v1alpha1\nkind: Deployment\nmetadata: {name: flights}\nspec: {model: flights, follow: Passed, version: 7}\n"
    )
    wrong = alone("lint", str(tmp_path))
    assert (wrong.code, "b.yaml: Deployment flights: spec: give either `follow` or `version`" in wrong.out) == (1, True), wrong.out


def test_broken_yaml_is_told_with_its_line(tmp_path):
    (tmp_path / "a.yaml").write_text("apiVersion: [trimtab\nkind: x: y\n")
    done = alone("lint", str(tmp_path))
    assert (done.code, "a.yaml, line 2" in done.err) == (1, True)
