"""The profile of a training split is bounded, however long, wide or wordy the table is."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trimtab.jobs.dataset import profiling
from trimtab.jobs.dataset.columns import Column
from trimtab.jobs.progress import Progress

NUMBER, TEXT = Column("x", "numeric", "float64"), Column("c", "categorical", "text")


def profile(folder: Path, columns: list[Column], timestamp: str | None = None, **data: Any) -> dict[str, Any]:
    pq.write_table(pa.table(data), folder / "train.parquet")
    profiling.write(folder / "train.parquet", columns, timestamp, folder / "profile.json", Progress().part(0, 1))
    content: dict[str, Any] = json.loads((folder / "profile.json").read_text())
    return content


def test_free_text_is_counted_by_its_most_common_values(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "MOST_NAMES", 60)
    words = ["often"] * 5 + [f"once{n}" for n in range(300)] + [None] * 7
    (column,) = profile(tmp_path, [TEXT], c=words)["columns"]
    assert (column["categories"][0], column["counts"][0], len(column["categories"])) == ("often", 5, 50)
    assert profiling.UNCOMMON not in column["categories"]
    assert sum(column["counts"]) + column["other"] == 305
    assert column["missing"] == 7


def test_three_years_get_blocks_of_several_days_and_all_rows_are_in_them(tmp_path: Path) -> None:
    days = np.datetime64("2013-01-01", "us") + np.arange(1000) * np.timedelta64(1, "D")
    blocks = profile(tmp_path, [NUMBER], "when", x=np.arange(1000.0), when=days)["blocks"]
    assert blocks["daysEach"] == 3
    assert blocks["starts"][:2] == ["2013-01-01", "2013-01-04"]
    assert sum(blocks["rows"]) == 1000
    assert len(blocks["columns"]["x"]) == len(blocks["starts"]) == 334


def test_wide_tables_get_longer_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(profiling, "BLOCK_COUNTS", 520)
    days = np.datetime64("2013-01-01", "us") + np.arange(100) * np.timedelta64(1, "D")
    assert len(profile(tmp_path, [NUMBER], "when", x=np.arange(100.0), when=days)["blocks"]["starts"]) == 10


def test_columns_read_together_or_one_by_one_give_the_same_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = {"x": [1.0, None, 3.0], "c": ["a", None, "b"], "b": [True, False, None]}
    columns = [NUMBER, TEXT, Column("b", "boolean", "boolean")]
    together = profile(tmp_path, columns, **data)
    monkeypatch.setattr(profiling, "CELLS_AT_ONCE", 1)
    assert profile(tmp_path, columns, **data) == together
    assert together["columns"][2]["categories"] == ["false", "true"]
