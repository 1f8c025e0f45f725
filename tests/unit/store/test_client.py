"""Conditional writes, also where the store does not know them."""

from typing import Any

from botocore.exceptions import ClientError

from trimtab.store.client import Store


class OldStore:
    """An S3 that refuses the header If-None-Match and does everything else."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str | None = None) -> None:
        if IfNoneMatch:
            raise ClientError(
                {"Error": {"Code": "NotImplemented", "Message": "A header you provided implies functionality that is not implemented"}}, "PutObject"
            )
        self.objects[Key] = Body

    def list_objects_v2(self, *, Bucket: str, Prefix: str, MaxKeys: int) -> dict[str, Any]:
        return {"Contents": [{"Key": key} for key in sorted(self.objects) if key.startswith(Prefix)][:MaxKeys]}


def test_a_store_without_conditional_writes_still_keeps_what_came_first() -> None:
    store = Store.__new__(Store)
    store._s3 = old = OldStore()
    assert store.put_if_absent("s3://b/versions/1", b"mine")
    assert not store.put_if_absent("s3://b/versions/1", b"theirs")
    assert old.objects == {"versions/1": b"mine"}
