"""What a worker answers for versions that are named by number, against a real S3, and what its requests cost there."""

import pytest

from support.object_store import ObjectStore
from support.worker import Worker, table
from trimtab.api.documents import MOST_NAMED
from trimtab.api.termination import LOG_BYTES
from trimtab.store.client import Store


@pytest.fixture
def worker(object_store: ObjectStore, bucket: str) -> Worker:
    return Worker(object_store, bucket)


def rows(count: int) -> str:
    return table(count, lambda n: {"origin": "JFK", "time": f"2013-01-{n // 24 % 28 + 1:02d}T{n % 24:02d}:00:00Z", "x": n, "late": n % 2})


def test_a_named_number_is_told_as_it_was_told_when_it_was_made(worker: Worker) -> None:
    worker.put("a.csv", rows(100))
    first = worker.snapshot({"label": "late"})[1]
    worker.put("a.csv", rows(200))
    worker.snapshot({"label": "late"})
    answer = worker.snapshot({"label": "late"}, named=[1, 7])[1]
    (found,) = answer.found()
    assert (answer.facts["version"], found.uri, found.manifest_digest) == ("2", first.uri, first.manifest_digest)
    assert found.facts == {name: value for name, value in first.facts.items() if name not in ("outcome", "rules")}


def test_a_feature_set_tells_of_its_older_versions_too(worker: Worker) -> None:
    worker.put("a.csv", rows(100))
    first = worker.materialize()[1]
    worker.put("a.csv", rows(200))
    (found,) = worker.materialize(named=[1])[1].found()
    assert (found.facts, found.manifest_digest) == (first.facts, first.manifest_digest)


def test_as_many_as_may_be_named_fit_a_termination_message(worker: Worker) -> None:
    for count in range(MOST_NAMED + 1):
        worker.put("a.csv", rows(100 + count))
        worker.snapshot({"label": "late", "timestamp": "time"})
    answer = worker.snapshot({"label": "late", "timestamp": "time"}, named=range(1, MOST_NAMED + 1))[1]
    assert len(answer.found()) == MOST_NAMED
    assert len(answer.encode()) <= LOG_BYTES
    assert type(answer).decode(answer.encode()) == answer


def test_a_look_that_fails_tells_of_what_there_is(worker: Worker) -> None:
    worker.put("a.csv", rows(100))
    worker.snapshot({"label": "late"})
    worker.put("a.csv", rows(200))
    second = worker.snapshot({"label": "late"})[1]
    broken = worker.snapshot({"label": "late", "validation": [{"name": "many", "rows": {"min": 1000}}]}, named=[1])[1]
    assert (broken.outcome, broken.reason) == ("Failed", "RuleViolated")
    assert [(each.facts["version"], each.uri == second.uri) for each in broken.found()] == [("2", True), ("1", False)]


def test_a_first_look_that_fails_has_nothing_to_tell(worker: Worker) -> None:
    assert worker.materialize()[1].found() == []


def test_what_was_collected_is_no_version_any_more(worker: Worker) -> None:
    worker.put("a.csv", rows(100))
    worker.snapshot({"label": "late"})
    worker.put("a.csv", rows(200))
    newest = worker.snapshot({"label": "late"})[1]
    worker.collect([newest.facts["digest"]])
    assert worker.snapshot({"label": "late"}, named=[1])[1].found() == []


def test_a_claim_of_many_versions_costs_one_listing_here_too(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    for count in range(6):
        worker.put("a.csv", rows(100 + count))
        worker.snapshot({"label": "late"})
    worker.put("a.csv", rows(100))
    read: list[str] = []
    get = Store.get
    monkeypatch.setattr(Store, "get", lambda store, uri: (read.append(uri), get(store, uri))[1])
    assert worker.snapshot({"label": "late"})[1].facts["version"] == "1"
    assert [each.rpartition("/")[2] for each in read if "/versions/" in each] == ["6", "1"]
