"""A table as every renderer takes it: columns, rows, and the names for `-o name`."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Table:
    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    names: tuple[str, ...] = ()

    def data(self) -> list[dict[str, Any]]:
        """A dictionary a row; a column without a title is the mark."""
        keys = [_key(column) for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]


def _key(column: str) -> str:
    words = column.lower().replace("-", " ").split() or ["mark"]
    return words[0] + "".join(word.capitalize() for word in words[1:])
