"""What spec.schema promises of the columns, held against every row: which column breaks which rule, how often, and where first."""

from typing import Any

from trimtab.api.dataset import Rule
from trimtab.api.featureset import FeatureColumn
from trimtab.api.reasons import Reason
from trimtab.jobs.dataset import rules
from trimtab.jobs.dataset.engine import Engine, first
from trimtab.jobs.dataset.reading import Table
from trimtab.jobs.errors import UserFault

SHOWN_RULES = 3
SHOWN_COLUMNS, SHOWN_CHARACTERS = 6, 40


def hold(engine: Engine, wanted: list[FeatureColumn], table: Table) -> None:
    """Every column is as promised, or SchemaViolated names all that is not so."""
    found = [said for each in wanted for said in _broken(engine, each, table)]
    if not found:
        return
    more = f" {len(found) - SHOWN_RULES} more are broken." if len(found) > SHOWN_RULES else ""
    raise UserFault(Reason.SCHEMA_VIOLATED, Reason.SCHEMA_VIOLATED.say(detail=f"spec.schema: {' '.join(found[:SHOWN_RULES])}{more}"))


def _broken(engine: Engine, wanted: FeatureColumn, table: Table) -> list[str]:
    column = table.column(wanted.name)
    if wanted.type and column.type != wanted.type:
        return [f"Column {wanted.name}, rule type: it is {column.note or column.type}, not {wanted.type}."]
    bounds = [word for word, value in (("min", wanted.min), ("max", wanted.max)) if value is not None]
    if bounds and column.type != "numeric":
        return [f"Column {wanted.name}, rule {bounds[0]}: it is {column.note or column.type}, not numbers."]
    rule = Rule(name=wanted.name, column=wanted.name, min=wanted.min, max=wanted.max, allowed=wanted.allowed, nullable=wanted.nullable)
    names = [*bounds, *(["allowed"] if wanted.allowed is not None else []), *(["nullable"] if wanted.nullable is False else [])]
    judged = [
        _judged(engine, f"Column {wanted.name}, rule {name}", where, table) for name, (where, _) in zip(names, rules.conditions(rule, table), strict=True)
    ]
    return [said for said in judged if said]


def _judged(engine: Engine, which: str, where: str, table: Table) -> str:
    count, row = first(engine, f"SELECT count(*), min(rowid) FROM data WHERE {where}")
    return f"{which}: {count} of {table.rows} rows break it, first {table.place(row)}: {_example(engine, row, table)}." if count else ""


def _example(engine: Engine, row: int, table: Table) -> str:
    values = first(engine, f"SELECT * FROM data WHERE rowid = {row}")
    shown = [f"{name}={_short(value)}" for name, value in zip(table.names, values, strict=True)][:SHOWN_COLUMNS]
    return ", ".join(shown) + (", ..." if len(values) > SHOWN_COLUMNS else "")


def _short(value: Any) -> str:
    return "NULL" if value is None else str(value)[:SHOWN_CHARACTERS]
