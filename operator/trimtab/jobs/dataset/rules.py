"""A person's validation rules, as SQL over the table `data`: which rows break which rule.

Every rule is judged before anything is said, so that a person sees all that is wrong at once. A rule that cannot be
judged (no such type, bad SQL) is broken: it never passes in silence.
"""

from dataclasses import dataclass

import duckdb

from trimtab.api.dataset import Rule
from trimtab.jobs.dataset.engine import Engine, first, name, text
from trimtab.jobs.dataset.reading import Table

EXAMPLES = 1000
"""Rows of one broken rule that are kept for looking at."""
SHOWN_RULES = 3


@dataclass(frozen=True)
class Violation:
    """One broken rule; `where` is the SQL condition of its rows, or empty for a rule about the whole table."""

    rule: str
    rows: int
    detail: str
    where: str = ""


def broken(engine: Engine, rules: list[Rule], table: Table) -> list[Violation]:
    """In the order of the rules; empty where all hold."""
    found = []
    for rule in rules:
        if rule.rows:
            found += _row_count(rule, table)
        elif rule.sql is not None:
            found += _query(engine, rule)
        else:
            found += _column(engine, rule, table)
    return found


def sentence(violations: list[Violation], rules: int) -> str:
    """The first three in words, and how many more there are."""
    said = " ".join(f"Rule {each.rule}: {each.detail}" for each in violations[:SHOWN_RULES])
    more = f" {len(violations) - SHOWN_RULES} more rules are broken." if len(violations) > SHOWN_RULES else ""
    return f"{len(violations)} of {rules} validation rules are broken. {said}{more}"


def _row_count(rule: Rule, table: Table) -> list[Violation]:
    least = rule.rows.min if rule.rows else 0
    return [Violation(rule.name, 0, f"there are {table.rows} rows, fewer than {least}.")] if table.rows < least else []


def _query(engine: Engine, rule: Rule) -> list[Violation]:
    """One SELECT, run as part of ours, so that it can be nothing else; what it changes in the table's stead it cannot."""
    try:
        statements = engine.extract_statements(rule.sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            return [Violation(rule.name, 0, "its sql must be one SELECT.")]
        rows = engine.execute(f"SELECT * FROM ({(rule.sql or '').strip().rstrip(';')}\n) LIMIT 2").fetchall()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        return [Violation(rule.name, 0, f"its sql cannot be run: {' '.join(str(error).split())[:200]}")]
    if len(rows) != 1 or len(rows[0]) != 1:
        return [Violation(rule.name, 0, "its sql must return one row of one value.")]
    return [] if same(rows[0][0], rule.expect or "") else [Violation(rule.name, 0, f"its sql returns {_shown(rows[0][0])}, expected {rule.expect}.")]


def same(value: object, expected: str) -> bool:
    """Equal as a person writes it: `0` is 0 and 0.0, `true` is true."""
    if _shown(value) == expected.strip():
        return True
    try:
        return not isinstance(value, str) and float(str(value)) == float(expected)
    except ValueError:
        return False


def _shown(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else "NULL" if value is None else str(value)


def _column(engine: Engine, rule: Rule, table: Table) -> list[Violation]:
    column = rule.column or ""
    if (rule.min is not None or rule.max is not None) and table.column(column).type != "numeric":
        return [Violation(rule.name, table.rows, f"column {column} is {table.column(column).note or table.column(column).dtype}, not numbers.")]
    found = [_judged(engine, rule, table, where, said) for where, said in conditions(rule, table)]
    return [each for each in found if each.rows]


def conditions(rule: Rule, table: Table) -> list[tuple[str, str]]:
    """(SQL condition of a row that breaks it, what is wrong with such a row)."""
    column, found = name(rule.column or ""), []
    if rule.min is not None:
        found.append((f"{column} < {rule.min!r}", f"below {rule.min:g}"))
    if rule.max is not None:
        found.append((f"{column} > {rule.max!r}", f"above {rule.max:g}"))
    if rule.allowed is not None:
        found.append(
            (f"{column} IS NOT NULL AND NOT ({_is_allowed(column, rule.allowed, table.column(rule.column or '').type)})", "not among the allowed values")
        )
    if rule.unique:
        found.append((f"{column} IN (SELECT {column} FROM data WHERE {column} IS NOT NULL GROUP BY 1 HAVING count(*) > 1)", "there more than once"))
    if rule.nullable is False:
        found.append((f"{column} IS NULL", "missing"))
    return found


def _is_allowed(column: str, allowed: list[str], kind: str) -> str:
    if not allowed:
        return "false"
    values = ", ".join(f"TRY_CAST({text(each)} AS DOUBLE)" if kind == "numeric" else text(each) for each in allowed)
    return f"coalesce({column if kind == 'numeric' else f'CAST({column} AS VARCHAR)'} IN ({values}), false)"


def _judged(engine: Engine, rule: Rule, table: Table, where: str, said: str) -> Violation:
    count, row = first(engine, f"SELECT count(*), min(rowid) FROM data WHERE {where}")
    if not count:
        return Violation(rule.name, 0, "")
    value = first(engine, f"SELECT {name(rule.column or '')} FROM data WHERE rowid = {row}")[0]
    detail = f"{count} of {table.rows} rows have {rule.column} {said}, first {table.place(row)} with {_shown(value)}."
    return Violation(rule.name, int(count), detail, where)
