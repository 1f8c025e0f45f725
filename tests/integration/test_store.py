"""The promises of store/ against a real S3: conditional writes, typed failures, commits that only one writer wins."""

import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from support.object_store import ObjectStore
from trimtab.api.reasons import Reason
from trimtab.store import manifest as manifests
from trimtab.store.client import Store
from trimtab.store.errors import BucketMissing, DigestMismatch, ObjectChanged, ObjectMissing, StoreDenied, StoreUnreachable
from trimtab.store.manifest import CreatedBy, Manifest


def a_manifest(by: str) -> Manifest:
    return Manifest(kind="Dataset", name="flights", digest="d", inputs={"a": 1}, files=[], facts={"by": by}, created_by=CreatedBy(verb="snapshot"))


def test_what_was_put_is_got_and_listed_in_order(store: Store, bucket: str) -> None:
    store.put(f"s3://{bucket}/b/2", b"two")
    store.put(f"s3://{bucket}/a/1", b"one")
    assert store.get(f"s3://{bucket}/b/2") == b"two"
    assert [(each.key, each.size) for each in store.list(f"s3://{bucket}/")] == [("a/1", 3), ("b/2", 3)]


def test_the_first_conditional_write_wins_and_later_ones_are_told_so(store: Store, bucket: str) -> None:
    uri = f"s3://{bucket}/claim"
    assert store.put_if_absent(uri, b"first")
    assert not store.put_if_absent(uri, b"second")
    assert store.get(uri) == b"first"


def test_of_many_writers_of_one_manifest_exactly_one_wins_and_all_agree(store: Store, bucket: str) -> None:
    root = f"s3://{bucket}/datasets/flights/d"
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: manifests.commit(store, root, a_manifest(str(n))), range(8)))
    assert len({digest for _, digest in answers}) == 1
    winner = manifests.read(store, root, answers[0][1])
    assert all(each.facts == winner.facts for each, _ in answers)


def test_nothing_is_there_without_a_manifest(store: Store, bucket: str) -> None:
    store.put(f"s3://{bucket}/d/pod/train.parquet", b"rows")
    assert manifests.find(store, f"s3://{bucket}/d") is None


def test_another_manifest_than_the_pinned_one_is_refused(store: Store, bucket: str) -> None:
    root = f"s3://{bucket}/d"
    manifests.commit(store, root, a_manifest("x"))
    with pytest.raises(DigestMismatch):
        manifests.read(store, root, "0" * 64)


def test_a_file_that_was_changed_after_the_commit_is_refused_and_removed(store: Store, bucket: str, tmp_path: Path) -> None:
    root, source = f"s3://{bucket}/d", tmp_path / "source"
    source.write_bytes(b"rows")
    entry = manifests.upload_file(store, root, "pod/train.parquet", source)
    manifest, _ = manifests.commit(store, root, a_manifest("x").model_copy(update={"files": [entry]}))
    assert manifests.fetch(store, root, manifest, "train.parquet", tmp_path / "good").read_bytes() == b"rows"
    store.put(f"{root}/pod/train.parquet", b"evil")
    with pytest.raises(DigestMismatch, match=r"train\.parquet"):
        manifests.fetch(store, root, manifest, "train.parquet", tmp_path / "bad")
    assert not (tmp_path / "bad").exists()


def test_upload_and_download_agree_on_the_hash_also_of_a_large_file(store: Store, bucket: str, tmp_path: Path) -> None:
    content = b"0123456789abcdef" * (3 << 20)  # 48 MB: in parts
    (tmp_path / "up").write_bytes(content)
    seen: list[int] = []
    assert store.upload(tmp_path / "up", f"s3://{bucket}/large") == hashlib.sha256(content).hexdigest()
    assert store.download(f"s3://{bucket}/large", tmp_path / "down", seen.append) == hashlib.sha256(content).hexdigest()
    assert sum(seen) == len(content)


def test_an_object_that_was_replaced_since_the_listing_is_not_taken_for_the_listed_one(store: Store, bucket: str, tmp_path: Path) -> None:
    uri = f"s3://{bucket}/a"
    store.put(uri, b"old")
    (listed,) = store.list(uri)
    store.put(uri, b"new")
    with pytest.raises(ObjectChanged):
        store.download(uri, tmp_path / "a", etag=listed.etag)


def test_deleting_a_folder_leaves_its_neighbours(store: Store, bucket: str) -> None:
    for key in ("ab/1", "ab/2", "abc/1"):
        store.put(f"s3://{bucket}/{key}", b"x")
    assert store.delete_prefix(f"s3://{bucket}/ab") == 2
    assert [each.key for each in store.list(f"s3://{bucket}/")] == ["abc/1"]


def test_existence_is_of_the_very_key(store: Store, bucket: str) -> None:
    store.put(f"s3://{bucket}/versions/10", b"x")
    assert not store.exists(f"s3://{bucket}/versions/1")
    assert store.exists(f"s3://{bucket}/versions/10")


def test_a_missing_object_a_missing_bucket_and_wrong_credentials_are_three_things(object_store: ObjectStore, store: Store, bucket: str) -> None:
    with pytest.raises(ObjectMissing):
        store.get(f"s3://{bucket}/nothing")
    with pytest.raises(BucketMissing) as missing:
        store.list("s3://not-there/x")
    with pytest.raises(BucketMissing):
        store.put_if_absent("s3://not-there/x", b"")
    stranger = Store(object_store.settings(bucket, secret="wrong-0123456789"))
    with pytest.raises(StoreDenied) as denied:
        stranger.get(f"s3://{bucket}/x")
    assert "not-there" in missing.value.message
    assert denied.value.reason is Reason.STORE_DENIED
    assert "wrong-0123456789" not in denied.value.message


def test_a_failed_upload_is_told_as_its_cause(object_store: ObjectStore, bucket: str, store: Store, tmp_path: Path) -> None:
    (tmp_path / "up").write_bytes(b"x")
    with pytest.raises(BucketMissing):
        store.upload(tmp_path / "up", "s3://not-there/x")
    with pytest.raises(StoreDenied):
        Store(object_store.settings(bucket, secret="wrong-0123456789")).upload(tmp_path / "up", f"s3://{bucket}/x")


def test_a_store_that_is_down_is_said_within_twenty_seconds() -> None:
    with ObjectStore() as it:
        client = it.store("any")
        it.stop()
        started = time.monotonic()
        with pytest.raises(StoreUnreachable) as error:
            client.get("s3://any/x")
    assert time.monotonic() - started < 20
    assert error.value.temporary
