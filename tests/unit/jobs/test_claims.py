"""Numbers of versions: one for a digest, for ever, and few requests to find it out."""

import hashlib

import pytest

from support.memory_store import MemoryStore
from trimtab.jobs.dataset.claims import claim, numbered
from trimtab.store.client import Listing

FOLDER = "s3://bucket/team/datasets/flights"


class Counted(MemoryStore):
    """Counts what it is asked to read; `opaque`: its ETags are no MD5s, as with keys of one's own."""

    def __init__(self, *, opaque: bool = False) -> None:
        super().__init__()
        self.reads, self.opaque = 0, opaque

    def get(self, uri: str) -> bytes:
        self.reads += 1
        return super().get(uri)

    def list(self, prefix_uri: str) -> Listing:
        found = super().list(prefix_uri)
        return [type(each)(each.uri, each.key, hashlib.sha1(each.etag.encode()).hexdigest(), each.size) for each in found] if self.opaque else found


def digest(n: int) -> str:
    return hashlib.sha256(str(n).encode()).hexdigest()


@pytest.mark.parametrize("opaque", [False, True])
def test_a_digest_keeps_its_number_and_a_new_one_gets_the_next(opaque: bool) -> None:
    store = Counted(opaque=opaque)
    assert [claim(store, FOLDER, digest(n)) for n in (10, 20, 30)] == [(1, True), (2, True), (3, True)]
    assert [claim(store, FOLDER, digest(n)) for n in (30, 10, 20, 40)] == [(3, False), (1, False), (2, False), (4, True)]


def test_however_many_versions_there_are_a_claim_reads_two_of_them_at_most() -> None:
    store = Counted()
    for n in range(200):
        claim(store, FOLDER, digest(n))
    for wanted, reads in ((199, 1), (3, 2), (500, 1)):
        store.reads = 0
        claim(store, FOLDER, digest(wanted))
        assert store.reads == reads, wanted


def test_numbers_that_were_given_away_meanwhile_are_passed_over() -> None:
    store = Counted()
    claim(store, FOLDER, digest(1))
    there = store.list

    def late(prefix_uri: str) -> Listing:
        """Another pod claims between the listing and the write."""
        found = there(prefix_uri)
        store.list = there  # type: ignore[method-assign]
        claim(store, FOLDER, digest(2))
        return found

    store.list = late  # type: ignore[method-assign]
    assert claim(store, FOLDER, digest(3)) == (3, True)


def test_a_number_without_a_claim_or_without_data_is_no_version() -> None:
    store = Counted()
    claim(store, FOLDER, digest(1))
    assert numbered(store, FOLDER, 1) is None
    assert numbered(store, FOLDER, 2) is None
