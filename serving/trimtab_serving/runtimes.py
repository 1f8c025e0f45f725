"""What runs a model: the inputs of a request in, named outputs out. One class a format, one contract for all of them.

A runtime says in `dtypes` how it wants each column: a floating type (NaN where missing), an integer or boolean type (nothing
may be missing), or `object` (text, with the sentinel where missing). `predict` may be called from several threads.
Libraries are imported by the runtime that needs them: an ONNX model answers without scikit-learn ever being loaded.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from trimtab.store.model import SKOPS_TRUSTED, Datatype, Format, Input, Output, Signature
from trimtab_serving import assembly
from trimtab_serving.errors import ModelFault
from trimtab_serving.tensors import Read, groups

FLOAT32, FLOAT64, TEXT = np.dtype(np.float32), np.dtype(np.float64), np.dtype(object)


class Runtime(Protocol):
    """What every format can do."""

    @property
    def signature(self) -> Signature:
        """What goes in and comes out."""

    @property
    def dtypes(self) -> Mapping[str, np.dtype[Any]]:
        """How each input wants its column."""

    def predict(self, inputs: Read, wanted: Sequence[str]) -> list[NDArray[Any]]:
        """The wanted outputs, in that order."""


def load(path: Path, format_: Format, signature: Signature | None) -> Runtime:
    """The runtime for a file; without a signature, the one that can be read from the file itself."""
    return OnnxRuntime(path, signature) if format_ == "onnx" else SkopsRuntime(path, signature)


ONNX_TYPES: dict[str, tuple[Datatype, np.dtype[Any]]] = {
    "tensor(float)": ("FP32", FLOAT32),
    "tensor(double)": ("FP64", FLOAT64),
    "tensor(float16)": ("FP16", np.dtype(np.float16)),
    "tensor(int8)": ("INT8", np.dtype(np.int8)),
    "tensor(int16)": ("INT16", np.dtype(np.int16)),
    "tensor(int32)": ("INT32", np.dtype(np.int32)),
    "tensor(int64)": ("INT64", np.dtype(np.int64)),
    "tensor(uint8)": ("UINT8", np.dtype(np.uint8)),
    "tensor(uint16)": ("UINT16", np.dtype(np.uint16)),
    "tensor(uint32)": ("UINT32", np.dtype(np.uint32)),
    "tensor(uint64)": ("UINT64", np.dtype(np.uint64)),
    "tensor(bool)": ("BOOL", np.dtype(np.bool_)),
    "tensor(string)": ("BYTES", TEXT),
}


class OnnxRuntime:
    """ONNX Runtime with one thread and no spinning: a row takes tens of microseconds, and pods scale by processes."""

    def __init__(self, path: Path, signature: Signature | None) -> None:
        self._session = _onnx_session(path)
        self.signature: Signature = signature or _signature_of_graph(self._session)
        self.dtypes: Mapping[str, np.dtype[Any]] = {tensor.name: _onnx_type(tensor)[1] for tensor in self._session.get_inputs()}
        _agree("inputs", [each.name for each in self.signature.inputs], list(self.dtypes))
        _agree("outputs", [each.name for each in self.signature.outputs], [each.name for each in self._session.get_outputs()])
        texts = any(each.type == "tensor(string)" for each in (*self._session.get_inputs(), *self._session.get_outputs()))
        self._one_row = None if texts else OneRow(self._session, self.signature, self.dtypes)

    def predict(self, inputs: Read, wanted: Sequence[str]) -> list[NDArray[Any]]:
        if self._one_row and inputs.rows == 1 and (found := self._one_row.predict(inputs)):
            return [found[name] for name in wanted]
        answer: list[NDArray[Any]] = self._session.run(wanted, inputs.columns())
        return answer


class OneRow:
    """Places for one row of numbers that ONNX Runtime reads again and again.

    To hand it thirty arrays costs more than what most models do with a row of them. Not for text: bound as an input it is refused, as an output
    it ends the process (1.32).
    """

    def __init__(self, session: Any, signature: Signature, dtypes: Mapping[str, np.dtype[Any]]) -> None:
        self._lock = Lock()
        self._session, self._binding = session, session.io_binding()
        self._outputs = [each.name for each in signature.outputs]
        found = groups(signature, dtypes)
        self._blocks = [np.zeros((len(names), 1), dtype) for dtype, names in found]
        for block, (dtype, names) in zip(self._blocks, found, strict=True):
            for name, place in zip(names, block, strict=True):
                self._binding.bind_input(name, "cpu", 0, dtype, (1, 1), place.ctypes.data)

    def predict(self, inputs: Read) -> dict[str, NDArray[Any]] | None:
        """All outputs of one row; None while another thread is at it."""
        if not self._lock.acquire(blocking=False):
            return None
        try:
            for block, given in zip(self._blocks, inputs.blocks, strict=True):
                block[:] = given
            for name, column in inputs.others.items():
                self._binding.bind_cpu_input(name, column)
            for name in self._outputs:  # each time: the answer before would be the place for this one, whose shape may differ
                self._binding.bind_output(name)
            self._session.run_with_iobinding(self._binding)
            return dict(zip(self._outputs, self._binding.copy_outputs_to_cpu(), strict=True))
        finally:
            self._lock.release()


def _onnx_session(path: Path) -> Any:
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common base but this
        raise ModelFault(f"{path.name} is not a model that ONNX Runtime {onnxruntime.__version__} reads: {_line(error)}") from error


def _onnx_type(tensor: Any) -> tuple[Datatype, np.dtype[Any]]:
    try:
        return ONNX_TYPES[tensor.type]
    except KeyError:
        raise ModelFault(f"{tensor.name} is a {tensor.type}, which the protocol cannot carry; export plain tensors (for skl2onnx: zipmap=False).") from None


def _signature_of_graph(session: Any) -> Signature:
    inputs = [Input(name=each.name, datatype=_onnx_type(each)[0], shape=_shape(each)) for each in session.get_inputs()]
    outputs = [Output(name=each.name, datatype=_onnx_type(each)[0], shape=_shape(each)) for each in session.get_outputs()]
    return Signature(inputs=inputs, outputs=outputs)


def _shape(tensor: Any) -> list[int]:
    """Rows come first and may be any number; so may every dimension that the graph leaves open."""
    return [-1, *(size if isinstance(size, int) else -1 for size in tensor.shape[1:])]


def _agree(what: str, signature: list[str], model: list[str]) -> None:
    if missing := [name for name in signature if name not in model]:
        raise ModelFault(f"the signature names {what} that the model does not have: {', '.join(missing)}; it has {', '.join(model)}.")
    if what == "inputs" and (unnamed := [name for name in model if name not in signature]):
        raise ModelFault(f"the model has inputs that the signature does not name: {', '.join(unnamed)}.")


class SkopsRuntime:
    """A fitted scikit-learn pipeline, read by skops without unpickling; only types on our own list come to life."""

    def __init__(self, path: Path, signature: Signature | None) -> None:
        whole = _skops_model(path)
        _use_one_thread(whole)
        self.signature: Signature = signature or _signature_of_estimator(whole)
        self.dtypes: Mapping[str, np.dtype[Any]] = {each.name: _skops_type(each) for each in self.signature.inputs}
        self._assemble, self._model = assembly.split(whole, self.dtypes)
        self._classes = np.asarray(self._model.classes_) if hasattr(self._model, "predict_proba") else None
        _agree("outputs", [each.name for each in self.signature.outputs], ["label", "probability", "prediction"])

    def predict(self, inputs: Read, wanted: Sequence[str]) -> list[NDArray[Any]]:
        X = self._assemble(inputs.columns())
        if self._classes is None:
            return [np.asarray(self._model.predict(X))] * len(wanted)
        # Asking for the label too would cost a second pass through the model; it is the most probable class.
        probability = np.asarray(self._model.predict_proba(X))
        return [probability if name == "probability" else self._classes[probability.argmax(axis=1)] for name in wanted]


def _skops_model(path: Path) -> Any:
    from skops import io

    try:
        refused = sorted(set(io.get_untrusted_types(file=path)) - set(SKOPS_TRUSTED))
        model = None if refused else io.load(path, trusted=list(SKOPS_TRUSTED))
    except Exception as error:  # a damaged file fails in many ways, all of them meaning this
        raise ModelFault(f"{path.name} cannot be read by skops: {_line(error)}") from error
    if refused:
        raise ModelFault(f"{path.name} contains types that are not allowed: {', '.join(refused)}. Use scikit-learn's own, or bring the model as ONNX.")
    return model


def _use_one_thread(model: Any) -> None:
    """Handing one row to a pool of workers costs more than the row."""
    jobs = [name for name in model.get_params() if name.rpartition("__")[2] == "n_jobs"]
    model.set_params(**dict.fromkeys(jobs, 1))


def _skops_type(tensor: Input) -> np.dtype[Any]:
    if tensor.datatype in ("BYTES", "BOOL"):
        return TEXT
    return FLOAT64 if tensor.datatype == "FP64" else FLOAT32


def _signature_of_estimator(model: Any) -> Signature:
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    inputs = [Input(name=name, datatype="FP64") for name in names] or [Input(name="x", datatype="FP64", shape=[-1, int(model.n_features_in_)])]
    return Signature(inputs=inputs, outputs=_outputs_of_estimator(model))


def _outputs_of_estimator(model: Any) -> list[Output]:
    if not hasattr(model, "classes_"):
        return [Output(name="prediction", datatype="FP64")]
    classes = np.asarray(model.classes_).tolist()
    label = Output(name="label", datatype="BYTES" if isinstance(classes[0], str) else "INT64")
    if not hasattr(model, "predict_proba"):
        return [label]
    return [label, Output(name="probability", datatype="FP64", shape=[-1, len(classes)], classes=classes)]


def _line(error: Exception) -> str:
    """The first line of what a library says, short enough for a condition."""
    return f"{(str(error) or type(error).__name__).strip().splitlines()[0][:300].rstrip('.')}."
