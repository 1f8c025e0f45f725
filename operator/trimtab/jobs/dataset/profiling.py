"""The reference profile of the training split: in total, and by block of days where rows have a time.

A few columns are in memory at a time, whatever the table's width; cross-products are taken over slices of rows.
"""

import json
from collections.abc import Iterator
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
BLOCK_COUNTS = 4_000_000
"""Counts of all blocks and columns together; wider tables get longer blocks."""
MOST_NAMES = 10_000
UNCOMMON = "\0"
"""Stands for all other values; the profile names fewer categories than there are names, and never this one."""
SLICE_ROWS = 65536
CELLS_AT_ONCE = 4_000_000
"""Values read together, some 32 MB: many columns of a short table, one of a long one."""
EPOCH = date(1970, 1, 1)


def write(train: Path, columns: list[Column], timestamp: str | None, to: Path, progress: Part) -> None:
    """Profile `columns` (model inputs and the label) of the training split into a JSON file."""
    profiled = [each for each in columns if each.type != "datetime"]
    file = pq.ParquetFile(train)
    blocks = _Blocks(file, timestamp, len(profiled)) if timestamp else None
    parts: dict[str, profiles.Part] = {}
    by_block: dict[str, list[list[int]]] = {}
    for column, data in _read(file, profiled):
        values, names = _values(column, data)
        parts[column.name] = part = _part(values, names)
        if blocks:
            by_block[column.name] = profiles.by_block(part.shape, values, blocks.codes, blocks.count, names or ()).tolist()
        progress.reach(len(parts) / len(profiled), f"profiled {len(parts)} of {len(profiled)} columns")
    content = profiles.Profile(file.metadata.num_rows, parts, _cross(file, parts)).encode()
    to.write_text(
        json.dumps({"schema": 1} | content | ({"blocks": blocks.encode() | {"columns": by_block}} if blocks else {}), separators=(",", ":"), allow_nan=False)
    )


def _part(values: npt.NDArray[Any], names: list[str] | None) -> profiles.Part:
    if names is None:
        return profiles.Numeric.of(profiles.numeric_shape(values), values)
    return profiles.Categorical.of(profiles.categorical_shape(values[values < MOST_NAMES], names[:MOST_NAMES]), values, names)


def _read(file: pq.ParquetFile, columns: list[Column]) -> Iterator[tuple[Column, Any]]:
    """Each column with its data, read in groups of as many as are fit to hold."""
    width = max(1, CELLS_AT_ONCE // max(1, file.metadata.num_rows))
    for start in range(0, len(columns), width):
        group = columns[start : start + width]
        table = file.read(columns=[each.name for each in group], use_threads=False)
        yield from ((each, table.column(each.name)) for each in group)


def _values(column: Column, data: Any) -> tuple[npt.NDArray[Any], Any]:
    """(numbers, None) or (codes, names) of one column."""
    if column.type == "numeric":
        return data.cast(pa.float64()).to_numpy(), None
    encoded = (pc.if_else(data, "true", "false") if column.type == "boolean" else data).combine_chunks().dictionary_encode()
    return _bounded(pc.fill_null(encoded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64), encoded.dictionary)


def _bounded(codes: npt.NDArray[np.int64], dictionary: Any) -> tuple[npt.NDArray[np.int64], list[str]]:
    """Codes and names, where all but the ten thousand most common values share one name: free text must not fill the memory."""
    if len(dictionary) <= MOST_NAMES:
        return codes, dictionary.to_pylist()
    common = np.argsort(-np.bincount(codes[codes >= 0], minlength=len(dictionary)), kind="stable")[:MOST_NAMES]
    place = np.full(len(dictionary) + 1, MOST_NAMES, dtype=np.int64)
    place[common], place[-1] = np.arange(MOST_NAMES), -1
    return place[codes], [*dictionary.take(pa.array(common)).to_pylist(), UNCOMMON]


def _cross(file: pq.ParquetFile, parts: dict[str, profiles.Part]) -> profiles.Cross | None:
    numeric = {name: part for name, part in parts.items() if isinstance(part, profiles.Numeric)}
    names = list(numeric)[: profiles.CROSS_COLUMNS]
    if len(names) < 2:
        return None
    centers = [numeric[name].shape.center for name in names]
    total = profiles.Cross(tuple(names), np.zeros((len(names), len(names))))
    for batch in file.iter_batches(SLICE_ROWS, columns=names):
        X = np.column_stack([batch.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False) for name in names])
        total += profiles.Cross.of(names, centers, X)
    return total


class _Blocks:
    """Which block of days each row is in; `rows` of each block."""

    def __init__(self, file: pq.ParquetFile, timestamp: str, columns: int) -> None:
        stamps = file.read(columns=[timestamp]).column(0).cast(pa.timestamp("us")).to_numpy()
        days = stamps.astype("datetime64[D]").astype(np.int64)
        first, span = int(days.min()), int(days.max() - days.min()) + 1
        most = max(1, min(MOST_BLOCKS, BLOCK_COUNTS // (columns * (profiles.CATEGORIES + 2))))
        self.days_each = -(-span // most)
        self.codes = (days - first) // self.days_each
        self.count = int(self.codes.max()) + 1
        self._first = first

    def encode(self) -> dict[str, Any]:
        """Blocks without rows stay in: their time was, and had none."""
        starts = [EPOCH + timedelta(days=self._first + number * self.days_each) for number in range(self.count)]
        rows = np.bincount(self.codes, minlength=self.count).tolist()
        return {"daysEach": self.days_each, "starts": [each.isoformat() for each in starts], "rows": rows}
