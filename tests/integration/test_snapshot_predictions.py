"""The verb `snapshot` over a prediction log, against a real S3: what is learned from it, alone and beside files, and what is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.answered import HOUR, START, Pod, answer, label
from support.object_store import ObjectStore
from support.predictions import prediction
from support.worker import Worker, table
from trimtab.api.documents import DONE, USER_FAULT, FeaturePointer, PredictionLog, Result
from trimtab.api.reasons import Reason
from trimtab.store import manifest as manifests
from trimtab.store.layout import Layout
from trimtab_serving.trail.rows import Prediction

ASKED = 300


@pytest.fixture
def worker(object_store: ObjectStore, bucket: str) -> Worker:
    return Worker(object_store, bucket)


def pod(worker: Worker, **what: Any) -> Pod:
    return Pod(worker.objects.store(worker.bucket), Layout(worker.bucket, worker.prefix), **what)


def served(worker: Worker, asked: int = ASKED, *, labelled: Callable[[int], str] = lambda n: ("late", "punctual")[n % 3 == 0], **what: Any) -> Pod:
    """A Deployment that was asked about that many flights, one an hour, and told how most of them went."""
    it = pod(worker, **what)
    it.answers([asked_about(n) for n in range(asked)])
    it.is_told([label(f"r-{n}", labelled(n), hours=n + 3, received=60) for n in range(asked) if n % 10])
    return it


def asked_about(n: int, **changes: Any) -> Prediction:
    event = (START + n * HOUR).isoformat()
    return prediction(
        f"r-{n}",
        **{"distance": [float(n)], "carrier": [("UA", "AA")[n % 2]], "flight_id": [f"f{n}"], "time": START + 48 * HOUR, "event_time": event, **changes},
    )


def learn(worker: Worker, *, files: bool = False, joined: tuple[FeaturePointer, ...] = (), **spec: Any) -> tuple[int, Result]:
    source = {"predictions": "flights"} | ({"uri": worker.source} if files else {})
    return worker.snapshot({"source": source, "label": "late", "timestamp": "when", "id": "flight_id", **spec}, features=list(joined))


def committed(worker: Worker, result: Result) -> manifests.Manifest:
    return manifests.read(worker.objects.store(worker.bucket), result.uri, result.manifest_digest)


def rows_of(worker: Worker, answered: tuple[int, Result], folder: Path) -> pa.Table:
    code, result = answered
    assert code == DONE, result.message
    store, manifest = worker.objects.store(worker.bucket), committed(worker, result)
    splits = [manifests.fetch(store, result.uri, manifest, f"{each}.parquet", folder / each) for each in ("train", "validation", "test")]
    return pa.concat_tables([pq.read_table(each) for each in splits])


def refused(answered: tuple[int, Result], reason: Reason) -> str:
    code, result = answered
    assert (code, result.reason) == (USER_FAULT, reason), result.message
    return result.message


def past(count: int = 200, **changes: Callable[[int], object]) -> str:
    """A file of flights of the days before, in its own order of columns."""
    moment = [START - (count - n) * HOUR for n in range(count)]
    row = {
        "flight_id": lambda n: f"p{n}",
        "when": lambda n: moment[n].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "distance": lambda n: n,
        "carrier": lambda n: ("UA", "AA")[n % 2],
        "late": lambda n: ("late", "punctual")[n % 3 == 0],
        "gate": lambda n: n % 7,
    } | changes
    return table(count, lambda n: {name: of(n) for name, of in row.items()})


# the log alone


def test_what_was_asked_and_labelled_is_a_dataset_of_its_own(worker: Worker, tmp_path: Path) -> None:
    served(worker)
    answered = learn(worker)
    rows = rows_of(worker, answered, tmp_path)
    assert set(rows.column_names) == {"distance", "temperature", "carrier", "weekend", "flight_id", "late", "when"}
    assert answered[1].facts["unlabelled"] == "30"
    expected = [n for n in range(ASKED) if n % 10]
    assert rows.column("distance").to_pylist() == expected
    assert rows.column("late").to_pylist() == [("late", "punctual")[n % 3 == 0] for n in expected]
    assert rows.column("when").to_pylist()[:2] == [(START + n * HOUR).replace(tzinfo=None) for n in (1, 2)], "event time, not the pod's clock"
    facts = committed(worker, answered[1]).facts
    assert facts["split"]["method"] == "time"
    assert facts["predictions"] == {
        "deployment": "flights", "rows": 300, "labelled": 270, "repeated": 0, "contradicted": 0, "unknown": 0, "sameId": 0, "hiddenFiles": 0,
    }  # fmt: skip


def test_labels_of_no_answer_and_labels_that_contradict_are_told_with_an_example_and_stop_nothing(worker: Worker) -> None:
    it = served(worker)
    assert "remark" not in learn(worker)[1].facts
    it.is_told([label("never-asked", "late", hours=5, received=120), label("r-1", "punctual", hours=9, received=120)])
    code, result = learn(worker)
    assert (code, result.facts["version"]) == (DONE, "2")
    assert result.facts["remark"] == (
        "Answers whose labels contradict each other: 1, such as r-1/0; the newest counts. Send a label once, or again only to correct it. "
        "Labels of no answer in the log: 1, such as never-asked/0. Send the id of the answer, `/` and the row; what was not logged cannot be learned from."
    )


def test_without_an_id_among_what_was_sent_a_row_is_named_by_its_request(worker: Worker, tmp_path: Path) -> None:
    served(worker)
    rows = rows_of(worker, learn(worker, id="key"), tmp_path)
    assert rows.column("key").to_pylist()[:2] == ["r-1/0", "r-2/0"]


def test_labels_and_context_that_are_written_as_numbers_are_numbers(worker: Worker, tmp_path: Path) -> None:
    it = pod(worker)
    it.answers([asked_about(n, flight_id=[str(n)]) for n in range(ASKED)])
    it.is_told([label(f"r-{n}", str(n / 4), hours=n, received=60) for n in range(ASKED)])
    answered = learn(worker)
    rows = rows_of(worker, answered, tmp_path)
    assert (rows.schema.field("flight_id").type, rows.schema.field("late").type) == (pa.int64(), pa.float64())
    assert answered[1].facts["task"] == "regression"


def test_new_predictions_and_new_labels_each_make_a_version_and_nothing_makes_none(worker: Worker) -> None:
    it = served(worker)
    assert learn(worker)[1].facts["version"] == "1"
    assert learn(worker)[1].reason == Reason.UNCHANGED
    it.is_told([label("r-0", hours=400, received=60)], 2)
    assert learn(worker)[1].facts["version"] == "2"
    it.answers([asked_about(ASKED)], 2)
    assert learn(worker)[1].facts["version"] == "3"


def test_answers_to_nobody_are_not_learned_from(worker: Worker) -> None:
    served(worker)
    served(worker, name="shadow", role="Shadow", version=8)
    assert committed(worker, learn(worker)[1]).facts["predictions"]["rows"] == 300


def test_a_flight_that_was_asked_about_twice_is_one_row_and_the_labelled_one(worker: Worker, tmp_path: Path) -> None:
    served(worker)
    pod(worker, name="pod-2").answers([asked_about(n)._replace(id=f"again-{n}") for n in range(20)])
    pod(worker, name="pod-2").is_told([label("again-0", "punctual", hours=50, received=60)])
    answered = learn(worker)
    rows = rows_of(worker, answered, tmp_path)
    assert rows.column("flight_id").to_pylist().count("f0") == 1, "its first request has no label, the second has"
    assert committed(worker, answered[1]).facts["predictions"]["sameId"] == 20


def test_a_deployment_that_was_never_asked_is_said_and_heals_when_it_is(worker: Worker) -> None:
    assert "Deployment flights has logged no predictions" in refused(learn(worker), Reason.NO_OBJECTS)
    served(worker)
    assert learn(worker)[0] == DONE


# beside files


def test_rows_of_files_and_of_the_log_are_one_table_and_a_file_wins(worker: Worker, tmp_path: Path) -> None:
    worker.put("past.csv", past(200, flight_id=lambda n: "f5" if n == 199 else f"p{n}", distance=lambda n: 1000 + n))
    served(worker)
    answered = learn(worker, files=True)
    rows = rows_of(worker, answered, tmp_path)
    assert rows.column_names == ["flight_id", "when", "distance", "carrier", "late", "gate", "temperature", "weekend"]
    assert rows.num_rows == 200 + 269
    of_f5 = rows.filter(pa.compute.equal(rows.column("flight_id"), "f5")).to_pylist()
    assert [row["distance"] for row in of_f5] == [1199]
    assert (rows.column("gate").null_count, rows.column("temperature").null_count) == (269, 200)
    assert committed(worker, answered[1]).facts["predictions"]["sameId"] == 1


def test_beside_files_a_log_that_is_still_empty_changes_nothing(worker: Worker) -> None:
    worker.put("past.csv", past())
    assert sum(int(learn(worker, files=True)[1].facts[each]) for each in ("train", "validation", "test")) == 200


def test_the_types_are_those_of_the_files(worker: Worker, tmp_path: Path) -> None:
    worker.put("past.csv", past(flight_id=lambda n: 10_000 + n, carrier=lambda n: n % 2, late=lambda n: str(n % 3 == 0).lower()))
    it = pod(worker)
    it.answers([asked_about(n, flight_id=[str(n)], carrier=[str(n % 2)], distance=[n + 0.5]) for n in range(ASKED)])
    it.is_told([label(f"r-{n}", ("true", "false")[n % 2], hours=n, received=60) for n in range(ASKED)])
    rows = rows_of(worker, learn(worker, files=True), tmp_path)
    types = {each: str(rows.schema.field(each).type) for each in ("flight_id", "carrier", "late", "distance")}
    assert types == {"flight_id": "int64", "carrier": "int64", "late": "bool", "distance": "double"}
    assert {0.5, 199.0} <= set(rows.column("distance").to_pylist())


def test_a_value_that_is_none_of_the_files_type_is_named_with_its_request(worker: Worker) -> None:
    worker.put("past.csv", past(late=lambda n: str(n % 3 == 0).lower()))
    served(worker, labelled=lambda n: "yes" if n == 7 else "true")
    said = refused(learn(worker, files=True), Reason.SOURCE_UNREADABLE)
    assert "request r-7, row 0, has 'yes' in column late, which is boolean in the files under" in said


def test_files_and_log_that_cannot_be_told_apart_are_refused(worker: Worker) -> None:
    worker.put("past.csv", past().replace("flight_id", "number", 1))
    served(worker)
    said = refused(learn(worker, files=True, id="number"), Reason.COLUMN_MISSING)
    assert said.startswith("spec.source.predictions: Deployment flights has logged no number, by which a row of a file")
    assert learn(worker, files=True, id=None)[0] == DONE


# what the log hides


@pytest.mark.parametrize("how", ["exclude", "hash"])
def test_a_column_that_the_log_hides_is_said_unless_it_is_excluded_here_too(worker: Worker, how: str) -> None:
    served(worker, log=PredictionLog.model_validate({how: ["carrier"]}))
    said = refused(learn(worker), Reason.COLUMN_MISSING)
    assert said == (
        f"spec.source.predictions: the log of Deployment flights hides carrier (spec.logging.{how}). Log it from now on, or name it in spec.exclude of this Dataset."
    )
    if how == "hash":
        assert learn(worker, exclude=["carrier"])[0] == DONE


def test_what_was_logged_after_it_was_hidden_no_longer_is_learned_from(worker: Worker) -> None:
    pod(worker, name="before", log=PredictionLog(hash=["carrier"])).answers([asked_about(n, flight_id=[f"b{n}"])._replace(id=f"b-{n}") for n in range(5)])
    served(worker)
    facts = committed(worker, learn(worker)[1]).facts["predictions"]
    assert (facts["rows"], facts["hiddenFiles"]) == (300, 1)


# what comes after


def test_features_are_joined_to_rows_of_both_as_they_were_at_their_time(worker: Worker, tmp_path: Path) -> None:
    worker.put("past.csv", past())
    served(worker)
    moments = [START + n * HOUR for n in range(-200, ASKED)]
    weather = "carrier,time,temperature\n" + "".join(f"{carrier},{each:%Y-%m-%dT%H:%M:%SZ},{each.day}\n" for each in moments for carrier in ("UA", "AA"))
    worker.objects.store(worker.bucket).put(f"s3://{worker.bucket}/weather/a.csv", weather.encode())
    _, made = worker.materialize({"source": {"uri": f"s3://{worker.bucket}/weather/"}, "entities": ["carrier"]})
    pointer = FeaturePointer(name="weather", version=1, digest=made.facts["digest"], manifest_digest=made.manifest_digest, uri=made.uri)
    rows = rows_of(worker, learn(worker, files=True, joined=(pointer,), features=[{"featureSet": "weather"}]), tmp_path)
    assert [row["temperature"] == row["when"].day for row in rows.to_pylist()] == [True] * rows.num_rows, "joined, not what was sent"


def test_rules_and_exclude_speak_of_logged_columns_too(worker: Worker) -> None:
    served(worker)
    said = refused(learn(worker, validation=[{"name": "near", "column": "distance", "max": 298}]), Reason.RULE_VIOLATED)
    assert "first the predictions of Deployment flights row 300 with 299.0" in said
    assert committed(worker, learn(worker, exclude=["temperature"])[1]).facts["exclude"] == ["temperature"]


def test_a_request_of_several_rows_has_a_label_for_each(worker: Worker, tmp_path: Path) -> None:
    it = pod(worker)
    it.answers([answer(f"q-{n}", rows=3, event=n) for n in range(60)])
    it.is_told([label(f"q-{n}", ("late", "punctual")[(n + row) % 2], hours=n, row=row, received=60) for n in range(60) for row in range(3)])
    rows = rows_of(worker, learn(worker, id="key"), tmp_path)
    assert rows.num_rows == 180
    assert rows.column("key").to_pylist()[:4] == ["q-0/0", "q-0/1", "q-0/2", "q-1/0"]
