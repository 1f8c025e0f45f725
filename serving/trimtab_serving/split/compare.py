"""Do two versions say the same about the same rows? Both are bodies of the Open Inference Protocol.

Told by the first output that can tell: a label (text, whole numbers, booleans) must be equal; of several scores a row, the same
one must be the largest; a single number may differ by TOLERANCE of the larger one.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import orjson

TOLERANCE = 0.05
"""Relative: two models fitted to different weeks of the same data differ by a per cent or two nearly everywhere."""

Tensor = dict[str, Any]


class Compared(NamedTuple):
    """How many rows were compared, and in how many the versions disagree."""

    rows: int
    disagreed: int


def compare(ours: bytes, theirs: bytes) -> Compared | None:
    """None where there is no output that both give for the same number of rows."""
    mine, other = _outputs(ours), _outputs(theirs)
    for tensor in sorted(mine.values(), key=_order):
        match = other.get(tensor["name"])
        if match and match["shape"] == tensor["shape"] and _kind(match) == _kind(tensor):
            return _rows(tensor, match)
    return None


def _outputs(body: bytes) -> dict[str, Tensor]:
    return {each["name"]: each for each in orjson.loads(body)["outputs"]}


def _kind(tensor: Tensor) -> str:
    return "score" if tensor["datatype"].startswith("FP") else "label"


def _wide(tensor: Tensor) -> int:
    return int(tensor["shape"][1]) if len(tensor["shape"]) > 1 else 1


def _order(tensor: Tensor) -> tuple[bool, bool]:
    """Labels first, then several scores a row, then single ones."""
    return _kind(tensor) == "score", _wide(tensor) == 1


def _rows(mine: Tensor, other: Tensor) -> Compared:
    wide = _wide(mine)
    same = _same_label if _kind(mine) == "label" else _same_largest if wide > 1 else _same_number
    starts = range(0, len(mine["data"]), wide)
    return Compared(len(starts), sum(not same(mine["data"][at : at + wide], other["data"][at : at + wide]) for at in starts))


def _same_label(mine: Sequence[Any], other: Sequence[Any]) -> bool:
    return mine == other


def _same_largest(mine: Sequence[float | None], other: Sequence[float | None]) -> bool:
    return _largest(mine) == _largest(other)


def _largest(scores: Sequence[float | None]) -> int:
    known = [float("-inf") if each is None else each for each in scores]
    return known.index(max(known))


def _same_number(mine: Sequence[float | None], other: Sequence[float | None]) -> bool:
    (a,), (b,) = mine, other
    return a is b if a is None or b is None else abs(a - b) <= TOLERANCE * max(abs(a), abs(b))
