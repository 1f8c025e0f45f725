"""A first look at a table that someone wants to learn from: what is in it, and what of it to make of a Dataset.

Guesses are told as guesses, each with its reason, and stand as comments in the manifests that `init` writes.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from trimtab.cli.errors import NotThere, Usage, UserError
from trimtab.cli.quoting import name as _q

READERS = {".csv": "read_csv", ".gz": "read_csv", ".tsv": "read_csv", ".parquet": "read_parquet", ".pq": "read_parquet"}
LABELS = ("label", "target", "y", "outcome", "late", "churn", "churned", "default", "fraud", "class", "price", "amount")
"""What people call the column to predict, likeliest first."""
TIMES = ("event_time", "timestamp", "time", "datetime", "date", "ts", "created_at")
ENOUGH = 0.99
"""Where a column tells the label of so many rows, beyond what guessing would: it was known after the label, or is the label in other words."""
FEW = 50
"""So many values a column may have to be looked at for that; more would tell every row's label by naming the row."""
SAMPLE = 200_000


@dataclass(frozen=True)
class Column:
    name: str
    type: str
    nulls: int
    distinct: int


@dataclass(frozen=True)
class Look:
    """What was seen, and what it suggests."""

    rows: int
    columns: tuple[Column, ...]
    label: str
    label_reason: str
    values: tuple[tuple[str, int], ...]
    """The commonest values of the label; empty where it is a measure."""
    task: str
    timestamp: str | None
    id: str | None
    leaks: tuple[tuple[str, str], ...]
    """Columns that tell the label, each with how that was seen."""


def look(file: Path, label: str | None = None, timestamp: str | None = None) -> Look:
    """UserError where the file cannot be read or has nothing to learn."""
    table = _loaded(file)
    columns = _columns(table)
    names = [each.name for each in columns]
    for given in (label, timestamp):
        if given and given not in names:
            raise Usage(f"There is no column {given}; the columns are {', '.join(names)}.")
    target, reason = (label, "you said so") if label else _label(columns)
    rows = int(_one(table, "SELECT count(*) FROM data"))
    chosen = next(each for each in columns if each.name == target)
    if chosen.distinct < 2:
        raise UserError(f"Column {target} has {chosen.distinct} value; there is nothing to learn.", "trimtab init NAME --data FILE --label COLUMN")
    task = "regression" if _is_number(chosen) and chosen.distinct > 20 else "classification"
    values = tuple(
        (str(value), int(count))
        for value, count in table.execute(
            f"SELECT {_q(target)}::VARCHAR, count(*) FROM data WHERE {_q(target)} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 6"
        ).fetchall()
    )
    rest = [each for each in columns if each.name != target]
    moment = timestamp or _timestamp(rest)
    identity = next(
        (each.name for each in rest if each.distinct >= 0.99 * rows and each.name != moment and re.search(r"(^|_)(id|key|uuid)$", each.name.lower())), None
    )
    leaks = _leaks(table, target, [each for each in rest if each.name not in (moment, identity)]) if task == "classification" else ()
    return Look(rows, columns, target, reason, values if task == "classification" else (), task, moment, identity, leaks)


def _loaded(file: Path) -> duckdb.DuckDBPyConnection:
    reader = READERS.get(file.suffix.lower())
    if not file.exists():
        raise NotThere(f"There is no file {file}.")
    if reader is None:
        raise Usage(f"{file.name} is neither CSV nor Parquet by its suffix; a Dataset reads those.")
    table = duckdb.connect()
    try:
        table.execute(f"CREATE TABLE data AS SELECT * FROM {reader}(?) LIMIT {SAMPLE}", [str(file)])
    except duckdb.Error as error:
        raise UserError(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
    return table


def _columns(table: duckdb.DuckDBPyConnection) -> tuple[Column, ...]:
    types = {name: str(kind) for name, kind, *_ in table.execute("DESCRIBE data").fetchall()}
    asked = ", ".join(f"count(*) - count({_q(name)}), count(DISTINCT {_q(name)})" for name in types)
    counts: Sequence[Any] = table.execute(f"SELECT {asked} FROM data").fetchall()[0]
    return tuple(Column(name, kind, int(nulls), int(distinct)) for (name, kind), nulls, distinct in zip(types.items(), counts[::2], counts[1::2], strict=True))


def _label(columns: Sequence[Column]) -> tuple[str, str]:
    by_name = {each.name.lower(): each.name for each in columns}
    known = next((by_name[name] for name in LABELS if name in by_name), None)
    if known:
        return known, "by its name; say --label where that is wrong"
    two = [each.name for each in columns if each.distinct == 2]
    if len(two) == 1:
        return two[0], "the one column with two values; say --label where that is wrong"
    raise Usage(
        f"Which column is to be predicted cannot be told; the columns are {', '.join(each.name for each in columns)}.",
        "trimtab init NAME --data FILE --label COLUMN",
    )


def _timestamp(columns: Sequence[Column]) -> str | None:
    """Of columns that are times, the one that is called so, else the first."""
    times = [each.name for each in columns if each.type.startswith(("TIMESTAMP", "DATE"))]
    return next((name for wanted in TIMES for name in times if name.lower() == wanted), times[0] if times else None)


def _leaks(table: duckdb.DuckDBPyConnection, label: str, columns: Sequence[Column]) -> tuple[tuple[str, str], ...]:
    base = float(_one(table, f"SELECT max(n) / sum(n) FROM (SELECT count(*) AS n FROM data WHERE {_q(label)} IS NOT NULL GROUP BY {_q(label)})"))
    found = []
    for each in columns:
        said = _tells(table, label, each)
        if said is not None and (said - base) / (1 - base or 1) > ENOUGH:
            found.append((each.name, f"it tells the label of {said:.1%} of the rows"))
    return tuple(found)


def _tells(table: duckdb.DuckDBPyConnection, label: str, column: Column) -> float | None:
    """The share of rows whose label is the commonest among rows of the same value (numbers: of the same of 50 bands)."""
    name = _q(column.name)
    if column.distinct > FEW and not _is_number(column):
        return None
    value = name if column.distinct <= FEW else f"ntile({FEW}) OVER (ORDER BY {name})"
    query = f"""
        SELECT sum(best) / sum(n) FROM (SELECT max(n) AS best, sum(n) AS n FROM
        (SELECT value, label, count(*) AS n FROM (SELECT {value} AS value, {_q(label)} AS label FROM data WHERE {_q(label)} IS NOT NULL) GROUP BY ALL) GROUP BY value)"""
    return float(_one(table, query))


def _is_number(column: Column) -> bool:
    return column.type.startswith(("BIGINT", "INTEGER", "DOUBLE", "FLOAT", "DECIMAL", "HUGEINT", "SMALLINT", "UBIGINT"))


def _one(table: duckdb.DuckDBPyConnection, query: str) -> Any:
    return table.execute(query).fetchall()[0][0]
