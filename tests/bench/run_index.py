"""How long a typed filter over many runs takes on the copy of the index: 100,000 runs of 20 hyperparameters, in a process of its own.

    python tests/bench/run_index.py [runs]
    MLFLOW_PYTHON=/tmp/mlflow/bin/python python tests/bench/run_index.py 10000      beside MLflow, see mlflow_search.py

Prints wall and CPU time of the query that the help of `trimtab runs list` shows, beside the same question to plain DuckDB over the very same
file without the columns that are made of hyperparameters: the ratio is what those columns are worth.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

sys.path.insert(0, str(Path(__file__).parents[1]))

from support.many_runs import write
from trimtab.cli.index import Index

FILTER = "params.max_depth > {depth} and (metrics.roc_auc >= 0.8 or owner = 'ops')"
PLAIN = """
    SELECT run_key, training_job, outcome, parameters['max_depth'], test_roc_auc FROM '{file}'
    WHERE try_cast(parameters['max_depth'] AS DOUBLE) > {depth} AND (test_roc_auc >= 0.8 OR owner = 'ops') ORDER BY started_at DESC LIMIT 20"""
TIMES = 60


def timed(act) -> list[tuple[float, float]]:
    found = []
    for turn in range(TIMES):
        wall, cpu = time.perf_counter(), time.process_time()
        act(turn % 8)
        found.append((time.perf_counter() - wall, time.process_time() - cpu))
    return found


def told(title: str, found: list[tuple[float, float]]) -> float:
    walls, cpus = (sorted(each) for each in zip(*found, strict=True))
    p95 = walls[int(len(walls) * 0.95)]
    print(f"{title:<24} wall p50 {statistics.median(walls) * 1000:6.1f} ms  p95 {p95 * 1000:6.1f} ms   cpu p50 {statistics.median(cpus) * 1000:6.1f} ms")
    return statistics.median(cpus)


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "made.parquet"
        write(made, count)
        index = Index(Path(folder) / "index")
        began = time.perf_counter()
        index.take([{"uri": "s3://b/made", "etag": "e"}], {"s3://b/made": made})
        print(f"{count:,} runs taken in {time.perf_counter() - began:.1f} s, {index.file.stat().st_size / 1e6:.1f} MB")
        ours = told(
            "trimtab runs list",
            timed(
                lambda depth: index.select(["run_key", "training_job", "outcome", "params.max_depth", "metrics.roc_auc"], FILTER.format(depth=depth), limit=20)
            ),
        )
        plain = told("DuckDB over maps", timed(lambda depth: duckdb.sql(PLAIN.format(file=made, depth=depth)).fetchall()))
        print(f"ratio of CPU time {plain / ours:.1f}")
        if python := os.environ.get("MLFLOW_PYTHON"):
            peer = told("MLflow search_runs", beside_mlflow(python, made, Path(folder)))
            print(f"ratio of CPU time {peer / ours:.1f}, though MLflow is asked less: no OR, and a hyperparameter only as text")


def beside_mlflow(python: str, made: Path, folder: Path) -> list[tuple[float, float]]:
    """The same runs in MLflow's SQLite, and its times for a question of one hyperparameter and one metric."""
    columns = "parameters, test_skill, test_roc_auc, test_log_loss, test_accuracy"
    rows = duckdb.sql(f"SELECT {columns} FROM '{made}' ORDER BY started_at").fetchall()
    names = ("skill", "roc_auc", "log_loss", "accuracy")
    (folder / "rows.json").write_text(json.dumps([{"parameters": each[0], "metrics": dict(zip(names, each[1:], strict=True))} for each in rows]))
    script = Path(__file__).with_name("mlflow_search.py")
    done = subprocess.run([python, str(script), str(folder / "rows.json"), str(folder)], stdout=subprocess.PIPE, text=True, check=True)
    return [(wall, cpu) for wall, cpu in json.loads(done.stdout.splitlines()[-1])]


if __name__ == "__main__":
    main()
