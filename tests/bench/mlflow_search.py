"""The bench's runs as MLflow's tracking store keeps them (SQLite), for `run_index.py`: run by a Python that has MLflow 3, which is none of our dependencies.

    python3 -m venv /tmp/mlflow && /tmp/mlflow/bin/pip install 'mlflow>=3'
    MLFLOW_PYTHON=/tmp/mlflow/bin/python python tests/bench/run_index.py 10000

`python mlflow_search.py <rows.json> <folder>` logs every run, then asks TIMES times for the newest 20 that fit. MLflow's filters know neither OR nor numbers
among hyperparameters, so what is asked is less: text equality of one, and one metric.
"""

import json
import sys
import time
from pathlib import Path

import mlflow
from mlflow.entities import Metric, Param
from mlflow.tracking import MlflowClient

TIMES = 60


def main() -> None:
    rows, folder = json.loads(Path(sys.argv[1]).read_text()), Path(sys.argv[2])
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    client = MlflowClient()
    experiment = client.create_experiment("bench", artifact_location=str(folder / "artifacts"))
    began = time.perf_counter()
    for number, row in enumerate(rows):
        run = client.create_run(experiment, start_time=number)
        metrics = [Metric(name, value, number, 0) for name, value in row["metrics"].items()]
        client.log_batch(run.info.run_id, metrics=metrics, params=[Param(name, value) for name, value in row["parameters"].items()])
        if number % 1000 == 999:
            print(f"MLflow has {number + 1:,} runs after {time.perf_counter() - began:.0f} s", file=sys.stderr, flush=True)
    found = []
    for turn in range(TIMES):
        wall, cpu = time.perf_counter(), time.process_time()
        fits = f"params.max_depth = '{turn % 8}' and metrics.roc_auc >= 0.8"
        client.search_runs([experiment], filter_string=fits, max_results=20, order_by=["attributes.start_time DESC"])
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
