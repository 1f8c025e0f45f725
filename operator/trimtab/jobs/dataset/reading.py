"""From objects in the store to one table `data`: staged, read strictly, types settled over all rows, missing values NULL.

A file that is broken anywhere is refused with its row and text; nothing is skipped, guessed over or padded. The table keeps
the files' order, so a row's number in its file can always be told.
"""

import csv
import gzip
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO, cast

import duckdb

from trimtab.api.reasons import Reason
from trimtab.jobs.dataset.columns import ZONED, Column, stored_as
from trimtab.jobs.dataset.engine import Engine, first, name, text
from trimtab.jobs.dataset.source import Format
from trimtab.jobs.errors import UserFault
from trimtab.jobs.progress import Part
from trimtab.store.client import ObjectInfo, Store

FILE = "__trimtab_file"
"""Column of the staging table that says which file a row is of."""

MISSING = ("", "NA", "N/A", "NaN", "nan", "NULL", "null", "None")
"""Texts that mean `no value` in CSV, as in the tools people export with."""

TYPES = ("BIGINT", "DOUBLE", "DATE", "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "VARCHAR")
"""What a CSV column may turn out to be. Not boolean: the engine takes yes, no, y, n, t and f for booleans too, and then a client
that sends `yes` is not understood; only true and false are booleans here."""

DELIMITERS = ",;\t|"
NEARLY = 0.98
"""A text column in which this share of values are numbers is explained: a few texts made it one."""
SHOWN_CHARACTERS = 120


@dataclass(frozen=True)
class Staged:
    """One file of the source in scratch."""

    uri: str
    path: Path


@dataclass(frozen=True)
class Table:
    """What `data` holds."""

    columns: tuple[Column, ...]
    dropped: tuple[tuple[str, str], ...]
    rows: int
    starts: tuple[tuple[int, str], ...]
    """(number of its first row, address) of every file that has rows."""

    def column(self, wanted: str) -> Column:
        return next(each for each in self.columns if each.name == wanted)

    @property
    def names(self) -> list[str]:
        return [each.name for each in self.columns]

    def place(self, row: int) -> str:
        """`flights.csv row 17`: rows count from 1, without the header."""
        start, uri = next(each for each in reversed(self.starts) if each[0] <= row)
        return f"{uri} row {row - start + 1}"


def stage(store: Store, objects: list[ObjectInfo], form: Format, folder: Path, progress: Part) -> list[Staged]:
    """Copy the very objects that were listed; `key=value` folders are kept, everything else of the key is not."""
    total, done = sum(each.size for each in objects) or 1, 0
    staged = []
    for number, each in enumerate(objects):
        path = folder.joinpath(*re.findall(r"([^/]+=[^/]*)/", each.key), f"{number:06d}{_suffix(each.key, form)}")
        path.parent.mkdir(parents=True, exist_ok=True)
        store.download(each.uri, path, etag=each.etag)
        done += each.size
        progress.reach(done / total, f"read {number + 1} of {len(objects)} files")
        staged.append(Staged(each.uri, path))
    return staged


def _suffix(key: str, form: Format) -> str:
    return f".{form}.gz" if form == "csv" and key.endswith(".gz") else f".{form}"


def load(engine: Engine, files: list[Staged], form: Format) -> Table:
    """Fill the table `data`; SourceUnreadable says file, row and text."""
    delimiter = _delimiter(files) if form == "csv" else ""
    try:
        engine.execute(f"CREATE TABLE staged AS SELECT * FROM {_reader(files, form, delimiter)}")
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error as error:
        raise _unreadable(engine, files, form, delimiter, error) from error
    return _settle(engine, {str(each.path): each.uri for each in files})


def _reader(files: list[Staged], form: Format, delimiter: str) -> str:
    hive = any("=" in each.path.parent.name for each in files)
    options = f"union_by_name = true, filename = {text(FILE)}, hive_partitioning = {str(hive).lower()}"
    paths = f"[{', '.join(text(str(each.path)) for each in files)}]"
    if form == "parquet":
        return f"read_parquet({paths}, {options})"
    missing = f"[{', '.join(text(each) for each in MISSING)}]"
    types = ", ".join(text(each) for each in TYPES)
    strict = "header = true, skip = 0, comment = '', strict_mode = true, ignore_errors = false, null_padding = false"
    return f"""read_csv({paths}, {options}, delim = {text(delimiter)}, quote = '"', escape = '"', nullstr = {missing}, {strict}, sample_size = -1, auto_type_candidates = [{types}])"""


def _settle(engine: Engine, uris: dict[str, str]) -> Table:
    starts = engine.execute(f"SELECT min(rowid), {FILE} FROM staged GROUP BY {FILE} ORDER BY 1").fetchall()
    return settle(engine, tuple((int(row), uris[path]) for row, path in starts), next(iter(uris.values())))


def settle(engine: Engine, starts: tuple[tuple[int, str], ...], origin: str) -> Table:
    """`data` from `staged`: one of five types a column, NULL for NaN and blank text, nested columns left out and said so."""
    described = [(column, kind) for column, kind, *_ in engine.execute("DESCRIBE staged").fetchall() if column != FILE]
    settled = [(Column(column, known[0], known[1], zoned=kind == ZONED), known[2]) for column, kind in described if (known := stored_as(kind))]
    dropped = tuple((column, f"{kind} is no type that a model takes") for column, kind in described if not stored_as(kind))
    if not settled:
        raise _refused(origin, "it has no column that a model could use.")
    engine.execute(f"CREATE TABLE data AS SELECT {', '.join(_value(column, sql) for column, sql in settled)} FROM staged")
    engine.execute("DROP TABLE staged")
    rows = int(first(engine, "SELECT count(*) FROM data")[0])
    columns = tuple(_boolean(engine, column) for column, _ in settled)
    table = Table(columns, dropped, rows, starts)
    return replace(table, columns=tuple(_explained(engine, table, column) for column in table.columns))


def _value(column: Column, sql: str) -> str:
    value = f"CAST({name(column.name)} AS {sql})"
    if sql == "DOUBLE":
        value = f"CASE WHEN isnan({value}) THEN NULL ELSE {value} END"
    if sql == "VARCHAR":
        value = f"CASE WHEN trim({value}) = '' THEN NULL ELSE {value} END"
    return f"{value} AS {name(column.name)}"


def _boolean(engine: Engine, column: Column) -> Column:
    """Text that is true or false throughout, in any case of letters, is a boolean."""
    quoted = name(column.name)
    if column.dtype != "text" or not first(engine, f"SELECT coalesce(bool_and(lower({quoted}) IN ('true', 'false')), false) FROM data")[0]:
        return column
    engine.execute(f"ALTER TABLE data ALTER COLUMN {quoted} SET DATA TYPE BOOLEAN")
    return Column(column.name, "boolean", "boolean")


def _explained(engine: Engine, table: Table, column: Column) -> Column:
    """With a note where a few texts made a column of numbers a text column."""
    if column.dtype != "text":
        return column
    number = f"TRY_CAST({name(column.name)} AS DOUBLE)"
    known, numbers = first(engine, f"SELECT count({name(column.name)}), count({number}) FROM data")
    if not known or not NEARLY <= numbers / known < 1:
        return column
    bad = f"{number} IS NULL AND {name(column.name)} IS NOT NULL"
    row, value = first(engine, f"SELECT rowid, {name(column.name)} FROM data WHERE {bad} ORDER BY rowid LIMIT 1")
    return replace(column, note=f"text, because {table.place(row)} has {value!r}; {numbers} of {known} values are numbers")


def _delimiter(files: list[Staged]) -> str:
    """From the header of the first file; blank headers and doubled columns are refused here."""
    delimiters = []
    for each in files:
        header = _header(each.path)
        delimiters.append(max(DELIMITERS, key=header.count))
        names = next(csv.reader([header], delimiter=delimiters[-1]), [])
        if not header.strip():
            raise _refused(each.uri, "its first row must have the columns' names, and is blank.")
        if twice := [column for column in names if names.count(column) > 1]:
            raise _refused(each.uri, f"two columns are called {twice[0]!r}.")
    return delimiters[0]


def _header(path: Path) -> str:
    try:
        with _bytes(path) as file:
            return file.readline().decode("utf-8-sig", errors="replace").rstrip("\r\n")
    except (OSError, EOFError):
        return "?"  # not gzip: said with the file's name when it is read


def _refused(file: str, detail: str) -> UserFault:
    return UserFault(Reason.SOURCE_UNREADABLE, Reason.SOURCE_UNREADABLE.say(file=file, detail=detail))


def _unreadable(engine: Engine, files: list[Staged], form: Format, delimiter: str, error: Exception) -> UserFault:
    """Find the file that is to blame, and in CSV the row; the engine's own words are for engineers."""
    for each in files:
        detail = _broken_row(each, delimiter) if form == "csv" else _broken_file(engine, each)
        if detail:
            return _refused(each.uri, detail)
    return _refused(files[0].uri if len(files) == 1 else f"One of {len(files)} files", " ".join(str(error).split())[:300])


def _broken_file(engine: Engine, file: Staged) -> str:
    try:
        engine.execute(f"SELECT count(COLUMNS(*)) FROM read_parquet({text(str(file.path))})").fetchall()
    except duckdb.Error as error:
        return f"it is not a sound Parquet file ({' '.join(str(error).replace(str(file.path), 'the file').split())[:200]})."
    return ""


def _broken_row(file: Staged, delimiter: str) -> str:
    """The first row that has not as many fields as the header, is not text, or leaves a quote open."""
    number, width = -1, 0
    try:
        with _opened(file.path) as lines:
            for number, fields in enumerate(_rows(lines, delimiter)):
                width = width or len(fields)
                if len(fields) != width:
                    return f"row {number} has {len(fields)} fields instead of {width}: {delimiter.join(fields)[:SHOWN_CHARACTERS]!r}."
    except csv.Error as error:
        return f"row {number + 1} is not CSV ({error})."
    except UnicodeDecodeError as error:
        return f"row {_row_of_byte(file.path)} is not UTF-8 (byte {error.object[error.start]:#04x}); save the file as UTF-8."
    except (OSError, EOFError) as error:
        return f"it is not a sound gzip file ({error})."
    return ""


def _rows(lines: Iterator[str], delimiter: str) -> Iterator[list[str]]:
    return (fields for fields in csv.reader(lines, delimiter=delimiter, strict=True) if fields)


def _row_of_byte(path: Path) -> int:
    """Number of the first line that is not UTF-8, without the header."""
    with _bytes(path) as file:
        for number, line in enumerate(file):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError:
                return number
    return 0


def _opened(path: Path) -> TextIO:
    return TextIOWrapper(_bytes(path), encoding="utf-8-sig", newline="")


def _bytes(path: Path) -> BinaryIO:
    return cast("BinaryIO", gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb"))
