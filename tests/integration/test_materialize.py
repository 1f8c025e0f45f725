"""The verb `materialize` against a real S3: what becomes a version of a FeatureSet, and what is refused in which words."""

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.object_store import ObjectStore
from support.worker import Worker, table
from trimtab.api.documents import DONE, TRY_AGAIN, USER_FAULT, Result
from trimtab.api.reasons import Reason
from trimtab.jobs import mounted
from trimtab.jobs.features import parts
from trimtab.store import manifest as manifests
from trimtab.store.manifest import Manifest


@pytest.fixture
def worker(object_store: ObjectStore, bucket: str) -> Worker:
    return Worker(object_store, bucket)


def an_hour(n: int) -> dict[str, object]:
    return {"origin": ("JFK", "LGA")[n % 2], "time": f"2013-01-{n // 24 % 28 + 1:02d}T{n % 24:02d}:00:00Z", "temp": 20 + n % 60, "humid": n % 100}


def weather(hours: int = 100) -> str:
    return table(hours, an_hour)


def refused(answer: tuple[int, Result], reason: Reason) -> str:
    code, result = answer
    assert (code, result.reason) == (USER_FAULT, reason), result.message
    return result.message


def committed(worker: Worker, result: Result) -> Manifest:
    return manifests.read(worker.objects.store(worker.bucket), result.uri, result.manifest_digest)


def rows_of(worker: Worker, answer: tuple[int, Result], folder: Path) -> pa.Table:
    code, result = answer
    assert code == DONE, result.message
    manifest = committed(worker, result)
    parts = [manifests.fetch(worker.objects.store(worker.bucket), result.uri, manifest, each.path, folder / Path(each.path).name) for each in manifest.files]
    return pa.concat_tables([pq.read_table(part) for part in parts])


@pytest.fixture
def code(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[str], str]:
    """Mount this as features.py; its digest."""
    read = mounted.read_code
    monkeypatch.setattr(mounted, "read_code", lambda config_map, expected: read(config_map, expected, tmp_path))

    def mount(source: str) -> str:
        (tmp_path / "features.py").write_text(source)
        return hashlib.sha256(source.encode()).hexdigest()

    return mount


PYTHON = {"transform": {"python": {"configMap": {"name": "code", "key": "features.py"}}}}


def test_rows_become_version_one_with_all_that_a_join_must_know(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", weather())
    answer = worker.materialize({"publishDelay": "1h", "ttl": "3h"})
    facts = answer[1].facts
    assert (answer[1].reason, facts["version"], facts["rows"], facts["latestEventAt"]) == (Reason.CREATED_VERSION, "1", "100", "2013-01-05T03:00:00Z")
    assert answer[1].uri == f"s3://{worker.bucket}/team/featuresets/weather/{facts['digest']}"
    assert rows_of(worker, answer, tmp_path).column_names == ["origin", "time", "temp", "humid"]
    known = committed(worker, answer[1]).facts
    assert [known[each] for each in ("entities", "timestamp", "publishDelay", "ttl")] == [["origin"], "time", "1h", "3h"]
    assert [each["type"] for each in known["columns"]] == ["categorical", "datetime", "numeric", "numeric"]


def test_the_same_source_is_the_same_version_and_a_new_file_the_next(worker: Worker) -> None:
    worker.put("a.csv", weather())
    worker.materialize()
    assert worker.materialize()[1].reason == Reason.UNCHANGED
    worker.put("b.csv", weather(10))
    assert worker.materialize()[1].facts["version"] == "2"


@pytest.mark.parametrize(
    "change", [{"ttl": "3h"}, {"publishDelay": "1h"}, {"transform": {"sql": "SELECT * FROM source"}}, {"schema": [{"name": "temp", "min": 0}]}]
)
def test_whatever_changes_the_features_or_when_they_are_known_is_another_version(worker: Worker, change: dict[str, Any]) -> None:
    worker.put("a.csv", weather())
    worker.materialize()
    assert worker.materialize(change)[1].facts["version"] == "2"


def test_a_default_that_is_written_out_makes_no_version(worker: Worker) -> None:
    worker.put("a.csv", weather())
    worker.materialize()
    assert worker.materialize({"publishDelay": "0s", "schema": []})[1].reason == Reason.UNCHANGED


def test_what_a_column_means_is_kept_with_the_version_and_makes_none(worker: Worker) -> None:
    worker.put("a.csv", weather())
    first = worker.materialize({"schema": [{"name": "temp", "description": "Degrees Fahrenheit."}]})[1]
    again = worker.materialize({"schema": [{"name": "temp", "description": "Celsius."}]})[1]
    assert (again.reason, again.facts["digest"]) == (Reason.UNCHANGED, first.facts["digest"])
    assert {each["name"]: each.get("description") for each in committed(worker, first).facts["columns"]}["temp"] == "Degrees Fahrenheit."


def test_many_rows_are_several_files_in_their_order(worker: Worker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 40)
    worker.put("a.csv", weather())
    answer = worker.materialize()
    assert [Path(each.path).name for each in committed(worker, answer[1]).files] == ["part-00000.parquet", "part-00001.parquet", "part-00002.parquet"]
    assert rows_of(worker, answer, tmp_path).column("temp").to_pylist() == [20 + n % 60 for n in range(100)]


# transforms


def test_a_select_over_the_source_makes_the_features(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", weather())
    sql = "SELECT origin, time, (temp - 32) / 1.8 AS celsius -- as Europeans have it\nFROM source WHERE origin = 'JFK';"
    rows = rows_of(worker, worker.materialize({"transform": {"sql": sql}}), tmp_path)
    assert (rows.column_names, rows.num_rows) == (["origin", "time", "celsius"], 50)


def test_times_keep_their_zone_through_a_transform(worker: Worker, code: Callable[[str], str]) -> None:
    """What is joined later must know it: to times without a zone these are not."""
    worker.put("a.csv", weather())
    ways = [{"transform": {"sql": "SELECT origin, time, time + INTERVAL 1 HOUR AS later, temp FROM source"}}, PYTHON]
    for way in ways:
        digest = code("def transform(df):\n    return df\n") if way is PYTHON else ""
        facts = committed(worker, worker.materialize(way, code_digest=digest)[1]).facts
        assert {each["zoned"] for each in facts["columns"] if each["type"] == "datetime"} == {True}
    worker.put("a.csv", weather().replace("Z,", ","))
    facts = committed(worker, worker.materialize(ways[0])[1]).facts
    assert {each["zoned"] for each in facts["columns"] if each["type"] == "datetime"} == {False}


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT origin, time,\n  tmep\nFROM source", 'spec.transform.sql: line 2: Binder Error: Referenced column "tmep" not found'),
        ("SELECT origin,\nFROM FROM source", "spec.transform.sql: line 2: Parser Error: syntax error"),
        ("SELECT 1; SELECT 2", "write one SELECT over the table `source`"),
        ("DROP TABLE source", "write one SELECT over the table `source`"),
        ("SELECT * FROM read_csv('/etc/passwd')", "spec.transform.sql: "),
        ("SELECT * FROM source WHERE false", "it makes no rows of the 100 rows of the source"),
    ],
)
def test_sql_that_cannot_be_is_told_with_its_line(worker: Worker, sql: str, said: str) -> None:
    worker.put("a.csv", weather())
    assert said in refused(worker.materialize({"transform": {"sql": sql}}), Reason.TRANSFORM_FAILED)


def test_a_function_of_a_persons_own_makes_the_features(worker: Worker, code: Callable[[str], str], tmp_path: Path) -> None:
    worker.put("a.csv", weather())
    digest = code("def transform(df):\n    df['warm'] = df.temp > 60\n    return df.drop(columns='humid')\n")
    rows = rows_of(worker, worker.materialize(PYTHON, code_digest=digest), tmp_path)
    assert rows.column_names == ["origin", "time", "temp", "warm"]
    assert sum(rows.column("warm").to_pylist()) == sum(20 + n % 60 > 60 for n in range(100))


def test_changed_code_is_another_version_and_code_that_is_not_the_one_asked_for_is_not_run(worker: Worker, code: Callable[[str], str]) -> None:
    worker.put("a.csv", weather())
    old = code("def transform(df):\n    return df\n")
    worker.materialize(PYTHON, code_digest=old)
    new = code("def transform(df):\n    return df.head(7)\n")
    status, result = worker.materialize({**PYTHON, "ttl": "1h"}, code_digest=old)
    assert (status, result.reason) == (TRY_AGAIN, Reason.CODE_CHANGED)
    assert worker.materialize(PYTHON, code_digest=new)[1].facts["version"] == "2"


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("def transform(df):\n    x = 1\n    return df.tmep\n", "spec.transform.python: features.py, line 3, in transform: AttributeError"),
        ("def transform(df)\n", "features.py, line 1: SyntaxError"),
        ("def features(df):\n    return df\n", "features.py has no function transform; it has features"),
        ("def transform(df):\n    return df.temp.mean()\n", "return a pandas DataFrame"),
        ("def transform(df):\n    return df.assign(temp=[1, 'x'] * 50)\n", "a column of mixed values"),
    ],
)
def test_what_is_wrong_with_a_function_is_told_with_its_line(worker: Worker, code: Callable[[str], str], source: str, said: str) -> None:
    worker.put("a.csv", weather())
    assert said in refused(worker.materialize(PYTHON, code_digest=code(source)), Reason.TRANSFORM_FAILED)


def test_what_a_function_raises_is_kept_whole(worker: Worker, code: Callable[[str], str]) -> None:
    worker.put("a.csv", weather())
    digest = code("def cold(df):\n    return df.tmep\n\ndef transform(df):\n    return cold(df)\n")
    result = worker.materialize(PYTHON, code_digest=digest)[1]
    assert result.message.endswith(f"has no attribute 'tmep'. The whole traceback is in {result.uri}.")
    kept = worker.objects.store(worker.bucket).get(result.uri).decode()
    assert [line in kept for line in ('File "features.py", line 5, in transform', 'File "features.py", line 2, in cold')] == [True, True]


# what makes no version


def test_a_broken_promise_names_column_rule_count_and_an_example_and_makes_no_version(worker: Worker) -> None:
    worker.put("a.csv", weather())
    schema = [{"name": "temp", "max": 70}, {"name": "origin", "allowed": ["JFK"]}, {"name": "humid", "type": "categorical"}]
    message = refused(worker.materialize({"schema": schema}), Reason.SCHEMA_VIOLATED)
    assert "Column temp, rule max: 9 of 100 rows break it, first" in message
    assert "a.csv row 52: origin=LGA, time=2013-01-03 03:00:00, temp=71, humid=51." in message
    assert "Column origin, rule allowed: 50 of 100 rows break it" in message
    assert "Column humid, rule type: it is numeric, not categorical." in message
    assert worker.materialize()[1].facts["version"] == "1"


def test_a_promise_about_missing_values_holds_or_is_broken(worker: Worker) -> None:
    worker.put("a.csv", weather() + "JFK,2013-02-01T00:00:00Z,,5\n")
    assert worker.materialize({"schema": [{"name": "temp", "nullable": True}]})[0] == DONE
    assert "Column temp, rule nullable: 1 of 101" in refused(worker.materialize({"schema": [{"name": "temp", "nullable": False}]}), Reason.SCHEMA_VIOLATED)


def test_columns_that_are_not_there_are_named_with_the_field(worker: Worker) -> None:
    worker.put("a.csv", weather())
    for change, field in [
        ({"entities": ["orgin"]}, "spec.entities[0]"),
        ({"created": "made"}, "spec.created"),
        ({"schema": [{"name": "x"}]}, "spec.schema[0].name"),
    ]:
        assert refused(worker.materialize(change), Reason.COLUMN_MISSING).startswith(f"{field}: there is no column")


def test_times_that_are_no_times_are_told_with_row_and_value(worker: Worker) -> None:
    worker.put("a.csv", weather() + "JFK,yesterday,20,5\n")
    assert "a.csv row 101 has 'yesterday', which is no time" in refused(worker.materialize(), Reason.BAD_TIMESTAMP)
    assert refused(worker.materialize({"timestamp": "origin", "entities": ["temp"]}), Reason.BAD_TIMESTAMP)


def test_times_of_which_some_say_their_zone_and_some_do_not_are_refused(worker: Worker) -> None:
    file = pa.table({"origin": ["JFK"] * 2, "time": ["2013-01-01T05:00:00Z", "2013-01-01T06:00:00"], "temp": [1, 2]})
    pq.write_table(file, sink := pa.BufferOutputStream())
    worker.put("a.parquet", sink.getvalue().to_pybytes())
    assert "some times say their time zone and some do not" in refused(worker.materialize(), Reason.BAD_TIMESTAMP)


# collecting


def test_what_nothing_cites_is_collected_and_its_number_stays_taken(worker: Worker) -> None:
    worker.put("a.csv", weather())
    first = worker.materialize()[1]
    worker.put("b.csv", weather(10))
    second = worker.materialize()[1]
    code, result = worker.collect([second.facts["digest"]], name="weather", kind="featuresets")
    assert (code, result.facts["versions"]) == (DONE, "1")
    assert manifests.find(worker.objects.store(worker.bucket), first.uri) is None
    assert worker.materialize()[1].facts["version"] == "2"
