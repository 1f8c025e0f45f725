"""The log as a whole: every row ends as uploaded or dropped and is counted, and taking a prediction never waits or fails."""

import io
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from support.memory_store import MemoryStore
from support.predictions import NOON, prediction, rows
from trimtab.api.documents import PredictionLog
from trimtab.store.layout import Layout
from trimtab_serving.trail import recorder as recorders
from trimtab_serving.trail.recorder import Recorder
from trimtab_serving.trail.tally import Tally
from trimtab_serving.trail.upload import Place, upload


class Log:
    """A recorder over a store in memory."""

    def __init__(self, folder: Path, spool_bytes: int = 1 << 30, **settings: Any) -> None:
        self.store, self.tally = MemoryStore(), Tally()
        place = Place(self.store, Layout("lake", "team"), "prod", "pod-1")
        settings = {"upload_seconds": 0.05} | settings
        self.recorder = Recorder(
            rows(**settings), folder, PredictionLog(**settings), lambda each: upload(each, place, None), self.tally, spool_bytes=spool_bytes
        )

    def take(self, *ids: str, count: int = 1) -> None:
        for each in ids:
            given = prediction(each, distance=[1.0] * count)
            self.recorder.take(each, given.request, given.outputs, 0.001)

    def stored(self) -> list[str]:
        """Ids of all rows in the store."""
        tables = [
            pq.read_table(io.BytesIO(content)) for uri, content in sorted(self.store.objects.items()) if uri.startswith("s3://lake/team/predictions/prod/")
        ]
        return [each for table in tables for each in table["request_id"].to_pylist()]

    def wait(self, until: Callable[[], bool]) -> None:
        end = time.monotonic() + 20
        while not until():
            assert time.monotonic() < end, self.tally
            time.sleep(0.01)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "WRITE_SECONDS", 0.01)
    monkeypatch.setattr(recorders, "FIRST_WAIT", 0.02)


def test_what_was_taken_is_uploaded_while_the_server_runs(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.recorder.start()
    log.take("a", "b", count=3)
    log.wait(lambda: log.tally.uploaded == 6)
    assert log.stored() == ["a"] * 3 + ["b"] * 3
    assert (log.tally.taken, log.tally.spooled, log.tally.dropped) == (6, 6, 0)
    log.recorder.close(5)
    assert list(tmp_path.iterdir()) == []


def test_at_the_end_everything_goes_out(tmp_path: Path) -> None:
    log = Log(tmp_path, upload_seconds=3600)
    log.recorder.start()
    log.take("a")
    log.recorder.close(10)
    assert log.stored() == ["a"]


def test_a_killed_process_loses_nothing_that_was_on_disk(tmp_path: Path) -> None:
    killed = Log(tmp_path, upload_seconds=3600)
    killed.take("a", "b")
    killed.recorder._write()
    following = Log(tmp_path)
    following.recorder.start()
    following.recorder.close(10)
    assert following.stored() == ["a", "b"]
    assert (following.tally.recovered, following.tally.uploaded) == (2, 2)


def test_while_the_store_is_away_rows_wait_and_then_go_in_their_order(tmp_path: Path) -> None:
    log = Log(tmp_path, upload_seconds=0.02)
    log.store.away = "no route to host."
    log.recorder.start()
    for each in ("a", "b", "c"):
        log.take(each)
        log.wait(lambda: not list(tmp_path.glob("*.open")) and log.tally.spooled == log.tally.taken)
    assert (log.tally.uploaded, len(list(tmp_path.iterdir()))) == (0, 3)
    log.store.away = ""
    log.wait(lambda: log.tally.uploaded == 3)
    assert log.stored() == ["a", "b", "c"]
    log.recorder.close(5)


def test_a_spool_that_is_full_drops_the_oldest_and_says_how_many(tmp_path: Path) -> None:
    log = Log(tmp_path, upload_seconds=0.001, spool_bytes=20_000)
    log.store.away = "no route to host."
    for number in range(20):
        log.take(f"r{number:02}")
        log.recorder._write()
        log.recorder._spool.seal()
    log.recorder._write()
    assert 0 < log.tally.dropped < 20
    log.store.away = ""
    log.recorder.start()
    log.recorder.close(10)
    assert log.stored() == [f"r{number:02}" for number in range(log.tally.dropped, 20)]
    assert log.tally.taken == log.tally.uploaded + log.tally.dropped


def test_a_store_that_stays_away_ends_the_drain_in_time_and_leaves_the_spool(tmp_path: Path) -> None:
    log = Log(tmp_path)
    log.store.away = "no route to host."
    log.recorder.start()
    log.take("a")
    begun = time.monotonic()
    log.recorder.close(0.5)
    assert time.monotonic() - begun < 15
    assert Log(tmp_path).tally.recovered == 1


def test_a_share_of_the_requests_is_the_same_share_in_every_pod(tmp_path: Path) -> None:
    ids = [f"request-{number}" for number in range(1000)]
    one, other = Log(tmp_path / "1", percent=10), Log(tmp_path / "2", percent=10)
    for log in (one, other):
        log.take(*ids)
        log.recorder.start()
        log.recorder.close(20)
    assert one.stored() == other.stored()
    assert 70 < one.tally.taken < 130
    assert one.tally.taken + one.tally.sampled_out == 1000


@pytest.mark.parametrize(("percent", "kept"), [(0, 0), (100, 200)])
def test_none_and_all_are_exact(tmp_path: Path, percent: int, kept: int) -> None:
    log = Log(tmp_path, percent=percent)
    log.take(*(f"r{number}" for number in range(200)))
    assert log.tally.taken == kept


def test_more_than_fits_into_memory_is_refused_and_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "MOST_WAITING_BYTES", 1000)
    log = Log(tmp_path)
    log.take("a", count=11)
    log.take("b", "c", count=2)
    assert (log.tally.taken, log.tally.dropped) == (15, 4)
    log.recorder._write()
    log.take("d")
    assert log.tally.dropped == 4


def test_a_server_that_is_busy_writes_before_the_half_second_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recorders, "WRITE_SECONDS", 60)
    monkeypatch.setattr(recorders, "EARLY_BYTES", 1000)
    log = Log(tmp_path, upload_seconds=3600)
    log.recorder.start()
    log.take("a", "b", "c")
    log.wait(lambda: log.tally.spooled >= 2)  # the third may have come when the others were written already
    log.recorder.close(5)


def test_a_disk_that_fails_costs_rows_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    log = Log(tmp_path)

    def full(batch: Any) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(log.recorder._spool, "append", full)
        log.take("a")
        log.recorder._write()
    log.take("b")
    log.recorder.start()
    log.recorder.close(10)
    assert (log.stored(), log.tally.dropped) == (["b"], 1)


def test_a_segment_that_nobody_can_read_does_not_stand_before_the_others(tmp_path: Path) -> None:
    (tmp_path / "1-5.arrow").write_bytes(b"\xff" * 100)
    log = Log(tmp_path)
    log.take("a")
    log.recorder.start()
    log.recorder.close(10)
    assert (log.stored(), log.tally.dropped) == (["a"], 5)


def test_rows_lie_by_the_hour_of_their_answer_under_the_pods_name(tmp_path: Path) -> None:
    log = Log(tmp_path)
    early, late = NOON, NOON.replace(hour=13)
    log.recorder._spool.append(rows().batch([prediction("a", time=early), prediction("b", time=late), prediction("c", time=early)]))
    log.recorder._spool.seal()
    (segment,) = log.recorder._spool.sealed()
    log.recorder._upload_all()
    folder = "s3://lake/team/predictions/prod/date=2026-11-24"
    assert sorted(log.store.objects) == [f"{folder}/hour=12/pod-1-{segment.sequence}.parquet", f"{folder}/hour=13/pod-1-{segment.sequence}.parquet"]
    assert log.stored() == ["a", "c", "b"]


def test_the_event_clock_is_that_of_what_the_store_has(tmp_path: Path) -> None:
    log = Log(tmp_path)
    assert log.tally.event_seconds == 0
    log.recorder._spool.append(rows().batch([prediction(event_time="2013-02-01T00:00:00Z"), prediction(event_time="2013-01-01T00:00:00.5Z")]))
    log.recorder._spool.seal()
    log.recorder._upload_all()
    assert log.tally.event_seconds == 1359676800.0


def test_a_request_without_an_event_time_does_not_move_the_event_clock(tmp_path: Path) -> None:
    log = Log(tmp_path)
    for each in (prediction(), prediction(event_time="2013-02-01T00:00:00Z"), prediction()):
        log.recorder._spool.append(rows().batch([each]))
        log.recorder._spool.seal()
        log.recorder._upload_all()
    assert log.tally.event_seconds == 1359676800.0


def test_outputs_that_are_views_of_a_larger_array_are_logged_as_answered(tmp_path: Path) -> None:
    given = prediction("a", distance=[1.0, 2.0])
    probability = np.asfortranarray(given.outputs[1])
    (row, _) = rows().batch([given._replace(outputs=[given.outputs[0], probability])]).to_pylist()
    assert row["out_probability"] == [0.75, 0.25]
