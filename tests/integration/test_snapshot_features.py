"""The verb `snapshot` with features, against a real S3: what is joined, and what is refused in which words."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.object_store import ObjectStore
from support.worker import Worker, table
from trimtab.api.documents import DONE, USER_FAULT, FeaturePointer, Result
from trimtab.api.reasons import Reason
from trimtab.store import manifest as manifests
from trimtab.store.manifest import Manifest

HOURS = 400


@pytest.fixture
def worker(object_store: ObjectStore, bucket: str) -> Worker:
    return Worker(object_store, bucket)


def moment(n: int, *, minute: int = 0, zone: str = "Z") -> str:
    return f"2013-01-{n // 24 + 1:02d}T{n % 24:02d}:{minute:02d}:00{zone}"


def flights(rows: int = HOURS, zone: str = "Z") -> str:
    """One an hour, at half past, from two airports in turn; the last row is of an airport without weather."""
    airports = ["JFK", "LGA"]
    return table(rows, lambda n: {"when": moment(n, minute=30, zone=zone), "origin": airports[n % 2] if n < rows - 1 else "EWR", "late": n * 7 % 5 < 2})


def weather(hours: int = HOURS, zone: str = "Z") -> str:
    """Each hour at both airports; temp says hour and airport."""
    rows = [(moment(n, zone=zone), airport, 2 * n + place) for n in range(hours) for place, airport in enumerate(["JFK", "LGA"])]
    return "time,origin,temp,humid\n" + "".join(f"{time},{airport},{temp},5\n" for time, airport, temp in rows)


def featured(worker: Worker, content: str | None = None, spec: dict[str, Any] | None = None, name: str = "weather") -> FeaturePointer:
    """A version of a FeatureSet; values are known an hour later and valid for three."""
    worker.objects.store(worker.bucket).put(f"s3://{worker.bucket}/{name}/a.csv", (content or weather()).encode())
    source = {"source": {"uri": f"s3://{worker.bucket}/{name}/"}, "publishDelay": "1h", "ttl": "3h"}
    code, result = worker.materialize(source | (spec or {}), name=name)
    assert code == DONE, result.message
    return FeaturePointer(
        name=name, version=int(result.facts["version"]), digest=result.facts["digest"], manifest_digest=result.manifest_digest, uri=result.uri
    )


def snapshot(worker: Worker, *pointers: FeaturePointer, columns: list[str] | None = None, newest: str = "", **spec: Any) -> tuple[int, Result]:
    features = [{"featureSet": each.name} | ({"columns": columns} if columns else {}) for each in pointers]
    return worker.snapshot({"label": "late", "timestamp": "when", "features": features} | spec, features=list(pointers), newest=newest)


def committed(worker: Worker, result: Result) -> Manifest:
    return manifests.read(worker.objects.store(worker.bucket), result.uri, result.manifest_digest)


def rows_of(worker: Worker, answer: tuple[int, Result], folder: Path) -> pa.Table:
    code, result = answer
    assert code == DONE, result.message
    store, manifest = worker.objects.store(worker.bucket), committed(worker, result)
    splits = [manifests.fetch(store, result.uri, manifest, f"{each}.parquet", folder / each) for each in ("train", "validation", "test")]
    return pa.concat_tables([pq.read_table(each) for each in splits])


def refused(answer: tuple[int, Result], reason: Reason) -> str:
    code, result = answer
    assert (code, result.reason) == (USER_FAULT, reason), result.message
    return result.message


def test_every_row_has_what_was_known_at_its_time(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", flights())
    rows = rows_of(worker, snapshot(worker, featured(worker), columns=["temp"]), tmp_path)
    assert rows.column_names == ["when", "origin", "late", "temp"]
    # At half past n the weather of n - 1 has been known for half an hour, and that of n is not; the first row has none, nor has the last airport.
    assert rows.column("temp").to_pylist() == [None, *(2 * (n - 1) + n % 2 for n in range(1, HOURS - 1)), None]


def test_the_answer_and_the_manifest_say_which_versions_and_how_it_went(worker: Worker) -> None:
    worker.put("a.csv", flights())
    pointer = featured(worker, weather(300))
    _, result = snapshot(worker, pointer, columns=["temp"])
    assert result.facts["join"] == '{"rowsIn": 400, "rowsOut": 400, "nullPercent": "24.75", "stalePercent": "24.25"}'
    assert f'"digest":"{pointer.digest}"' in result.facts["featureVersions"]
    facts = committed(worker, result).facts
    assert [(each["name"], each["version"]) for each in facts["features"]] == [("weather", 1)]
    assert [(each["name"], each["type"]) for each in facts["columns"]][-1] == ("temp", "numeric")


def test_without_columns_all_features_are_joined_and_rules_and_exclude_may_speak_of_them(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", flights())
    pointer = featured(worker)
    rule = {"name": "mild", "column": "temp", "max": 1000}
    assert rows_of(worker, snapshot(worker, pointer, exclude=["humid"], validation=[rule]), tmp_path).column_names[-2:] == ["temp", "humid"]
    assert "temp above 100" in refused(snapshot(worker, pointer, validation=[rule | {"max": 100}]), Reason.RULE_VIOLATED)


def test_two_feature_sets_are_joined_side_by_side(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", flights())
    delays = featured(worker, weather().replace("temp,humid", "delay,gusts"), {"publishDelay": "0s"}, "delays")
    rows = rows_of(worker, snapshot(worker, featured(worker), delays), tmp_path)
    assert rows.column_names == ["when", "origin", "late", "temp", "humid", "delay", "gusts"]
    assert rows.column("delay").to_pylist()[:3] == [0, 3, 4]
    assert rows.column("temp").to_pylist()[:3] == [None, 1, 2]


def test_another_version_of_the_features_is_another_version_of_the_data(worker: Worker) -> None:
    worker.put("a.csv", flights())
    first = snapshot(worker, featured(worker))[1]
    moved_on = featured(worker, weather(399))
    assert snapshot(worker, moved_on, newest=first.facts["digest"])[1].facts["version"] == "1", "by schedule, features alone make no version"
    assert snapshot(worker, moved_on)[1].facts["version"] == "2"


def test_new_rows_take_up_new_features_also_by_schedule(worker: Worker) -> None:
    worker.put("a.csv", flights())
    first = snapshot(worker, featured(worker))[1]
    moved_on = featured(worker, weather(399))
    worker.put("b.csv", flights(60))
    second = snapshot(worker, moved_on, newest=first.facts["digest"])[1]
    assert (second.facts["version"], committed(worker, second).facts["features"][0]["version"]) == ("2", 2)


def test_a_dataset_without_features_keeps_the_digest_it_always_had(worker: Worker) -> None:
    worker.put("a.csv", flights())
    _, result = worker.snapshot({"label": "late"})
    assert "features" not in committed(worker, result).inputs
    assert not {"join", "featureVersions"} & result.facts.keys()


# what cannot be joined


def test_a_feature_that_is_not_there_is_named_with_those_that_are(worker: Worker) -> None:
    worker.put("a.csv", flights())
    message = refused(snapshot(worker, featured(worker), columns=["temp", "tmep"]), Reason.COLUMN_MISSING)
    assert message.startswith("spec.features[0].columns[1]: there is no column tmep; the columns are temp, humid.")


def test_a_key_that_the_rows_lack_is_named_with_the_feature_set(worker: Worker) -> None:
    worker.put("a.csv", flights().replace("origin", "airport", 1))
    message = refused(snapshot(worker, featured(worker)), Reason.COLUMN_MISSING)
    assert message.startswith("spec.features[0]: FeatureSet weather is joined by origin: there is no column origin")


def test_keys_of_different_types_are_refused_with_both_types(worker: Worker) -> None:
    worker.put("a.csv", flights())
    numbered = featured(worker, weather().replace("JFK", "1").replace("LGA", "2"))
    assert "origin, which is int64 there and text here" in refused(snapshot(worker, numbered), Reason.KEY_TYPES_DIFFER)


def test_times_with_a_zone_are_not_joined_to_times_without(worker: Worker) -> None:
    worker.put("a.csv", flights(zone=""))
    message = refused(snapshot(worker, featured(worker)), Reason.BAD_TIMESTAMP)
    assert "the times of time of FeatureSet weather say their time zone and those of when do not" in message
    without = featured(worker, weather(zone=""))
    assert snapshot(worker, without)[0] == DONE


def test_a_column_that_the_rows_have_already_is_not_joined_over_it(worker: Worker) -> None:
    worker.put("a.csv", flights())
    same = featured(worker, weather().replace("humid", "late", 1))
    assert refused(snapshot(worker, same), Reason.COLUMN_TAKEN).startswith("spec.features[0]: late is already a column of the rows")


def test_a_version_whose_manifest_is_another_than_was_told_is_not_joined(worker: Worker) -> None:
    worker.put("a.csv", flights())
    pointer = featured(worker).model_copy(update={"manifest_digest": "0" * 64})
    code, result = snapshot(worker, pointer)
    assert (code != DONE, result.outcome) == (True, "Failed")
