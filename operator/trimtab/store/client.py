"""The few verbs we need of S3, with time limits, over URIs; every failure comes out as a StoreError.

Path style and signature v4 are what every S3 understands. Checksums beyond the required ones are off: several stores
refuse the trailing kind, and our manifests carry sha256 of every file anyway.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, NoCredentialsError

from trimtab.store.errors import BucketMissing, ObjectChanged, ObjectMissing, StoreDenied, StoreError, StoreUnreachable
from trimtab.store.settings import StoreSettings

CONNECT_SECONDS = 4.0
READ_SECONDS = 10.0
ATTEMPTS = 3
"""Three connects of 4 s and the waits between them: a store that is not there is said within 16 s."""

CHUNK_BYTES = 1 << 20
UPLOAD = TransferConfig(multipart_chunksize=16 << 20, multipart_threshold=32 << 20, max_concurrency=4)
DELETE_AT_ONCE = 1000
"""The protocol's limit for one delete request."""

CONFLICT_ATTEMPTS = 5
"""S3 answers 409 while another conditional write of the same key is in flight; then it is asked again."""

_DENIED = {"AccessDenied", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "AllAccessDisabled", "403", "401"}
_MISSING = {"NoSuchKey", "404", "NotFound"}
_EXISTS = {"PreconditionFailed", "412"}
_UNKNOWN = {"NotImplemented", "501"}
"""What a store says to a header that it does not know."""

LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class ObjectInfo:
    """One object, as a listing shows it."""

    uri: str
    key: str
    etag: str
    size: int
    modified: datetime = LONG_AGO


Listing = list[ObjectInfo]


def split_uri(uri: str) -> tuple[str, str]:
    """`s3://bucket/some/key` -> (`bucket`, `some/key`)."""
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"{uri!r} is not an object store address; write s3://bucket/key.")
    return bucket, key


class Store:
    """A connection to one endpoint with one identity; URIs may name any bucket there."""

    def __init__(self, settings: StoreSettings) -> None:
        self._s3 = _connect(settings)

    def get(self, uri: str) -> bytes:
        bucket, key = split_uri(uri)
        with _telling(uri):
            body: bytes = self._s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return body

    def put(self, uri: str, content: bytes) -> None:
        bucket, key = split_uri(uri)
        with _telling(uri):
            self._s3.put_object(Bucket=bucket, Key=key, Body=content)

    def put_if_absent(self, uri: str, content: bytes) -> bool:
        """True: it is ours now. False: somebody (an earlier try of our own, perhaps) has written it; read what is there."""
        bucket, key = split_uri(uri)
        for attempt in range(1, CONFLICT_ATTEMPTS + 1):
            try:
                self._s3.put_object(Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
            except ClientError as error:
                if _code(error) in _EXISTS:
                    return False
                if _code(error) in _UNKNOWN:
                    return self._put_where_nothing_is(uri, content)
                if _code(error) != "ConditionalRequestConflict" or attempt == CONFLICT_ATTEMPTS:
                    raise _told(error, uri) from error
            except BotoCoreError as error:
                raise _told(error, uri) from error
            else:
                return True
        return False

    def _put_where_nothing_is(self, uri: str, content: bytes) -> bool:
        """For a store without conditional writes: two writers in the same moment both believe that they were first, and the last one was."""
        if self.exists(uri):
            return False
        self.put(uri, content)
        return True

    def exists(self, uri: str) -> bool:
        """By listing: unlike HEAD it tells a missing bucket from a missing object, and the key itself sorts first."""
        bucket, key = split_uri(uri)
        with _telling(uri):
            page = self._s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1)
        return any(found["Key"] == key for found in page.get("Contents", []))

    def list(self, prefix_uri: str) -> Listing:
        """All objects whose key starts with the prefix, in the order of their keys."""
        bucket, prefix = split_uri(prefix_uri)
        with _telling(prefix_uri):
            pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
            found = [_info(bucket, each) for page in pages for each in page.get("Contents", [])]
        return sorted(found, key=lambda each: each.key)

    def download(self, uri: str, path: Path, on_bytes: Callable[[int], None] | None = None, etag: str | None = None) -> str:
        """Write the object to `path`; the sha256 of its bytes. With `etag`, only if it is still that object."""
        bucket, key = split_uri(uri)
        digest = hashlib.sha256()
        with _telling(uri), path.open("wb") as file:
            body = self._s3.get_object(Bucket=bucket, Key=key, **({"IfMatch": etag} if etag else {}))["Body"]
            for chunk in body.iter_chunks(CHUNK_BYTES):
                digest.update(chunk)
                file.write(chunk)
                if on_bytes:
                    on_bytes(len(chunk))
        return digest.hexdigest()

    def upload(self, path: Path, uri: str) -> str:
        """Copy the file there, in parts where it is large; the sha256 of its bytes."""
        bucket, key = split_uri(uri)
        digest = sha256_of(path)
        with _telling(uri):
            self._s3.upload_file(str(path), bucket, key, Config=UPLOAD)
        return digest

    def delete_prefix(self, folder_uri: str) -> int:
        """Delete everything under a folder, and nothing beside it; how many objects that were."""
        return self.delete([each.uri for each in self.list(f"{folder_uri.rstrip('/')}/")])

    def delete(self, uris: Sequence[str]) -> int:
        """Delete these objects of one bucket; one that is gone already counts as deleted."""
        for start in range(0, len(uris), DELETE_AT_ONCE):
            batch = uris[start : start + DELETE_AT_ONCE]
            bucket = split_uri(batch[0])[0]
            with _telling(batch[0]):
                answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": split_uri(uri)[1]} for uri in batch], "Quiet": True})
            if errors := answer.get("Errors"):
                raise StoreDenied(f"{errors[0].get('Code')} on deleting {errors[0].get('Key')}.")
        return len(uris)


def sha256_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _connect(settings: StoreSettings) -> Any:
    try:
        return boto3.session.Session().client(
            "s3",
            endpoint_url=settings.endpoint,
            region_name=settings.region,
            aws_access_key_id=settings.access_key.get_secret_value(),
            aws_secret_access_key=settings.secret_key.get_secret_value(),
            config=Config(
                signature_version="s3v4",
                s3={"addressing_style": "path"},
                connect_timeout=CONNECT_SECONDS,
                read_timeout=READ_SECONDS,
                retries={"total_max_attempts": ATTEMPTS, "mode": "standard"},
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )
    except ValueError as error:
        raise StoreUnreachable(f"{error}; correct AWS_ENDPOINT_URL_S3 in Secret trimtab-store.") from error


def _info(bucket: str, found: dict[str, Any]) -> ObjectInfo:
    return ObjectInfo(f"s3://{bucket}/{found['Key']}", found["Key"], found["ETag"].strip('"'), found["Size"], found["LastModified"])


@contextmanager
def _telling(uri: str) -> Iterator[None]:
    """Failures of boto3 within come out as ours."""
    try:
        yield
    except (ClientError, BotoCoreError) as error:
        raise _told(error, uri) from error
    except boto3.exceptions.S3UploadFailedError as error:
        raise _told(_cause(error), uri) from error


def _cause(error: Exception) -> Exception:
    """The upload helper says in text what went wrong and keeps the reason behind it."""
    return error.__cause__ or error.__context__ or error  # type: ignore[return-value]


def _told(error: Exception, uri: str) -> StoreError:
    if isinstance(error, NoCredentialsError):
        return StoreDenied("there are no credentials.")
    if not isinstance(error, ClientError):
        return StoreUnreachable(f"{str(error).rstrip('.')}.")
    code, bucket = _code(error), split_uri(uri)[0]
    if code == "NoSuchBucket":
        return BucketMissing(bucket)
    if code in _MISSING:
        return ObjectMissing(uri)
    if code in _EXISTS:
        return ObjectChanged(uri)
    message = str(error.response.get("Error", {}).get("Message", "")).rstrip(".")
    if code in _DENIED:
        return StoreDenied(f"{code} on {uri}: {message}.")
    return StoreUnreachable(f"{code} on {uri}: {message}.")


def _code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", ""))
