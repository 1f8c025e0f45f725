"""What an archive for somebody else says of itself: what is in it, what is missing, and how to check it."""

import json

from support.builders import dataset, deployment, model_version
from support.told import ready
from trimtab.cli.views import evidence
from trimtab.cli.views.listed import Listed

RUN = "s3://lake/runs/flights/r1"
SET = {"name": "flights", "version": 1, "digest": "set1", "uri": "s3://lake/datasets/flights/set1"}
LINEAGE = {"trainingJob": "flights", "runKey": "r1", "runURI": RUN, "dataset": {key: SET[key] for key in ("name", "version", "digest")}}
MODEL = json.dumps({"files": [{"path": "pod/signature.json"}, {"path": "pod/model.onnx"}]}).encode()
RECORD = json.dumps({"dataset": SET}).encode()
FETCHED = {"run/record.json": RECORD, "model/manifest.json": MODEL, "model/signature.json": b"{}", "dataset/manifest.json": b"{}"}
SOURCES = [{"uri": "s3://lake/jan.csv", "sha256": "0" * 64}]


def listed(*versions) -> Listed:
    objects = (ready(dataset(), versions=list(versions)), deployment(), model_version(lineage=LINEAGE))
    return Listed.of_all(*objects)


def gaps(fetched, version=None, sources=SOURCES, within=None) -> list[str]:
    return evidence.gaps(within or listed(SET), version or model_version(lineage=LINEAGE), fetched, sources)


def test_a_whole_chain_has_no_gap_though_a_run_left_no_curves():
    assert gaps(FETCHED) == []


def test_each_file_that_must_be_there_is_named_with_its_address():
    for name in FETCHED:
        (told,) = gaps({key: content for key, content in FETCHED.items() if key != name})
        assert told.startswith(f"{name}: s3://lake/")
        assert told.endswith(" is not in the store.")


def test_a_dataset_version_that_is_no_longer_listed_is_found_by_the_run_record():
    assert gaps(FETCHED, within=listed()) == []
    version = model_version(lineage=LINEAGE)
    assert f"{SET['uri']}/manifest.json" in evidence.further(listed(), version, FETCHED)


def test_where_nothing_says_where_the_data_are_that_is_a_gap():
    without = {key: content for key, content in FETCHED.items() if key.startswith("model/")}
    told = gaps(without, model_version(lineage={key: LINEAGE[key] for key in ("trainingJob", "dataset")}), within=listed())
    assert told == ["dataset/manifest.json: Dataset flights no longer lists version 1, digest set1, and no run record says where it is."]


def test_a_source_that_is_not_what_it_was_is_a_gap():
    assert gaps(FETCHED, sources=[{"uri": "s3://lake/jan.csv"}]) == ["sources.json: s3://lake/jan.csv is gone, or is not what was learned from."]


def test_the_readme_of_a_whole_chain_says_so_and_how_to_check_it():
    told = evidence.files(listed(SET), model_version(lineage=LINEAGE), FETCHED, SOURCES)["README.txt"].decode()
    assert "Nothing that should be here is missing." in told
    assert all(words in told for words in ("sha256sum model/manifest.json", "trimtab models pull flights-v1 DIR", "named in sources.json"))


def test_of_a_model_that_was_brought_only_what_is_there_is_to_be_checked():
    brought = model_version(artifact={"uri": "s3://lake/brought.onnx", "sha256": "a" * 64, "format": "onnx"})
    assert evidence.gaps(listed(), brought, {}, []) == []
    told = evidence.files(listed(), brought, {}, [])["README.txt"].decode()
    assert f"sha256sum of s3://lake/brought.onnx\n      must be {'a' * 64}" in told
    assert not any(words in told for words in ("manifest.json", "models pull", "sources.json,"))
    assert "named in sources.json" not in told
