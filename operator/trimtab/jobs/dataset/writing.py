"""From the table and its parts to files: one Parquet file a split, and the facts about every column."""

from pathlib import Path
from typing import Any

from trimtab.api.dataset import DatasetSpec
from trimtab.jobs.dataset.columns import as_facts
from trimtab.jobs.dataset.engine import Engine, first, name, text
from trimtab.jobs.dataset.reading import Table
from trimtab.jobs.dataset.rules import EXAMPLES, Violation
from trimtab.jobs.dataset.splitting import SPLITS

CELLS_IN_A_GROUP = 4_000_000
"""Values of one Parquet row group: what a writer and a reader hold at once, some 32 MB."""
LEAST_GROUP, MOST_GROUP = 2048, 122_880


def splits(engine: Engine, spec: DatasetSpec, method: str, table: Table, folder: Path) -> list[Path]:
    """train.parquet, validation.parquet, test.parquet: columns in the source's order, rows by time or in the source's order."""
    columns = ", ".join(name(each) for each in table.names)
    order = f"data.{name(spec.timestamp)}, data.rowid" if method == "time" and spec.timestamp else "data.rowid"
    return [
        copy(
            engine,
            f"SELECT {columns} FROM data JOIN parts ON data.rowid = parts.row WHERE split = {text(each)} ORDER BY {order}",
            folder / f"{each}.parquet",
            len(table.columns),
        )
        for each in SPLITS
    ]


def violations(engine: Engine, found: list[Violation], folder: Path) -> list[Path]:
    """The rows that break a rule, the first thousand of each, in one file a rule; rules about the whole table have none."""
    folder.mkdir(exist_ok=True)
    kept = [(number, each) for number, each in enumerate(found) if each.where]
    return [
        copy(engine, f"SELECT rowid + 1 AS row, * FROM data WHERE {each.where} ORDER BY rowid LIMIT {EXAMPLES}", folder / f"{number:02d}.parquet", 1)
        for number, each in kept
    ]


def column_facts(engine: Engine, label: str, table: Table) -> list[dict[str, Any]]:
    """Type, missing and (about) how many different values of every column, over labelled rows."""
    asked = ", ".join(f"count(*) - count({name(each)}), approx_count_distinct({name(each)})" for each in table.names)
    counts = first(engine, f"SELECT {asked} FROM data WHERE {name(label)} IS NOT NULL")
    return [as_facts(column, int(nulls), int(distinct)) for column, nulls, distinct in zip(table.columns, counts[::2], counts[1::2], strict=True)]


def copy(engine: Engine, query: str, file: Path, width: int) -> Path:
    """The rows of a query in one Parquet file, in row groups that a table of that many columns can be read in."""
    group = max(LEAST_GROUP, min(MOST_GROUP, CELLS_IN_A_GROUP // max(1, width)))
    engine.execute(f"COPY ({query}) TO {text(str(file))} (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {group})")
    return file
