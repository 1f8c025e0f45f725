"""January from a file and February from the log are the same data as both months from files: through a trained model, its server's own log, labels."""

from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from support.featured_flights import Flights, published
from support.object_store import ObjectStore
from support.predictions import CONSTANTS
from support.training import Trainer
from support.worker import Worker
from trimtab.api.documents import DONE, DatasetPointer, PredictionLog, Result
from trimtab.api.modelversion import Artifact
from trimtab.store import manifest as manifests
from trimtab.store.layout import Layout
from trimtab_serving import artifact
from trimtab_serving.model import Identity, Model, load
from trimtab_serving.trail import label_files
from trimtab_serving.trail.labels import Label
from trimtab_serving.trail.rows import Prediction, Rows, complete
from trimtab_serving.trail.upload import Place, by_hour, parquet

EVERY = 8
"""Of so many flights, one."""
ASKED_AT = pd.Timestamp("2026-11-24T12:00:00Z")
"""By the pod's clock, in a replay of the past."""


@pytest.fixture
def flights(object_store: ObjectStore, bucket: str) -> Flights:
    return Flights(Worker(object_store, bucket), ["2013-01"], EVERY)


def table(month: str) -> pd.DataFrame:
    import prepare

    return prepare.month(published(), month).iloc[::EVERY]


def put(flights: Flights, month: str) -> None:
    import prepare

    content = table(month)[prepare.COLUMNS].to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode()
    flights.worker.objects.store(flights.worker.bucket).put(f"s3://{flights.worker.bucket}/flights/data/{month}.csv", content)


def trained(flights: Flights, dataset: DatasetPointer, scratch: Path) -> Model:
    """The simple model of a version, loaded as a server does."""
    worker = flights.worker
    trainer = Trainer(worker.objects.store(worker.bucket), Layout(worker.bucket, worker.prefix), scratch)
    made = trainer.run(trainer.document(dataset)).trained()
    assert made
    folder = scratch / "model"
    folder.mkdir()
    return load(artifact.download(Artifact.model_validate(made.artifact.model_dump()), trainer.store, folder), Identity("flights", "1"))


def ask(flights: Flights, model: Model, rows: pd.DataFrame) -> None:
    """All of them at their moment, and their labels later, in the very files that a pod leaves."""
    import replay

    store, layout = flights.worker.objects.store(flights.worker.bucket), Layout(flights.worker.bucket, flights.worker.prefix)
    lines = rows.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").splitlines()
    due = list(replay.read(lines, pd.Timestamp("2013-02-01", tz="UTC"), pd.Timestamp("2013-04-01", tz="UTC"), 1))
    batches = list(replay.together(due, 16))
    encoder = Rows(model.signature, model.runtime.dtypes, PredictionLog(), CONSTANTS)
    asked = [_answered(model, batch, replay.question(batch, replay.FLIGHTS)) for batch in batches]
    log = complete(pa.Table.from_batches([encoder.batch(asked)]))
    for hour, part in by_hour(log, log["time"]):
        store.put(layout.prediction_file("flights", hour, "pod-1", 1), parquet(part))
    now = ASKED_AT.to_pydatetime()
    labels = [Label(b[0].id, row, each.values["late"], each.known, now) for b in batches for row, each in enumerate(b) if each.known and each.values["late"]]
    label_files.put(Place(store, layout, "flights", "pod-1"), labels, 1)


def _answered(model: Model, batch: list[Any], body: bytes) -> Prediction:
    request = model.protocol.decode(body)
    return Prediction(ASKED_AT.value, batch[0].id, request, model.predict(request), 500)


def learned(flights: Flights, answer: tuple[int, Result], folder: Path) -> tuple[pd.DataFrame, dict[str, Any]]:
    code, result = answer
    assert code == DONE, result.message
    store = flights.worker.objects.store(flights.worker.bucket)
    manifest = manifests.read(store, result.uri, result.manifest_digest)
    splits = [manifests.fetch(store, result.uri, manifest, f"{each}.parquet", folder / each) for each in ("train", "validation", "test")]
    rows = pd.concat([pd.read_parquet(each).assign(split=each.name) for each in splits])
    return rows.sort_values("flight_id", ignore_index=True), manifest.facts


def test_retraining_needs_no_second_pipeline(flights: Flights, tmp_path: Path) -> None:
    put(flights, "2013-01")
    _, january = flights.dataset("dataset")
    ask(flights, trained(flights, january, tmp_path), table("2013-02"))
    spec = flights.here({"source": {"uri": "s3://trimtab/flights/data/"}, "timestamp": "sched_dep", "id": "flight_id", "label": "late"})
    both = spec | {"source": spec["source"] | {"predictions": "flights"}}
    from_the_log, facts = learned(flights, flights.worker.snapshot(both), tmp_path)
    put(flights, "2013-02")
    from_files, expected = learned(flights, flights.worker.snapshot(spec), tmp_path)
    print(f"{len(from_files)} flights; of the log: {facts['predictions']}")
    pd.testing.assert_frame_equal(from_the_log, from_files)
    assert facts["rows"] == expected["rows"]
    assert [(each["name"], each["dtype"]) for each in facts["columns"]] == [(each["name"], each["dtype"]) for each in expected["columns"]]
    again, facts = learned(flights, flights.worker.snapshot(both), tmp_path)
    pd.testing.assert_frame_equal(again, from_files)
    assert facts["predictions"]["sameId"] == len(table("2013-02")), "a file that brings them later changes nothing"
