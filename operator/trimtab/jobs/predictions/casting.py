"""Types of logged values: a model's inputs have theirs, whatever else was sent is text and is read as a CSV's text would be."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from trimtab.jobs.dataset.columns import Column
from trimtab.jobs.dataset.engine import Engine, first, name

SQL_TYPES = {"int64": "BIGINT", "float64": "DOUBLE", "text": "VARCHAR", "boolean": "BOOLEAN", "timestamp": "TIMESTAMP"}
"""How what `columns.Column.dtype` names is stored."""


@dataclass(frozen=True)
class Value:
    """SQL of a logged value and its SQL type; `written`: text that may be meant as a number or a time."""

    sql: str
    type: str
    written: bool = False


def value(sources: Sequence[tuple[str, str]], *, written: bool) -> Value:
    """Of columns (name, SQL type) of one meaning: one version had as context what another takes as input."""
    if len(sources) == 1:
        column, kind = sources[0]
        return Value(name(column), kind, written)
    return Value(f"coalesce({', '.join(f'CAST({name(column)} AS VARCHAR)' for column, _ in sources)})", "VARCHAR", written=True)


def typed(engine: Engine, table: str, found: Value) -> str:
    """SQL of the value in the narrowest type that holds all of them."""
    if not found.written:
        return found.sql
    for kind in ("int64", "float64", "timestamp"):
        sql = as_stored(found, kind)
        if first(engine, f"SELECT count({found.sql}) > 0 AND count({found.sql}) = count({sql}) FROM {table}")[0]:
            return sql
    return found.sql


def as_stored(found: Value, kind: str) -> str:
    """SQL of the value as that dtype, NULL where it is no such value; a number is whole where nothing is lost."""
    sql = found.sql
    as_text, number = f"CAST({sql} AS VARCHAR)", f"TRY_CAST({sql} AS DOUBLE)"
    if kind == "int64":
        return f"CASE WHEN {number} = trunc({number}) THEN TRY_CAST({sql} AS BIGINT) END"
    if kind == "boolean":
        return f"CASE lower({as_text}) WHEN 'true' THEN true WHEN 'false' THEN false END"
    if kind == "timestamp":
        return f"CAST(TRY_CAST({as_text} AS TIMESTAMPTZ) AS TIMESTAMP)"
    return as_text if kind == "text" else number


def widened(engine: Engine, above: Column, below: Column) -> Column:
    """A file's column of whole numbers becomes one of amounts where the log has such."""
    if above.dtype != "int64" or below.dtype != "float64":
        return above
    engine.execute(f"ALTER TABLE data ALTER COLUMN {name(above.name)} SET DATA TYPE DOUBLE")
    return replace(above, dtype="float64")
