"""The verb `gc`: delete the data of versions that nothing cites any more.

The manifest goes first: from then on nothing is there, and whoever dies after that leaves only files that the next
collection finds. What has no manifest may be a snapshot that is still being written: it is left alone for a day. Claims of version numbers stay for ever, so that a number never means two things.
"""

from datetime import UTC, datetime, timedelta

import structlog

from trimtab.api.documents import GcDocument, Result
from trimtab.api.reasons import Reason
from trimtab.jobs.context import Context
from trimtab.store.client import ObjectInfo
from trimtab.store.layout import MANIFEST

CLAIMS = "versions"
UNFINISHED = timedelta(days=1)
"""Longer than any snapshot may take: its Job has a deadline (`plans/dataset.py`)."""

log = structlog.get_logger()


def run(document: GcDocument, context: Context) -> Result:
    """Delete every digest of the Dataset or FeatureSet but those in `keep`."""
    folders = {"datasets": context.layout.dataset_folder, "featuresets": context.layout.feature_set_folder}
    folder = folders[document.kind](document.name)
    unkept = by_digest(folder, context.store.list(f"{folder}/"), set(document.keep))
    doomed = {digest: files for digest, files in unkept.items() if is_over(folder, digest, files, datetime.now(UTC))}
    objects = 0
    for done, (digest, files) in enumerate(doomed.items()):
        context.progress.update(100 * done / len(doomed), f"deleting {digest[:12]}")
        objects += context.store.delete([each.uri for each in files if _is_manifest(folder, digest, each)])
        objects += context.store.delete([each.uri for each in files if not _is_manifest(folder, digest, each)])
        log.info("gc.deleted", digest=digest, objects=len(files), bytes=sum(each.size for each in files))
    freed = sum(each.size for files in doomed.values() for each in files)
    facts = {"versions": str(len(doomed)), "objects": str(objects), "bytes": str(freed)}
    message = f"Deleted the data of {len(doomed)} versions: {objects} objects, {freed} bytes."
    return Result(outcome="Succeeded", reason=Reason.READY.value, message=message, uri=folder, facts=facts)


def by_digest(folder: str, listed: list[ObjectInfo], keep: set[str]) -> dict[str, list[ObjectInfo]]:
    """The objects of every digest that is not kept; claims are not among them."""
    found: dict[str, list[ObjectInfo]] = {}
    for each in listed:
        digest, _, rest = each.uri.removeprefix(f"{folder}/").partition("/")
        if rest and digest != CLAIMS and digest not in keep:
            found.setdefault(digest, []).append(each)
    return found


def is_over(folder: str, digest: str, files: list[ObjectInfo], now: datetime) -> bool:
    """Committed once, or untouched for so long that nobody is writing it any more."""
    return any(_is_manifest(folder, digest, each) for each in files) or all(now - each.modified > UNFINISHED for each in files)


def _is_manifest(folder: str, digest: str, found: ObjectInfo) -> bool:
    return found.uri == f"{folder}/{digest}/{MANIFEST}"
