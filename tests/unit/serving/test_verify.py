"""`verify` answers Verified, or the reason and the sentence that the ModelVersion will show."""

import json
from pathlib import Path
from typing import Any

import pytest

from support import models
from support.memory_store import MemoryStore
from trimtab.api.documents import DONE, TRY_AGAIN, USER_FAULT, Result, VerifyDocument
from trimtab.store import manifest as manifests
from trimtab.store.client import sha256_of
from trimtab.store.errors import StoreUnreachable
from trimtab_serving import settings, verify

ROOT = "s3://bucket/team/models/flights/d1"
NAMES = ("model.onnx", "signature.json", "golden.json")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return models.flights(tmp_path_factory.mktemp("flights")).folder


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> MemoryStore:
    found = MemoryStore()
    monkeypatch.setattr(settings, "Store", lambda _: found)
    return found


@pytest.fixture
def artifact(store: MemoryStore, folder: Path) -> dict[str, Any]:
    return committed(store, folder)


def committed(store: MemoryStore, folder: Path) -> dict[str, Any]:
    """A model as training leaves it; the artifact of its ModelVersion."""
    files = [manifests.upload_file(store, ROOT, f"pod-1/{name}", folder / name) for name in NAMES]
    manifest = manifests.Manifest(kind="Model", name="flights", digest="d1", inputs={}, files=files, created_by=manifests.CreatedBy(verb="train"))
    return {"uri": ROOT, "manifestDigest": manifests.commit(store, ROOT, manifest)[1], "format": "onnx"}


def verified(artifact: dict[str, Any]) -> tuple[Result, int]:
    environment = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "TRIMTAB_BUCKET": "bucket"}
    return verify.verify(VerifyDocument(namespace="team", name="flights-v7", uid="u", model="flights", version=7, artifact=artifact), environment)


def test_a_good_model_is_verified_with_its_facts(artifact: dict[str, Any]) -> None:
    result, code = verified(artifact)
    assert (result.outcome, result.reason, code) == ("Succeeded", "Verified", DONE)
    assert result.message == "Digest verified; loads in the serving image; 32 golden examples reproduce."
    assert {"golden": "32", "format": "onnx", "digest": "d1"}.items() <= result.facts.items()
    assert int(result.facts["load_ms"]) >= 0


@pytest.mark.parametrize("name", NAMES)
def test_a_file_that_was_changed_is_never_loaded(artifact: dict[str, Any], store: MemoryStore, name: str) -> None:
    store.objects[f"{ROOT}/pod-1/{name}"] += b" "
    result, code = verified(artifact)
    assert (result.reason, code) == ("DigestMismatch", USER_FAULT)
    assert name in result.message
    assert "restore them, or delete this version" in result.message


def test_a_manifest_that_was_changed_is_not_believed(artifact: dict[str, Any], store: MemoryStore) -> None:
    store.objects[f"{ROOT}/manifest.json"] = store.objects[f"{ROOT}/manifest.json"].replace(b"flights", b"flight5")
    assert verified(artifact)[0].reason == "DigestMismatch"


def test_a_manifest_that_is_gone_is_unreachable(artifact: dict[str, Any], store: MemoryStore) -> None:
    del store.objects[f"{ROOT}/manifest.json"]
    result, code = verified(artifact)
    assert (result.reason, code) == ("ArtifactUnreachable", USER_FAULT)
    assert f"{ROOT}/manifest.json cannot be read" in result.message


def test_a_store_that_does_not_answer_is_tried_again(artifact: dict[str, Any], store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: str) -> bytes:
        raise StoreUnreachable("timed out.")

    monkeypatch.setattr(store, "get", away)
    result, code = verified(artifact)
    assert (result.reason, code) == ("StoreUnreachable", TRY_AGAIN)


def test_a_defect_of_ours_leaves_a_result_too(artifact: dict[str, Any], store: MemoryStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "get", lambda _: 1 / 0)
    result, code = verified(artifact)
    assert (result.reason, code) == ("Crashed", TRY_AGAIN)
    assert "ZeroDivisionError" in result.message


def test_missing_credentials_are_said_as_such(artifact: dict[str, Any]) -> None:
    document = VerifyDocument(namespace="team", name="flights-v7", uid="u", model="flights", version=7, artifact=artifact)
    assert verify.verify(document, {})[0].reason == "StoreNotConfigured"


def test_a_model_that_answers_differently_is_a_golden_mismatch(store: MemoryStore, folder: Path, tmp_path: Path) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    golden = json.loads((tmp_path / "golden.json").read_text())
    golden["outputs"]["label"][0] = "neither"
    (tmp_path / "golden.json").write_text(json.dumps(golden))
    result, code = verified(committed(store, tmp_path))
    assert (result.reason, code) == ("GoldenMismatch", USER_FAULT)


def test_a_manifest_without_the_model_is_unusable(artifact: dict[str, Any]) -> None:
    assert verified(artifact | {"format": "skops"})[0].reason == "ArtifactUnusable"


def test_a_model_that_was_brought_is_verified_by_its_own_sha256(store: MemoryStore, tmp_path: Path) -> None:
    path = models.brought(tmp_path)
    uri = "s3://bucket/brought/forest.onnx"
    store.upload(path, uri)
    result, _ = verified({"uri": uri, "sha256": sha256_of(path), "format": "onnx"})
    assert (result.reason, result.facts["golden"], result.facts["digest"]) == ("Verified", "0", sha256_of(path))
    assert verified({"uri": uri, "sha256": "0" * 64, "format": "onnx"})[0].reason == "DigestMismatch"


def test_the_result_is_left_as_the_termination_message(artifact: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMTAB_TERMINATION_LOG", str(tmp_path / "log"))
    document = VerifyDocument(namespace="team", name="flights-v7", uid="u", model="flights", version=7, artifact=artifact)
    environment = {
        "AWS_ACCESS_KEY_ID": "a",
        "AWS_SECRET_ACCESS_KEY": "b",
        "TRIMTAB_BUCKET": "bucket",
        "TRIMTAB_DOCUMENT": document.model_dump_json(by_alias=True),
    }
    assert verify.main(environment) == DONE
    left = Result.decode((tmp_path / "log").read_text())
    assert left is not None
    assert left.reason == "Verified"


def test_a_document_that_cannot_be_read_leaves_a_result_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRIMTAB_TERMINATION_LOG", str(tmp_path / "log"))
    assert verify.main({"TRIMTAB_DOCUMENT": "{}"}) == USER_FAULT
    left = Result.decode((tmp_path / "log").read_text())
    assert left is not None
    assert left.reason == "ConfigError"
    assert "Use operator and serving images of one release" in left.message
