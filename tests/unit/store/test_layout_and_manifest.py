"""Addresses, settings and digests: the same content has the same name, whoever computes it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.store import manifest as manifests
from trimtab.store.client import split_uri
from trimtab.store.errors import StoreNotConfigured
from trimtab.store.layout import Layout, claim, manifest_uri
from trimtab.store.manifest import CreatedBy, Manifest, ManifestFile
from trimtab.store.settings import StoreSettings

LAYOUT = Layout("bucket", "team")
ENVIRONMENT = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "hidden-value", "TRIMTAB_BUCKET": "bucket", "POD_NAMESPACE": "team"}

JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def test_everything_lies_under_bucket_and_prefix() -> None:
    assert LAYOUT.dataset("flights", "d") == "s3://bucket/team/datasets/flights/d"
    assert claim(LAYOUT.dataset_folder("flights"), 3) == "s3://bucket/team/datasets/flights/versions/3"
    assert LAYOUT.model("flights", "d") == "s3://bucket/team/models/flights/d"
    assert LAYOUT.run("flights", "key") == "s3://bucket/team/runs/flights/key"
    assert LAYOUT.run_index() == "s3://bucket/team/index/runs"
    assert Layout("bucket", "").dataset_folder("x") == "s3://bucket/datasets/x"
    assert manifest_uri("s3://bucket/x/") == "s3://bucket/x/manifest.json"


def test_the_prefix_is_the_namespace_unless_it_is_given() -> None:
    assert StoreSettings.from_environment(ENVIRONMENT).prefix == "team"
    assert StoreSettings.from_environment(ENVIRONMENT | {"TRIMTAB_PREFIX": "/deep/er/"}).prefix == "deep/er"
    assert StoreSettings.from_environment(ENVIRONMENT).region == "us-east-1"


def test_what_is_missing_is_named_and_what_is_there_is_not_shown() -> None:
    with pytest.raises(StoreNotConfigured, match=r"namespace team.*Missing: TRIMTAB_BUCKET\.$"):
        StoreSettings.from_environment(ENVIRONMENT | {"TRIMTAB_BUCKET": ""})
    assert "hidden-value" not in repr(StoreSettings.from_environment(ENVIRONMENT))


def test_an_address_is_a_bucket_and_a_key() -> None:
    assert split_uri("s3://bucket/a/b") == ("bucket", "a/b")
    with pytest.raises(ValueError, match="s3://bucket/key"):
        split_uri("/a/b")


@given(JSON)
def test_a_digest_depends_on_the_content_and_not_on_its_order(content: object) -> None:
    again = json.loads(json.dumps(content), object_pairs_hook=lambda pairs: dict(reversed(pairs)))
    assert manifests.digest_of(again) == manifests.digest_of(content)


def test_not_a_number_has_no_digest() -> None:
    with pytest.raises(ValueError):
        manifests.digest_of(float("nan"))


def test_a_manifest_survives_its_encoding_and_finds_files_by_name() -> None:
    file = ManifestFile(path="pod/train.parquet", sha256="0" * 64, size=3)
    manifest = Manifest(kind="Dataset", name="x", digest="d", inputs={}, files=[file], created_by=CreatedBy(verb="snapshot"))
    assert Manifest.model_validate_json(manifest.encode()) == manifest
    assert json.loads(manifest.encode())["schema"] == 1
    assert manifest.file("train.parquet") == manifest.file("pod/train.parquet") == file
    assert manifest.size() == 3
    with pytest.raises(KeyError, match=r"pod/train\.parquet"):
        manifest.file("test.parquet")
