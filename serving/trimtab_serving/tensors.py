"""From the tensors of a request to the columns of a model, or a sentence that says which tensor, what was expected, what was found.

Built once for a model, then called for each request: what can be decided from the signature is decided here at the start.
A null is a missing value wherever the model has a word for it (NaN, or the sentinel); so is an optional tensor that is absent.
All floating columns of one type are converted in one array: thirty small conversions cost more than the model itself.
"""

import difflib
import math
import reprlib
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, NamedTuple, TypeGuard

import numpy as np
from numpy.typing import NDArray

from trimtab.store.model import MISSING, Input, Signature
from trimtab_serving.errors import Refusal

INTEGERS = ("INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64")
NUMBERS = ("FP32", "FP64", "FP16", *INTEGERS)

NULL = type(None)
VALUES: dict[str, frozenset[type]] = {
    **dict.fromkeys(INTEGERS, frozenset({int, NULL})),
    **dict.fromkeys(("FP16", "FP32", "FP64"), frozenset({float, int, NULL})),
    "BOOL": frozenset({bool, NULL}),
    "BYTES": frozenset({str, NULL}),
}
"""JSON values that a tensor of a datatype may hold."""

WORDS = {"BOOL": "true or false", "BYTES": "text"} | dict.fromkeys(INTEGERS, "whole numbers")

BOOLEAN_TEXT = {True: "true", False: "false"}
EMPTY: frozenset[Any] = frozenset({None, ""})

Data = list[Any]
Columns = dict[str, NDArray[Any]]


def accepted(tensor: Input, dtype: np.dtype[Any]) -> tuple[str, ...]:
    """Datatypes in which a client may send this input; the first is its own."""
    if tensor.datatype in ("BYTES", "BOOL"):
        return (tensor.datatype, "BYTES") if tensor.datatype == "BOOL" and dtype.kind == "O" else (tensor.datatype,)
    numbers = NUMBERS if dtype.kind == "f" else INTEGERS
    return (tensor.datatype, *(each for each in numbers if each != tensor.datatype), "BOOL")


class Read(NamedTuple):
    """What the inputs of a request hold: one array [rows, width] for each input, in the signature's order, and the context as it came.

    `blocks` are the arrays [columns, rows] that the floating columns are views of, one for each group.
    """

    rows: int
    columns: Columns
    context: dict[str, Data]
    blocks: list[NDArray[Any]]


class Reader:
    """Reads the `inputs` of a request for one model."""

    def __init__(self, signature: Signature, dtypes: Mapping[str, np.dtype[Any]]) -> None:
        self._inputs = {each.name: each for each in signature.inputs}
        self._context = frozenset(signature.context)
        self._dtypes = dtypes
        self._accepted = {each.name: accepted(each, dtypes[each.name]) for each in signature.inputs}
        self._usual_values = {
            (each.name, datatype): VALUES[datatype] for each in signature.inputs if each.shape == [-1, 1] for datatype in self._accepted[each.name]
        }
        floats = [each.name for each in signature.inputs if each.shape == [-1, 1] and dtypes[each.name].kind == "f"]
        self._groups = [(dtype, [name for name in floats if dtypes[name] == dtype]) for dtype in sorted({dtypes[name] for name in floats}, key=str)]
        self._others = [each for each in signature.inputs if each.name not in floats]

    @property
    def groups(self) -> list[list[str]]:
        """The inputs that are converted together: names of the rows of each block."""
        return [names for _, names in self._groups]

    def read(self, tensors: Any) -> Read:
        data, rows = self._collect(self._named(tensors))
        for name, tensor in self._inputs.items():
            if name not in data:
                data[name] = self._absent(tensor, rows)
        columns: Columns = {}
        blocks = [_floats(names, [data[name] for name in names], dtype) for dtype, names in self._groups]
        for block, (_, names) in zip(blocks, self._groups, strict=True):
            columns.update(zip(names, block[:, :, np.newaxis], strict=True))
        for each in self._others:
            columns[each.name] = _column(each, data[each.name], rows, self._dtypes[each.name])
        context = {name: data[name] for name in self._context if name in data}
        return Read(rows, {name: columns[name] for name in self._inputs}, context, blocks)

    def _named(self, tensors: Any) -> list[dict[str, Any]]:
        """One tensor a column, also where the client sent all columns in one."""
        if not isinstance(tensors, list) or not tensors:
            raise Refusal(400, f"inputs: expected a list of tensors, found {_shown(tensors)}. The model takes {self._all_names()}.")
        if len(tensors) == 1 and isinstance(tensors[0], dict) and self._is_matrix(tensors[0]):
            return self._split(tensors[0])
        return tensors

    def _is_matrix(self, tensor: dict[str, Any]) -> bool:
        return str(tensor.get("name")) not in self._inputs and (_wide(tensor.get("shape")) or _listed(tensor) is not None)

    def _split(self, tensor: dict[str, Any]) -> list[dict[str, Any]]:
        names = _listed(tensor) or list(self._inputs)
        label, shape, datatype = f"tensor {_shown(tensor.get('name'))}", tensor.get("shape"), tensor.get("datatype")
        if _listed(tensor) is None and (text := [name for name, each in self._inputs.items() if each.datatype not in NUMBERS]):
            raise Refusal(
                400,
                f"{label}: one tensor for all columns works where all inputs are numbers, and {text[0]} is {self._inputs[text[0]].datatype}; send one tensor a column.",
            )
        if not _is_shape(shape) or len(shape) != 2 or shape[1] != len(names):
            raise Refusal(400, f"{label}: expected shape [n, {len(names)}] with the columns {_names(names)}, found {_shown(shape)}.")
        values = _flat(label, tensor.get("data"), shape)
        return [{"name": name, "shape": [shape[0]], "datatype": datatype, "data": values[i :: len(names)]} for i, name in enumerate(names)]

    def _collect(self, tensors: list[dict[str, Any]]) -> tuple[dict[str, Data], int]:
        data: dict[str, Data] = {}
        rows = -1
        shapes: tuple[list[int], ...] = ()
        for tensor in tensors:
            values = self._usual(tensor, rows, shapes)
            if values is None or tensor["name"] in data:
                values, found = self._carefully(tensor, data)
                if rows not in (-1, found):
                    raise Refusal(400, f"tensor {tensor['name']}: expected {rows} rows as in {next(iter(data))}, found {found}.")
                rows, shapes = found, ([found], [found, 1])
            data[tensor["name"]] = values
        return data, rows

    def _usual(self, tensor: dict[str, Any], rows: int, shapes: tuple[list[int], ...]) -> Data | None:
        """The values of a tensor that is right in every respect, as most are; None: look carefully, and find the words."""
        try:
            values = tensor["data"]
            if (
                type(values) is list
                and len(values) == rows
                and tensor["shape"] in shapes
                and self._usual_values[tensor["name"], tensor["datatype"]].issuperset(map(type, values))
            ):
                return values
        except (KeyError, TypeError):
            pass
        return None

    def _carefully(self, tensor: dict[str, Any], data: Mapping[str, Data]) -> tuple[Data, int]:
        if not isinstance(tensor, dict):
            raise Refusal(400, f"inputs: expected tensors with name, shape, datatype and data, found {_shown(tensor)}.")
        name = tensor.get("name")
        if not isinstance(name, str) or (name not in self._inputs and name not in self._context):
            raise Refusal(400, self._unknown(name))
        if name in data:
            raise Refusal(400, f"tensor {name}: expected once, found twice.")
        return self._values(name, tensor)

    def _values(self, name: str, tensor: dict[str, Any]) -> tuple[Data, int]:
        """The tensor's values in one flat list, each of a kind that its datatype allows, and the number of rows."""
        label, shape, datatype = f"tensor {name}", tensor.get("shape"), tensor.get("datatype")
        known = self._inputs.get(name)
        if not _is_shape(shape) or shape[0] == 0:
            raise Refusal(400, f"{label}: expected shape {_shape_of(known)} with one row or more, found {_shown(shape)}.")
        if known and not _fits(shape[1:], known.shape[1:]):
            raise Refusal(400, f"{label}: expected shape {_shape_of(known)}, found {shape}.")
        if datatype not in (self._accepted[name] if known else tuple(VALUES)):
            raise Refusal(400, f"{label}: expected datatype {self._accepted[name][0] if known else 'of the protocol'}, found {_shown(datatype)}.")
        values = _flat(label, tensor.get("data"), shape)
        if not set(map(type, values)) <= VALUES[datatype]:
            raise Refusal(400, _wrong_value(label, datatype, values))
        return values, shape[0]

    def _absent(self, tensor: Input, rows: int) -> Data:
        if not tensor.optional:
            required = [name for name, each in self._inputs.items() if not each.optional]
            raise Refusal(
                400, f"tensor {tensor.name} ({tensor.datatype}): expected, not found. The model needs {_names(required)}; send null for a missing value."
            )
        return [None] * (rows * width(tensor))

    def _unknown(self, name: object) -> str:
        near = difflib.get_close_matches(str(name), [*self._inputs, *self._context], n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]}?" if near else "."
        return f"tensor {_shown(name)} is not an input of this model{hint} The model takes {self._all_names()}."

    def _all_names(self) -> str:
        return _names(list(self._inputs))


def width(tensor: Input) -> int:
    """How many values of a tensor make one row; -1 where the model leaves that open."""
    return math.prod(tensor.shape[1:]) if all(size >= 0 for size in tensor.shape[1:]) else -1


def _wide(shape: Any) -> bool:
    return _is_shape(shape) and len(shape) == 2 and shape[1] != 1


def _listed(tensor: dict[str, Any]) -> list[str] | None:
    """The names a client gives to the columns of its one tensor: `parameters: {columns: [...]}`."""
    parameters = tensor.get("parameters")
    names = parameters.get("columns") if isinstance(parameters, dict) else None
    return names if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


def _is_shape(shape: Any) -> TypeGuard[list[int]]:
    return isinstance(shape, list) and bool(shape) and all(type(size) is int and size >= 0 for size in shape)


def _fits(found: Sequence[int], expected: Sequence[int]) -> bool:
    """Columns of one value may come as [n] or [n, 1]; a size that the model leaves open takes any."""
    if not found:
        return all(size == 1 for size in expected)
    return len(found) == max(len(expected), 1) and all(want in (-1, size) for size, want in zip(found, expected or (1,), strict=True))


def _flat(label: str, data: Any, shape: list[int]) -> Data:
    if not isinstance(data, list):
        raise Refusal(400, f"{label}: expected data as a list, found {_shown(data)}.")
    flat: Data = data
    while flat and isinstance(flat[0], list):
        if not all(isinstance(each, list) for each in flat):
            raise Refusal(400, f"{label}: expected rows of equal depth, found lists beside values.")
        flat = list(chain.from_iterable(flat))
    if len(flat) != math.prod(shape):
        raise Refusal(400, f"{label}: expected {math.prod(shape)} values for shape {shape}, found {len(flat)}.")
    return flat


def _floats(names: list[str], data: list[Data], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Columns of one value a row, converted at once into an array [columns, rows]; nulls become NaN."""
    try:
        wide = np.array(data, dtype=np.float64)
    except OverflowError:
        raise Refusal(400, f"tensor {_names(names)}: expected numbers within the range of FP64, found a larger one.") from None
    with np.errstate(over="ignore"):
        matrix = wide.astype(dtype, copy=False)
    if (infinite := np.isinf(matrix)).any():
        column, row = (int(each) for each in np.argwhere(infinite)[0])
        raise Refusal(
            400, f"tensor {names[column]}: expected a number within the range of FP{dtype.itemsize * 8}, found {_shown(data[column][row])} at position {row}."
        )
    return matrix


def _column(tensor: Input, data: Data, rows: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Any other column: text, whole numbers, or an input that takes many values a row."""
    shape = (rows, -1) if len(tensor.shape) == 2 else (rows,)
    if dtype.kind == "f":
        return _floats([tensor.name], [data], dtype).reshape(shape)
    if dtype.kind == "O":
        return np.array(_text(data), dtype=object).reshape(shape)
    if None in data:
        raise Refusal(
            400, f"tensor {tensor.name}: expected a value everywhere, found null at position {data.index(None)}; this model knows no missing {tensor.datatype}."
        )
    try:
        return np.array(data, dtype=dtype).reshape(shape)
    except OverflowError:
        raise Refusal(400, f"tensor {tensor.name}: expected numbers within the range of {tensor.datatype}, found {_shown(max(data, key=abs))}.") from None


def _text(data: Data) -> list[str]:
    """Text as the model knows it: booleans are words, and neither null nor the empty text ever occurred in training."""
    if type(data[0]) is str and EMPTY.isdisjoint(data):
        return data
    return [MISSING if each in EMPTY else each if isinstance(each, str) else BOOLEAN_TEXT[each] for each in data]


def _wrong_value(label: str, datatype: str, values: Data) -> str:
    at, value = next((i, value) for i, value in enumerate(values) if type(value) not in VALUES[datatype])
    return f"{label}: expected {WORDS.get(datatype, 'numbers')} for datatype {datatype}, found {_shown(value)} at position {at}."


def _shape_of(tensor: Input | None) -> str:
    sizes = tensor.shape[1:] if tensor else [1]
    return f"[n, {', '.join('any' if size < 0 else str(size) for size in sizes)}]"


def _names(names: list[str], most: int = 12) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _shown(value: object) -> str:
    """A value in a sentence: short, whatever a client sent."""
    return "nothing" if value is None else reprlib.repr(value)
