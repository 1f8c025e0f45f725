"""Arrow arrays from what requests are made of, built from numpy's own buffers."""

import sys
import warnings
from collections.abc import Sequence
from types import ModuleType
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

Array = Any
"""A pyarrow.Array; the library has no types of its own."""


def without_pandas() -> None:
    """Tell Arrow, once a process, that pandas is too old to be of use.

    It would load pandas, 50 MB and 2 s of processor, at the first array it makes or reads, only to see that the array is none of
    pandas' own. Where pandas is loaded already there is nothing to save.
    """
    if "pandas" in sys.modules:
        return
    sys.modules["pandas"] = ancient = ModuleType("pandas")
    ancient.__version__ = "0"  # type: ignore[attr-defined]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            pa.scalar(0)
    finally:
        del sys.modules["pandas"]


def text(values: Sequence[str | None]) -> Array:
    """Strings; None is null. What is no Unicode (a lone surrogate) is kept as a question mark."""
    try:
        return pa.array(values, pa.string())
    except UnicodeEncodeError:
        return _replaced(values)


def _replaced(values: Sequence[str | None]) -> Array:
    encoded = [b"" if each is None else each.encode("utf-8", "replace") for each in values]
    offsets = np.zeros(len(encoded) + 1, dtype=np.int32)
    np.cumsum([len(each) for each in encoded], out=offsets[1:])
    return pa.StringArray.from_buffers(len(encoded), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)), _validity(values))


def booleans(values: Sequence[bool | None]) -> Array:
    return pa.Array.from_buffers(pa.bool_(), len(values), [_validity(values), _bits([bool(each) for each in values])])


def numbers(values: NDArray[Any], type_: Any) -> Array:
    """Numbers or truths; NaN is null, as a missing value is everywhere outside of a model."""
    missing = np.isnan(values) if values.dtype.kind == "f" else None
    validity = None if missing is None or not missing.any() else _bits(~missing)
    data = _bits(values) if values.dtype.kind == "b" else pa.py_buffer(np.ascontiguousarray(values))
    array = pa.Array.from_buffers(pa.from_numpy_dtype(values.dtype), len(values), [validity, data])
    return array if array.type == type_ else array.cast(type_)


def times(microseconds: Sequence[int | None]) -> Array:
    """Moments in UTC."""
    since = np.fromiter((each or 0 for each in microseconds), dtype=np.int64, count=len(microseconds))
    return pa.Array.from_buffers(pa.timestamp("us", tz="UTC"), len(since), [_validity(microseconds), pa.py_buffer(since)])


def repeated(value: str | int | None, count: int, type_: Any) -> Array:
    """One value in every row, stored once."""
    if value is None:
        return pa.nulls(count, type_)
    if isinstance(value, int):
        return numbers(np.full(count, value), type_)
    return pa.DictionaryArray.from_arrays(numbers(np.zeros(count, dtype=np.int32), pa.int32()), text([value])).cast(type_)


def lists(values: Array, widths: NDArray[Any]) -> Array:
    """Rows of many values each: `widths` says how many of the flat values make each row."""
    offsets = np.zeros(len(widths) + 1, dtype=np.int32)
    np.cumsum(widths, out=offsets[1:])
    return pa.ListArray.from_arrays(numbers(offsets, pa.int32()), values)


def each_row(array: Array, rows: Sequence[int]) -> Array:
    """Each value as often as its request has rows."""
    return array if len(rows) == sum(rows) else array.take(numbers(np.repeat(np.arange(len(rows)), rows), pa.int64()))


def _validity(values: Sequence[Any]) -> Any:
    """Which values there are; nothing where there are all."""
    return _bits([each is not None for each in values]) if None in values else None


def _bits(values: Sequence[bool] | NDArray[np.bool_]) -> Any:
    return pa.py_buffer(np.packbits(np.array(values, dtype=np.bool_), bitorder="little"))
