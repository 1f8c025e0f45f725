"""A model that a person brought: one ONNX or skops file without a signature. What it takes and gives is read from the file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trimtab.jobs.training import predictor
from trimtab.jobs.training.predictor import BATCH_ROWS, Predictor
from trimtab.jobs.training.said import Said
from trimtab.store.model import Datatype, Input, Output, Signature

TENSORS: Mapping[str, tuple[Datatype, Any]] = {
    "tensor(float)": ("FP32", np.float32),
    "tensor(double)": ("FP64", np.float64),
    "tensor(float16)": ("FP16", np.float16),
    "tensor(int8)": ("INT8", np.int8),
    "tensor(int16)": ("INT16", np.int16),
    "tensor(int32)": ("INT32", np.int32),
    "tensor(int64)": ("INT64", np.int64),
    "tensor(uint8)": ("UINT8", np.uint8),
    "tensor(uint16)": ("UINT16", np.uint16),
    "tensor(uint32)": ("UINT32", np.uint32),
    "tensor(uint64)": ("UINT64", np.uint64),
    "tensor(bool)": ("BOOL", np.bool_),
    "tensor(string)": ("BYTES", object),
}


@dataclass
class Graph:
    """An ONNX graph with inputs of any kind; one input may hold many columns, which the frame has as lists."""

    session: Any
    columns: tuple[str, ...]

    def __call__(self, X: pd.DataFrame) -> Said:
        parts = [self._batch(X.iloc[start : start + BATCH_ROWS]) for start in range(0, max(1, len(X)), BATCH_ROWS)]
        return said_of([np.concatenate(each) for each in zip(*parts, strict=True)])

    def _batch(self, X: pd.DataFrame) -> list[Any]:
        given = {each.name: _tensor(X[each.name], TENSORS[each.type][1], each.shape) for each in self.session.get_inputs()}
        return [np.asarray(each) for each in self.session.run(None, given)]


def signature_of(path: Path) -> Signature:
    """As serving reads it from the same file."""
    return _of_graph(_session(path)) if path.suffix == ".onnx" else _of_estimator(predictor.skops(path.read_bytes(), ()).estimator)


def load(path: Path, signature: Signature) -> Predictor:
    """The model, asked by columns as they stand in the log."""
    columns = tuple(each.name for each in signature.inputs)
    return Graph(_session(path), columns) if path.suffix == ".onnx" else predictor.skops(path.read_bytes(), columns)


def said_of(outputs: list[Any]) -> Said:
    """What a model without names for its answers says: probabilities are those with more than one column, classes in order of their names."""
    wide = next((each for each in outputs if each.ndim == 2 and each.shape[1] > 1 and each.dtype.kind == "f"), None)
    flat = [each.reshape(-1) for each in outputs if each is not wide and each.size == len(each)]
    if wide is None:
        return Said(flat[0])
    return Said(flat[0] if flat else wide.argmax(axis=1), np.asarray(wide, dtype=np.float64))


def _session(path: Path) -> Any:
    return predictor.onnx(path.read_bytes(), (), ()).session


def _of_graph(session: Any) -> Signature:
    inputs = [Input(name=each.name, datatype=TENSORS[each.type][0], shape=_shape(each)) for each in session.get_inputs()]
    outputs = [Output(name=each.name, datatype=TENSORS[each.type][0], shape=_shape(each)) for each in session.get_outputs()]
    return Signature(inputs=inputs, outputs=outputs)


def _of_estimator(model: Any) -> Signature:
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    inputs = [Input(name=name, datatype="FP64") for name in names] or [Input(name="x", datatype="FP64", shape=[-1, int(model.n_features_in_)])]
    if not hasattr(model, "classes_"):
        return Signature(inputs=inputs, outputs=[Output(name="prediction", datatype="FP64")], task="regression")
    classes = np.asarray(model.classes_).tolist()
    label = Output(name="label", datatype="BYTES" if isinstance(classes[0], str) else "INT64")
    probability = [Output(name="probability", datatype="FP64", shape=[-1, len(classes)], classes=classes)] if hasattr(model, "predict_proba") else []
    return Signature(inputs=inputs, outputs=[label, *probability], task="classification")


def _shape(tensor: Any) -> list[int]:
    return [-1, *(size if isinstance(size, int) else -1 for size in tensor.shape[1:])]


def _tensor(values: pd.Series, dtype: Any, shape: list[Any]) -> Any:
    first = values.iloc[0] if len(values) else 0.0
    array = np.array(values.tolist()) if isinstance(first, list | np.ndarray) else values.to_numpy()
    return array.astype(dtype) if len(shape) < 2 else array.astype(dtype).reshape(len(values), -1)
