"""Rows of the prediction log: one for each row of a request, as an Arrow record batch.

Column names say where a value comes from: `in_` was fed to the model, `ctx_` came beside it, `out_` was answered. A missing
value is null everywhere. What is the same in every row of a server (model, version, pod) rides in the schema's metadata
until the rows are written for good.
"""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from trimtab.api.documents import CONTEXT, HIDDEN_COLUMNS, INPUT, OUTPUT, PredictionLog
from trimtab.store.model import MISSING, Input, Output, Signature
from trimtab_serving.calls import STABLE
from trimtab_serving.protocol import Request
from trimtab_serving.tensors import BOOLEAN_TEXT, groups
from trimtab_serving.trail import arrays

SCHEMA_VERSION = "1"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HASH_CHARACTERS = 32
"""128 bits of a sha256: no two values of a column meet."""

UTC_TIME = pa.timestamp("us", tz="UTC")
TEXT = pa.string()
WORD = pa.dictionary(pa.int32(), TEXT)
LEADING = [("time", UTC_TIME), ("event_time", UTC_TIME), ("request_id", TEXT), ("row", pa.int32())]
TRAILING = [("latency_us", pa.int64()), ("role", TEXT), ("user", TEXT)]
CONSTANT = [("model", WORD), ("version", pa.int32()), ("model_digest", WORD), ("dataset_digest", WORD), ("pod", WORD)]


class Prediction(NamedTuple):
    """One answered request, as it is handed over on the way of the answer: nothing in it is copied or converted yet."""

    time_ns: int
    id: str
    request: Request
    outputs: Sequence[NDArray[Any]]
    latency_us: int
    role: str = STABLE
    user: str = ""
    """Who asked, as a pseudonym; empty where nobody knows."""


class Column(NamedTuple):
    """One column of the log: its type, and how it is read from the predictions of a batch."""

    name: str
    type: Any
    read: Callable[["Batch"], Any]


class Batch:
    """Predictions that are encoded together."""

    def __init__(self, predictions: Sequence[Prediction]) -> None:
        self.predictions = predictions
        self.rows = [each.request.rows for each in predictions]
        self._blocks: dict[int, NDArray[Any]] = {}

    def block(self, group: int) -> NDArray[Any]:
        """All floating columns of a group at once, [columns, rows]: one by one they cost ten times as much."""
        if group not in self._blocks:
            self._blocks[group] = np.concatenate([each.request.inputs.blocks[group] for each in self.predictions], axis=1)
        return self._blocks[group]


class Rows:
    """Encodes predictions of one model; what is left out or hashed never gets as far as the disk."""

    def __init__(
        self,
        signature: Signature,
        dtypes: Mapping[str, np.dtype[Any]],
        log: PredictionLog,
        constants: Mapping[str, str | int | None],
    ) -> None:
        places = {name: (group, i) for group, (_, names) in enumerate(groups(signature, dtypes)) for i, name in enumerate(names)}
        self._salt = str(constants.get("deployment", ""))
        found = [
            *(_input(each, dtypes[each.name], places.get(each.name)) for each in signature.inputs),
            *(_context(name) for name in signature.context),
            *(_output(i, each) for i, each in enumerate(signature.outputs)),
        ]
        kept = [each for each in found if bare(each.name) not in log.exclude]
        self._columns = [self._hashed(each) if bare(each.name) in log.hash else each for each in kept]
        fields = [*LEADING, *((each.name, each.type) for each in self._columns), *TRAILING]
        facts = {"trimtab_schema": SCHEMA_VERSION, "trimtab_signature": signature.digest(), "trimtab_constants": json.dumps(constants)}
        facts |= {HIDDEN_COLUMNS: json.dumps({"exclude": log.exclude, "hash": log.hash})} if log.exclude or log.hash else {}
        self.schema = pa.schema(fields, metadata=facts)
        self.plain = {each.name: each.type for each in kept if bare(each.name) not in log.hash}
        self.unknown = sorted({*log.exclude, *log.hash} - {bare(each.name) for each in found})

    def batch(self, taken: Sequence[Prediction]) -> Any:
        """The rows of these predictions, in their order."""
        batch = Batch(taken)
        rows = batch.rows
        ends = np.cumsum(rows)
        row = np.arange(ends[-1], dtype=np.int32) - np.repeat(ends - rows, rows).astype(np.int32)
        leading = [
            arrays.each_row(arrays.times([each.time_ns // 1000 for each in taken]), rows),
            arrays.each_row(arrays.times([microseconds(each.request.event_time) for each in taken]), rows),
            arrays.each_row(arrays.text([each.id for each in taken]), rows),
            arrays.numbers(row, pa.int32()),
        ]
        trailing = [
            arrays.each_row(arrays.numbers(np.array([each.latency_us for each in taken], dtype=np.int64), pa.int64()), rows),
            arrays.each_row(arrays.text([each.role for each in taken]), rows),
            arrays.each_row(arrays.text([each.user or None for each in taken]), rows),
        ]
        return pa.RecordBatch.from_arrays([*leading, *(each.read(batch) for each in self._columns), *trailing], schema=self.schema)

    def _hashed(self, column: Column) -> Column:
        def read(batch: Batch) -> Any:
            return arrays.text([None if each is None else self._hash(column.name, each) for each in column.read(batch).to_pylist()])

        return Column(column.name, TEXT, read)

    def _hash(self, column: str, value: object) -> str:
        """The same value of a column has the same hash in every pod and version of a deployment."""
        return hashlib.sha256(f"{self._salt}/{column}/{value}".encode("utf-8", "replace")).hexdigest()[:HASH_CHARACTERS]


def complete(rows: Any) -> Any:
    """The rows (a table) with the columns that are the same in all of them."""
    constants = json.loads(rows.schema.metadata[b"trimtab_constants"])
    for name, type_ in CONSTANT:
        rows = rows.append_column(name, arrays.repeated(constants.get(name), rows.num_rows, type_))
    rows = rows.set_column(rows.schema.get_field_index("role"), "role", rows["role"].dictionary_encode())
    facts = {key: value for key, value in rows.schema.metadata.items() if key != b"trimtab_constants"}
    return rows.replace_schema_metadata(facts)


def bare(column: str) -> str:
    """The name that a client knows a column by: `in_carrier` is `carrier`."""
    return column.partition("_")[2]


def _input(tensor: Input, dtype: np.dtype[Any], place: tuple[int, int] | None) -> Column:
    name = tensor.name
    boolean = tensor.datatype == "BOOL"
    type_ = pa.bool_() if boolean else TEXT if dtype.kind == "O" else pa.float32() if dtype == np.float16 else pa.from_numpy_dtype(dtype)
    if place:
        return _of_block(INPUT + name, type_, *place)
    convert = _truths if boolean and dtype.kind == "O" else _texts if dtype.kind == "O" else _numbers(type_)
    return _column(INPUT + name, type_, len(tensor.shape) > 1 and tensor.shape[1:] != [1], convert, lambda each: each.request.inputs.others[name])


def _output(position: int, tensor: Output) -> Column:
    text = tensor.datatype == "BYTES"
    type_ = TEXT if text else pa.bool_() if tensor.datatype == "BOOL" else _arrow_type(tensor.datatype)
    return _column(OUTPUT + tensor.name, type_, len(tensor.shape) > 1, _words if text else _numbers(type_), lambda each: each.outputs[position])


def _of_block(name: str, type_: Any, group: int, position: int) -> Column:
    convert = _numbers(type_)
    return Column(name, type_, lambda batch: convert(batch.block(group)[position]))


def _column(name: str, type_: Any, wide: bool, convert: Callable[[NDArray[Any]], Any], pick: Callable[[Prediction], NDArray[Any]]) -> Column:
    def read(batch: Batch) -> Any:
        parts = [pick(each) for each in batch.predictions]
        values = convert(np.concatenate(parts, axis=None))
        if not wide:
            return values
        return arrays.lists(values, np.repeat([part.size // count for part, count in zip(parts, batch.rows, strict=True)], batch.rows))

    return Column(name, pa.list_(type_) if wide else type_, read)


def _context(name: str) -> Column:
    """Context has no datatype of its own in a signature: it is kept as text."""

    def read(batch: Batch) -> Any:
        if all(name not in each.request.inputs.context for each in batch.predictions):
            return pa.nulls(sum(batch.rows), TEXT)
        return arrays.text([_said(value) for each in batch.predictions for value in _by_row(each.request.inputs.context.get(name), each.request.rows)])

    return Column(CONTEXT + name, TEXT, read)


def _by_row(values: list[Any] | None, rows: int) -> Sequence[Any]:
    if values is None:
        return [None] * rows
    wide = len(values) // rows
    return values if wide == 1 else [values[at : at + wide] for at in range(0, len(values), wide)]


def _said(value: Any) -> str | None:
    return value if value is None or isinstance(value, str) else json.dumps(value)


def _numbers(type_: Any) -> Callable[[NDArray[Any]], Any]:
    return lambda values: arrays.numbers(values.astype(np.float32) if values.dtype == np.float16 else values, type_)


def _texts(values: NDArray[Any]) -> Any:
    return arrays.text([None if each == MISSING else each for each in values.tolist()])


def _truths(values: NDArray[Any]) -> Any:
    return arrays.booleans([None if each == MISSING else each == BOOLEAN_TEXT[True] for each in values.tolist()])


def _words(values: NDArray[Any]) -> Any:
    """Text as it was answered."""
    return arrays.text([each if isinstance(each, str) else BOOLEAN_TEXT[each] if isinstance(each, bool) else str(each) for each in values.tolist()])


def _arrow_type(datatype: str) -> Any:
    kind, bits = {"F": "float", "I": "int", "U": "uint"}[datatype[0]], datatype.lstrip("FPINTU")
    return pa.type_for_alias(f"{kind}{max(int(bits), 32) if kind == 'float' else bits}")


def microseconds(time: datetime | None) -> int | None:
    """Since 1970."""
    return None if time is None else (time - EPOCH) // timedelta(microseconds=1)
