"""Predictions as a server hands them to its log: for a small model of flights whose answers are made up."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np

from trimtab.api.documents import PredictionLog
from trimtab.store.model import Signature
from trimtab_serving.protocol import Protocol
from trimtab_serving.trail.rows import Prediction, Rows

SIGNATURE = Signature.model_validate(
    {
        "inputs": [
            {"name": "distance", "datatype": "FP32"},
            {"name": "temperature", "datatype": "FP32", "optional": True},
            {"name": "carrier", "datatype": "BYTES"},
            {"name": "weekend", "datatype": "BOOL"},
        ],
        "context": ["flight_id"],
        "outputs": [{"name": "label", "datatype": "BYTES"}, {"name": "probability", "datatype": "FP64", "shape": [-1, 2], "classes": ["late", "punctual"]}],
        "task": "classification",
    }
)
DTYPES = {"distance": np.dtype("f4"), "temperature": np.dtype("f4"), "carrier": np.dtype(object), "weekend": np.dtype(object)}
PROTOCOL = Protocol(SIGNATURE, DTYPES, "flights", "7", {})
CONSTANTS: dict[str, str | int | None] = {
    "deployment": "prod", "model": "flights", "version": 7, "model_digest": "m" * 64, "dataset_digest": "d" * 64, "pod": "pod-1",
}  # fmt: skip
NOON = datetime.fromisoformat("2026-11-24T12:00:00Z")


def rows(signature: Signature = SIGNATURE, dtypes: Mapping[str, Any] = DTYPES, **log: Any) -> Rows:
    return Rows(signature, dtypes, PredictionLog(**log), CONSTANTS)


def prediction(
    id: str = "r-1",  # noqa: A002 (the field's name)
    *,
    distance: list[float | None] | None = None,
    temperature: list[float | None] | None = None,
    carrier: list[str | None] | None = None,
    weekend: list[bool | None] | None = None,
    flight_id: list[Any] | None = None,
    time: datetime = NOON,
    event_time: str | None = None,
) -> Prediction:
    """One answered request; columns that are not given have the same plain value in every row."""
    count = len(next((each for each in (distance, temperature, carrier, weekend, flight_id) if each), [0]))
    tensors = [
        tensor("distance", distance or [733.0] * count, "FP32"),
        tensor("temperature", temperature or [3.5] * count, "FP32"),
        tensor("carrier", carrier or ["UA"] * count, "BYTES"),
        tensor("weekend", weekend or [True] * count, "BOOL"),
        *([tensor("flight_id", flight_id, "INT64" if isinstance(flight_id[0], int) else "BYTES")] if flight_id else []),
    ]
    body = {"inputs": tensors} | ({"parameters": {"event_time": event_time}} if event_time else {})
    label = np.array(["late", "punctual"], dtype=object)[np.arange(count) % 2]
    probability = np.column_stack([np.linspace(0.75, 0.25, count), np.linspace(0.25, 0.75, count)]).astype(np.float32)
    return Prediction(int(time.timestamp() * 1e9), id, PROTOCOL.decode(json.dumps(body).encode()), [label, probability], 420)


def tensor(name: str, data: list[Any], datatype: str) -> dict[str, Any]:
    return {"name": name, "shape": [len(data), 1], "datatype": datatype, "data": data}
