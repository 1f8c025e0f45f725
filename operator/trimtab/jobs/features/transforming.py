"""From the source's rows to features: as they are, by one SELECT, or by a function of a person's own.

The result is the table `data`, settled as a source is: five types, NULL for what is missing. What a person wrote is run where
it can reach nothing but the rows, and what is wrong with it is told in the words of the field it stands in.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import duckdb

from trimtab.api.documents import MaterializeDocument
from trimtab.api.featureset import PythonTransform
from trimtab.api.reasons import Reason
from trimtab.jobs import mounted
from trimtab.jobs.dataset.columns import Column
from trimtab.jobs.dataset.engine import Engine, first
from trimtab.jobs.dataset.reading import Table, settle
from trimtab.jobs.errors import UserFault
from trimtab.jobs.mounted import Mounted

SQL, PYTHON = "spec.transform.sql", "spec.transform.python"
RESULT = "the transformed rows,"
"""Where a row is that a person did not write: `the transformed rows, row 17`."""
SHOWN_CHARACTERS = 300


def transform(engine: Engine, document: MaterializeDocument, table: Table) -> Table:
    """Make `data` the features; TransformFailed says what is wrong."""
    wanted = document.spec.transform
    if wanted is None:
        return table
    if wanted.sql:
        _select(engine, wanted.sql)
    elif wanted.python:
        _call(engine, wanted.python, mounted.read_code(wanted.python.config_map, document.code_digest))
    if not first(engine, "SELECT count(*) FROM staged")[0]:
        raise _failed(f"{SQL if wanted.sql else PYTHON}: it makes no rows of the {table.rows} rows of the source.")
    made = settle(engine, ((0, RESULT),), RESULT)
    return replace(made, columns=tuple(_zoned_as_before(column, table) for column in made.columns))


def _zoned_as_before(column: Column, source: Table) -> Column:
    """Times were made UTC before the transform saw them: a time of the result says its zone where that of its name did, else where all did."""
    before = {each.name: each.zoned for each in source.columns if each.type == "datetime"}
    said = before.get(column.name, bool(before) and all(before.values()))
    return replace(column, zoned=True) if column.type == "datetime" and said else column


def _select(engine: Engine, sql: str) -> None:
    """`staged` from one SELECT over `source`: run as part of ours, so that it can be nothing else."""
    engine.execute("ALTER TABLE data RENAME TO source")
    statements = _told(lambda: engine.extract_statements(sql), 0)
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise _failed(f"{SQL}: write one SELECT over the table `source`.")
    _told(lambda: engine.execute(f"CREATE TABLE staged AS SELECT * FROM (\n{sql.rstrip().rstrip(';')}\n)"), 1)
    engine.execute("DROP TABLE source")


def _told(run: Callable[[], Any], before: int) -> Any:
    """What `run` returns; `before`: lines of ours that stand before the person's."""
    try:
        return run()
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _failed(f"{SQL}: {in_words(str(error), before)}") from error


def in_words(error: str, before: int) -> str:
    """The engine's sentence, with the line of what the person wrote; its drawing of the place is left out."""
    said, _, drawing = error.partition("\n\nLINE ")
    sentence = " ".join(said.split())[:SHOWN_CHARACTERS].rstrip(".")
    number = re.match(r"\d+", drawing)
    return f"line {int(number[0]) - before}: {sentence}." if number else f"{sentence}."


def _call(engine: Engine, python: PythonTransform, source: str) -> None:
    """`staged` from what the function returns for the DataFrame of all rows."""
    import pandas as pd
    import pyarrow as pa

    code = Mounted(python.config_map, python.function, PYTHON, Reason.TRANSFORM_FAILED)
    returned = mounted.function(code, source)(engine.execute("SELECT * FROM data").df())
    engine.execute("DROP TABLE data")
    if not isinstance(returned, pd.DataFrame):
        raise _failed(f"{PYTHON}.function: {python.function} returned {type(returned).__name__}; return a pandas DataFrame.")
    try:
        table: Any = pa.Table.from_pandas(_named(returned, python), preserve_index=False)
    except pa.ArrowException as error:
        raise _failed(f"{PYTHON}.function: {python.function} returned a DataFrame with a column of mixed values: {error}.") from error
    engine.register("returned", table)
    engine.execute("CREATE TABLE staged AS SELECT * FROM returned")
    engine.unregister("returned")


def _named(returned: Any, python: PythonTransform) -> Any:
    """Columns must have names, and each its own."""
    names = [str(each) for each in returned.columns]
    if twice := [each for each in names if names.count(each) > 1]:
        raise _failed(f"{PYTHON}.function: {python.function} returned two columns called {twice[0]}.")
    return returned.set_axis(names, axis=1)


def _failed(detail: str) -> UserFault:
    return UserFault(Reason.TRANSFORM_FAILED, Reason.TRANSFORM_FAILED.say(detail=detail))
