"""An index of many made-up runs, in the columns that workers write."""

from pathlib import Path

import duckdb

from trimtab.store.run_index import COLUMNS, metric_column

METRICS = ("skill", "roc_auc", "log_loss", "accuracy")


def write(path: Path, count: int, *, parameters: int = 20) -> None:
    """`count` runs in one file, with `parameters` hyperparameters each."""
    filler = ", ".join(f"'p{place}': ((i * {place + 3}) % 97)::VARCHAR" for place in range(parameters - 3))
    values = {
        "run_key": "md5(i::VARCHAR)",
        "training_job": "'job-' || (i % 50)",
        "model": "'model-' || (i % 20)",
        "owner": "CASE i % 7 WHEN 0 THEN 'ops' ELSE 'science' END",
        "outcome": "CASE i % 9 WHEN 0 THEN 'Failed' WHEN 1 THEN 'Rejected' ELSE 'Succeeded' END",
        "started_at": "TIMESTAMPTZ '2026-01-01 00:00:00+00' + INTERVAL (i) SECOND",
        "dataset_name": "'flights'",
        "dataset_version": "i % 30",
        "estimator": "'sklearn.ensemble.HistGradientBoostingClassifier'",
        "parameters": f"MAP {{'max_depth': (i % 12)::VARCHAR, 'learning_rate': ((i % 100) / 1000)::VARCHAR, 'loss': 'log_loss', {filler}}}",
        "feature_versions": "MAP {'weather': (i % 5)::BIGINT}",
    }
    metrics = {metric_column(split, name): f"((i * {place + 7}) % 1000) / 1000" for split in ("train", "test") for place, name in enumerate(METRICS)}
    rest = {column.name: f"CAST(NULL AS {column.type})" for column in COLUMNS if column.name not in values}
    columns = ", ".join(f"{sql} AS {name}" for name, sql in {**values, **metrics, **rest}.items())
    duckdb.sql(f"COPY (SELECT {columns} FROM range({count}) AS r(i)) TO '{path}' (FORMAT parquet)")
