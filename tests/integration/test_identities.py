"""Tenants of the embedded object store, on the real one: each sees its prefix and nothing else."""

import json

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from support.object_store import ACCESS_KEY, SECRET_KEY, ObjectStore
from trimtab.store import identities


def tenant(name: str, key: str = "") -> dict[str, str]:
    return {"namespace": name, "prefix": name, "accessKeyId": name, "secretAccessKey": key or f"key-of-{name}"}


def make(store: ObjectStore, bucket: str, *owners: dict[str, str], secret: str = SECRET_KEY) -> int:
    return identities.main(
        {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": secret,
            "AWS_REGION": "us-east-1",
            "AWS_ENDPOINT_URL_S3": store.endpoint,
            "TRIMTAB_BUCKET": bucket,
            "TRIMTAB_TENANTS": json.dumps(owners),
        }
    )


def client(store: ObjectStore, who: dict[str, str]):
    return boto3.session.Session().client(
        "s3",
        endpoint_url=store.endpoint,
        region_name="us-east-1",
        aws_access_key_id=who["accessKeyId"],
        aws_secret_access_key=who["secretAccessKey"],
        config=Config(s3={"addressing_style": "path"}, retries={"total_max_attempts": 1}),
    )


BUCKET = "tenants"
A, B = tenant("team-a"), tenant("team-b")


@pytest.fixture(scope="module")
def shared(object_store: ObjectStore) -> ObjectStore:
    """A store with two tenants, each with one object."""
    assert make(object_store, BUCKET, A, B) == 0
    for who in (A, B):
        client(object_store, who).put_object(Bucket=BUCKET, Key=f"{who['prefix']}/x", Body=who["prefix"].encode())
    return object_store


def test_a_tenant_reads_writes_lists_and_deletes_its_own(shared):
    s3 = client(shared, A)
    s3.put_object(Bucket=BUCKET, Key="team-a/new", Body=b"1", IfNoneMatch="*")
    assert {each["Key"] for each in s3.list_objects_v2(Bucket=BUCKET, Prefix="team-a/")["Contents"]} == {"team-a/new", "team-a/x"}
    s3.delete_object(Bucket=BUCKET, Key="team-a/new")
    assert s3.get_object(Bucket=BUCKET, Key="team-a/x")["Body"].read() == b"team-a"


OTHERS = {
    "read": lambda s3: s3.get_object(Bucket=BUCKET, Key="team-b/x"),
    "write": lambda s3: s3.put_object(Bucket=BUCKET, Key="team-b/y", Body=b""),
    "delete": lambda s3: s3.delete_object(Bucket=BUCKET, Key="team-b/x"),
    "copy": lambda s3: s3.copy_object(Bucket=BUCKET, Key="team-a/stolen", CopySource=f"{BUCKET}/team-b/x"),
    "list": lambda s3: s3.list_objects_v2(Bucket=BUCKET, Prefix="team-b/"),
    "list all of the bucket": lambda s3: s3.list_objects_v2(Bucket=BUCKET),
    "list what begins alike": lambda s3: s3.list_objects_v2(Bucket=BUCKET, Prefix="team-"),
    "read the policy": lambda s3: s3.get_bucket_policy(Bucket=BUCKET),
    "change the policy": lambda s3: s3.put_bucket_policy(Bucket=BUCKET, Policy="{}"),
    "make a bucket": lambda s3: s3.create_bucket(Bucket="mine"),
}


@pytest.mark.parametrize("deed", OTHERS)
def test_a_tenant_may_not(shared, deed):
    with pytest.raises(ClientError, match="AccessDenied"):
        OTHERS[deed](client(shared, A))


def test_deleting_many_spares_what_is_anothers(shared):
    client(shared, A).delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "team-b/x"}]})
    assert client(shared, B).get_object(Bucket=BUCKET, Key="team-b/x")["Body"].read() == b"team-b"


def test_a_missing_object_of_ones_own_is_missing_and_not_denied(shared):
    with pytest.raises(ClientError, match="NoSuchKey"):
        client(shared, A).get_object(Bucket=BUCKET, Key="team-a/nothing")


def test_once_more_changes_nothing_and_a_new_tenant_joins(shared):
    c = tenant("team-c")
    assert make(shared, BUCKET, A, B, c) == 0
    client(shared, c).put_object(Bucket=BUCKET, Key="team-c/x", Body=b"")
    assert client(shared, A).get_object(Bucket=BUCKET, Key="team-a/x")["Body"].read() == b"team-a"


def test_a_changed_key_takes_the_old_ones_place(shared):
    old, new = tenant("team-d", "old-key"), tenant("team-d", "new-key")
    make(shared, "other", old)
    make(shared, "other", new)
    client(shared, new).put_object(Bucket="other", Key="team-d/x", Body=b"")
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        client(shared, old).get_object(Bucket="other", Key="team-d/x")


def test_no_tenant_yet_makes_the_bucket_alone(shared):
    assert make(shared, "empty") == 0
    assert make(shared, "empty") == 0


def test_a_wrong_root_key_is_said_and_fails_without_waiting(shared, capsys):
    assert make(shared, BUCKET, A, secret="wrong") == 1
    assert "403" in capsys.readouterr().err


def test_a_store_that_is_not_there_is_waited_for_and_then_named(monkeypatch):
    monkeypatch.setattr(identities, "PATIENCE_SECONDS", 0.0)
    root = identities.Root.from_environment(
        {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9/"}
    )
    with pytest.raises(TimeoutError, match=r"http://127.0.0.1:9 did not answer within 0 s"):
        identities.wait_for(root)
