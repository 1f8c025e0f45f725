"""Logged predictions and their labels against the definition of their join: repeated, contradicted, late, unknown, of other roles."""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.answered import HOUR, START, Asked, Logged, joined
from trimtab.jobs.dataset.engine import Engine, opened
from trimtab.jobs.predictions.log import Counts, Wanted, join
from trimtab_serving.trail.label_files import table as labels_table
from trimtab_serving.trail.labels import Label
from trimtab_serving.trail.rows import UTC_TIME

hours = st.integers(0, 8)
ids, numbers, roles = st.sampled_from(["a", "b", "a/0"]), st.integers(0, 1), st.sampled_from(["Stable", "Candidate", "Shadow"])
logs = st.lists(st.builds(Logged, ids, numbers, hours, st.none() | hours, st.sampled_from([7, 8]), roles), max_size=25).map(
    lambda rows: [Logged(**{**vars(each), "place": place}) for place, each in enumerate(rows)]
)
told = st.lists(
    st.builds(
        lambda id_, row, said, hour, received: Label(id_, row, said, START + hour * HOUR, START + received * HOUR),
        ids,
        numbers,
        st.sampled_from("yn"),
        hours,
        hours,
    ),
    max_size=20,
)
asking = st.builds(Asked, st.none() | hours, st.none() | hours, st.none() | st.frozensets(st.sampled_from([7, 8])), st.frozensets(roles))


@pytest.fixture(scope="module")
def scratch() -> Iterator[tuple[Engine, Path]]:
    with tempfile.TemporaryDirectory() as folder, opened(Path(folder)) as engine:
        yield engine, Path(folder)


def files(folder: Path, logged: Sequence[Logged], labels: Sequence[Label], cut: int) -> tuple[list[Path], list[Path]]:
    """Both in two files, cut anywhere."""
    log_parts = [_log(part) for part in (logged[:cut], logged[cut:]) if part]
    label_parts = [labels_table(part, "pod-1") for part in (labels[:cut], labels[cut:]) if part]
    return _written(folder, "p", log_parts), _written(folder, "l", label_parts)


def _log(rows: Sequence[Logged]) -> pa.Table:
    columns = {
        "time": pa.array([START + each.time * HOUR for each in rows], UTC_TIME),
        "event_time": pa.array([None if each.event is None else START + each.event * HOUR for each in rows], UTC_TIME),
        "request_id": [each.id for each in rows], "row": pa.array([each.row for each in rows], pa.int32()),
        "version": pa.array([each.version for each in rows], pa.int32()), "role": [each.role for each in rows], "in_place": [each.place for each in rows],
    }  # fmt: skip
    return pa.table(columns)


def _written(folder: Path, kind: str, tables: list[pa.Table]) -> list[Path]:
    paths = [folder / f"{kind}{number}.parquet" for number in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        pq.write_table(table, path)
    return paths


def answered(engine: Engine, predictions: list[Path], labels: list[Path], wanted: Wanted) -> tuple[list[tuple[int, str | None]], Counts]:
    engine.execute("DROP TABLE IF EXISTS answered")
    counts = join(engine, predictions, labels, wanted, to="answered")
    if not predictions:
        return [], counts
    return engine.execute("SELECT in_place, label FROM answered ORDER BY rowid").fetchall(), counts


@settings(max_examples=150, deadline=None)
@given(logged=logs, labels=told, cut=st.integers(0, 12), asked=asking)
def test_each_row_is_there_once_as_first_answered_and_with_what_was_said_of_it_last(
    scratch: tuple[Engine, Path], logged: list[Logged], labels: list[Label], cut: int, asked: Asked
) -> None:
    engine, folder = scratch
    since, until = (None if each is None else START + each * HOUR for each in (asked.since, asked.until))
    versions = None if asked.versions is None else tuple(asked.versions)
    wanted = Wanted(since, until, versions=versions, roles=tuple(asked.roles))  # type: ignore[arg-type]
    found, counts = answered(engine, *files(folder, logged, labels, cut), wanted)
    expected = joined(logged, labels, asked)
    assert found == expected
    assert (counts.rows, counts.labelled) == (len(expected), sum(label is not None for _, label in expected))


@settings(max_examples=75, deadline=None)
@given(logged=logs, labels=told, cut=st.integers(0, 12))
def test_what_was_repeated_contradicted_or_unknown_is_counted(scratch: tuple[Engine, Path], logged: list[Logged], labels: list[Label], cut: int) -> None:
    engine, folder = scratch
    _, counts = answered(engine, *files(folder, logged, labels, cut), Wanted())
    clients = [each for each in logged if each.role != "Shadow"]
    keys = {(each.id, each.row) for each in clients}
    said = {(each.request_id, each.row): {other.label for other in labels if (other.request_id, other.row) == (each.request_id, each.row)} for each in labels}
    assert counts.repeated == len(clients) - len(keys)
    assert counts.contradicted == sum(len(each) > 1 for each in said.values())
    assert counts.unknown == len(said.keys() - keys)
