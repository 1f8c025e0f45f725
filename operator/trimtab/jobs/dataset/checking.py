"""Whether a model can be learned from the table: times that are times, a label that can be predicted, rows enough.

Each check either changes nothing or settles a column's type for good; the first objection ends the snapshot.
"""

from dataclasses import dataclass, replace

from trimtab.api.dataset import DatasetSpec, Task
from trimtab.api.reasons import Reason
from trimtab.jobs.dataset.columns import Column
from trimtab.jobs.dataset.engine import Engine, first, name, text
from trimtab.jobs.dataset.reading import Table
from trimtab.jobs.errors import UserFault

LEAST_LABELLED = 50
"""Fewer rows split three ways judge nothing."""
MOST_INFERRED_CLASSES = 20
"""Whole numbers with more different values are taken for amounts, unless spec.task says otherwise."""
MOST_CLASSES = 1000
"""More different labels are names or measurements, not classes."""

ZONE = r"(?i):\d{2}(\.\d+)?\s*(z|utc|gmt|[+-]\d{2}(:?\d{2})?)\s*$"
"""How a time that was written as text ends where it says its zone; a bare date ends in `-31` too, and says none."""

Class = str | int | bool


@dataclass(frozen=True)
class Label:
    """What is learned: `classes` in the order every model uses; None for regression."""

    name: str
    task: Task
    classes: tuple[Class, ...] | None
    labelled: int
    unlabelled: int


def refuse_stray_text(spec: DatasetSpec, table: Table) -> None:
    """A column of numbers that a few texts made a text column is a broken file, not a category of a thousand values."""
    unused = {*spec.exclude, spec.id, spec.timestamp}
    for column in table.columns:
        if column.note and column.name not in unused:
            detail = f"column {column.name} is {column.note}. Correct the value, or name the column in spec.exclude."
            raise UserFault(Reason.SOURCE_UNREADABLE, Reason.SOURCE_UNREADABLE.say(file=spec.source.said, detail=detail))


def settle_times(engine: Engine, wanted: str | None, table: Table) -> Table:
    """The timestamp column as times in UTC; BadTimestamp names the first row that has none."""
    if wanted is None:
        return table
    column, quoted = table.column(wanted), name(wanted)
    if column.type not in {"datetime", "categorical"}:
        example = first(engine, f"SELECT any_value({quoted}) FROM data")[0]
        raise _bad_time(f"column {wanted} holds {column.dtype} such as {example}; write times like 2013-01-31T05:00:00Z, or as Parquet timestamps.")
    parsed = f"TRY_CAST({quoted} AS TIMESTAMPTZ)" if column.type == "categorical" else quoted
    bad = f"{parsed} IS NULL OR NOT isfinite({parsed})"
    count, row = first(engine, f"SELECT count(*), min(rowid) FROM data WHERE {bad}")
    if count:
        value = first(engine, f"SELECT {quoted} FROM data WHERE rowid = {row}")[0]
        said = "has no time" if value is None else f"has {str(value)!r}, which is no time"
        raise _bad_time(
            f"{table.place(row)} {said} in column {wanted} ({count} of {table.rows} rows are so). Every row needs a time, like 2013-01-31T05:00:00Z."
        )
    if column.type == "categorical":
        column = replace(column, zoned=_says_its_zone(engine, table, wanted))
        engine.execute(f"ALTER TABLE data ALTER COLUMN {quoted} SET DATA TYPE TIMESTAMP USING CAST(CAST({quoted} AS TIMESTAMPTZ) AS TIMESTAMP)")
    return _with(table, replace(column, type="datetime", dtype="timestamp", note=""))


def _says_its_zone(engine: Engine, table: Table, wanted: str) -> bool:
    """Whether times written as text say their zone; all of them do or none."""
    zoned = f"regexp_matches({name(wanted)}, {text(ZONE)})"
    count, with_zone, without = first(engine, f"SELECT count(*) FILTER ({zoned}), min(rowid) FILTER ({zoned}), min(rowid) FILTER (NOT {zoned}) FROM data")
    if 0 < count < table.rows:
        said = [f"{table.place(row)} has {first(engine, f'SELECT {name(wanted)} FROM data WHERE rowid = {row}')[0]!r}" for row in (with_zone, without)]
        raise _bad_time(f"in column {wanted} some times say their time zone and some do not: {said[0]}, {said[1]}. Write all of them with a zone, or none.")
    return bool(count)


def settle_label(engine: Engine, spec: DatasetSpec, table: Table) -> tuple[Table, Label]:
    """Task and classes, from the spec or the data; whole numbers written as 1.0 become whole numbers."""
    column, quoted = table.column(spec.label), name(spec.label)
    labelled, distinct = first(engine, f"SELECT count({quoted}), count(DISTINCT {quoted}) FROM data")
    if column.type == "datetime":
        raise _unusable(f"column {spec.label} holds times; predict a class or an amount.")
    if distinct == 1:
        value = first(engine, f"SELECT any_value({quoted}) FROM data")[0]
        raise UserFault(Reason.LABEL_CONSTANT, Reason.LABEL_CONSTANT.say(column=spec.label, value=value))
    if labelled < LEAST_LABELLED:
        detail = f"at least {LEAST_LABELLED} are needed ({table.rows - labelled} rows have no {spec.label})."
        raise UserFault(Reason.TOO_FEW_ROWS, Reason.TOO_FEW_ROWS.say(rows=labelled, detail=detail))
    whole = column.whole or (column.type == "numeric" and _all_whole(engine, quoted))
    task = spec.task or inferred(column, distinct, whole=whole)
    label = Label(spec.label, task, None, labelled, table.rows - labelled)
    if task == "regression":
        _must_be_amounts(engine, table, column)
        return table, label
    _must_be_classes(engine, table, column, distinct, whole=whole)
    if column.dtype == "float64":
        engine.execute(f"ALTER TABLE data ALTER COLUMN {quoted} SET DATA TYPE BIGINT")
        table = _with(table, replace(column, dtype="int64"))
    found = engine.execute(f"SELECT DISTINCT {quoted} FROM data WHERE {quoted} IS NOT NULL ORDER BY 1").fetchall()
    return table, replace(label, classes=tuple(each for (each,) in found))


def inferred(column: Column, distinct: int, *, whole: bool) -> Task:
    """Text, booleans and a few different whole numbers are classes; everything else is an amount."""
    few_whole = whole and distinct <= MOST_INFERRED_CLASSES
    return "classification" if column.type in {"categorical", "boolean"} or few_whole else "regression"


def _all_whole(engine: Engine, quoted: str) -> bool:
    return bool(first(engine, f"SELECT coalesce(bool_and({quoted} = trunc({quoted}) AND abs({quoted}) < 9e15), false) FROM data")[0])


def _must_be_amounts(engine: Engine, table: Table, column: Column) -> None:
    if column.type == "boolean":
        raise _unusable(f"column {column.name} is true or false, and spec.task is regression; leave spec.task out.")
    quoted = name(column.name)
    bad = f"TRY_CAST({quoted} AS DOUBLE) IS NULL" if column.type == "categorical" else f"isinf(CAST({quoted} AS DOUBLE))"
    found = engine.execute(f"SELECT rowid, {quoted} FROM data WHERE {quoted} IS NOT NULL AND ({bad}) ORDER BY rowid LIMIT 1").fetchone()
    if found:
        raise _unusable(
            f"{table.place(found[0])} has {found[1]!r} in column {column.name}, and regression needs numbers; correct it, or set spec.task: classification."
        )
    if column.type == "categorical":
        raise _unusable(f"column {column.name} holds numbers written as text, and regression needs numbers; store them as numbers.")


def _must_be_classes(engine: Engine, table: Table, column: Column, distinct: int, *, whole: bool) -> None:
    if column.type == "numeric" and not whole:
        quoted = name(column.name)
        row, value = first(engine, f"SELECT rowid, {quoted} FROM data WHERE {quoted} <> trunc({quoted}) OR isinf({quoted}) ORDER BY rowid LIMIT 1")
        raise _unusable(f"{table.place(row)} has {value} in column {column.name}, and classes are text, booleans or whole numbers; set spec.task: regression.")
    if distinct > MOST_CLASSES:
        note = f" It is {column.note}." if column.note else ""
        raise _unusable(f"column {column.name} has {distinct} different values, more than {MOST_CLASSES} classes; is it the right column?{note}")


def _with(table: Table, column: Column) -> Table:
    return replace(table, columns=tuple(column if each.name == column.name else each for each in table.columns))


def _bad_time(detail: str) -> UserFault:
    return UserFault(Reason.BAD_TIMESTAMP, Reason.BAD_TIMESTAMP.say(detail=detail))


def _unusable(detail: str) -> UserFault:
    return UserFault(Reason.LABEL_UNUSABLE, Reason.LABEL_UNUSABLE.say(detail=detail))
