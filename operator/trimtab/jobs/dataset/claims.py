"""Version numbers, claimed in the store so that they survive everything that happens to the cluster.

`versions/<N>` holds the digest that took N and is written only where nothing is. A digest that has a number keeps it: claiming
twice, from two pods or after a crash, gives the same answer.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from trimtab.api.documents import Found
from trimtab.jobs.errors import UserFault
from trimtab.store import manifest as manifests
from trimtab.store.client import ObjectInfo, Store
from trimtab.store.errors import ObjectMissing
from trimtab.store.layout import claim as claim_uri
from trimtab.store.layout import claims
from trimtab.store.manifest import Manifest


def claim(store: Store, folder: str, digest: str) -> tuple[int, bool]:
    """For the versions in a folder: (the digest's number, whether it was taken just now)."""
    while True:
        taken = _taken(store, folder)
        if number := _number_of(store, taken, digest):
            return number, False
        number = max(taken, default=0) + 1
        if store.put_if_absent(claim_uri(folder, number), digest.encode()):
            return number, True


def numbered(store: Store, folder: str, number: int) -> tuple[Manifest, str] | None:
    """The committed version of that number and its manifest's sha256; None where the number is free or its data were collected."""
    try:
        digest = store.get(claim_uri(folder, number)).decode()
    except ObjectMissing:
        return None
    return manifests.find(store, f"{folder}/{digest}")


def found(store: Store, folder: str, numbers: Sequence[int], facts: Callable[[Manifest, int], dict[str, str]]) -> list[Found]:
    """Those of the numbers that are versions, as an answer tells them; `facts` are what it says of one."""
    there = [(number, version) for number in numbers if (version := numbered(store, folder, number))]
    return [Found(uri=f"{folder}/{manifest.digest}", manifest_digest=sha256, facts=facts(manifest, number)) for number, (manifest, sha256) in there]


@contextmanager
def told_in_failure(store: Store, folder: str, named: Sequence[int], facts: Callable[[Manifest, int], dict[str, str]]) -> Iterator[None]:
    """What fails tells all the same of the newest version and of those that are named: bad new data take nothing away."""
    try:
        yield
    except UserFault as fault:
        newest = sorted(_taken(store, folder))[-1:]
        fault.result = fault.result.with_found(found(store, folder, list(dict.fromkeys([*newest, *named])), facts))
        raise


def _taken(store: Store, folder: str) -> dict[int, ObjectInfo]:
    listed = {each.key.rpartition("/")[2]: each for each in store.list(f"{claims(folder)}/")}
    return {int(name): each for name, each in listed.items() if name.isdigit()}


def _number_of(store: Store, taken: dict[int, ObjectInfo], digest: str) -> int | None:
    """The newest is read: what is asked about again is nearly always that. Where it proves that the store's ETags are MD5s of contents,
    as S3's are but for some encryptions, the listing tells of all others; else each is read, newest first."""
    newest_first = sorted(taken, reverse=True)
    if not newest_first:
        return None
    newest = store.get(taken[newest_first[0]].uri).decode()
    if newest == digest:
        return newest_first[0]
    others = newest_first[1:]
    if taken[newest_first[0]].etag == _etag(newest):
        others = [number for number in others if taken[number].etag == _etag(digest)]
    return next((number for number in others if store.get(taken[number].uri).decode() == digest), None)


def _etag(content: str) -> str:
    return hashlib.md5(content.encode(), usedforsecurity=False).hexdigest()
