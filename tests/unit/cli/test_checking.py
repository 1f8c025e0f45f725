"""What lint finds without a cluster, and the sentence for it."""

import pytest

from support.builders import dataset, deployment, training_job
from support.command import alone
from trimtab.api.kinds import DATASET
from trimtab.cli.checking import problems, references, unchecked_rules


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


def test_rules_that_only_the_server_checks_are_counted():
    assert unchecked_rules(DATASET) > 5


def test_lint_reads_a_folder_and_ends_with_1_where_something_is_wrong(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\n---\napiVersion: trimtab.dev/v1alpha1\nkind: Dataset\nmetadata: {name: flights}\nspec: {labl: late}\n"
    )
    done = alone("lint", str(tmp_path))
    assert done.code == 1
    assert f"{tmp_path}/a.yaml: Dataset flights: spec.labl: there is no such field. Did you mean label?" in done.out


def test_lint_of_good_manifests_says_what_was_not_checked(tmp_path):
    (tmp_path / "a.yaml").write_text(
        "apiVersion: trimtab.dev/v1alpha1\nkind: Dataset\nmetadata: {name: flights}\nspec: {label: late, source: {uri: s3://lake/data/}}\n"
    )
    done = alone("lint", str(tmp_path))
    assert (done.code, done.out) == (0, "1 manifests of Trimtab's, nothing wrong.\n")
    assert "Not checked here: " in done.err
    assert "--server" in done.err


def test_broken_yaml_is_told_with_its_line(tmp_path):
    (tmp_path / "a.yaml").write_text("apiVersion: [trimtab\nkind: x: y\n")
    done = alone("lint", str(tmp_path))
    assert (done.code, "a.yaml, line 2" in done.err) == (1, True)
