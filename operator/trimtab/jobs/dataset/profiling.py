"""The reference profile of the training split: in total, and by block of days where rows have a time.

One column is in memory at a time, whatever the table's width; cross-products are taken over slices of rows.
"""

import json
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trimtab.jobs.dataset.columns import Column
from trimtab.jobs.progress import Part
from trimtab.stats import profiles

MOST_BLOCKS = 400
"""A year of days; longer training splits get blocks of as many days as make it fewer than this."""
SLICE_ROWS = 65536
EPOCH = date(1970, 1, 1)


def write(train: Path, columns: list[Column], timestamp: str | None, to: Path, progress: Part) -> None:
    """Profile `columns` (model inputs and the label) of the training split into a JSON file."""
    profiled = [each for each in columns if each.type != "datetime"]
    blocks = _Blocks(train, timestamp) if timestamp else None
    parts: dict[str, profiles.Part] = {}
    by_block: dict[str, list[list[int]]] = {}
    for done, column in enumerate(profiled):
        values, names = _values(train, column)
        parts[column.name] = part = _part(values, names)
        if blocks:
            by_block[column.name] = profiles.by_block(part.shape, values, blocks.codes, blocks.count, names).tolist()
        progress.reach(done / len(profiled), f"profiled {done} of {len(profiled)} columns")
    content = profiles.Profile(_rows(train), parts, _cross(train, parts)).encode()
    to.write_text(
        json.dumps({"schema": 1} | content | ({"blocks": blocks.encode() | {"columns": by_block}} if blocks else {}), separators=(",", ":"), allow_nan=False)
    )


def _part(values: npt.NDArray[Any], names: list[str] | None) -> profiles.Part:
    if names is None:
        return profiles.Numeric.of(profiles.numeric_shape(values), values)
    return profiles.Categorical.of(profiles.categorical_shape(values, names), values, names)


def _values(train: Path, column: Column) -> tuple[npt.NDArray[Any], Any]:
    """(numbers, None) or (codes, names) of one column."""
    data = pq.read_table(train, columns=[column.name]).column(0)
    if column.type == "numeric":
        return data.cast(pa.float64()).to_numpy(), None
    encoded = (pc.if_else(data, "true", "false") if column.type == "boolean" else data).combine_chunks().dictionary_encode()
    return pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False), encoded.dictionary.to_pylist()


def _cross(train: Path, parts: dict[str, profiles.Part]) -> profiles.Cross | None:
    numeric = {name: part for name, part in parts.items() if isinstance(part, profiles.Numeric)}
    names = list(numeric)[: profiles.CROSS_COLUMNS]
    if len(names) < 2:
        return None
    centers = [numeric[name].shape.center for name in names]
    total = profiles.Cross(tuple(names), np.zeros((len(names), len(names))))
    for batch in pq.ParquetFile(train).iter_batches(SLICE_ROWS, columns=names):
        X = np.column_stack([batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in names])
        total += profiles.Cross.of(names, centers, X)
    return total


def _rows(train: Path) -> int:
    return int(pq.ParquetFile(train).metadata.num_rows)


class _Blocks:
    """Which block of days each row is in; `rows` of each block."""

    def __init__(self, train: Path, timestamp: str) -> None:
        stamps = pq.read_table(train, columns=[timestamp]).column(0).cast(pa.timestamp("us")).to_numpy()
        days = stamps.astype("datetime64[D]").astype(np.int64)
        first, span = int(days.min()), int(days.max() - days.min()) + 1
        self.days_each = -(-span // MOST_BLOCKS)
        self.codes = (days - first) // self.days_each
        self.count = int(self.codes.max()) + 1
        self._first = first

    def encode(self) -> dict[str, Any]:
        """Blocks without rows stay in: their time was, and had none."""
        starts = [EPOCH + timedelta(days=self._first + number * self.days_each) for number in range(self.count)]
        rows = np.bincount(self.codes, minlength=self.count).tolist()
        return {"daysEach": self.days_each, "starts": [each.isoformat() for each in starts], "rows": rows}
