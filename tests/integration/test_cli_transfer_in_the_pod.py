"""What runs in the transfer pod, against a real S3: as a process, with the environment that the Secret gives."""

import hashlib
import io
import json
import subprocess
import sys
import tarfile
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.command import environment
from trimtab.store.layout import Layout

HOUR = datetime(2026, 1, 5, 12, tzinfo=UTC)
GIVEN = "019b8e2c-8c00-7000-8000-000000000000"
"""An id that the server gave in that hour."""


@pytest.fixture
def transfer(object_store, bucket):
    def run(*words: str, stdin: str = "") -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, "-m", "trimtab.jobs.transfer", *words]
        return subprocess.run(command, input=stdin.encode(), capture_output=True, check=False, env=environment() | object_store.environment(bucket))

    return run


def lines(done):
    assert done.returncode == 0, done.stderr.decode()
    return [json.loads(line) for line in done.stdout.splitlines()]


def parquet(*rows):
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(list(rows), schema=pa.table({name: [value] for name, value in rows[-1].items()}).schema), buffer)
    return buffer.getvalue()


def test_it_says_where_the_namespaces_place_is(transfer, bucket):
    assert lines(transfer("where")) == [{"bucket": bucket, "prefix": "team"}]


def test_objects_come_as_one_tar_by_their_addresses(transfer, store, bucket):
    large = b"x" * (17 << 20)
    store.put(f"s3://{bucket}/team/a", b"one")
    store.put(f"s3://{bucket}/team/b/c", large)
    uris = [each["uri"] for each in lines(transfer("list", f"s3://{bucket}/team/"))]
    with tarfile.open(fileobj=io.BytesIO(transfer("tar", stdin="\n".join(uris)).stdout)) as archive:
        found = {each.name: archive.extractfile(each).read() for each in archive}
    assert found == {f"{bucket}/team/a": b"one", f"{bucket}/team/b/c": large}


def test_a_file_is_hashed_only_while_it_is_the_same(transfer, store, bucket):
    uri = f"s3://{bucket}/a"
    store.put(uri, b"one")
    etag = store.list(uri)[0].etag
    asked = json.dumps({"uri": uri, "etag": etag})
    assert lines(transfer("sha256", stdin=asked)) == [{"uri": uri, "sha256": hashlib.sha256(b"one").hexdigest()}]
    store.put(uri, b"two")
    assert lines(transfer("sha256", stdin=asked)) == []


def test_the_rows_of_one_request_are_found(transfer, store, bucket):
    layout = Layout(bucket, "team")
    row = {"request_id": GIVEN, "row": 0, "version": 7, "out_label": "true"}
    store.put(layout.prediction_file("birds", HOUR, "pod", 1), parquet({"request_id": "other", "row": 0}))
    store.put(layout.prediction_file("flights", HOUR, "pod", 1), parquet({"request_id": "other", "row": 0, "version": 7}, row))
    (found,) = lines(transfer("prediction", GIVEN, "birds", "flights"))
    assert found == {"deployment": "flights", "file": layout.prediction_file("flights", HOUR, "pod", 1), **row, "out_label": "true"}


def test_a_clients_own_id_is_looked_for_everywhere(transfer, store, bucket):
    layout = Layout(bucket, "team")
    store.put(layout.prediction_file("flights", HOUR, "pod", 1), parquet({"request_id": "a-friday", "row": 0}))
    assert len(lines(transfer("prediction", "a-friday", "flights"))) == 1
    assert lines(transfer("prediction", "a-monday", "flights")) == []


def test_what_is_missing_is_a_sentence(transfer, bucket):
    done = transfer("tar", stdin=f"s3://{bucket}/none")
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"none" in done.stderr
