"""The index of runs: one row for each run of each TrainingJob, to search and compare them without opening their records.

    <layout.run_index()>/<training job>-<run key>.parquet       s3://bucket/prefix/index/runs/...

One small file a run: the worker that does the run writes it when it begins (`outcome` Running) and again when it ends, however
it ends; nobody else writes it, so that nothing is coordinated. A row that says Running although nothing runs is of a run that
was killed: the TrainingJob's status says of what. What a run did not come to is NULL.

When hundreds of them lie there, their rows are put together into `Compacted-<digest>.parquet` (`jobs/training/compaction.py`).
For a moment, after a worker has died, or where a run writes again, it may have a row in two files: the newest (NEWEST) counts.

Columns are the ones in COLUMNS, and for each split and metric `metric_column(split, metric)`, a DOUBLE: `test_skill`,
`validation_log_loss`, `train_rmse`. A newer Trimtab may add columns, so read with union_by_name:

    SELECT run_key, model, estimator, parameters['learning_rate'] AS learning_rate, test_skill
    FROM read_parquet('s3://bucket/prefix/index/runs/*.parquet', union_by_name = true)
    WHERE outcome = 'Succeeded' AND dataset_name = 'flights' QUALIFY <NEWEST> ORDER BY test_skill DESC

or `duckdb.sql(f"FROM {relation(folder)}")`, where `folder` is also a local one with copies of the files. This module imports
nothing that reads data, so that whoever lists columns needs no data library.
"""

from dataclasses import dataclass
from typing import Literal

Type = Literal["VARCHAR", "BIGINT", "DOUBLE", "TIMESTAMPTZ", "MAP(VARCHAR, VARCHAR)", "MAP(VARCHAR, BIGINT)"]
"""As DuckDB names types; times are in UTC, to the millisecond."""

SPLITS = ("train", "validation", "test")

NEWEST = "row_number() OVER (PARTITION BY namespace, training_job, run_key ORDER BY started_at DESC, finished_at DESC NULLS LAST) = 1"
"""After QUALIFY in DuckDB: one row a run."""

COMPACTED = "Compacted-"
"""A capital letter: no TrainingJob's name begins with one."""


@dataclass(frozen=True)
class Column:
    """One column; `says` is its line in the documentation."""

    name: str
    type: Type
    says: str


COLUMNS: tuple[Column, ...] = (
    Column("run_key", "VARCHAR", "The run: first 32 hex digits of the sha256 of recipe, dataset digest, code digest and request."),
    Column("namespace", "VARCHAR", "Namespace of the TrainingJob."),
    Column("training_job", "VARCHAR", "TrainingJob whose run it is."),
    Column("model", "VARCHAR", "Model it makes a version of."),
    Column("owner", "VARCHAR", "`spec.owner`."),
    Column("request", "VARCHAR", "Who asked for it: the id of an incident, or the value of `trimtab.dev/run-requested`; empty: the recipe, or new data."),
    Column("cause", "VARCHAR", "Why it was begun: `Change` of recipe or code, a person's `Request`, an `Incident`, or `NewData`."),
    Column("attempt", "BIGINT", "How many Jobs were made for it, this one included."),
    Column("outcome", "VARCHAR", "`Running`, `Succeeded`, `Rejected` (a gate failed) or `Failed`."),
    Column("reason", "VARCHAR", "Why, in a word."),
    Column("message", "VARCHAR", "Why, in a sentence."),
    Column("started_at", "TIMESTAMPTZ", "When this attempt began."),
    Column("finished_at", "TIMESTAMPTZ", "When it ended."),
    Column("duration_seconds", "DOUBLE", "How long it took, on the wall."),
    Column("cpu_seconds", "DOUBLE", "CPU time it took."),
    Column("peak_memory_bytes", "BIGINT", "Most memory that it held."),
    Column("dataset_name", "VARCHAR", "Dataset it learned from."),
    Column("dataset_version", "BIGINT", "Version of it."),
    Column("dataset_digest", "VARCHAR", "Digest of that version."),
    Column("rows_train", "BIGINT", "Rows of the training split."),
    Column("rows_test", "BIGINT", "Rows of the test split."),
    Column("trained_until", "TIMESTAMPTZ", "Time of the newest row that training saw."),
    Column("feature_versions", "MAP(VARCHAR, BIGINT)", "FeatureSets that the Dataset joined, and their versions."),
    Column("estimator", "VARCHAR", "Import path of the estimator."),
    Column("parameters", "MAP(VARCHAR, VARCHAR)", "All its hyperparameters, given and default, as text: numbers as JSON, words as they are."),
    Column("given", "MAP(VARCHAR, VARCHAR)", "Those of them that were written."),
    Column("seed", "BIGINT", "`spec.seed`."),
    Column("best_iteration", "BIGINT", "Iteration that was registered, where one was chosen."),
    Column("skill_lower", "DOUBLE", "Lower end of the 95% interval of `test_skill`."),
    Column("skill_upper", "DOUBLE", "Upper end of it."),
    Column("artifact_uri", "VARCHAR", "Folder of the model."),
    Column("artifact_digest", "VARCHAR", "sha256 of the model's manifest: `spec.artifact.manifestDigest` of its ModelVersion."),
    Column("artifact_format", "VARCHAR", "`onnx` or `skops`."),
    Column("git_commit", "VARCHAR", "Annotation `trimtab.dev/git-commit`."),
    Column("code_digest", "VARCHAR", "sha256 of the code of `trainer.python`."),
    Column("image", "VARCHAR", "Image of the worker."),
    Column("run_uri", "VARCHAR", "Folder of the record: record.json, curves, hardware, log."),
)


def metric_column(split: str, metric: str) -> str:
    """The column of one metric on one split."""
    return f"{split}_{metric}"


def index_file(folder: str, training_job: str, run_key: str) -> str:
    """The one file that a run writes, under `layout.run_index()`."""
    return f"{folder}/{training_job}-{run_key}.parquet"


def compacted_file(folder: str, digest: str) -> str:
    return f"{folder}/{COMPACTED}{digest}.parquet"


def is_compacted(uri: str) -> bool:
    return uri.rpartition("/")[2].startswith(COMPACTED)


def relation(folder: str) -> str:
    """What stands after FROM in DuckDB to read the whole index; `folder` is `layout.run_index()`, or where copies of its files lie."""
    address = f"{folder}/*.parquet".replace("'", "''")
    return f"read_parquet('{address}', union_by_name = true)"
