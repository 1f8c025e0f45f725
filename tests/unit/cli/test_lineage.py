"""Where a version came from, and what became of it."""

from support.builders import dataset, deployment, feature_set, model_version, training_job
from support.told import ready
from trimtab.cli.views.health import Mark
from trimtab.cli.views.lineage import lineage
from trimtab.cli.views.listed import Listed

WEATHER = {"name": "weather", "version": 2, "digest": "w2"}
LINEAGE = {
    "trainingJob": "flights", "runKey": "13cc0633ff42", "runURI": "s3://b/runs/x",
    "dataset": {"name": "flights", "version": 3, "digest": "d3"}, "featureVersions": [WEATHER],
}  # fmt: skip
ALL = Listed.of_all(
    ready(feature_set(), versions=[WEATHER | {"uri": "s3://b/w2"}]),
    ready(dataset(), versions=[{"version": 3, "digest": "d3", "uri": "s3://b/d3", "featureVersions": [WEATHER]}, {"version": 2, "digest": "d2", "uri": "s3://b/d2"}]),
    ready(training_job()),
    ready(model_version(version=7, lineage=LINEAGE), servedBy=[{"deployment": "flights", "role": "Stable", "percent": 100}]),
    ready(deployment(), stable={"version": 7}),
)  # fmt: skip


def names(node):
    return [node.name, [names(child) for child in node.children]] if node.children else node.name


def test_a_version_of_a_model_names_run_data_features_and_who_serves_it():
    (node,) = lineage(ALL, "mv/flights-v7").nodes
    assert names(node) == ["mv/flights-v7", ["run 13cc0633", ["dset/flights:3", ["fset/weather:2"]], "served by flights"]]


def test_a_deployment_is_traced_through_what_it_serves():
    assert [node.name for node in lineage(ALL, "mdep/flights").nodes] == ["mv/flights-v7"]


def test_a_version_of_data_names_what_learned_from_it():
    (node,) = lineage(ALL, "dset/flights:3").nodes
    assert names(node) == ["dset/flights:3", ["fset/weather:2", "mv/flights-v7"]]
    assert node.children[1].facts == ("stable of flights",)


def test_a_dataset_without_a_number_shows_all_its_versions():
    assert [node.name for node in lineage(ALL, "dset/flights").nodes] == ["dset/flights:3", "dset/flights:2"]


def test_features_are_followed_through_datasets_to_models():
    (node,) = lineage(ALL, "fset/weather:2").nodes
    assert names(node) == ["fset/weather:2", ["dset/flights:3", "mv/flights-v7"]]


def test_data_that_is_no_longer_listed_is_a_warning_and_still_named():
    gone = Listed.of_all(ready(dataset(), versions=[]), ready(model_version(version=7, lineage=LINEAGE)))
    (node,) = lineage(gone, "mv/flights-v7").nodes
    data = node.children[1]
    assert (data.name, data.mark) == ("dset/flights:3", Mark.WARNING)
