"""Columns and their types: what a column of the source is to a model, and the sentences about columns that are not there."""

import difflib
from dataclasses import dataclass
from typing import Any, Literal

from trimtab.api.dataset import DatasetSpec
from trimtab.api.reasons import Reason
from trimtab.jobs.errors import UserFault

Type = Literal["numeric", "categorical", "boolean", "datetime"]

NAMES_SHOWN = 12

_INTEGERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"}
_FLOATS = {"FLOAT", "DOUBLE", "UBIGINT", "HUGEINT", "UHUGEINT"}
_TEXTS = {"VARCHAR", "UUID", "TIME", "INTERVAL"}
ZONED = "TIMESTAMP WITH TIME ZONE"
_TIMES = {"DATE", "TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS", ZONED}


@dataclass(frozen=True)
class Column:
    """One column as it is stored: `dtype` is int64, float64, text, boolean or timestamp."""

    name: str
    type: Type
    dtype: str
    note: str = ""
    zoned: bool = False
    """Of times: they say their time zone; others are taken for UTC."""

    @property
    def whole(self) -> bool:
        return self.dtype == "int64"


def stored_as(sql_type: str) -> tuple[Type, str, str] | None:
    """(type, dtype, SQL type to cast to) of a source column; None for nested and binary ones, which no model takes."""
    if sql_type in _INTEGERS:
        return "numeric", "int64", "BIGINT"
    if sql_type in _FLOATS or sql_type.startswith("DECIMAL"):
        return "numeric", "float64", "DOUBLE"
    if sql_type in _TEXTS or sql_type.startswith("ENUM"):
        return "categorical", "text", "VARCHAR"
    if sql_type in _TIMES:
        return "datetime", "timestamp", "TIMESTAMP"
    return ("boolean", "boolean", "BOOLEAN") if sql_type == "BOOLEAN" else None


def require(spec: DatasetSpec, names: list[str]) -> None:
    """Every column that the spec names is there, or ColumnMissing with the field that names it."""
    for field, wanted in named(spec):
        require_one(field, wanted, names)


def require_one(field: str, wanted: str, names: list[str]) -> None:
    """It is there, or ColumnMissing."""
    if wanted not in names:
        raise UserFault(Reason.COLUMN_MISSING, missing(field, wanted, names))


def named(spec: DatasetSpec) -> list[tuple[str, str]]:
    """(field, column) for every place where a spec names a column."""
    single = [("spec.label", spec.label), ("spec.timestamp", spec.timestamp), ("spec.id", spec.id), ("spec.split.column", spec.split.column)]
    many = [(f"spec.exclude[{n}]", column) for n, column in enumerate(spec.exclude)]
    rules = [(f"spec.validation[{n}].column", rule.column) for n, rule in enumerate(spec.validation)]
    return [(field, column) for field, column in [*single, *many, *rules] if column is not None]


def missing(field: str, column: str, names: list[str]) -> str:
    """The sentence: what is not there, what is, and what was probably meant."""
    shown = ", ".join(names[:NAMES_SHOWN]) + (f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else "")
    return Reason.COLUMN_MISSING.say(field=field, column=column, columns=shown) + _probably(column, names)


def _probably(column: str, names: list[str]) -> str:
    if column.lower() in {"true", "false"}:
        return f' YAML reads an unquoted y, n, yes, no, on or off as a boolean, which became "{column}": put the name in quotes.'
    near = difflib.get_close_matches(column.lower(), {each.lower() for each in names}, n=3, cutoff=0.6)
    close = [each for each in names if each.lower() in near]
    return f" Did you mean {' or '.join(close[:3])}?" if close else ""


def as_facts(column: Column, nulls: int, distinct: int) -> dict[str, Any]:
    """A column's entry in a manifest."""
    facts: dict[str, Any] = {"name": column.name, "type": column.type, "dtype": column.dtype, "nulls": nulls, "distinct": distinct}
    return facts | ({"note": column.note} if column.note else {}) | ({"zoned": column.zoned} if column.type == "datetime" else {})
