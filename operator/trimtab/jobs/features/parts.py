"""A FeatureSet's rows as files: few of them, in the order of the rows, which decides between rows that are alike in keys and times."""

from datetime import datetime
from pathlib import Path

from trimtab.jobs.dataset import writing
from trimtab.jobs.dataset.engine import Engine, first, name
from trimtab.jobs.dataset.reading import Table

PART_ROWS = 5_000_000
"""Rows of one file: none too large to be fetched again when a network fails."""


def write(engine: Engine, table: Table, folder: Path) -> list[Path]:
    """part-00000.parquet and so on."""
    return [_part(engine, table, number, folder) for number in range(-(-table.rows // PART_ROWS))]


def _part(engine: Engine, table: Table, number: int, folder: Path) -> Path:
    start = number * PART_ROWS
    query = f"SELECT {', '.join(map(name, table.names))} FROM data WHERE rowid >= {start} AND rowid < {start + PART_ROWS} ORDER BY rowid"
    return writing.copy(engine, query, folder / f"part-{number:05d}.parquet", len(table.columns))


def latest(engine: Engine, column: str) -> datetime:
    """The newest time in a column that has times throughout."""
    found: datetime = first(engine, f"SELECT max({name(column)}) FROM data")[0]
    return found
