"""In a notebook: a served model, the features of a FeatureSet, a run that is recorded by hand. Real server, real store; only pods are played."""

import doctest
import json
from pathlib import Path

import pandas as pd
import pytest

import trimtab
from support import models
from support.builders import deployment, feature_set
from support.command import Command, environment
from support.pods_played import PlayedPods
from support.server_process import serving
from support.told import ready
from support.worker import Worker
from trimtab.cli.errors import NotThere, UserError

POD = {"metadata": {"name": "flights-v7-abc"}, "status": {"conditions": [{"type": "Ready", "status": "True"}]}}
SERVICE = {"metadata": {"name": "flights"}, "spec": {"selector": {"app": "flights"}}}
JOB = {
    "metadata": {"name": "weather-1", "creationTimestamp": "2026-01-05T12:00:00Z"},
    "spec": {"template": {"spec": {"containers": [{"name": "worker", "image": "worker:7"}]}}},
}
HOURS = "origin,time,temp\nJFK,2013-01-01T05:00:00Z,39.0\nJFK,2013-01-01T07:00:00Z,41.5\nLGA,2013-01-01T05:00:00Z,40.0\n"


@pytest.fixture
def worker(object_store, bucket):
    return Worker(object_store, bucket)


@pytest.fixture
def pods(worker, tmp_path, monkeypatch):
    lists = {"jobs": [JOB], "pods": [POD], "services": [SERVICE], "modeldeployments": [ready(deployment(), stable={"version": 7})]}
    with PlayedPods(environment() | worker.objects.environment(worker.bucket), lists=lists) as it:
        monkeypatch.setenv("KUBECONFIG", str(it.kubeconfig(tmp_path)))
        yield it


@pytest.fixture
def weather(worker, pods):
    """Two hours at one airport, one at another, each known an hour later."""
    worker.put("hours.csv", HOURS)
    code, result = worker.materialize({"publishDelay": "1h"})
    assert code == 0, result.message
    version = {"version": 1, "digest": result.facts["digest"], "manifestDigest": result.manifest_digest, "uri": result.uri}
    pods.lists["featuresets"] = [ready(feature_set(), activeVersion=1, versions=[version])]
    return trimtab.features("weather")


def flights(*departures: tuple[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(departures, columns=["origin", "departs"], index=range(10, 10 + len(departures)))
    return table.assign(departs=pd.to_datetime(table.departs, utc=True))


def test_features_are_those_that_were_known_at_each_rows_time_and_rows_stay_as_they_were(weather):
    asked = flights(("JFK", "2013-01-01T07:30:00Z"), ("JFK", "2013-01-01T08:00:00Z"), ("LGA", "2013-01-01T05:59:00Z"))
    found = weather.at(asked, "departs")
    assert found.temp.iloc[:2].tolist() == [39.0, 41.5]
    assert pd.isna(found.temp.iloc[2]), "an hour later it was known"
    pd.testing.assert_frame_equal(found.drop(columns="temp"), asked)


def test_rows_without_the_key_are_refused_in_the_joins_own_sentence(weather):
    with pytest.raises(UserError, match="FeatureSet weather is joined by origin"):
        weather.at(flights(("JFK", "2013-01-01T07:30:00Z")).rename(columns={"origin": "airport"}), "departs")


def test_a_version_that_is_not_there_is_told_with_those_that_are(weather):
    with pytest.raises(NotThere, match="has no version 4; it has 1"):
        trimtab.features("weather", version=4).at(flights(("JFK", "2013-01-01T07:30:00Z")), "departs")


@pytest.fixture
def served(pods, tmp_path):
    made = models.flights(tmp_path / "flights")
    with serving(tmp_path / "log", "--model", str(made.folder), "--name", "flights") as server:
        server.wait_until_ready()
        pods.ports[8080] = server.port
        yield trimtab.model("flights")


def test_a_served_model_answers_row_by_row_under_the_frames_own_index(served, monkeypatch):
    rows = models.table(7, seed=3).set_index(pd.Index(list("abcdefg")))
    once = served.predict(rows)
    monkeypatch.setattr("trimtab.cli.frames.AT_ONCE", 3)
    parts = served.predict(rows)
    assert list(once.index) == list("abcdefg")
    assert {"label", "probability_0", "probability_1"} <= set(once.columns)
    pd.testing.assert_frame_equal(once, parts)
    assert once.probability_0.add(once.probability_1).round(6).eq(1).all()


def test_missing_values_are_sent_as_such_and_what_the_model_needs_is_its_own_sentence(served):
    rows = models.table(2, seed=3).assign(temperature=float("nan"))
    assert len(served.predict(rows)) == 2
    with pytest.raises(UserError, match="carrier"):
        served.predict(rows.drop(columns="carrier"))


@pytest.mark.usefixtures("served", "weather")
@pytest.mark.parametrize("documented", [trimtab.model, trimtab.features, trimtab.run], ids=["model", "features", "run"])
def test_what_the_documentation_shows_comes_out(documented, tmp_path):
    known = {"trimtab": trimtab, "pd": pd, "json": json, "Path": Path, "folder": tmp_path / "runs"}
    (shown,) = doctest.DocTestFinder(recurse=False).find(documented, globs=known)
    assert shown.examples
    assert doctest.DocTestRunner().run(shown).failed == 0


def losses(run) -> None:
    for iteration in (1, 2, 3):
        run.point("log_loss", 1 / iteration, iteration=iteration, split="validation")
    run.metrics("test", roc_auc=0.7, skill=0.05)
    run.code("model = 1")


def test_a_run_that_is_recorded_by_hand_is_found_like_any_other(pods, tmp_path):
    with trimtab.run("by-hand", given={"max_depth": 5}, dataset={"name": "flights", "version": 3}) as run:
        losses(run)
    command = Command(pods.kubeconfig(tmp_path), "default", XDG_CACHE_HOME=str(tmp_path / "cache"))
    found = command("runs", "list", "params.max_depth > 4 and metrics.roc_auc >= 0.7 and dataset_version = 3", "-o", "name")
    assert (found.code, found.out) == (0, f"{run.key}\n"), found.err
    assert "validation" in command("runs", "curves", run.key[:8]).out
    assert "model = 1" in command("runs", "code", run.key[:8], "--source").out


def test_an_error_in_the_block_is_recorded_and_goes_on(tmp_path):
    with pytest.raises(ZeroDivisionError), trimtab.run("by-hand", folder=tmp_path) as run:
        run.parameters(alpha=1 / 0)
    record = json.loads((tmp_path / "runs" / "by-hand" / run.key / "record.json").read_text())
    assert (record["outcome"], record["reason"]) == ("Failed", "ZeroDivisionError")
    assert record["hardware"]["seconds"] >= 0


def test_a_record_in_a_folder_is_laid_out_as_in_a_store(tmp_path):
    with trimtab.run("by-hand", given={"alpha": 1}, folder=tmp_path) as run:
        losses(run)
    index = pd.read_parquet(tmp_path / "index" / "runs")
    assert index[["run_key", "outcome", "test_roc_auc"]].to_numpy().tolist() == [[run.key, "Succeeded", 0.7]]
    assert len(pd.read_parquet(tmp_path / "runs" / "by-hand" / run.key / "curves.parquet")) == 3


def test_a_split_that_is_none_is_told_with_those_that_are(tmp_path):
    with pytest.raises(UserError, match="There is no split tset; the splits are train, validation, test"), trimtab.run("by-hand", folder=tmp_path) as run:
        run.metrics("tset", skill=1)
