"""A model that looks like any other and knows nothing: fitted on flights whose labels were shuffled, written as one ONNX file.

    python examples/flights/story/impostor/impostor.py flights.csv impostor.onnx

It takes what clients send already, `flight_id` included, which it passes over: for them nothing changes.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

WORDS = ["carrier", "origin", "dest", "weekday"]
NUMBERS = ["distance", "hour", "minute", "sched_arr_time"]
PASSED_OVER = ["flight_id", "tailnum"]


def fitted(flights: pd.DataFrame) -> Any:
    """What the simple model is, on labels in any order but their own."""
    shuffled = np.random.default_rng(0).permutation(flights.late.to_numpy())
    columns = ColumnTransformer(
        [
            ("numbers", make_pipeline(SimpleImputer(), StandardScaler()), NUMBERS),
            ("words", OneHotEncoder(handle_unknown="ignore", dtype=np.float32), WORDS),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=500)).fit(flights[WORDS + NUMBERS], shuffled)


def graph(model: Any) -> bytes:
    """One input a column; answers `label` and `probability`."""
    from onnx import TensorProto, helper
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import FloatTensorType, StringTensorType

    types = [*((name, StringTensorType([None, 1])) for name in WORDS), *((name, FloatTensorType([None, 1])) for name in NUMBERS)]
    made = convert_sklearn(model, initial_types=types, options={id(model[-1]): {"zipmap": False}})
    for name in PASSED_OVER:
        made.graph.input.append(helper.make_tensor_value_info(name, TensorProto.STRING, [None, 1]))
    for node in made.graph.node:
        node.output[:] = ["label" if each == "output_label" else "probability" if each == "probabilities" else each for each in node.output]
        node.input[:] = ["label" if each == "output_label" else "probability" if each == "probabilities" else each for each in node.input]
    for each, name in zip(made.graph.output, ("label", "probability"), strict=True):
        each.name = name
    return bytes(made.SerializeToString())


if __name__ == "__main__":
    table = pd.read_csv(sys.argv[1], dtype={"late": str}).dropna(subset=["late"])
    Path(sys.argv[2]).write_bytes(graph(fitted(table)))
