"""Prediction log, labels and window profiles of a real server over a real object store: killed, drained, and with its store taken away."""

import io
import json
import re
import signal
import statistics
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support import models
from support.object_store import ObjectStore
from support.server_process import Committed, Process
from trimtab.stats.profiles import Categorical, Numeric, Profile, categorical_shape, numeric_shape

INFER, LABELS = "/v2/models/flights/infer", "/v2/models/flights/labels"
WITHIN = 60.0


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> models.Made:
    """A model with a profile of what it was trained on."""
    found = models.flights(tmp_path_factory.mktemp("served") / "flights")
    codes = np.arange(models.ROWS) % 2
    parts = {name: Numeric.of(numeric_shape(found.frame[name].to_numpy()), found.frame[name].to_numpy()) for name in models.NUMERIC}
    label = Categorical.of(categorical_shape(codes, ["late", "punctual"]), codes, ["late", "punctual"])
    (found.folder / "profile.json").write_text(json.dumps(Profile(models.ROWS, {**parts, "late": label}).encode()))
    return found


@pytest.fixture
def away() -> Iterator[ObjectStore]:
    """A store of this test's own, which it may stop."""
    with ObjectStore() as it:
        yield it


def soon(**changes: Any) -> dict[str, Any]:
    return {"drainSeconds": 0.2, "logging": {"uploadSeconds": 0.5}} | changes


def ask(process: Process, made: models.Made, name: str, rows: int = 1, **parameters: str) -> dict[str, Any]:
    body = models.request(models.table(rows, seed=20), made.signature) | {"id": name} | ({"parameters": parameters} if parameters else {})
    answer = process.inference.post(INFER, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def stored(committed: Committed, what: str = "predictions") -> list[dict[str, Any]]:
    """All rows in the store, in the order of their files."""
    found = committed.store.list(f"s3://{committed.bucket}/team/{what}/flights/")
    tables = [pq.read_table(io.BytesIO(committed.store.get(each.uri))) for each in found]
    return [row for table in tables for row in table.to_pylist()]


def profiles(committed: Committed) -> dict[str, dict[str, Any]]:
    """By the start of their window."""
    found = committed.store.list(f"s3://{committed.bucket}/team/windows/flights/d1/")
    return {each.key.split("/")[-2]: json.loads(committed.store.get(each.uri)) for each in found}


def counted(process: Process) -> dict[str, int]:
    text = process.admin.get("/metrics").text
    return {state: int(float(value)) for state, value in re.findall(r'trimtab_prediction_log_rows_total\{.*state="(\w+)".*\} ([\d.e+]+)', text)}


def wait(until: Callable[[], bool], otherwise: Callable[[], object] = str) -> None:
    end = time.monotonic() + WITHIN
    while not until():
        assert time.monotonic() < end, otherwise()
        time.sleep(0.05)


def test_every_answer_is_in_the_log_with_what_was_asked(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    committed = Committed.of(object_store, made, **soon())
    with committed.pod(tmp_path / "log", environment={"POD_NAME": "pod-1"}) as process:
        process.wait_until_ready()
        answer = ask(process, made, "order-7", 3, event_time="2013-01-31T18:00:00Z")
        wait(lambda: counted(process)["uploaded"] == 3, (tmp_path / "log").read_text)
        assert "trimtab_event_time_uploaded_seconds" in process.admin.get("/metrics").text
        assert counted(process) == {"taken": 3, "sampled_out": 0, "recovered": 0, "spooled": 3, "uploaded": 3, "dropped": 0}
    found = stored(committed)
    frame = models.table(3, seed=20)
    assert [(row["request_id"], row["row"], row["in_distance"]) for row in found] == [("order-7", i, frame["distance"][i]) for i in range(3)]
    assert [row["in_carrier"] for row in found] == [None if each == models.MISSING else each for each in frame["carrier"]]
    outputs = {each["name"]: each["data"] for each in answer["outputs"]}
    assert [row["out_label"] for row in found] == outputs["label"]
    assert np.allclose([row["out_probability"] for row in found], np.array(outputs["probability"]).reshape(3, 2), atol=1e-6)
    assert {(row["model"], row["version"], row["model_digest"], row["dataset_digest"], row["pod"]) for row in found} == {("flights", 7, "d1", "set1", "pod-1")}


def test_the_log_has_all_outputs_also_where_the_client_asked_for_one(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    committed = Committed.of(object_store, made, **soon())
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        body = models.request(models.table(1), made.signature) | {"outputs": [{"name": "label"}]}
        assert len(process.inference.post(INFER, json=body).json()["outputs"]) == 1
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(60) == 0
    assert len(stored(committed)[0]["out_probability"]) == 2


def test_a_bad_event_time_is_refused_and_not_logged(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    committed = Committed.of(object_store, made, **soon())
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        body = models.request(models.table(1), made.signature) | {"parameters": {"event_time": "yesterday"}}
        refused = process.inference.post(INFER, json=body)
        assert (refused.status_code, refused.json()["error"].startswith("parameters.event_time: expected a time with zone")) == (400, True)
        assert counted(process)["taken"] == 0


def test_a_pod_that_is_told_to_stop_leaves_nothing_behind(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    committed = Committed.of(object_store, made, drainSeconds=0.2)
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        for number in range(50):
            ask(process, made, f"r{number}")
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(60) == 0
    assert {row["request_id"] for row in stored(committed)} == {f"r{number}" for number in range(50)}
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_process_that_is_killed_loses_at_most_its_last_second(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    committed = Committed.of(object_store, made, drainSeconds=0)
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        ask(process, made, "early", 5)
        wait(lambda: counted(process)["spooled"] == 5)
        ask(process, made, "late")
        process.process.kill()
        process.process.wait()
    assert stored(committed) == []
    with committed.pod(tmp_path / "log-2") as following:
        following.wait_until_ready()
        wait(lambda: counted(following)["uploaded"] >= 5)
        assert counted(following)["recovered"] in (5, 6)
    assert [row["request_id"] for row in stored(committed)][:5] == ["early"] * 5


def test_while_the_store_is_away_answers_go_on_labels_are_refused_and_nothing_is_lost(away: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    committed = Committed.of(away, made, **soon())
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        ask(process, made, "before")
        away.stop()
        took = []
        for number in range(30):
            begun = time.monotonic()
            ask(process, made, f"r{number}")
            took.append(time.monotonic() - begun)
            time.sleep(0.05)
        refused = process.inference.post(LABELS, json=[{"id": "before", "label": "late", "time": "2013-02-01T00:00:00Z"}])
        assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
        assert counted(process)["uploaded"] <= 1
        port = int(away.endpoint.rpartition(":")[2])
        restart(away, port)
        wait(lambda: counted(process)["uploaded"] == 31, (tmp_path / "log").read_text)
    assert {row["request_id"] for row in stored(committed)} == {"before", *(f"r{number}" for number in range(30))}
    assert statistics.median(took) < 1


def restart(store: ObjectStore, port: int) -> None:
    """On the same port as before."""
    import support.object_store as module

    given, module._free_port = module._free_port, lambda: port
    try:
        store.start()
    finally:
        module._free_port = given


def test_labels_are_in_the_store_when_they_are_acknowledged(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    committed = Committed.of(object_store, made, **soon())
    label = {"id": "order-7/2", "label": "late", "time": "2013-02-01T00:00:00Z"}
    with committed.pod(tmp_path / "log", environment={"POD_NAME": "pod-1"}) as process:
        process.wait_until_ready()
        answer = process.inference.post(LABELS, json=[label, label | {"id": "x", "label": "lost"}])
        assert (answer.status_code, answer.json()["accepted"]) == (202, 2)
        assert answer.json()["warnings"] == ["'lost' is none of the classes of this model: late, punctual."]
        process.process.kill()
    found = stored(committed, "labels")
    assert [(row["request_id"], row["row"], row["label"], row["source"]) for row in found] == [("order-7", 2, "late", "pod-1"), ("x", 0, "lost", "pod-1")]


def test_labels_that_do_not_fit_are_answered_with_a_sentence(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    with Committed.of(object_store, made, **soon()).pod(tmp_path / "log") as process:
        process.wait_until_ready()
        for method, body, status, sentence in (
            ("POST", b'[{"id": "a", "label": "late"}]', 400, "[0].time: expected a time with zone"),
            ("POST", b"nothing", 400, "The body: expected JSON"),
            ("GET", b"", 405, f"{LABELS}: expected POST, found GET."),
        ):
            answer = process.inference.request(method, LABELS, content=body)
            assert (answer.status_code, answer.json()["error"][: len(sentence)]) == (status, sentence)


def test_windows_of_event_time_are_profiled_in_the_bins_of_training(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    committed = Committed.of(object_store, made, **soon())
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        ask(process, made, "a", 3, event_time="2013-01-31T18:30:00Z")
        ask(process, made, "b", 4, event_time="2013-01-31T20:30:00+01:00")
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(60) == 0
    found = profiles(committed)
    assert {start: each["inputs"]["rows"] for start, each in found.items()} == {"2013-01-31T18:00:00Z": 3, "2013-01-31T19:00:00Z": 4}
    reference = Profile.decode(json.loads((made.folder / "profile.json").read_text()))
    live = [Profile.decode(each["inputs"]) for each in found.values()]
    together = (live[0] + live[1]).parts["distance"] + reference.parts["distance"]  # type: ignore[operator]
    assert together.count == 7 + models.ROWS


@pytest.mark.parametrize(
    ("logging", "change"),
    [
        ({}, lambda rows: len(rows) == 20 and "in_carrier" in rows[0]),
        ({"percent": 0}, lambda rows: rows == []),
        ({"exclude": ["carrier"]}, lambda rows: len(rows) == 20 and "in_carrier" not in rows[0]),
        ({"hash": ["origin"]}, lambda rows: len(rows) == 20 and all(len(row["in_origin"]) == 32 for row in rows)),
    ],
)
def test_each_field_of_logging_changes_what_is_in_the_store(
    object_store: ObjectStore, made: models.Made, tmp_path: Path, logging: dict[str, Any], change: Callable[[list[dict[str, Any]]], bool]
) -> None:
    committed = Committed.of(object_store, made, drainSeconds=0, logging=logging)
    with committed.pod(tmp_path / "log") as process:
        process.wait_until_ready()
        for number in range(20):
            ask(process, made, f"r{number}")
        process.process.send_signal(signal.SIGTERM)
        assert process.process.wait(60) == 0
    rows = stored(committed)
    assert change(rows), rows


def test_a_disk_that_cannot_be_written_takes_the_log_and_not_the_answers(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    with Committed.of(object_store, made).pod(tmp_path / "log", environment={"TRIMTAB_SPOOL": str(tmp_path / "file" / "spool")}) as process:
        process.wait_until_ready()
        ask(process, made, "a")
        assert counted(process)["taken"] == 0
    assert "prediction_log.off" in (tmp_path / "log").read_text()


def test_a_log_and_its_libraries_leave_the_server_light(object_store: ObjectStore, made: models.Made, tmp_path: Path) -> None:
    import psutil

    with Committed.of(object_store, made, **soon()).pod(tmp_path / "log") as process:
        took = process.wait_until_ready()
        for number in range(200):
            ask(process, made, f"r{number}")
        wait(lambda: counted(process)["uploaded"] == 200)
        server = psutil.Process(process.process.pid)
        mapped = " ".join(each.path for each in server.memory_maps())
        memory = server.memory_info().rss / 2**20
    print(f"ready after {took:.2f} s, {memory:.0f} MB with everything on; pyarrow {pa.__version__}")
    assert "pandas" not in mapped
    assert "sklearn" not in mapped
    assert memory < 300
