"""What a Dataset learns from a Deployment's log: its requests as rows of the table `data`, alone or below the rows of files.

A logged input or context has its own name, the label is the one that was sent, the timestamp is when it was asked. Where there are
files too, theirs are the types: what is logged must be readable as such, and of two rows with one id the file's counts. Columns
that FeatureSets give are left to the join: a row of the log and a row of a file get their features in the same way.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from trimtab.api.dataset import DatasetSpec
from trimtab.api.documents import CONTEXT, INPUT, hidden_in
from trimtab.api.reasons import Reason
from trimtab.jobs.dataset import checking, reading
from trimtab.jobs.dataset.columns import Column
from trimtab.jobs.dataset.engine import Engine, first, name
from trimtab.jobs.dataset.reading import Table
from trimtab.jobs.errors import UserFault
from trimtab.jobs.predictions import casting, files, log
from trimtab.jobs.predictions.casting import Value
from trimtab.jobs.predictions.files import Objects
from trimtab.store import manifest as manifests
from trimtab.store.client import Store

FIELD = "spec.source.predictions"
NONE_LOGGED = "{field}: Deployment {name} has logged no predictions that could be rows; ask it something, or give files with spec.source.uri."


@dataclass(frozen=True)
class Taken:
    """How rows came from the log."""

    counts: log.Counts
    same_id: int
    """Rows left out because a file, or an earlier row of the log, has their id."""
    hidden_files: int
    """Files of the log passed over because they hide a column that is learned from."""


def inputs(objects: Objects | None) -> dict[str, Any]:
    """What the digest of a dataset version covers of a log: its very objects, of which there may be hundreds of thousands, as digests."""
    if objects is None:
        return {}
    listed = {"predictions": objects.predictions, "labels": objects.labels}
    return {
        kind: {"objects": len(found), "digest": manifests.digest_of([[each.uri, each.etag, each.size] for each in found])} for kind, found in listed.items()
    }


def facts(spec: DatasetSpec, taken: Taken | None) -> dict[str, Any]:
    """What a dataset version's manifest says of the log; nothing where none was read."""
    if taken is None:
        return {}
    counted = {"rows": taken.counts.rows, "labelled": taken.counts.labelled, "repeated": taken.counts.repeated}
    counted |= {"contradicted": taken.counts.contradicted, "unknown": taken.counts.unknown, "sameId": taken.same_id, "hiddenFiles": taken.hidden_files}
    return {"predictions": {"deployment": spec.source.predictions, **counted}, "remark": remark(taken)}


CONTRADICTED = "Answers whose labels contradict each other: {count}, such as {example}; the newest counts. Send a label once, or again only to correct it."
UNKNOWN = "Labels of no answer in the log: {count}, such as {example}. Send the id of the answer, `/` and the row; what was not logged cannot be learned from."
EXAMPLE_CHARACTERS = 80


def remark(taken: Taken) -> str:
    """What is strange about the labels, with an example of each; empty: nothing. Files that were passed over may hold the answers."""
    counts, told = taken.counts, []
    if counts.contradicted:
        told.append(CONTRADICTED.format(count=counts.contradicted, example=counts.a_contradicted[:EXAMPLE_CHARACTERS]))
    if counts.unknown and not taken.hidden_files:
        told.append(UNKNOWN.format(count=counts.unknown, example=counts.an_unknown[:EXAMPLE_CHARACTERS]))
    return " ".join(told)


def must_have_some(spec: DatasetSpec, objects: Objects) -> None:
    """A log that is a Dataset's only source has something in it; beside files it may come later."""
    if not objects.predictions and not spec.source.uri:
        raise UserFault(Reason.NO_OBJECTS, NONE_LOGGED.format(field=FIELD, name=spec.source.predictions))


@dataclass(frozen=True)
class Asked:
    """What a Dataset wants of a log; `joined` are columns that FeatureSets give."""

    spec: DatasetSpec
    objects: Objects
    joined: Collection[str] = ()

    @property
    def deployment(self) -> str:
        return self.spec.source.predictions or ""


def add(engine: Engine, store: Store, asked: Asked, above: Table | None, folder: Path) -> tuple[Table, Taken]:
    """`data` with the log's rows, below those of `above` where there are any; `folder` lies within the engine's scratch."""
    spec, objects = asked.spec, asked.objects
    predictions, labels = files.fetch(store, objects.predictions, folder / "predictions"), files.fetch(store, objects.labels, folder / "labels")
    shown = _shown(asked, predictions)
    counts = log.join(engine, shown.paths, labels, log.Wanted(columns=tuple(shown.columns)), to="__answered")
    for each in [*predictions, *labels]:
        each.unlink()
    if above is not None:
        above = checking.settle_times(engine, spec.timestamp if spec.timestamp in above.names else None, above)
        engine.execute("ALTER TABLE data RENAME TO __files")
    table = _settled(engine, asked, _values(engine, asked, shown, above), above)
    same_id = _without_twins(engine, spec, above)
    table = replace(table, rows=table.rows - same_id)
    return (table if above is None else _united(engine, above, table)), Taken(counts, same_id, len(predictions) - len(shown.paths))


@dataclass(frozen=True)
class _Shown:
    """The files of the log that can be learned from, and their input and context columns."""

    paths: Sequence[Path]
    columns: Sequence[str]


def _shown(asked: Asked, paths: Sequence[Path]) -> _Shown:
    """Files that hide a needed column are passed over; UserFault where all of them do."""
    spec = asked.spec
    needless = {*spec.exclude, *asked.joined, spec.timestamp, spec.label}
    kept, columns, hidden = [], dict[str, None](), dict[str, str]()
    for path in paths:
        schema = pq.read_schema(path)
        hides = {column: how for column, how in hidden_in(schema.metadata).items() if column not in needless}
        hidden |= hides
        if not hides:
            kept.append(path)
            columns |= dict.fromkeys(each for each in schema.names if each.startswith((INPUT, CONTEXT)) and _bare(each) not in asked.joined)
    if paths and not kept:
        said = ", ".join(f"{column} (spec.logging.{how})" for column, how in sorted(hidden.items()))
        detail = f"the log of Deployment {asked.deployment} hides {said}. Log it from now on, or name it in spec.exclude of this Dataset."
        raise UserFault(Reason.COLUMN_MISSING, f"{FIELD}: {detail}")
    return _Shown(kept, list(columns))


def _bare(column: str) -> str:
    return column.partition("_")[2]


def _values(engine: Engine, asked: Asked, shown: _Shown, above: Table | None) -> dict[str, Value]:
    """Each column that a row of the log has, by its own name."""
    types = {column: kind for column, kind, *_ in engine.execute("DESCRIBE __answered").fetchall()}
    found: dict[str, list[str]] = {}
    for each in shown.columns:
        if each in types:
            found.setdefault(_bare(each), []).append(each)
    values = {column: casting.value([(each, types[each]) for each in sources], written=INPUT + column not in sources) for column, sources in found.items()}
    return values | _own_values(asked.spec, values, above)


def _own_values(spec: DatasetSpec, values: Collection[str], above: Table | None) -> dict[str, Value]:
    """Label, timestamp, and the id where clients do not send one."""
    found = {spec.label: Value("label", "VARCHAR", written=True)}
    if spec.timestamp:
        found[spec.timestamp] = Value("coalesce(event_time, time)", "TIMESTAMP WITH TIME ZONE")
    if spec.id and spec.id not in values:
        if above is not None:
            detail = f"Deployment {spec.source.predictions} has logged no {spec.id}, by which a row of a file and one of the log are known to be the same"
            raise UserFault(Reason.COLUMN_MISSING, f"{FIELD}: {detail}; send {spec.id} with each request, or leave spec.id out.")
        found[spec.id] = Value("request_id || '/' || row", "VARCHAR")
    return found


def _settled(engine: Engine, asked: Asked, values: dict[str, Value], above: Table | None) -> Table:
    """`data` from the log alone: of the files' types where they have the column, else of a type that holds all its values."""
    typed = {column: casting.typed(engine, "__answered", value) for column, value in values.items()}
    if above is not None:
        typed |= {each.name: _as_in_files(engine, asked.spec, values[each.name], each) for each in above.columns if each.name in values}
    engine.execute(f"CREATE TABLE staged AS SELECT {', '.join(f'{sql} AS {name(column)}' for column, sql in typed.items())} FROM __answered ORDER BY rowid")
    engine.execute("DROP TABLE __answered")
    origin = f"the predictions of Deployment {asked.deployment}"
    return reading.settle(engine, ((0, origin),), origin)


def _as_in_files(engine: Engine, spec: DatasetSpec, value: Value, column: Column) -> str:
    """SQL of the value in the type that the files have; whole numbers there may turn out to be amounts here."""
    for kind in ("int64", "float64") if column.dtype == "int64" else (column.dtype,):
        sql = casting.as_stored(value, kind)
        odd = engine.execute(
            f"SELECT request_id, row, {value.sql} FROM __answered WHERE {value.sql} IS NOT NULL AND {sql} IS NULL ORDER BY rowid LIMIT 1"
        ).fetchone()
        if odd is None:
            return sql
    where = f"request {odd[0]}, row {odd[1]}, has {str(odd[2])!r} in column {column.name}, which is {column.dtype} in the files"
    raise UserFault(Reason.SOURCE_UNREADABLE, f"{FIELD}: {where} under {spec.source.uri}; send it as it is written there.")


def _without_twins(engine: Engine, spec: DatasetSpec, above: Table | None) -> int:
    """Drop rows of the log whose id a file has, and all but one of those with one id: the first that has a label."""
    if spec.id is None:
        return 0
    before, quoted = first(engine, "SELECT count(*) FROM data")[0], name(spec.id)
    of_a_file = f" AND {quoted} NOT IN (SELECT {quoted} FROM __files WHERE {quoted} IS NOT NULL)" if above is not None and spec.id in above.names else ""
    engine.execute(f"""
        CREATE TABLE __alone AS SELECT * FROM data WHERE {quoted} IS NULL OR (true{of_a_file})
        QUALIFY {quoted} IS NULL OR row_number() OVER (PARTITION BY {quoted} ORDER BY {name(spec.label)} IS NULL, rowid) = 1 ORDER BY rowid""")
    engine.execute("DROP TABLE data")
    engine.execute("ALTER TABLE __alone RENAME TO data")
    return int(before - first(engine, "SELECT count(*) FROM data")[0])


def _united(engine: Engine, above: Table, below: Table) -> Table:
    """`data` of the files' rows and then the log's, by the names of their columns."""
    engine.execute("ALTER TABLE data RENAME TO __logged")
    engine.execute("ALTER TABLE __files RENAME TO data")
    columns = [casting.widened(engine, each, below.column(each.name)) if each.name in below.names else each for each in above.columns]
    new = [each for each in below.columns if each.name not in above.names]
    for each in new:
        engine.execute(f"ALTER TABLE data ADD COLUMN {name(each.name)} {casting.SQL_TYPES[each.dtype]}")
    engine.execute("INSERT INTO data BY NAME SELECT * FROM __logged ORDER BY rowid")
    engine.execute("DROP TABLE __logged")
    starts = (*above.starts, *((above.rows + row, origin) for row, origin in below.starts if below.rows))
    return Table((*columns, *new), (*above.dropped, *below.dropped), above.rows + below.rows, starts)
