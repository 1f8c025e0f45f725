"""The row of the index of runs (`store/run_index.py`) as it is made from a record, whatever became of the run."""

import io
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq

from trimtab.stats.metrics import METRICS
from trimtab.store.run_index import COLUMNS, SPLITS, metric_column

if TYPE_CHECKING:
    from trimtab.jobs.training.record import RunRecord

_TYPES = {
    "VARCHAR": pa.string(),
    "BIGINT": pa.int64(),
    "DOUBLE": pa.float64(),
    "TIMESTAMPTZ": pa.timestamp("ms", tz="UTC"),
    "MAP(VARCHAR, VARCHAR)": pa.map_(pa.string(), pa.string()),
    "MAP(VARCHAR, BIGINT)": pa.map_(pa.string(), pa.int64()),
}
_METRICS = tuple(dict.fromkeys([*METRICS["classification"], *METRICS["regression"]]))

SCHEMA = pa.schema(
    [(column.name, _TYPES[column.type]) for column in COLUMNS] + [(metric_column(split, metric), pa.float64()) for split in SPLITS for metric in _METRICS]
)
"""The same columns of the same types in every file: a reader of the folder may take them from the first it meets."""


def file(record: "RunRecord") -> bytes:
    """The Parquet file with this run's one row."""
    buffer = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row(record)], schema=SCHEMA), buffer)
    return buffer.getvalue()


def row(record: "RunRecord") -> dict[str, Any]:
    """Name of a column to its value; what the run did not come to is None or absent."""
    metrics = {metric_column(split, name): value for split, values in record.metrics.items() for name, value in values.items()}
    return metrics | _identity(record) | _end(record) | _data(record.dataset) | _trainer(record) | _made(record)


def _identity(record: "RunRecord") -> dict[str, Any]:
    told = {name: getattr(record, name) for name in ("run_key", "namespace", "training_job", "model", "request", "cause", "attempt")}
    return told | {"owner": record.recipe.get("owner"), "run_uri": record.uri or None, "image": record.surroundings.get("image")}


def _end(record: "RunRecord") -> dict[str, Any]:
    hardware = record.hardware
    return {
        **{name: getattr(record, name) for name in ("outcome", "reason", "message")},
        "started_at": _time(record.started_at),
        "finished_at": _time(record.finished_at),
        "duration_seconds": hardware.get("seconds"),
        "cpu_seconds": hardware.get("cpu_seconds"),
        "peak_memory_bytes": _whole(hardware.get("peak_memory_bytes")),
    }


def _data(dataset: Mapping[str, Any]) -> dict[str, Any]:
    rows = dataset.get("rows") or {}
    return {
        **{f"dataset_{name}": dataset.get(name) for name in ("name", "version", "digest")},
        "rows_train": rows.get("train"),
        "rows_test": rows.get("test"),
        "trained_until": _time(dataset.get("trainedUntil")),
        "feature_versions": {each["name"]: each["version"] for each in dataset.get("featureVersions") or []},
    }


def _trainer(record: "RunRecord") -> dict[str, Any]:
    trainer, skill = record.trainer, record.skill
    return {
        "estimator": trainer.get("estimator"),
        "parameters": _texts(trainer.get("parameters")),
        "given": _texts(trainer.get("given")),
        "seed": trainer.get("seed", record.recipe.get("seed")),
        "best_iteration": trainer.get("bestIteration"),
        "skill_lower": skill.get("lower"),
        "skill_upper": skill.get("upper"),
    }


def _made(record: "RunRecord") -> dict[str, Any]:
    artifact = record.artifact
    return {
        "artifact_uri": artifact.get("uri"),
        "artifact_digest": artifact.get("manifestDigest"),
        "artifact_format": artifact.get("format"),
        "git_commit": record.git.get("commit"),
        "code_digest": record.code.get("digest"),
    }


def _texts(parameters: Any) -> dict[str, str]:
    return {str(name): value if isinstance(value, str) else json.dumps(value, default=str, sort_keys=True) for name, value in (parameters or {}).items()}


def _time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)
