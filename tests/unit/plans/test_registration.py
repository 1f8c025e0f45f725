"""From an answer to a ModelVersion: number, labels, lineage; and what is served as the yardstick."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.answers import trained
from support.builders import deployment, model_version
from trimtab.api.modelversion import ModelVersionSpec
from trimtab.api.trainingjob import Run
from trimtab.manifests.labels import Owner
from trimtab.plans.registration import champions, next_number
from trimtab.plans.registration import model_version as registered

OWNER = Owner("TrainingJob", "default", "nightly", "uid-1")
RUN = Run(key="k" * 32, request="monday", recipe_digest="r" * 32, dataset_version=4, dataset_digest="d" * 64)


def made(**changes):
    facts = {"dataset": "flights", "code": "", "git": {}} | changes
    return registered(OWNER, "flights", 7, RUN, trained(), **facts)


@given(there=st.sets(st.integers(1, 50)), latest=st.none() | st.integers(1, 50))
def test_a_number_is_new_to_the_cluster_and_to_the_training_job(there, latest):
    number = next_number([model_version(version=n) for n in there], latest)
    assert number == max([0, latest or 0, *there]) + 1


def test_a_version_is_named_by_model_and_number_and_outlives_its_training_job():
    metadata = made()["metadata"]
    assert metadata["name"] == "flights-v7"
    assert "ownerReferences" not in metadata
    assert metadata["labels"] == {
        "trimtab.dev/owner-uid": "uid-1",
        "trimtab.dev/owner-kind": "TrainingJob",
        "trimtab.dev/owner-name": "nightly",
        "trimtab.dev/model": "flights",
        "trimtab.dev/run-key": "k" * 32,
        "app.kubernetes.io/managed-by": "trimtab",
    }
    assert metadata["annotations"] == {"trimtab.dev/recipe": "r" * 32, "trimtab.dev/cause": "Change", "trimtab.dev/request": "monday"}


def test_the_lineage_is_the_operators_word_and_the_record_the_workers():
    lineage = made(code="c" * 64, git={"commit": "abc"})["spec"]["lineage"]
    assert lineage == {
        "trainingJob": "nightly",
        "runKey": "k" * 32,
        "runURI": "s3://trimtab/default/runs/flights/1/",
        "dataset": {"name": "flights", "version": 4, "digest": "d" * 64},
        "codeDigest": "c" * 64,
        "gitCommit": "abc",
    }


def test_what_is_written_is_what_the_schema_reads():
    assert ModelVersionSpec.model_validate(made()["spec"]).artifact.format == "onnx"


SERVED = {"stable": {"version": 1, "name": "flights-v1"}}
BROUGHT = model_version(version=1, artifact={"uri": "s3://lake/m.onnx", "sha256": "a" * 64, "format": "onnx"})


@pytest.mark.parametrize(
    ("versions", "status"),
    [([], SERVED), ([model_version(version=1)], {}), ([BROUGHT], SERVED)],
    ids=["its version is gone", "nothing is served yet", "a model that somebody brought"],
)
def test_nothing_to_compare_with_is_no_champion(versions, status):
    assert champions([deployment("production", "flights") | {"status": status}], versions) == []


def test_champions_come_in_the_order_of_their_names():
    served = [deployment(name, "flights") | {"status": SERVED} for name in ("b", "a")]
    assert [champion.deployment for champion in champions(served, [model_version(version=1)])] == ["a", "b"]
