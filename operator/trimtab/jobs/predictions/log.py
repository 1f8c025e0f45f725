"""A Deployment's logged predictions with the labels that came for them, one row for each row that a client was answered.

A label is about (request id, row). Where that was answered more than once the first answer counts; where more than one label
came, the last one by `label_time`, and of equal ones the one received last. Answers that no client saw (role Shadow) are no
part of this unless asked for. What was logged twice and what was contradicted is counted, never hidden.

The join runs in the bounded engine over columns alone that are asked for: memory does not grow with the log.
"""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import duckdb

from trimtab.api.reasons import Reason
from trimtab.jobs.dataset import engine as engines
from trimtab.jobs.dataset.engine import Engine, first, name, text
from trimtab.jobs.errors import UserFault
from trimtab.jobs.predictions import files
from trimtab.jobs.predictions.files import Objects
from trimtab.store.client import Store
from trimtab.store.layout import Layout

Clock = Literal["Wall", "Event"]
Role = Literal["Stable", "Candidate", "Shadow"]

ANSWERED: tuple[Role, ...] = ("Stable", "Candidate")
"""Whose answers clients got."""

EMPTY_LOG = {
    "time": "TIMESTAMPTZ", "event_time": "TIMESTAMPTZ", "request_id": "VARCHAR", "row": "INTEGER",
    "model": "VARCHAR", "version": "INTEGER", "model_digest": "VARCHAR", "role": "VARCHAR",
}  # fmt: skip
"""The columns that are always read, and what a log without objects looks like."""
SHOWN_CHARACTERS = 300
EMPTY_LABELS = {"request_id": "VARCHAR", "row": "INTEGER", "label": "VARCHAR", "label_time": "TIMESTAMPTZ", "received_at": "TIMESTAMPTZ"}


@dataclass(frozen=True)
class Wanted:
    """Which rows: `since <= moment < until`, where the moment is by the clock `time`, or `event_time` as far as one was sent."""

    since: datetime | None = None
    until: datetime | None = None
    clock: Clock = "Event"
    versions: tuple[int, ...] | None = None
    roles: tuple[Role, ...] = ANSWERED
    columns: tuple[str, ...] | None = None
    """Of the log, as they are called there (`in_distance`), beside those that are always read; None: all."""

    @property
    def moment(self) -> str:
        return "time" if self.clock == "Wall" else "coalesce(event_time, time)"


@dataclass(frozen=True)
class Counts:
    """How the join went."""

    rows: int
    labelled: int
    repeated: int
    """Logged rows that are not the first of their (request id, row)."""
    contradicted: int
    """(request id, row) whose labels do not all say the same."""
    unknown: int
    """(request id, row) of labels that are of no logged row among those read."""
    a_contradicted: str = ""
    """One of them, as `request/row`; empty: there is none."""
    an_unknown: str = ""


def read(
    store: Store,
    layout: Layout,
    deployment: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    clock: Clock = "Event",
    versions: Sequence[int] | None = None,
    roles: Sequence[Role] = ANSWERED,
    columns: Sequence[str] | None = None,
) -> Any:
    """A pyarrow Table: the log's columns, `label` and `label_time` (null where none came), in the order of the log's objects."""
    wanted = Wanted(since, until, clock, tuple(versions) if versions is not None else None, tuple(roles), tuple(columns) if columns is not None else None)
    with tempfile.TemporaryDirectory() as folder, engines.opened(Path(folder)) as engine:
        load(engine, store, find(store, layout, deployment, wanted), Path(folder) / "log", wanted, to="answered")
        return engine.sql("SELECT * FROM answered ORDER BY rowid").to_arrow_table()


def find(store: Store, layout: Layout, deployment: str, wanted: Wanted) -> Objects:
    """The objects that may hold what is wanted; by the event clock any may."""
    if wanted.clock == "Event":
        return files.find(store, layout, deployment)
    return files.find(store, layout, deployment, since=wanted.since, until=wanted.until)


def load(engine: Engine, store: Store, objects: Objects, folder: Path, wanted: Wanted, *, to: str) -> Counts:
    """Make the table `to`; `folder` lies within the engine's scratch, and is empty again afterwards."""
    predictions = files.fetch(store, objects.predictions, folder / "predictions")
    labels = files.fetch(store, objects.labels, folder / "labels")
    counts = join(engine, predictions, labels, wanted, to=to)
    for each in [*predictions, *labels]:
        each.unlink()
    return counts


def join(engine: Engine, predictions: Sequence[Path], labels: Sequence[Path], wanted: Wanted, *, to: str) -> Counts:
    """Make the table `to` of files in the engine's scratch; predictions in the order in which the first should win."""
    try:
        return _join(engine, predictions, labels, wanted, to)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        detail = " ".join(str(error).split())[:SHOWN_CHARACTERS]
        raise UserFault(Reason.SOURCE_UNREADABLE, Reason.SOURCE_UNREADABLE.say(file="The log of predictions or their labels", detail=detail)) from error


def _join(engine: Engine, predictions: Sequence[Path], labels: Sequence[Path], wanted: Wanted, to: str) -> Counts:
    engine.execute(f"CREATE TABLE __log AS SELECT {_columns(engine, predictions, wanted)} FROM {_table(predictions, EMPTY_LOG)} WHERE {_condition(wanted)}")
    engine.execute(f"CREATE TABLE __firsts AS SELECT request_id, row, {_first()} AS place FROM __log GROUP BY ALL")
    engine.execute(f"CREATE TABLE __last_labels AS {_last_labels(labels)}")
    engine.execute(f"""
        CREATE TABLE {name(to)} AS
        SELECT __log.*, __last_labels.label, __last_labels.label_time
        FROM __log JOIN __firsts ON __log.rowid = __firsts.place
        LEFT JOIN __last_labels ON __log.request_id = __last_labels.request_id AND __log.row = __last_labels.row
        WHERE {_of_versions(wanted)} ORDER BY __log.rowid""")
    counts = _counts(engine, to)
    for each in ("__log", "__firsts", "__last_labels"):
        engine.execute(f"DROP TABLE {each}")
    return counts


def _table(paths: Sequence[Path], empty: dict[str, str]) -> str:
    if not paths:
        return f"(SELECT {', '.join(f'CAST(NULL AS {kind}) AS {name(column)}' for column, kind in empty.items())} LIMIT 0)"
    return f"read_parquet([{', '.join(text(str(each)) for each in paths)}], union_by_name = true)"


def _columns(engine: Engine, predictions: Sequence[Path], wanted: Wanted) -> str:
    if wanted.columns is None:
        return "*"
    there = [column for column, *_ in engine.execute(f"DESCRIBE SELECT * FROM {_table(predictions, EMPTY_LOG)}").fetchall()]
    return ", ".join(name(each) for each in there if each in EMPTY_LOG or each in wanted.columns)


def _condition(wanted: Wanted) -> str:
    found = [f"role IN ({', '.join(text(each) for each in wanted.roles)})" if wanted.roles else "false"]
    found += [f"{wanted.moment} >= {_time(wanted.since)}"] if wanted.since else []
    found += [f"{wanted.moment} < {_time(wanted.until)}"] if wanted.until else []
    return " AND ".join(found)


def _time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError(f"{moment} says no time zone; since and until must.")
    return f"CAST({text(moment.isoformat())} AS TIMESTAMPTZ)"


def _first() -> str:
    """The row number of the first by time, and of those the first in the table."""
    return "min(struct_pack(time := time, place := rowid)).place"


def _last_labels(labels: Sequence[Path]) -> str:
    last = "max(struct_pack(label_time := label_time, received_at := received_at, label := label))"
    return f"""
        SELECT request_id, row, last.label AS label, last.label_time AS label_time, contradicted
        FROM (SELECT request_id, row, {last} AS last, min(label) <> max(label) AS contradicted FROM {_table(labels, EMPTY_LABELS)} GROUP BY ALL)"""


def _of_versions(wanted: Wanted) -> str:
    """Looked at last: a row belongs to the version whose answer was the first."""
    if wanted.versions is None:
        return "true"
    return f"__log.version IN ({', '.join(str(int(each)) for each in wanted.versions)})" if wanted.versions else "false"


def _counts(engine: Engine, to: str) -> Counts:
    rows, labelled = first(engine, f"SELECT count(*), count(label) FROM {name(to)}")
    logged, firsts = first(engine, "SELECT (SELECT count(*) FROM __log), (SELECT count(*) FROM __firsts)")
    known = "EXISTS (FROM __firsts WHERE __firsts.request_id = __last_labels.request_id AND __firsts.row = __last_labels.row)"
    which = "request_id || '/' || row"
    told = (f"count(*) FILTER ({each}), coalesce(min({which}) FILTER ({each}), '')" for each in ("contradicted", f"NOT {known}"))
    contradicted, a_contradicted, unknown, an_unknown = first(engine, f"SELECT {', '.join(told)} FROM __last_labels")
    return Counts(int(rows), int(labelled), int(logged) - int(firsts), int(contradicted), int(unknown), str(a_contradicted), str(an_unknown))
