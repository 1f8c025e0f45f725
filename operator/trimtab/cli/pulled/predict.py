"""Runs the model in this folder, without Kubernetes and without Trimtab: `python predict.py row.json`, `python predict.py --check`.

row.json is one JSON object, a list of them, or a request of the Open Inference Protocol. `--check` asks the golden examples that
training left and compares. An ONNX model needs the packages onnxruntime and numpy, a skops model skops, scikit-learn and pandas.
"""

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
MISSING = "__missing__"
"""What the model calls a text that is not there; a number that is not there is NaN."""

Row = dict[str, Any]
Answers = dict[str, list[Any]]


def rows_of(content: Any) -> list[Row]:
    """Rows from any of the three forms."""
    if isinstance(content, dict) and isinstance(content.get("inputs"), list):
        columns = {each["name"]: each["data"] for each in content["inputs"]}
        return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return content if isinstance(content, list) else [content]


def predict(rows: list[Row]) -> Answers:
    """Each output by name, a value a row."""
    return onnx(rows) if (HERE / "model.onnx").exists() else skops(rows)


def onnx(rows: list[Row]) -> Answers:
    import numpy as np
    import onnxruntime

    types = {"tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(int64)": np.int64, "tensor(int32)": np.int32, "tensor(bool)": np.bool_}
    session = onnxruntime.InferenceSession(str(HERE / "model.onnx"), providers=["CPUExecutionProvider"])
    fed = {}
    for tensor in session.get_inputs():
        values = [row.get(tensor.name) for row in rows]
        if tensor.type == "tensor(string)":
            fed[tensor.name] = np.array([[text(value)] for value in values], dtype=object)
        else:
            numbers = [float("nan") if value is None else value for value in values]
            fed[tensor.name] = np.array(numbers, dtype=types[tensor.type]).reshape(len(rows), -1)
    names = [output.name for output in session.get_outputs()]
    return {name: array.tolist() for name, array in zip(names, session.run(names, fed), strict=True)}


def skops(rows: list[Row]) -> Answers:
    import pandas as pd
    from skops import io

    signature = json.loads((HERE / "signature.json").read_text())
    columns: dict[str, Any] = {}
    for tensor in signature["inputs"]:
        values = [row.get(tensor["name"]) for row in rows]
        if tensor["datatype"] in ("BYTES", "BOOL"):
            columns[tensor["name"]] = pd.Series([text(value) for value in values], dtype=object)
        else:
            columns[tensor["name"]] = pd.Series([float("nan") if value is None else value for value in values], dtype="float64")
    table = pd.DataFrame(columns)
    file = HERE / "model.skops"
    # The sha256 of this file was checked when it was pulled; what it may contain was checked when it was registered.
    model = io.load(file, trusted=io.get_untrusted_types(file=file))
    if not hasattr(model, "predict_proba"):
        return {"prediction": model.predict(table).tolist()}
    probability = model.predict_proba(table)
    return {"label": [model.classes_.tolist()[place] for place in probability.argmax(axis=1)], "probability": probability.tolist()}


def text(value: Any) -> str:
    """As training had it: booleans are words, what is missing has a word of its own."""
    if value is None or value == "":
        return MISSING
    return str(value).lower() if isinstance(value, bool) else str(value)


def check() -> str:
    """Whether the golden examples come out again; a sentence, or SystemExit."""
    golden = json.loads((HERE / "golden.json").read_text())
    count = len(next(iter(golden["inputs"].values())))
    said = predict([{name: values[place] for name, values in golden["inputs"].items()} for place in range(count)])
    for name, wanted in golden["outputs"].items():
        for place, (one, other) in enumerate(zip(flat(said[name]), flat(wanted), strict=True)):
            if not alike(one, other, golden.get("tolerance", 1e-5)):
                raise SystemExit(f"{name}, value {place}: {one} instead of {other}.")
    return f"{count} golden examples come out again."


def flat(values: list[Any]) -> list[Any]:
    return [inner for value in values for inner in (flat(value) if isinstance(value, list) else [value])]


def alike(one: Any, other: Any, tolerance: float) -> bool:
    if isinstance(one, (int, float)) and isinstance(other, (int, float)):
        return abs(one - other) <= tolerance * max(1.0, abs(other))
    return text(one) == text(other)


def main(words: list[str]) -> None:
    match words:
        case ["--check"]:
            print(check())
        case [file]:
            rows = rows_of(json.loads(sys.stdin.read() if file == "-" else Path(file).read_text()))
            print(json.dumps(predict(rows)))
        case _:
            raise SystemExit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
