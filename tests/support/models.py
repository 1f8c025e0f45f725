"""Small fitted models in a folder, as training leaves them: model file, signature, golden examples.

`flights(folder)` is a classifier with numbers, text and a boolean, missing values and unseen text; `numbers(folder)` has
numeric inputs only; both as onnx or skops. `brought(folder)` is a bare ONNX file with one wide input.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from trimtab.store.model import MISSING

ROWS, GOLDEN = 600, 32
NUMERIC, TEXT, BOOLEAN = ("distance", "temperature"), ("carrier", "origin"), ("weekend",)


@dataclass(frozen=True)
class Made:
    """What was written, and the model itself as an oracle."""

    folder: Path
    model: Any
    frame: pd.DataFrame
    signature: dict[str, Any]


def table(rows: int = ROWS, seed: int = 0) -> pd.DataFrame:
    """Rows as training sees them: float32 with NaN, text with the sentinel."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "distance": random.normal(1000, 300, rows).astype(np.float32),
            "temperature": random.normal(10, 5, rows).astype(np.float32),
            "carrier": pd.Series(random.choice(["AA", "DL", "UA", MISSING], rows), dtype=object),
            "origin": pd.Series(random.choice(["JFK", "LGA"], rows), dtype=object),
            "weekend": pd.Series(random.choice(["true", "false"], rows), dtype=object),
        }
    )
    frame.loc[random.random(rows) < 0.1, "temperature"] = np.nan
    return frame


def target(frame: pd.DataFrame, seed: int = 1) -> np.ndarray:
    random = np.random.default_rng(seed)
    late = (frame["carrier"] == "UA") * 1.5 + (frame["weekend"] == "true") * 0.5 - frame["temperature"].fillna(10) / 10 + random.normal(0, 1, len(frame))
    return np.where(late > 0, "late", "punctual")


def flights(folder: Path, format_: str = "onnx", estimator: Any = None) -> Made:
    frame = table()
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer([("n", numbers, list(NUMERIC)), ("c", OneHotEncoder(handle_unknown="ignore", dtype=np.float32), [*TEXT, *BOOLEAN])])
    model = Pipeline([("columns", columns), ("model", estimator or LogisticRegression(max_iter=500))]).fit(frame, target(frame))
    return write(folder, model, frame, format_)


def boosted(folder: Path) -> Made:
    """Histogram gradient boosting with missing numbers, served by scikit-learn."""
    frame = table()
    columns = ColumnTransformer(
        [("n", "passthrough", list(NUMERIC)), ("c", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), [*TEXT, *BOOLEAN])]
    )
    return write(folder, Pipeline([("columns", columns), ("model", HistGradientBoostingClassifier(max_iter=20))]).fit(frame, target(frame)), frame, "skops")


def numbers(folder: Path, format_: str = "onnx", width: int = 4, estimator: Any = None) -> Made:
    """A regressor, or the given classifier, of `width` numbers called x0, x1, ..."""
    random = np.random.default_rng(3)
    frame = pd.DataFrame(random.normal(size=(ROWS, width)).astype(np.float32), columns=[f"x{i}" for i in range(width)])
    y = frame.sum(axis=1).to_numpy()
    model = Pipeline([("scale", StandardScaler()), ("model", Ridge() if estimator is None else estimator)])
    return write(folder, model.fit(frame, y if estimator is None else (y > 0).astype(np.int64)), frame, format_)


def brought(folder: Path, width: int = 3) -> Path:
    """A bare ONNX file, as other tools export it: one input, names of its own."""
    from skl2onnx import to_onnx

    random = np.random.default_rng(5)
    X = random.normal(size=(200, width)).astype(np.float32)
    model = RandomForestClassifier(5, random_state=0).fit(X, (X[:, 0] > 0).astype(np.int64))
    path = folder / "forest.onnx"
    path.write_bytes(to_onnx(model, X[:1], options={"zipmap": False}).SerializeToString())
    return path


def write(folder: Path, model: Pipeline, frame: pd.DataFrame, format_: str) -> Made:
    folder.mkdir(parents=True, exist_ok=True)
    signature = signature_of(model, frame)
    if format_ == "onnx":
        (folder / "model.onnx").write_bytes(to_onnx(model, frame))
    else:
        from skops import io

        io.dump(model, folder / "model.skops")
    (folder / "signature.json").write_text(json.dumps(signature))
    (folder / "golden.json").write_text(json.dumps(golden_of(model, frame.head(GOLDEN))))
    return Made(folder, model, frame, signature)


def to_onnx(model: Pipeline, frame: pd.DataFrame) -> bytes:
    """One graph input a column; outputs named as the signature names them."""
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = [(name, FloatTensorType([None, 1]) if frame[name].dtype.kind == "f" else StringTensorType([None, 1])) for name in frame.columns]
    classifier = hasattr(model, "predict_proba")
    options = {id(model[-1]): {"zipmap": False}} if classifier else None
    names = ["label", "probability"] if classifier else ["prediction"]
    if all(frame[name].dtype.kind == "f" for name in frame.columns):
        model = Pipeline([("columns", ColumnTransformer([("all", "passthrough", list(frame.columns))]).fit(frame)), *model.steps])
    graph = convert_sklearn(model, initial_types=types, options=options, target_opset=17, final_types=None)
    _rename(graph, names)
    content: bytes = graph.SerializeToString()
    return content


def _rename(graph: Any, names: list[str]) -> None:
    """Give the graph's outputs our names."""
    new = dict(zip([each.name for each in graph.graph.output], names, strict=True))
    for node in graph.graph.node:
        for field in (node.input, node.output):
            field[:] = [new.get(each, each) for each in field]
    for each in graph.graph.output:
        each.name = new[each.name]


def signature_of(model: Pipeline, frame: pd.DataFrame) -> dict[str, Any]:
    def datatype(name: str) -> str:
        return "FP32" if frame[name].dtype.kind == "f" else "BOOL" if name in BOOLEAN else "BYTES"

    inputs: list[dict[str, Any]] = [{"name": name, "datatype": datatype(name), "optional": name == "temperature"} for name in frame.columns]
    for each in inputs:
        if each["datatype"] == "BYTES":
            each["categories"] = sorted(set(frame[each["name"]]) - {MISSING})
    return {"inputs": inputs, "context": ["flight_id"], "outputs": _outputs(model), "task": "classification" if hasattr(model, "classes_") else "regression"}


def _outputs(model: Pipeline) -> list[dict[str, Any]]:
    if not hasattr(model, "predict_proba"):
        return [{"name": "prediction", "datatype": "FP64"}]
    classes = model.classes_.tolist()
    label = "BYTES" if isinstance(classes[0], str) else "INT64"
    return [{"name": "label", "datatype": label}, {"name": "probability", "datatype": "FP64", "shape": [-1, len(classes)], "classes": classes}]


def golden_of(model: Pipeline, frame: pd.DataFrame) -> dict[str, Any]:
    outputs = {"prediction": model.predict(frame).tolist()}
    if hasattr(model, "predict_proba"):
        outputs = {"label": model.predict(frame).tolist(), "probability": model.predict_proba(frame).tolist()}
    return {"inputs": {name: plain(frame[name]) for name in frame.columns}, "outputs": outputs, "tolerance": 1e-5}


def plain(column: pd.Series) -> list[Any]:
    """Values as a client writes them: null where missing, true and false for the boolean."""
    words = {"true": True, "false": False} if column.name in BOOLEAN else {}
    return [None if value == MISSING or value != value else words.get(value, value) for value in column.tolist()]  # noqa: PLR0124 (NaN)


def request(frame: pd.DataFrame, signature: dict[str, Any]) -> dict[str, Any]:
    """A V2 request for these rows, one tensor a column."""
    return {
        "inputs": [
            {"name": each["name"], "shape": [len(frame), 1], "datatype": each["datatype"], "data": plain(frame[each["name"]])} for each in signature["inputs"]
        ]
    }
