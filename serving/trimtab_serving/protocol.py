"""Open Inference Protocol V2, REST: a body becomes a request, outputs become a body. No HTTP here and no model.

What the protocol leaves to the server and is decided here: `NaN` literals, which some clients write though JSON has none,
are read as null; a NaN in an answer is written as null; the answer's `id` is the client's own where it gave one.
"""

import codecs
import difflib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import orjson
import simdjson
from numpy.typing import NDArray

from trimtab.store.model import Output, Signature
from trimtab_serving.errors import Refusal
from trimtab_serving.tensors import BOOLEAN_TEXT, UNUSUAL, Read, Reader

MAX_ID = 128
BESIDE = ("id", "outputs", "parameters")
"""What a request may say beside its inputs."""
QUICK_BYTES = 1024 * 1024
"""Of larger bodies the quick parser's own notes would weigh too much, up to 22 times the body where numbers have one digit; the careful way takes half of that."""


class Request(NamedTuple):
    """One inference request: `wanted` are the names of the outputs to answer with."""

    id: str
    inputs: Read
    wanted: Sequence[str]
    event_time: datetime | None = None

    @property
    def rows(self) -> int:
        """How many there are."""
        return self.inputs.rows


class Protocol:
    """Reads requests and writes answers for one model."""

    def __init__(self, signature: Signature, dtypes: Mapping[str, np.dtype[Any]], name: str, version: str, parameters: Mapping[str, str]) -> None:
        self._reader = Reader(signature, dtypes)
        self._outputs = {each.name: each for each in signature.outputs}
        self._all = tuple(self._outputs)
        self._head = {"model_name": name, "model_version": version}
        self._parameters = dict(parameters)

    def decode(self, body: bytes) -> Request:
        """The request in a body, or Refusal."""
        document, read = self._quickly(body) or self._carefully(body)
        wanted, event_time = self._wanted(document.get("outputs")), _event_time(document.get("parameters"))
        return Request(read_id(document), read, wanted, event_time)

    def _quickly(self, body: bytes) -> tuple[dict[str, Any], Read] | None:
        """What stands beside the inputs, and what is in them; None where this body needs a closer look.

        A parser of its own for each request: it costs nothing, and its memory is gone with it.
        """
        if len(body) > QUICK_BYTES or body.startswith(codecs.BOM_UTF8):  # which the quick parser passes over, and JSON does not have
            return None
        try:
            document: Any = simdjson.Parser().parse(body)
            beside = {name: _plain(document[name]) for name in document if name in BESIDE}
            read = self._reader.read_quickly(document["inputs"])
        except UNUSUAL:
            return None
        return (beside, read) if read else None

    def _carefully(self, body: bytes) -> tuple[dict[str, Any], Read]:
        document = parse(body)
        return document, self._reader.read(document.get("inputs"))

    def encode(self, request_id: str, wanted: Sequence[str], outputs: Sequence[NDArray[Any]]) -> bytes:
        """The answer's body."""
        tensors = [_tensor(self._outputs[name], array) for name, array in zip(wanted, outputs, strict=True)]
        return orjson.dumps({**self._head, "id": request_id, "parameters": self._parameters, "outputs": tensors}, option=orjson.OPT_SERIALIZE_NUMPY)

    @property
    def outputs(self) -> Sequence[str]:
        """The names of all outputs."""
        return self._all

    def select(self, wanted: Sequence[str], outputs: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
        """Of all outputs, those that are wanted."""
        return outputs if wanted is self._all else [outputs[self._all.index(name)] for name in wanted]

    def _wanted(self, outputs: Any) -> Sequence[str]:
        if not outputs:
            return self._all
        names: list[Any] = [each.get("name") if isinstance(each, dict) else each for each in outputs] if isinstance(outputs, list) else [outputs]
        if unknown := [name for name in names if not isinstance(name, str) or name not in self._outputs]:
            near = difflib.get_close_matches(str(unknown[0]), self._all, n=1, cutoff=0.5)
            hint = f"; did you mean {near[0]}?" if near else "."
            raise Refusal(400, f"outputs: {unknown[0]!r:.60} is not an output of this model{hint} The model gives {', '.join(self._all)}.")
        return list(dict.fromkeys(names))


def parse(body: bytes) -> dict[str, Any]:
    """The JSON object in a body, or Refusal with the place where it stops being JSON."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        document = _parse_leniently(body, error)
    if not isinstance(document, dict):
        raise Refusal(400, 'The body: expected a JSON object {"inputs": [...]}, found something else.')
    return document


def _plain(value: Any) -> Any:
    """A value of the quick parser as Python's own."""
    return value.as_dict() if isinstance(value, simdjson.Object) else value.as_list() if isinstance(value, simdjson.Array) else value


def _parse_leniently(body: bytes, error: orjson.JSONDecodeError) -> Any:
    try:
        if b"NaN" in body:
            return json.loads(body, parse_constant=_constant)
    except (ValueError, RecursionError):
        pass
    raise Refusal(
        400, f"The body: expected JSON, found an error at line {error.lineno}, column {error.colno}: {error.msg}. Write null for a missing value."
    ) from error


def _constant(name: str) -> None:
    if name != "NaN":
        raise ValueError(name)


def read_id(document: dict[str, Any]) -> str:
    """The client's own id, or nothing."""
    found = document.get("id")
    if found is None:
        return ""
    if not isinstance(found, str) or len(found) > MAX_ID:
        raise Refusal(400, f"id: expected text of at most {MAX_ID} characters, found {found!r:.60}.")
    return found


def _event_time(parameters: Any) -> datetime | None:
    if parameters is None:
        return None
    if not isinstance(parameters, dict):
        raise Refusal(400, f"parameters: expected a JSON object, found {parameters!r:.60}.")
    text = parameters.get("event_time")
    if text is None:
        return None
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        time = None
    if time is None or time.tzinfo is None:
        raise Refusal(400, f"parameters.event_time: expected a time with zone such as 2013-01-31T18:00:00Z, found {text!r:.60}.")
    return time


def _tensor(output: Output, array: NDArray[Any]) -> dict[str, Any]:
    """One tensor of the answer: values in one flat list, row by row."""
    shape = [len(array)] if len(output.shape) == 1 else list(array.shape)
    return {"name": output.name, "datatype": output.datatype, "shape": shape, "data": _data(output.datatype, array.reshape(-1))}


def _data(datatype: str, flat: NDArray[Any]) -> Any:
    if datatype != "BYTES":
        return flat if flat.dtype.kind in "fiub" and flat.dtype != np.float16 else flat.astype(np.float64)
    return [each if isinstance(each, str) else BOOLEAN_TEXT[each] if isinstance(each, bool) else str(each) for each in flat.tolist()]
