"""The prediction log as serving pods really write it, read back with its labels."""

import pytest

from support.answered import HOUR, LAYOUT, START, Pod, answer, label
from support.memory_store import MemoryStore
from trimtab.api.documents import PredictionLog
from trimtab.jobs.errors import UserFault
from trimtab.jobs.predictions import files, log


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def read(store: MemoryStore, **wanted: object) -> list[dict[str, object]]:
    found: list[dict[str, object]] = log.read(store, LAYOUT, "flights", **wanted).to_pylist()  # type: ignore[arg-type]
    return found


def test_a_request_of_three_rows_comes_back_with_the_label_of_each_row(store: MemoryStore) -> None:
    Pod(store).answers([answer("r-1", rows=3)])
    Pod(store).is_told([label("r-1", "late", row=2), label("r-1", "punctual", row=0)])
    found = read(store)
    assert [(row["request_id"], row["row"], row["in_distance"], row["label"]) for row in found] == [
        ("r-1", 0, 100.0, "punctual"),
        ("r-1", 1, 101.0, None),
        ("r-1", 2, 102.0, "late"),
    ]
    assert found[2]["label_time"] == START + 20 * HOUR
    assert found[0]["out_probability"] == [0.75, 0.25]


def test_a_request_that_was_asked_twice_is_learned_from_once(store: MemoryStore) -> None:
    Pod(store, name="pod-2", version=8).answers([answer("r-1", 13, distance=2)])
    Pod(store, name="pod-1", version=7).answers([answer("r-1", 12, distance=1)])
    assert [(row["version"], row["in_distance"]) for row in read(store)] == [(7, 1.0)]
    assert read(store, versions=[8]) == []


def test_the_last_label_by_its_own_time_is_believed_however_late_an_older_one_comes(store: MemoryStore) -> None:
    Pod(store).answers([answer("r-1")])
    Pod(store).is_told([label("r-1", "late", 21, received=21)], 1)
    Pod(store).is_told([label("r-1", "punctual", 20, received=40)], 2)
    assert [row["label"] for row in read(store)] == ["late"]


def test_a_shadow_is_no_answer_unless_it_is_asked_for(store: MemoryStore) -> None:
    Pod(store, name="pod-0", version=8, role="Shadow").answers([answer("r-1", 11)])
    Pod(store, version=7).answers([answer("r-1")])
    Pod(store, name="pod-2", version=9, role="Candidate").answers([answer("r-2")])
    assert [(row["version"], row["role"]) for row in read(store)] == [(7, "Stable"), (9, "Candidate")]
    assert [row["version"] for row in read(store, roles=["Shadow"])] == [8]


def test_a_window_is_of_event_times_where_clients_send_them_or_of_the_pods_clock(store: MemoryStore) -> None:
    Pod(store).answers([answer("old", 12, event=-24 * 365), answer("plain", 12), answer("next", 13, event=12)])
    window = {"since": START + 12 * HOUR, "until": START + 13 * HOUR}
    assert [row["request_id"] for row in read(store, **window)] == ["plain", "next"]
    assert [row["request_id"] for row in read(store, **window, clock="Wall")] == ["old", "plain"]


def test_by_the_pods_clock_only_the_days_that_are_asked_for_are_read_and_no_label_is_missed(store: MemoryStore) -> None:
    for day in range(5):
        Pod(store).answers([answer(f"r-{day}", 24 * day + 1)], day)
        Pod(store).is_told([label(f"r-{day}", hours=24 * day + 50)], day)
    objects = files.find(store, LAYOUT, "flights", since=START + 25 * HOUR, until=START + 50 * HOUR)
    assert [each.key.split("/")[3] for each in objects.predictions] == ["date=2026-11-25", "date=2026-11-26"]
    assert [each.key.split("/")[3] for each in objects.labels] == [f"date=2026-11-{day}" for day in (26, 27, 28, 29, 30)][: len(objects.labels)]
    found = read(store, since=START + 25 * HOUR, until=START + 49 * HOUR, clock="Wall")
    assert [(row["request_id"], row["label"]) for row in found] == [("r-1", "late")]


def test_only_the_columns_that_are_asked_for_are_read(store: MemoryStore) -> None:
    Pod(store).answers([answer("r-1")])
    found = log.read(store, LAYOUT, "flights", columns=["in_distance", "in_nothing"])
    assert set(found.column_names) == {*log.EMPTY_LOG, "in_distance", "label", "label_time"}


def test_versions_with_other_columns_are_read_side_by_side(store: MemoryStore) -> None:
    Pod(store, name="a").answers([answer("r-1")])
    Pod(store, name="b", log=PredictionLog(exclude=["carrier"])).answers([answer("r-2")])
    assert [row["in_carrier"] for row in read(store)] == ["UA", None]


def test_a_deployment_that_was_never_asked_has_an_empty_log(store: MemoryStore) -> None:
    Pod(store, deployment="other").answers([answer("r-1")])
    assert read(store) == []


def test_a_file_that_is_broken_is_said_and_is_nobodys_crash(store: MemoryStore) -> None:
    Pod(store).answers([answer("r-1")])
    store.put(LAYOUT.label_file("flights", START, "pod-9", 1), b"PAR1 not really PAR1")
    with pytest.raises(UserFault, match="The log of predictions or their labels cannot be read"):
        read(store)


def test_a_bound_without_a_time_zone_is_refused(store: MemoryStore) -> None:
    Pod(store).answers([answer("r-1")])
    with pytest.raises(ValueError, match="says no time zone"):
        read(store, since=START.replace(tzinfo=None))
