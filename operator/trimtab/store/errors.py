"""What can go wrong between us and an object store, each with the Reason it stands for.

    StoreError                nobody raises it bare
      StoreNotConfigured      the environment lacks what Secret trimtab-store should give
      StoreUnreachable        no answer, or an answer that promises nothing: try again
      StoreDenied             the credentials are refused
      BucketMissing           the bucket is not there
      ObjectMissing           the object is not there; callers say what that means for their reader
      ObjectChanged           the object is not the one that was listed: look again
      DigestMismatch          the bytes are not those the manifest names

`temporary` tells the worker's shell whether the same work may succeed later without anybody's doing.
"""

from trimtab.api.reasons import Reason


class StoreError(Exception):
    """`message` is the sentence for a person; `reason` is the word for a condition."""

    reason = Reason.STORE_UNREACHABLE
    temporary = False

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class StoreNotConfigured(StoreError):  # noqa: N818 (named by what is so, as the reasons are)
    reason = Reason.STORE_NOT_CONFIGURED


class StoreUnreachable(StoreError):  # noqa: N818
    temporary = True

    def __init__(self, detail: str) -> None:
        super().__init__(self.reason.say(detail=detail))


class StoreDenied(StoreError):  # noqa: N818
    reason = Reason.STORE_DENIED

    def __init__(self, detail: str) -> None:
        super().__init__(self.reason.say(detail=detail))


class BucketMissing(StoreError):  # noqa: N818
    reason = Reason.BUCKET_MISSING

    def __init__(self, bucket: str) -> None:
        super().__init__(self.reason.say(bucket=bucket))


class ObjectMissing(StoreError):  # noqa: N818
    reason = Reason.ARTIFACT_UNREACHABLE

    def __init__(self, uri: str) -> None:
        super().__init__(self.reason.say(uri=uri, detail="there is no such object."))
        self.uri = uri


class ObjectChanged(StoreError):  # noqa: N818
    temporary = True

    def __init__(self, uri: str) -> None:
        super().__init__(f"{uri} was replaced while it was read; it is read again.")


class DigestMismatch(StoreError):  # noqa: N818
    reason = Reason.DIGEST_MISMATCH

    def __init__(self, uri: str, expected: str, found: str) -> None:
        super().__init__(self.reason.say(detail=f"{uri} has sha256 {found[:12]}..., expected {expected[:12]}...."))
