"""A new version answers what another one was asked last, against a real object store: by itself, and as a real server tells it."""

import signal
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from prometheus_client.parser import text_string_to_metric_families

from support import models
from support.object_store import ObjectStore
from support.server_process import Committed, Process
from support.watched import Place, Version, between
from trimtab.store.client import Store
from trimtab.store.settings import StoreSettings
from trimtab_serving import rehearsal
from trimtab_serving.model import Model
from trimtab_serving.rehearsal import REQUESTS, Rehearsal
from trimtab_serving.tensors import Read

WITHIN = 60.0


@pytest.fixture(scope="module")
def good(place: Place) -> Version:
    return place.model(place.dataset("flights", between("2013-01-01", "2013-02-01", 8)))


@pytest.fixture(scope="module")
def month() -> pd.DataFrame:
    """Some 600 hours, and as many requests."""
    return between("2013-02-01", "2013-03-01", 15)


@pytest.fixture(scope="module")
def asked(place: Place, good: Version, month: pd.DataFrame) -> str:
    """A Deployment whose version 1 has answered that month."""
    place.pod("asked", good).answers(month)
    return "asked"


def model(place: Place, deployment: str, version: Version, number: int = 2) -> Model:
    return place.pod(deployment, version, number).model


def rehearsed(place: Place, model: Model) -> Rehearsal:
    found = Rehearsal()
    found.run(model, place.store, place.layout)
    assert found.done
    return found


class Raises:
    """A runtime whose model cannot take flights to Boston."""

    def __init__(self, runtime: Any) -> None:
        self._runtime = runtime

    def predict(self, inputs: Read, outputs: Any) -> Any:
        if "BOS" in inputs.others["dest"].ravel().tolist():
            raise ValueError("nobody told me of Boston")
        return self._runtime.predict(inputs, outputs)


def test_the_same_model_under_another_number_answers_the_newest_requests_alike(place, good, asked):
    found = rehearsed(place, model(place, asked, good))
    assert (found.ok, found.errors, found.disagreed, found.remark) == (REQUESTS, 0, 0, "")
    assert found.compared >= REQUESTS


def test_another_model_answers_some_of_them_otherwise(place, asked, month):
    other = place.model(place.dataset("weekdays", month.assign(late=(month.hour > 15).map({True: "true", False: "false"}))))
    found = rehearsed(place, model(place, asked, other))
    assert (found.ok, found.errors) == (REQUESTS, 0)
    assert 0.2 * found.compared < found.disagreed < found.compared


def test_a_request_that_a_version_cannot_answer_is_an_error_and_the_first_is_named(place, good, asked):
    broken = model(place, asked, good)
    found = rehearsed(place, replace(broken, runtime=Raises(broken.runtime)))
    assert found.ok + found.errors == REQUESTS
    assert found.errors > 0
    assert found.remark == "ValueError: nobody told me of Boston"


def test_its_own_answers_are_not_asked_again(place, good, asked):
    found = rehearsed(place, model(place, asked, good, number=1))
    assert (found.ok, found.errors) == (0, 0)
    assert found.remark.startswith("Nothing in the log of the last two days was answered by another version")


@pytest.mark.parametrize("logging", [{"exclude": ["distance"]}, {"hash": ["carrier"]}], ids=["left out", "hashed"])
def test_what_is_not_logged_in_the_clear_cannot_be_asked_again(place, good, month, logging):
    deployment = f"veiled-{next(iter(logging))}"
    place.pod(deployment, good, **logging).answers(month[:100])
    assert rehearsed(place, model(place, deployment, good)).ok == 0


def test_a_version_that_takes_what_was_never_sent_is_not_asked(place, month):
    slim = place.model(place.dataset("slim", between("2013-01-01", "2013-02-01", 8), exclude=["distance"]))
    whole = place.model(place.dataset("whole", between("2013-01-01", "2013-02-01", 8)))
    place.pod("slim", slim).answers(month[:100])
    assert rehearsed(place, model(place, "slim", whole)).ok == 0
    place.pod("whole", whole).answers(month[:100])
    assert rehearsed(place, model(place, "whole", slim)).errors == 0


def test_a_store_that_is_away_is_no_hindrance(place, good, asked):
    found = Rehearsal()
    away = Store(StoreSettings.from_environment(place.objects.environment(place.bucket) | {"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:1"}))
    found.run(model(place, asked, good), away, place.layout)
    assert found.done
    assert (found.ok, found.errors) == (0, 0)
    assert found.remark


def test_it_is_over_after_a_while_whatever_happens(place, good, asked, monkeypatch):
    monkeypatch.setattr(rehearsal, "SECONDS", 0.0)
    late = Rehearsal()
    assert late.done
    late.run(model(place, asked, good), place.store, place.layout)
    assert late.ok == 0


def test_a_server_says_so_on_its_metrics(object_store: ObjectStore, tmp_path: Path):
    made = models.flights(tmp_path / "flights")
    committed = Committed.of(object_store, made, drainSeconds=0.2, logging={"uploadSeconds": 0.5})
    body = models.request(models.table(3, seed=20), made.signature)
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    with committed.pod(tmp_path / "one" / "log") as process:
        process.wait_until_ready()
        for n in range(5):
            assert process.inference.post("/v2/models/flights/infer", json=body | {"id": f"r{n}"}).status_code == 200
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(60) == 0
    with committed.pod(tmp_path / "two" / "log", version=8) as process:
        process.wait_until_ready()
        told = _until_done(process)
    assert told == {("done", ""): 1, ("requests_total", "ok"): 5, ("requests_total", "error"): 0, ("rows_total", "same"): 15, ("rows_total", "other"): 0}


def _until_done(process: Process) -> dict[tuple[str, str], float]:
    """(metric, outcome) -> value, when the rehearsal is over."""
    until = time.monotonic() + WITHIN
    while time.monotonic() < until:
        samples = [each for family in text_string_to_metric_families(process.admin.get("/metrics").text) for each in family.samples]
        told = {
            (each.name.removeprefix("trimtab_rehearsal_"), each.labels.get("outcome", "")): each.value
            for each in samples
            if each.name.startswith("trimtab_rehearsal_") and not each.name.endswith("_created")
        }
        if told.get(("done", "")) == 1:
            return told
        time.sleep(0.1)
    raise AssertionError("the rehearsal is not over")
