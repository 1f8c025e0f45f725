"""Segments on disk: what survives a kill, what is given up when there is no room, and what a file is called."""

from pathlib import Path

import pytest

from support.predictions import prediction, rows
from trimtab_serving.trail.spool import Segment, Spool

BATCH = rows().batch([prediction("a", distance=[1.0, 2.0])])


def spool(folder: Path, limit: int = 1 << 30, clock: int = 1000) -> Spool:
    return Spool(folder, limit, lambda: clock)


def write(into: Spool, count: int = 1) -> None:
    """Segments of two rows each."""
    for _ in range(count):
        into.append(BATCH)
        into.seal()


def held_open(folder: Path) -> Path:
    """The file of the segment that is being written."""
    (path,) = folder.glob("*.open")
    return path


def test_a_segment_is_read_as_it_was_written(tmp_path: Path) -> None:
    it = spool(tmp_path)
    it.append(BATCH)
    it.append(BATCH)
    it.sync()
    assert it.sealed() == []
    it.seal()
    (segment,) = it.sealed()
    assert segment.rows == 4
    assert segment.read().to_pylist() == BATCH.to_pylist() * 2


def test_what_a_killed_process_left_behind_is_there_for_the_next(tmp_path: Path) -> None:
    killed = spool(tmp_path)
    write(killed)
    killed.append(BATCH)
    killed.sync()
    following = spool(tmp_path)
    assert following.recovered == 4
    assert [each.rows for each in following.sealed()] == [2, 2]
    assert following.sealed()[1].read().to_pylist() == BATCH.to_pylist()


@pytest.mark.parametrize("cut", [1, 50, 700])
def test_a_segment_that_breaks_off_is_read_up_to_its_last_whole_batch(tmp_path: Path, cut: int) -> None:
    killed = spool(tmp_path)
    killed.append(BATCH)
    killed.append(BATCH)
    path = held_open(tmp_path)
    path.write_bytes(path.read_bytes()[:-cut])
    following = spool(tmp_path)
    assert following.recovered == 2
    assert following.sealed()[0].read().num_rows == 2


def test_a_segment_of_nothing_but_a_damaged_head_is_no_segment(tmp_path: Path) -> None:
    (tmp_path / "5.open").write_bytes(b"\xff" * 20)
    assert spool(tmp_path).sealed() == []
    assert list(tmp_path.iterdir()) == []


def test_numbers_go_on_after_a_restart_even_where_the_clock_went_back(tmp_path: Path) -> None:
    write(spool(tmp_path, clock=5000), 2)
    write(it := spool(tmp_path, clock=3000))
    assert [each.sequence for each in it.sealed()] == [5000, 5001, 5002]


def test_over_the_limit_the_oldest_go_and_are_counted(tmp_path: Path) -> None:
    write(it := spool(tmp_path), 4)
    size = it.sealed()[0].size
    tight = spool(tmp_path, limit=2 * size + 10)
    assert tight.trim() == 4
    assert [each.sequence for each in tight.sealed()] == [1002, 1003]
    assert tight.trim() == 0


def test_a_segment_that_is_being_uploaded_is_not_dropped_under_it(tmp_path: Path) -> None:
    write(it := spool(tmp_path, limit=0), 2)
    first, second = it.sealed()
    assert it.hold(first)
    assert it.trim() == second.rows
    assert it.sealed() == [first]
    it.release(first, delete=True)
    assert it.sealed() == []


def test_a_segment_that_is_gone_cannot_be_held(tmp_path: Path) -> None:
    assert not spool(tmp_path).hold(Segment(tmp_path / "1-2.arrow", 1, 2, 0))


def test_a_segment_is_due_by_size_or_age(tmp_path: Path) -> None:
    it = spool(tmp_path)
    assert not it.is_due(0, 0)
    it.append(BATCH)
    assert it.is_due(100, 3600)
    assert it.is_due(1 << 20, 0)
    assert not it.is_due(1 << 20, 3600)


def test_after_a_failed_write_what_was_whole_is_kept(tmp_path: Path) -> None:
    it = spool(tmp_path)
    it.append(BATCH)
    it.abandon()
    assert [each.rows for each in it.sealed()] == [2]
    it.append(BATCH)
    it.seal()
    assert [each.rows for each in it.sealed()] == [2, 2]
