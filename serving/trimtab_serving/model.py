"""One loaded model: bytes of a request in, bytes of an answer out; and the proof that it answers as in training.

The golden examples go in through the same door as a client's request, so that what they prove is what clients get;
they also warm up everything a first request would otherwise wait for.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from trimtab.stats.profiles import Profile
from trimtab.store.model import Golden, Input, Output, Signature
from trimtab_serving import runtimes
from trimtab_serving.artifact import Files
from trimtab_serving.errors import GoldenMismatch, ModelFault, Refusal
from trimtab_serving.protocol import Protocol, Request
from trimtab_serving.tensors import width

INLINE_ROWS = 64
"""Above, threads do the work; a slow model has a lower bound of its own (`pace`)."""

PLATFORMS = {"onnx": "onnxruntime_onnxv1", "skops": "sklearn_skops"}


@dataclass(frozen=True)
class Identity:
    """Who answers: what a client, a metric or a log line calls this server."""

    model: str
    version: str
    deployment: str = ""
    dataset_digest: str = ""


@dataclass(frozen=True)
class Model:
    """Ready to answer. `load_ms` is what reading the file took, without download and warm-up."""

    identity: Identity
    signature: Signature
    runtime: runtimes.Runtime
    protocol: Protocol
    digest: str
    platform: str
    golden: Golden | None
    load_ms: int
    profile: Profile | None = None
    inline_rows: int = INLINE_ROWS

    def answer(self, answered_as: str, request: Request, outputs: Sequence[NDArray[Any]]) -> bytes:
        """The body, with the outputs that the client wants to see."""
        return self.protocol.encode(answered_as, request.wanted, self.protocol.select(request.wanted, outputs))

    def predict(self, request: Request) -> list[NDArray[Any]]:
        """All outputs, whatever the client wants to see of them: the log keeps them all."""
        return self.runtime.predict(request.inputs, self.protocol.outputs)


def load(files: Files, identity: Identity) -> Model:
    """Read the model; ModelFault where this image cannot serve it."""
    begun = time.perf_counter()
    runtime = runtimes.load(files.model, files.format, files.signature)
    took = round((time.perf_counter() - begun) * 1000)
    signature = runtime.signature
    tensors: list[Input | Output] = [*signature.inputs, *signature.outputs]
    if deep := [each.name for each in tensors if len(each.shape) > 2]:
        raise ModelFault(f"{deep[0]} has more than two dimensions; models of tables have rows and columns.")
    parameters = {"model_digest": files.digest} | ({"dataset_digest": identity.dataset_digest} if identity.dataset_digest else {})
    protocol = Protocol(signature, runtime.dtypes, identity.model, identity.version, parameters)
    return Model(identity, signature, runtime, protocol, files.digest, PLATFORMS[files.format], files.golden, took, files.profile)


def warm_up(model: Model) -> int:
    """How many golden examples came out again. A model without any answers one made-up row, so that it is known to answer at all."""
    golden = model.golden
    try:
        request = model.protocol.decode(example(model.signature, inputs_of(model)))
        outputs = model.predict(request)
        model.protocol.encode("", model.protocol.outputs, outputs)
    except Refusal as error:
        raise ModelFault(f"its own examples are refused: {error.sentence}") from error
    except Exception as error:  # whatever a model raises on a row means the same
        raise ModelFault(f"it cannot answer a row: {type(error).__name__}: {str(error)[:300]}") from error
    if golden is None:
        return 0
    for name, found in zip(model.protocol.outputs, outputs, strict=True):
        if name in golden.outputs:
            _compare(name, found, golden.outputs[name], golden.tolerance)
    return golden.rows


def inputs_of(model: Model) -> dict[str, list[Any]]:
    """The golden examples, or one row that is made up."""
    return model.golden.inputs if model.golden else {each.name: [_made_up(each)] * max(width(each), 1) for each in model.signature.inputs}


def example(signature: Signature, inputs: dict[str, list[Any]]) -> bytes:
    """The request that carries these values: one tensor a column."""
    return orjson.dumps({"inputs": [_tensor(each, inputs[each.name]) for each in signature.inputs if each.name in inputs]})


def _tensor(tensor: Input, values: list[Any]) -> dict[str, Any]:
    wide = max(width(tensor), 1)
    shape = [len(values)] if len(tensor.shape) == 1 else [len(values) // wide, wide]
    datatype = "BYTES" if tensor.datatype == "BOOL" and any(isinstance(each, str) for each in values) else tensor.datatype
    return {"name": tensor.name, "shape": shape, "datatype": datatype, "data": values}


def _made_up(tensor: Input) -> Any:
    return {"BYTES": "a", "BOOL": False}.get(tensor.datatype, 0)


def _compare(name: str, found: NDArray[Any], expected: Sequence[Any], tolerance: float) -> None:
    """Text must be equal; numbers may differ by the tolerance, which grows with the scale of the numbers."""
    want = np.asarray(expected)
    if len(want) != len(found):
        raise GoldenMismatch(f"{name} has {len(found)} rows, in training it had {len(want)}.")
    got = found.reshape(want.shape) if found.size == want.size else found
    if got.shape != want.shape:
        raise GoldenMismatch(f"{name} has the shape {list(found.shape)}, in training it had {list(want.shape)}.")
    wrong = _differ(got, want, tolerance)
    if wrong.any():
        row = int(np.argwhere(wrong)[0][0])
        raise GoldenMismatch(
            f"{name} of row {row} is {got[row]}, in training it was {want[row]}; {int(wrong.reshape(len(want), -1).any(axis=1).sum())} of {len(want)} rows differ."
        )


def _differ(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> NDArray[np.bool_]:
    if expected.dtype.kind not in "fiu":
        return np.asarray([str(a) != str(b) for a, b in zip(found.reshape(-1), expected.reshape(-1), strict=True)]).reshape(expected.shape)
    # Probabilities have a scale of their own; values are measured by the largest of them.
    scale = 1.0 if expected.ndim > 1 else float(np.nanmax(np.abs(expected), initial=0.0))
    return ~np.isclose(found.astype(np.float64), expected.astype(np.float64), rtol=0, atol=tolerance * scale, equal_nan=True)
