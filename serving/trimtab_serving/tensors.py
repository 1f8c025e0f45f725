"""From the tensors of a request to the columns of a model, or a sentence that says which tensor, what was expected, what was found.

Built once for a model, then called for each request: what can be decided from the signature is decided here at the start.
A null is a missing value wherever the model has a word for it (NaN, or the sentinel); so is an optional tensor that is absent.
All floating columns of one type are converted in one array: thirty small conversions cost more than the model itself.

There are two ways through here. `read_quickly` takes numbers from the parser's own memory and gives up at whatever is unusual;
`read` looks at every value and has a sentence for every fault. Where both give columns they are the same, and the quick way gives
none that the careful one refuses (but where JSON itself is unclear: 2.0 or true for a size, a name twice in one object).
"""

import difflib
import math
import reprlib
from collections.abc import Iterator, Mapping, Sequence
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
Values = Any
"""Data, or FP64 in a buffer: an array, or one of the parser's own."""
Columns = dict[str, NDArray[Any]]

DOUBLES, WHOLE, LISTED = "d", "i", ""
"""How the quick way takes a tensor's values: as FP64, as INT64, or one by one."""
VALUE_BYTES = 8
"""Of FP64 and INT64."""
UNUSUAL = (Refusal, LookupError, TypeError, ValueError, AttributeError, RuntimeError)
"""What the quick way meets where it cannot go on; the parser has no errors of its own."""


def accepted(tensor: Input, dtype: np.dtype[Any]) -> tuple[str, ...]:
    """Datatypes in which a client may send this input; the first is its own."""
    if tensor.datatype in ("BYTES", "BOOL"):
        return (tensor.datatype, "BYTES") if tensor.datatype == "BOOL" and dtype.kind == "O" else (tensor.datatype,)
    numbers = NUMBERS if dtype.kind == "f" else INTEGERS
    return (tensor.datatype, *(each for each in numbers if each != tensor.datatype), "BOOL")


Group = tuple[np.dtype[Any], list[str]]


def groups(signature: Signature, dtypes: Mapping[str, np.dtype[Any]]) -> list[Group]:
    """The inputs that are converted together: floating columns of one value a row, by their type."""
    floats = [each.name for each in signature.inputs if each.shape == [-1, 1] and dtypes[each.name].kind == "f"]
    return [(dtype, [name for name in floats if dtypes[name] == dtype]) for dtype in sorted({dtypes[name] for name in floats}, key=str)]


class Read(NamedTuple):
    """What the inputs of a request hold.

    `blocks` has one array [columns, rows] for each group, `others` one array [rows, width] for every other input, and the context
    is as it came. `names` are all inputs in the signature's order, `groups` those of each block.
    """

    rows: int
    names: Sequence[str]
    groups: Sequence[Sequence[str]]
    blocks: list[NDArray[Any]]
    others: Columns
    context: dict[str, Data]

    def columns(self) -> Columns:
        """One array [rows, width] for each input, in the signature's order. They are made here: who answers one row of an ONNX model needs none."""
        found = dict(self.others)
        for block, names in zip(self.blocks, self.groups, strict=True):
            found.update(zip(names, block[:, :, np.newaxis], strict=True))
        return {name: found[name] for name in self.names}


class Reader:
    """Reads the `inputs` of a request for one model."""

    def __init__(self, signature: Signature, dtypes: Mapping[str, np.dtype[Any]]) -> None:
        self._inputs = {each.name: each for each in signature.inputs}
        self._context = frozenset(signature.context)
        self._dtypes = dtypes
        self._accepted = {each.name: accepted(each, dtypes[each.name]) for each in signature.inputs}
        self._ways = {(each.name, datatype): _way(datatype, dtypes[each.name]) for each in signature.inputs for datatype in self._accepted[each.name]}
        self._wide = {each.name for each in signature.inputs if each.shape[1:] not in ([], [1])}
        self._ways |= {(name, datatype): LISTED for name in signature.context for datatype in VALUES}
        self._groups = groups(signature, dtypes)
        self._names, self._grouped = list(self._inputs), [names for _, names in self._groups]
        self._others = [each for each in signature.inputs if all(each.name not in names for names in self._grouped)]

    def read(self, tensors: Any) -> Read:
        """What the tensors hold, or Refusal."""
        return self._arrange(*self._collect(self._named(tensors)))

    def read_quickly(self, tensors: Any) -> Read | None:
        """What the quick parser's tensors hold; None or one of UNUSUAL where they are unusual or wrong, for `read` to say."""
        found = self._collect_quickly(tensors)
        return self._arrange(*found) if found else None

    def _arrange(self, data: dict[str, Values], rows: int) -> Read:
        for name in [name for name in self._names if name not in data]:
            data[name] = self._absent(self._inputs[name], rows)
        blocks = [_floats(names, [data[name] for name in names], dtype) for dtype, names in self._groups]
        others = {each.name: _column(each, data[each.name], rows, self._dtypes[each.name]) for each in self._others}
        return Read(rows, self._names, self._grouped, blocks, others, {name: data[name] for name in self._context if name in data})

    # the quick way

    def _collect_quickly(self, tensors: Any) -> tuple[dict[str, Values], int] | None:
        """Written out in one loop: a call for each of thirty tensors would be a tenth of what a request costs."""
        data: dict[str, Values] = {}
        rows, flat, column, ways = -1, [], [], self._ways
        for tensor in tensors:
            name, datatype, shape, values = tensor["name"], tensor["datatype"], tensor["shape"].as_list(), tensor["data"]
            if rows < 0:
                if name not in self._inputs and len(tensors) == 1:
                    return self._matrix(datatype, shape, values, tensor.get("parameters"))
                rows = shape[0]
                if type(rows) is not int:
                    return None
                flat, column = [rows], [rows, 1]
            if shape in (flat, column) and name not in self._wide:
                count = rows
            elif shape[0] == rows and name in self._wide and _is_shape(shape) and _fits(shape[1:], self._inputs[name].shape[1:]):
                count = math.prod(shape)
            else:
                return None
            way = ways[name, datatype]
            if way == LISTED:
                data[name] = self._listed(values, name, datatype, shape)
                continue
            try:
                numbers = values.as_buffer(of_type=way)
            except (TypeError, ValueError):  # a null among them, or a fault
                data[name] = self._listed(values, name, datatype, shape)
                continue
            if numbers.size != VALUE_BYTES * count:
                return None
            data[name] = numbers if way == DOUBLES else np.frombuffer(numbers, np.int64).astype(np.float64)
        return (data, rows) if rows > 0 and len(data) == len(tensors) else None

    def _listed(self, values: Any, name: str, datatype: str, shape: list[int]) -> Data:
        listed = _flat(name, values.as_list(), shape)
        if not VALUES[datatype].issuperset(map(type, listed)):
            raise TypeError(name)
        return listed

    def _matrix(self, datatype: str, shape: list[int], values: Any, parameters: Any) -> tuple[dict[str, Values], int] | None:
        """All columns in one tensor of numbers, none of them missing."""
        names = _columns_given({"parameters": parameters.as_dict()}) if parameters is not None else None
        if names is None and shape[1:] == [1]:
            return None
        names = names or list(self._inputs)
        if not _is_shape(shape) or shape[1:] != [len(names)] or not shape[0]:
            return None
        if not self._wide.isdisjoint(names) or any(self._ways[name, datatype] != DOUBLES for name in names):
            return None
        matrix = np.frombuffer(values.as_buffer(of_type=DOUBLES)).reshape(shape)
        columns: dict[str, Values] = dict(zip(names, np.ascontiguousarray(matrix.T), strict=True))
        return (columns, shape[0]) if len(columns) == len(names) else None

    # the careful way

    def _named(self, tensors: Any) -> list[dict[str, Any]]:
        """One tensor a column, also where the client sent all columns in one."""
        if not isinstance(tensors, list) or not tensors:
            raise Refusal(400, f"inputs: expected a list of tensors, found {_shown(tensors)}. The model takes {self._all_names()}.")
        if len(tensors) == 1 and isinstance(tensors[0], dict) and self._is_matrix(tensors[0]):
            return self._split(tensors[0])
        return tensors

    def _is_matrix(self, tensor: dict[str, Any]) -> bool:
        return str(tensor.get("name")) not in self._inputs and (_wide(tensor.get("shape")) or _columns_given(tensor) is not None)

    def _split(self, tensor: dict[str, Any]) -> list[dict[str, Any]]:
        names = _columns_given(tensor) or list(self._inputs)
        label, shape, datatype = f"tensor {_shown(tensor.get('name'))}", tensor.get("shape"), tensor.get("datatype")
        if _columns_given(tensor) is None and (text := [name for name, each in self._inputs.items() if each.datatype not in NUMBERS]):
            raise Refusal(
                400,
                f"{label}: one tensor for all columns works where all inputs are numbers, and {text[0]} is {self._inputs[text[0]].datatype}; send one tensor a column.",
            )
        if not _is_shape(shape) or len(shape) != 2 or shape[1] != len(names):
            raise Refusal(400, f"{label}: expected shape [n, {len(names)}] with the columns {_names(names)}, found {_shown(shape)}.")
        values = _flat(label, tensor.get("data"), shape)
        return [{"name": name, "shape": [shape[0]], "datatype": datatype, "data": values[i :: len(names)]} for i, name in enumerate(names)]

    def _collect(self, tensors: list[dict[str, Any]]) -> tuple[dict[str, Values], int]:
        data: dict[str, Values] = {}
        rows = -1
        for tensor in tensors:
            values, found = self._carefully(tensor, data)
            if rows not in (-1, found):
                raise Refusal(400, f"tensor {tensor['name']}: expected {rows} rows as in {next(iter(data))}, found {found}.")
            rows = found
            data[tensor["name"]] = values
        return data, rows

    def _carefully(self, tensor: dict[str, Any], data: Mapping[str, Any]) -> tuple[Data, int]:
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


def _way(datatype: str, dtype: np.dtype[Any]) -> str:
    if dtype.kind != "f" or datatype not in NUMBERS:
        return LISTED
    return WHOLE if datatype in INTEGERS else DOUBLES


def width(tensor: Input) -> int:
    """How many values of a tensor make one row; -1 where the model leaves that open."""
    return math.prod(tensor.shape[1:]) if all(size >= 0 for size in tensor.shape[1:]) else -1


def _wide(shape: Any) -> bool:
    return _is_shape(shape) and len(shape) == 2 and shape[1] != 1


def _columns_given(tensor: dict[str, Any]) -> list[str] | None:
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
    """All values in their order, however they are nested: the shape says what they are."""
    if not isinstance(data, list):
        raise Refusal(400, f"{label}: expected data as a list, found {_shown(data)}.")
    flat: Data = data
    while (kinds := set(map(type, flat))) == {list}:
        flat = list(chain.from_iterable(flat))
    if list in kinds:
        flat = list(_leaves(flat))
    if len(flat) != math.prod(shape):
        raise Refusal(400, f"{label}: expected {math.prod(shape)} values for shape {shape}, found {len(flat)}.")
    return flat


def _leaves(data: Data) -> Iterator[Any]:
    """Level by level would be quadratic in what a client sends."""
    nests = [iter(data)]
    while nests:
        for each in nests[-1]:
            if type(each) is list:
                nests.append(iter(each))
                break
            yield each
        else:
            nests.pop()


def _floats(names: list[str], data: Sequence[Values], dtype: np.dtype[Any]) -> NDArray[Any]:
    """Columns of one value a row, converted at once into an array [columns, rows]; nulls become NaN."""
    try:
        wide = _joined(data)
    except OverflowError:
        raise Refusal(400, f"tensor {_names(names)}: expected numbers within the range of FP64, found a larger one.") from None
    with np.errstate(over="ignore"):
        matrix = wide.reshape(len(names), -1).astype(dtype, copy=False)
    if (infinite := np.isinf(matrix)).any():
        column, row = (int(each) for each in np.argwhere(infinite)[0])
        raise Refusal(
            400, f"tensor {names[column]}: expected a number within the range of FP{dtype.itemsize * 8}, found {_shown(data[column][row])} at position {row}."
        )
    return matrix


def _joined(data: Sequence[Values]) -> NDArray[np.float64]:
    try:
        return np.frombuffer(bytearray().join(data))
    except TypeError:  # lists among them, or nothing else
        parts: list[Any] = [np.array(each, np.float64) if type(each) is list else each for each in data]
        return np.frombuffer(bytearray().join(parts))


def _column(tensor: Input, data: Values, rows: int, dtype: np.dtype[Any]) -> NDArray[Any]:
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
