"""The index of runs: written by each run, read as one table."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest

from support.memory_store import MemoryStore
from trimtab.api.documents import DatasetPointer, Result, TrainDocument
from trimtab.api.trainingjob import TrainingJobSpec
from trimtab.jobs.context import Context, Pod
from trimtab.jobs.progress import Progress
from trimtab.jobs.training import run_index
from trimtab.jobs.training.record import Recorder, RunRecord
from trimtab.store.layout import Layout
from trimtab.store.run_index import COLUMNS, index_file, relation

PAGE = Path(__file__).parents[3] / "docs" / "run-record.md"


def record(**changes) -> RunRecord:
    known = {"run_key": "k", "training_job": "flights", "namespace": "n", "model": "flights", "started_at": "2013-02-01T00:00:00.250Z"}
    return RunRecord.model_validate({"recipe": {"owner": "ann", "seed": 4}, "uri": "s3://b/runs/flights/k"} | known | changes)


FAILED_EARLY = record(run_key="a", outcome="Failed", reason="DigestMismatch", message="Changed.", dataset={"name": "d", "version": 3, "digest": "x"})
BOOSTED = record(
    run_key="b",
    cause="Change",
    outcome="Succeeded",
    finished_at="2013-02-01T00:01:00.500Z",
    metrics={"train": {"skill": 0.3}, "test": {"skill": 0.2, "roc_auc": 0.7}},
    skill={"estimate": 0.2, "lower": 0.1, "upper": 0.3, "blocks": 9.0},
    trainer={"given": {"learning_rate": 0.1}, "parameters": {"learning_rate": 0.1, "loss": "log_loss", "depth": [1, 2]}, "estimator": "e", "seed": 4},
    dataset={
        "name": "d",
        "version": 3,
        "digest": "x",
        "rows": {"train": 100, "test": 20},
        "featureVersions": [{"name": "weather", "version": 7, "digest": "w"}],
        "trainedUntil": "2013-01-31T22:59:00.123456Z",
    },
    hardware={"seconds": 60.25, "cpu_seconds": 50.0, "peak_memory_bytes": 3e8, "samples": 4.0},
    git={"commit": "abc"},
    artifact={"uri": "s3://b/models/m/x", "manifestDigest": "y", "format": "onnx"},
)
REGRESSION = record(run_key="c", outcome="Rejected", metrics={"test": {"rmse": 5.0}}, trainer={"parameters": {"depth": None}})


@pytest.fixture
def folder(tmp_path):
    for each in (FAILED_EARLY, BOOSTED, REGRESSION):
        Path(index_file(str(tmp_path), each.training_job, each.run_key)).write_bytes(run_index.file(each))
    return tmp_path


def ask(folder: Path, question: str) -> list[tuple]:
    return duckdb.sql(question.replace("runs", relation(str(folder)))).fetchall()


def test_runs_are_found_by_a_hyperparameter_and_ordered_by_a_metric(folder):
    asked = "SELECT run_key, test_skill FROM runs WHERE CAST(parameters['learning_rate'] AS DOUBLE) < 0.2 ORDER BY test_skill DESC"
    assert ask(folder, asked) == [("b", 0.2)]


def test_a_run_that_failed_before_it_read_its_data_is_found_by_the_data_it_was_to_read(folder):
    asked = "SELECT run_key, reason, test_skill FROM runs WHERE dataset_name = 'd' AND dataset_version = 3 AND outcome = 'Failed'"
    assert ask(folder, asked) == [("a", "DigestMismatch", None)]


def test_runs_are_found_by_the_features_that_they_learned_from(folder):
    assert ask(folder, "SELECT run_key FROM runs WHERE feature_versions['weather'] = 7") == [("b",)]


def test_times_and_costs_are_numbers_to_compute_with(folder):
    asked = (
        "SELECT epoch_ms(finished_at - started_at), duration_seconds, peak_memory_bytes, rows_train, trained_until < started_at FROM runs WHERE run_key = 'b'"
    )
    assert ask(folder, asked) == [(60250, 60.25, 300_000_000, 100, True)]


def test_the_seed_of_a_run_that_failed_early_is_the_one_that_was_asked_for(folder):
    assert ask(folder, "SELECT DISTINCT seed, owner FROM runs") == [(4, "ann")]


def test_every_file_has_the_same_columns_and_pandas_reads_them_as_one_table(folder):
    table = pd.read_parquet(folder).set_index("run_key")
    assert set(table["outcome"]) == {"Failed", "Succeeded", "Rejected"}
    assert table["test_rmse"].dropna().tolist() == [5.0]
    assert dict(table.loc["b", "parameters"]) == {"learning_rate": "0.1", "loss": "log_loss", "depth": "[1, 2]"}
    assert dict(table.loc["c", "parameters"]) == {"depth": "null"}


def test_every_column_is_filled_by_some_run_and_every_value_has_a_column():
    rows = [run_index.row(each) for each in (FAILED_EARLY, BOOSTED, REGRESSION)]
    told = {name for row in rows for name, value in row.items() if value not in (None, {}, "")}
    assert {column.name for column in COLUMNS} - told == {"request", "best_iteration", "code_digest", "image"}
    assert {name for row in rows for name in row} <= set(run_index.SCHEMA.names)


def test_the_page_about_the_record_has_the_table_of_columns():
    page = PAGE.read_text(encoding="utf-8")
    assert [column.name for column in COLUMNS if f"| `{column.name}` | {column.type} | {column.says} |" not in page] == []


class Run:
    """A Recorder over a store in memory."""

    def __init__(self, tmp_path: Path) -> None:
        self.store, self._copy = MemoryStore(), tmp_path / "row.parquet"
        context = Context(self.store, Layout("bucket", "team"), Progress(), tmp_path, Pod(uid="p", name="p", namespace="team", node="n"), "worker:1")
        pointer = DatasetPointer(name="flights", version=3, digest="d", manifest_digest="m", uri="s3://b/d")
        spec = TrainingJobSpec.model_validate({"dataset": "flights", "owner": "ann"})
        document = TrainDocument(
            namespace="team", name="flights", uid="u", model="flights", run_key="k", cause="Incident", request="abc", spec=spec, dataset=pointer
        )
        self.recorder = Recorder(document, context)

    def row(self) -> dict:
        self._copy.write_bytes(self.store.objects["s3://bucket/team/index/runs/flights-k.parquet"])
        return pd.read_parquet(self._copy).iloc[0].to_dict()


def test_a_run_that_is_killed_is_found_as_one_that_never_ended(tmp_path):
    run = Run(tmp_path)
    with run.recorder:
        row = run.row()
    assert (row["outcome"], row["cause"], row["request"], row["dataset_version"], row["run_uri"]) == ("Running", "Incident", "abc", 3, run.recorder.uri)
    assert pd.isna(row["finished_at"])


def test_whatever_ends_a_run_is_in_its_row(tmp_path):
    run = Run(tmp_path)
    with pytest.raises(ZeroDivisionError), run.recorder:
        raise ZeroDivisionError("by zero")
    row = run.row()
    assert (row["outcome"], row["reason"], row["message"]) == ("Failed", "ZeroDivisionError", "by zero")
    assert row["duration_seconds"] >= 0
    assert row["peak_memory_bytes"] > 1e6


def test_no_credential_gets_into_a_row(tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very-secret")
    run = Run(tmp_path)
    with run.recorder:
        run.recorder.note(trainer={"given": {"token": "very-secret"}})
        run.recorder.finish(Result(outcome="Rejected", reason="GatesFailed", message="refused very-secret"))
    assert b"very-secret" not in run.store.objects["s3://bucket/team/index/runs/flights-k.parquet"]
    assert dict(run.row()["given"]) == {"token": "***"}
