"""The copy of the index of runs: kept up to date, and searched."""

from pathlib import Path

import duckdb
import pytest

from support.many_runs import write
from trimtab.cli.errors import NotThere, Usage, UserError
from trimtab.cli.index import Index

ROW = {"run_key": "'aa11'", "training_job": "'flights'", "outcome": "'Succeeded'", "started_at": "TIMESTAMPTZ '2026-01-05 12:00:00+00'", "model": "'flights'"}


def wrote(folder: Path, name: str, **columns: str) -> tuple[dict, Path]:
    """One worker's file: how it is listed, and where its copy lies."""
    path = folder / f"{name}.parquet"
    values = ", ".join(f"{sql} AS {column}" for column, sql in (ROW | columns).items())
    duckdb.sql(f"COPY (SELECT {values}) TO '{path}' (FORMAT parquet)")
    return {"uri": f"s3://b/{name}.parquet", "etag": columns.get("outcome", "e")}, path


def taken(index: Index, *files: tuple[dict, Path]) -> None:
    listed = [each for each, _ in files]
    missing = index.missing(listed)
    index.take(listed, {each["uri"]: path for each, path in files if each["uri"] in missing})


def keys(index: Index, where: str = "") -> list[str]:
    return [key for (key,) in index.select(["run_key"], where)]


@pytest.fixture
def index(tmp_path):
    return Index(tmp_path / "index")


def test_an_index_without_runs_can_be_asked(index):
    assert keys(index, "model = 'x' or dataset_version > 3") == []


def test_only_what_is_new_or_changed_is_fetched(index, tmp_path):
    running = wrote(tmp_path, "a", outcome="'Running'")
    taken(index, running)
    assert index.missing([running[0]]) == []
    done = wrote(tmp_path, "a", outcome="'Succeeded'")
    assert index.missing([done[0]]) == ["s3://b/a.parquet"]


def test_a_run_that_ended_replaces_the_row_that_said_it_was_running(index, tmp_path):
    taken(index, wrote(tmp_path, "a", outcome="'Running'"))
    taken(index, wrote(tmp_path, "a", outcome="'Failed'"))
    assert index.select(["outcome"]) == [("Failed",)]


def test_what_is_no_longer_in_the_store_is_forgotten(index, tmp_path):
    a, b = wrote(tmp_path, "a"), wrote(tmp_path, "b", run_key="'bb22'")
    taken(index, a, b)
    taken(index, b)
    assert keys(index) == ["bb22"]


def test_the_copy_outlives_the_command(index, tmp_path):
    taken(index, wrote(tmp_path, "a", parameters="MAP {'max_depth': '7'}"))
    again = Index(tmp_path / "index")
    assert keys(again, "params.max_depth > 6") == ["aa11"]
    taken(again, wrote(tmp_path, "a", parameters="MAP {'max_depth': '7'}"), wrote(tmp_path, "b", run_key="'bb22'", parameters="MAP {'l1': '0.1'}"))
    assert keys(again, "params.l1 < 1 or params.max_depth = 7") == ["aa11", "bb22"]


def test_a_newer_workers_columns_are_taken_in(index, tmp_path):
    taken(index, wrote(tmp_path, "a"), wrote(tmp_path, "b", run_key="'bb22'", test_new_metric="0.5"))
    assert keys(index, "metrics.new_metric > 0.4") == ["bb22"]


def test_metrics_mean_the_test_split_unless_another_is_named(index, tmp_path):
    taken(index, wrote(tmp_path, "a", test_roc_auc="0.7::DOUBLE", train_roc_auc="0.9::DOUBLE"))
    assert index.select(["metrics.roc_auc", "metrics.train.roc_auc"]) == [(0.7, 0.9)]


def test_feature_versions_are_numbers(index, tmp_path):
    taken(index, wrote(tmp_path, "a", feature_versions="MAP {'weather': 3::BIGINT}"))
    assert keys(index, "features.weather >= 3") == ["aa11"]


def test_a_run_is_found_by_the_beginning_of_its_key(index, tmp_path):
    taken(index, wrote(tmp_path, "a", run_key="'aa11'"), wrote(tmp_path, "b", run_key="'aa22'"))
    assert index.one("aa2")["run_key"] == "aa22"
    with pytest.raises(UserError, match="2 runs begin with aa"):
        index.one("aa")
    with pytest.raises(NotThere):
        index.one("zz")


def test_an_unknown_name_is_told_with_the_nearest(index, tmp_path):
    taken(index, wrote(tmp_path, "a", parameters="MAP {'max_depth': '7'}"))
    with pytest.raises(Usage, match=r"Did you mean params.max_depth\?"):
        keys(index, "params.maxdepth > 1")
    with pytest.raises(Usage, match="nothing called colour"):
        index.select(["colour"])


def test_a_filter_over_many_runs_says_what_sql_would(tmp_path):
    write(tmp_path / "made.parquet", 2000)
    index = Index(tmp_path / "index")
    index.take([{"uri": "s3://b/made.parquet", "etag": "e"}], {"s3://b/made.parquet": tmp_path / "made.parquet"})
    found = keys(index, "params.max_depth > 5 and (metrics.roc_auc >= 0.8 or owner = 'ops')")
    ((wanted,),) = duckdb.sql(
        f"SELECT count(*) FROM '{tmp_path}/made.parquet' WHERE parameters['max_depth']::INT > 5 AND (test_roc_auc >= 0.8 OR owner = 'ops')"
    ).fetchall()
    assert len(found) == wanted > 100


def test_which_version_of_the_features_gave_the_better_model_is_one_question(index, tmp_path):
    skills = {"a1": (1, 0.02, 0.60), "b2": (1, 0.05, 0.58), "c3": (2, 0.09, 0.52), "d4": (2, 0.03, 0.61)}
    files = [
        wrote(
            tmp_path, key, run_key=f"'{key}'", feature_versions=f"MAP {{'weather': {version}}}", test_skill=f"{skill}::DOUBLE", test_log_loss=f"{loss}::DOUBLE"
        )
        for key, (version, skill, loss) in skills.items()
    ]
    taken(index, *files)
    assert index.groups("features.weather", "metrics.skill") == [(2, 2, 0.09, pytest.approx(0.06), "c3"), (1, 2, 0.05, pytest.approx(0.035), "b2")]
    assert [row[0] for row in index.groups("features.weather", "metrics.log_loss", least=True)] == [2, 1]
    assert index.groups("features.weather", "metrics.skill", "metrics.skill < 0.04") == [(2, 1, 0.03, 0.03, "d4"), (1, 1, 0.02, 0.02, "a1")]
