"""A model file that answers: what training judges is what serving will serve, not what was in memory.

Also how the champion speaks: fetched by its manifest, byte for byte as committed, ONNX or skops alike.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from trimtab.jobs.training.roles import ClassName
from trimtab.jobs.training.said import Said, ask
from trimtab.store.client import Store
from trimtab.store.manifest import Manifest, fetch
from trimtab.store.model import SIGNATURE_FILE, SKOPS_TRUSTED, Format, Signature

BATCH_ROWS = 10_000
"""Rows asked at once: bounds the memory of what lies between the graph's nodes."""


class Predictor(Protocol):
    """Answers for a frame that has (at least) its columns."""

    columns: tuple[str, ...]

    def __call__(self, X: pd.DataFrame) -> Said: ...


@dataclass
class OnnxPredictor:
    """A graph with one input a column."""

    session: Any
    columns: tuple[str, ...]
    classes: tuple[ClassName, ...]

    def __call__(self, X: pd.DataFrame) -> Said:
        parts = [self._batch(X.iloc[start : start + BATCH_ROWS]) for start in range(0, max(1, len(X)), BATCH_ROWS)]
        answers = [np.concatenate(each) for each in zip(*parts, strict=True)]
        if not self.classes:
            return Said(answers[0].reshape(-1).astype(np.float64))
        return Said(answers[0].reshape(-1), answers[1].astype(np.float64) if len(answers) > 1 else None, self.classes)

    def _batch(self, X: pd.DataFrame) -> list[Any]:
        return list(self.session.run(None, {name: _tensor(X[name]) for name in self.columns}))


@dataclass
class SkopsPredictor:
    """A fitted scikit-learn estimator."""

    estimator: Any
    columns: tuple[str, ...]

    def __call__(self, X: pd.DataFrame) -> Said:
        frame = X[list(self.columns)]
        parts = [ask(self.estimator, frame.iloc[rows]) for rows in _batches(len(frame))]
        probability = None if parts[0].probability is None else np.concatenate([each.probability for each in parts])
        return Said(np.concatenate([each.said for each in parts]), probability, parts[0].classes)


def onnx(content: bytes, columns: Sequence[str], classes: Sequence[ClassName]) -> OnnxPredictor:
    """A session with one thread: training shares its node."""
    import onnxruntime

    onnxruntime.disable_telemetry_events()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return OnnxPredictor(onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"]), tuple(columns), tuple(classes))


def skops(content: bytes, columns: Sequence[str]) -> SkopsPredictor:
    """Only types that skops trusts by itself and those on our list; never what the file asks for."""
    import skops.io

    return SkopsPredictor(skops.io.loads(content, trusted=list(SKOPS_TRUSTED)), tuple(columns))


def load(content: bytes, form: Format, columns: Sequence[str], classes: Sequence[ClassName]) -> Predictor:
    return onnx(content, columns, classes) if form == "onnx" else skops(content, columns)


def fetched(store: Store, root: str, manifest: Manifest, folder: Path) -> Predictor:
    """The model that a manifest names."""
    form: Format = manifest.facts["format"]
    signature = Signature.model_validate_json(fetch(store, root, manifest, SIGNATURE_FILE, folder / SIGNATURE_FILE).read_bytes())
    content = fetch(store, root, manifest, f"model.{form}", folder / f"model.{form}").read_bytes()
    return load(content, form, [each.name for each in signature.inputs], tuple(manifest.facts.get("classes") or ()))


def _tensor(values: pd.Series) -> Any:
    array = values.to_numpy()
    return (array if array.dtype == np.float32 else array.astype(object)).reshape(-1, 1)


def _batches(rows: int) -> Iterator[slice]:
    yield from (slice(start, start + BATCH_ROWS) for start in range(0, max(1, rows), BATCH_ROWS))
