"""Python objects against a real API server, and a training on this machine by the worker's own code."""

import asyncio
import json

import pytest

from support.builders import dataset as dataset_manifest
from support.tables import table
from support.told import ready, stalled
from trimtab import Dataset, TrainingJob
from trimtab.cli.errors import NotThere, TimedOut, UserError


@pytest.fixture
def here(kinds, namespace, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", str(kinds.kubeconfig()))
    return namespace


def say(kinds, namespace, obj):
    kinds.kubectl("patch", "dset", "flights", "-n", namespace, "--subresource=status", "--type=merge", "-p", json.dumps({"status": obj["status"]}))


def flights_dataset(**more):
    return Dataset("flights", label="late", source={"uri": "s3://lake/flights/"}, **more)


def test_apply_wait_refresh_and_delete(kinds, here):
    data = flights_dataset().apply(here)
    assert data.seen["metadata"]["generation"] == 1
    with pytest.raises(TimedOut):
        data.wait(timeout="1s")
    say(kinds, here, ready(dataset_manifest(), "Version 1 is ready.", activeVersion=1))
    assert data.wait().status["activeVersion"] == 1
    assert data.conditions["Ready"].message == "Version 1 is ready."
    data.delete()
    with pytest.raises(NotThere):
        data.refresh()


def test_waiting_for_what_a_person_must_mend_ends_at_once(kinds, here):
    data = flights_dataset().apply(here)
    say(kinds, here, stalled(dataset_manifest(), "ColumnMissing", "there is no column late."))
    with pytest.raises(UserError, match="there is no column late"):
        data.wait(namespace=here)


def test_what_the_server_refuses_is_its_own_sentence(here):
    with pytest.raises(UserError, match="train, validation and test must add up to 100"):
        flights_dataset(split={"train": 80}).apply(here)


def test_it_works_where_a_loop_is_running_as_in_a_notebook(here):
    async def notebook():
        return flights_dataset().apply(here)

    assert asyncio.run(notebook()).seen["metadata"]["uid"]


def test_a_job_trains_on_this_machine_as_in_a_pod(tmp_path):
    job = TrainingJob("flights", dataset="flights", trainer={"estimator": "sklearn.linear_model.LogisticRegression", "parameters": {"max_iter": 200}})
    run = job.run_local(table(), label="late", folder=tmp_path)
    assert run.outcome in ("Succeeded", "Rejected")
    assert 0.4 < run.metrics["roc_auc"] <= 1
    assert run.record["trainer"]["given"] == {"max_iter": 200}
    assert {path.name for path in run.model.iterdir()} >= {"model.onnx", "signature.json", "golden.json"}
    assert (tmp_path / "runs" / "flights" / run.record["run_key"] / "record.json").exists()


def test_the_same_job_on_the_same_data_is_not_trained_twice(tmp_path):
    job = TrainingJob("flights", dataset="flights")
    once = job.run_local(table(), label="late", folder=tmp_path)
    assert job.run_local(table(), label="late", folder=tmp_path).record == once.record


def test_a_mistake_is_the_sentence_that_a_condition_would_have(tmp_path):
    with pytest.raises(UserError, match="there is no column lat"):
        TrainingJob("flights", dataset="flights").run_local(table(), label="lat", folder=tmp_path)
