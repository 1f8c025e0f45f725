"""The verb `snapshot` against a real S3: what becomes a version, what is refused in which words, what a crash leaves."""

import gzip
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from support.object_store import ObjectStore
from support.worker import Worker, table
from trimtab.api.documents import DONE, TRY_AGAIN, USER_FAULT, Result
from trimtab.api.reasons import Reason
from trimtab.store import manifest as manifests
from trimtab.store.client import Store
from trimtab.store.errors import StoreUnreachable
from trimtab.store.manifest import Manifest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def worker(object_store: ObjectStore, bucket: str) -> Worker:
    return Worker(object_store, bucket)


def a_row(n: int) -> dict[str, object]:
    return {
        "id": f"r{n}",
        "when": f"2013-01-{n // 24 % 28 + 1:02d}T{n % 24:02d}:00:00Z",
        "distance": n * 1.5,
        "origin": ("JFK", "LGA", "EWR")[n % 3],
        "late": n * 7 % 5 < 2,
    }


def good_rows(count: int = 400) -> str:
    return table(count, a_row)


def refused(answer: tuple[int, Result], reason: Reason) -> str:
    code, result = answer
    assert (code, result.reason) == (USER_FAULT, reason), result.message
    return result.message


def committed(worker: Worker, result: Result) -> Manifest:
    return manifests.read(worker.objects.store(worker.bucket), result.uri, result.manifest_digest)


def fetched(worker: Worker, result: Result, name: str, folder: Path) -> Path:
    return manifests.fetch(worker.objects.store(worker.bucket), result.uri, committed(worker, result), name, folder / name)


def column(worker: Worker, result: Result, split: str, name: str, folder: Path) -> list[Any]:
    return pq.read_table(fetched(worker, result, f"{split}.parquet", folder)).column(name).to_pylist()


# what becomes a version


def test_good_rows_become_version_one_with_all_that_a_status_needs(worker: Worker) -> None:
    worker.put("a.csv", good_rows())
    code, result = worker.snapshot({"label": "late", "timestamp": "when", "id": "id"})
    assert (code, result.reason) == (DONE, Reason.CREATED_VERSION), result.message
    expected = {"version": "1", "task": "classification", "train": "280", "validation": "60", "test": "60", "unlabelled": "0", "outcome": "Created"}
    assert {name: result.facts[name] for name in expected} == expected
    assert result.uri == f"s3://{worker.bucket}/team/datasets/flights/{result.facts['digest']}"
    assert result.facts["createdAt"].endswith("Z")


def test_the_manifest_says_what_the_columns_are(worker: Worker) -> None:
    worker.put("a.csv", good_rows())
    _, result = worker.snapshot({"label": "late", "timestamp": "when", "id": "id", "exclude": ["distance"]})
    facts = committed(worker, result).facts
    assert [(each["name"], each["type"]) for each in facts["columns"]] == [
        ("id", "categorical"), ("when", "datetime"), ("distance", "numeric"), ("origin", "categorical"), ("late", "boolean"),
    ]  # fmt: skip
    assert facts["classes"] == ["false", "true"]
    assert facts["split"]["method"] == "time"
    assert facts["exclude"] == ["distance"]
    assert facts["rows"] == {"train": 280, "validation": 60, "test": 60, "unlabelled": 0}


def test_a_split_by_time_trains_on_the_oldest_and_files_are_in_order(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", good_rows())
    _, result = worker.snapshot({"label": "late", "timestamp": "when"})
    splits = [column(worker, result, split, "when", tmp_path) for split in ("train", "validation", "test")]
    assert all(each == sorted(each) for each in splits)
    assert splits[0][-1] < splits[1][0]
    assert splits[1][-1] < splits[2][0]


def test_several_files_are_one_table_by_the_names_of_their_columns(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", "x,late\n" + "".join(f"{n},{n % 2}\n" for n in range(60)))
    worker.put("b.csv", "late,y,x\n" + "".join(f"{n % 2},extra,{n}\n" for n in range(60)))
    _, result = worker.snapshot({"label": "late"})
    train = pq.read_table(fetched(worker, result, "train.parquet", tmp_path))
    assert train.column_names == ["x", "late", "y"]
    assert train.num_rows == 84
    assert 0 < train.column("y").null_count < 84


def test_folders_that_say_key_equals_value_become_a_column_and_gzip_is_read(worker: Worker) -> None:
    for month in ("01", "02"):
        worker.put(f"month={month}/a.csv.gz", gzip.compress(b"x,late\n" + b"".join(b"%d,%d\n" % (n, n % 2) for n in range(60))))
    _, result = worker.snapshot({"label": "late"})
    month = committed(worker, result).facts["columns"][-1]
    assert (month["name"], month["distinct"]) == ("month", 2)


def test_nested_columns_are_left_out_and_said_so(worker: Worker, tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": range(200), "nested": [[n] for n in range(200)], "late": [n % 2 for n in range(200)]}), tmp_path / "a.parquet")
    worker.put("a.parquet", (tmp_path / "a.parquet").read_bytes())
    _, result = worker.snapshot({"label": "late"})
    facts = committed(worker, result).facts
    assert facts["dropped"] == [{"name": "nested", "why": "BIGINT[] is no type that a model takes"}]
    assert [each["name"] for each in facts["columns"]] == ["x", "late"]


def test_missing_labels_are_counted_and_kept_out(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", table(400, lambda n: a_row(n) | ({"late": ""} if n % 4 == 0 else {})))
    _, result = worker.snapshot({"label": "late"})
    assert result.facts["unlabelled"] == "100"
    assert sum(int(result.facts[split]) for split in ("train", "validation", "test")) == 300
    assert None not in column(worker, result, "train", "late", tmp_path)


def test_parquet_with_nan_and_whole_floats_is_read_as_missing_and_classes(worker: Worker, tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    pq.write_table(
        pa.table({"x": [float("nan") if n % 2 else float(n) for n in range(200)], "late": [float("nan") if n == 0 else float(n % 3) for n in range(200)]}), file
    )
    worker.put("a.parquet", file.read_bytes())
    _, result = worker.snapshot({"label": "late"})
    facts = committed(worker, result).facts
    assert facts["classes"] == [0, 1, 2]
    assert facts["rows"]["unlabelled"] == 1
    assert next(each for each in facts["columns"] if each["name"] == "x")["nulls"] == 100


@pytest.mark.parametrize(
    ("label", "task", "expected"),
    [
        (lambda n: n % 3, None, "classification"),
        (lambda n: n, None, "regression"),
        (lambda n: n / 7, None, "regression"),
        (lambda n: f"c{n % 4}", None, "classification"),
        (lambda n: ("yes", "no")[n % 2], None, "classification"),
        (lambda n: n % 3, "regression", "regression"),
        (lambda n: n % 30, "classification", "classification"),
    ],
)
def test_the_task_is_inferred_from_the_label_unless_it_is_said(worker: Worker, label: Any, task: str | None, expected: str) -> None:
    worker.put("a.csv", table(300, lambda n: {"x": n, "late": label(n)}))
    _, result = worker.snapshot({"label": "late"} | ({"task": task} if task else {}))
    assert result.facts["task"] == expected


def test_yes_and_no_stay_what_clients_will_send(worker: Worker) -> None:
    worker.put("a.csv", table(300, lambda n: {"x": ("y", "n")[n % 2], "z": ("True", "False")[n % 2], "late": ("yes", "no")[n % 2]}))
    _, result = worker.snapshot({"label": "late"})
    facts = committed(worker, result).facts
    assert facts["classes"] == ["no", "yes"]
    assert [each["type"] for each in facts["columns"]] == ["categorical", "boolean", "categorical"]


def test_a_few_texts_among_numbers_are_a_broken_file(worker: Worker) -> None:
    worker.put("a.csv", table(300, lambda n: {"x": "abc" if n == 16 else n, "late": n % 2}))
    _, result = worker.snapshot({"label": "late"})
    assert result.reason == "SourceUnreadable"
    assert f"column x is text, because {worker.source}a.csv row 17 has 'abc'; 299 of 300 values are numbers" in result.message
    _, result = worker.snapshot({"label": "late", "exclude": ["x"]})
    (note,) = [each["note"] for each in committed(worker, result).facts["columns"] if "note" in each]
    assert note.startswith("text, because")


def test_the_profile_covers_the_inputs_of_the_training_split_by_day(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", good_rows())
    _, result = worker.snapshot({"label": "late", "timestamp": "when", "id": "id"})
    profile = json.loads(fetched(worker, result, "profile.json", tmp_path).read_text())
    assert [each["name"] for each in profile["columns"]] == ["distance", "origin", "late"]
    assert profile["rows"] == 280
    assert sum(profile["blocks"]["rows"]) == 280
    assert profile["blocks"]["starts"][0] == "2013-01-01"
    totals = [sum(day) for day in zip(*profile["blocks"]["columns"]["distance"], strict=True)]
    assert totals[:-2] == profile["columns"][0]["bins"]


def test_a_thousand_columns_work(worker: Worker, tmp_path: Path) -> None:
    worker.put("a.csv", table(120, lambda n: {f"c{c}": (n * 31 + c) % 17 for c in range(1000)} | {"late": n % 2}))
    code, result = worker.snapshot({"label": "late"})
    assert code == DONE, result.message
    assert len(json.loads(fetched(worker, result, "profile.json", tmp_path).read_text())["columns"]) == 1001
    assert len(result.encode()) <= 4096


# versions


def test_the_same_source_again_is_unchanged_and_reads_nothing(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.put("a.csv", good_rows())
    _, first = worker.snapshot({"label": "late"})
    monkeypatch.setattr(Store, "download", None)
    code, second = worker.snapshot({"label": "late"})
    assert (code, second.reason, second.facts["outcome"]) == (DONE, Reason.UNCHANGED, "Unchanged")
    assert (second.uri, second.manifest_digest, second.facts["version"]) == (first.uri, first.manifest_digest, "1")


def test_new_objects_make_the_next_version_and_old_ones_bring_back_the_old(worker: Worker, store: Store) -> None:
    worker.put("a.csv", good_rows())
    assert worker.snapshot({"label": "late"})[1].facts["version"] == "1"
    worker.put("b.csv", good_rows(100))
    assert worker.snapshot({"label": "late"})[1].facts["version"] == "2"
    store.delete([f"{worker.source}b.csv"])
    _, again = worker.snapshot({"label": "late"})
    assert (again.facts["version"], again.reason) == ("1", Reason.UNCHANGED)


def test_what_is_only_about_keeping_makes_no_version_and_what_is_about_rows_does(worker: Worker) -> None:
    worker.put("a.csv", good_rows())
    worker.snapshot({"label": "late"})
    assert worker.snapshot({"label": "late", "retain": {"versions": 3}, "refresh": {"schedule": "0 * * * *"}})[1].reason == Reason.UNCHANGED
    assert worker.snapshot({"label": "late", "split": {"seed": 1}})[1].reason == Reason.CREATED_VERSION


@pytest.mark.parametrize("dies_at", ["upload", "put_if_absent"])
def test_a_crash_anywhere_and_a_second_try_give_the_same_version(worker: Worker, store: Store, monkeypatch: pytest.MonkeyPatch, dies_at: str) -> None:
    worker.put("a.csv", good_rows())

    def die(*_: object) -> None:
        raise StoreUnreachable("killed.")

    with monkeypatch.context() as patched:
        patched.setattr(Store, dies_at, die)
        code, _ = worker.snapshot({"label": "late"}, pod="first")
    assert code == TRY_AGAIN
    _, result = worker.snapshot({"label": "late"}, pod="second")
    assert (result.reason, result.facts["version"]) == (Reason.CREATED_VERSION, "1")
    assert {each.path.partition("/")[0] for each in committed(worker, result).files} == {"second"}


def test_a_crash_between_commit_and_claim_is_finished_by_the_next_try(worker: Worker, store: Store) -> None:
    worker.put("a.csv", good_rows())
    _, first = worker.snapshot({"label": "late"})
    store.delete_prefix(f"s3://{worker.bucket}/team/datasets/flights/versions")
    _, second = worker.snapshot({"label": "late"})
    assert (second.reason, second.facts["version"], second.manifest_digest) == (Reason.CREATED_VERSION, "1", first.manifest_digest)


def test_a_straggler_that_finishes_later_changes_nothing_and_leaves_orphans(worker: Worker, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    worker.put("a.csv", good_rows())
    _, winner = worker.snapshot({"label": "late"}, pod="winner")
    with monkeypatch.context() as patched:
        patched.setattr(manifests, "find", lambda *_: None)
        _, loser = worker.snapshot({"label": "late"}, pod="loser")
    assert (loser.manifest_digest, loser.facts["version"]) == (winner.manifest_digest, "1")
    assert {each.path.partition("/")[0] for each in committed(worker, loser).files} == {"winner"}
    assert store.list(f"{loser.uri}/loser/")


# what is refused


def test_a_broken_row_is_refused_with_file_row_and_text(worker: Worker) -> None:
    worker.put("a.csv", good_rows())
    worker.put("b.csv", "x,late\n1,0\n7\n")
    said = refused(worker.snapshot({"label": "late"}), Reason.SOURCE_UNREADABLE)
    assert said == f"{worker.source}b.csv cannot be read: row 2 has 1 fields instead of 2: '7'."


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"x,late\n1,ol\xe9\n", "row 1 is not UTF-8 (byte 0xe9)"),
        (b'x,late\n1,"open\n', "row 1 is not CSV"),
        (b"x,x\n1,2\n", "two columns are called 'x'"),
        (b"\nx,late\n1,2\n", "its first row must have the columns' names"),
    ],
)
def test_other_broken_files_are_told_in_words(worker: Worker, content: bytes, words: str) -> None:
    worker.put("a.csv", content)
    assert words in refused(worker.snapshot({"label": "late"}), Reason.SOURCE_UNREADABLE)


def test_a_broken_parquet_or_gzip_file_is_named(worker: Worker) -> None:
    worker.put("bad.parquet", b"PAR1 not really PAR1")
    said = refused(worker.snapshot({"label": "late"}), Reason.SOURCE_UNREADABLE)
    assert "bad.parquet cannot be read: it is not a sound Parquet file" in said
    worker.put("zip/bad.csv.gz", b"not gzip")
    said = refused(worker.snapshot({"source": {"uri": f"{worker.source}zip/"}, "label": "late"}), Reason.SOURCE_UNREADABLE)
    assert "zip/bad.csv.gz cannot be read: it is not a sound gzip file" in said


def test_no_objects_is_said_with_the_address(worker: Worker) -> None:
    assert worker.source in refused(worker.snapshot({"label": "late"}), Reason.NO_OBJECTS)


def test_two_formats_under_one_address_ask_for_a_choice(worker: Worker) -> None:
    worker.put("a.csv", good_rows())
    worker.put("a.parquet", b"x")
    assert "spec.source.format" in refused(worker.snapshot({"label": "late"}), Reason.SOURCE_UNREADABLE)
    assert worker.snapshot({"source": {"uri": worker.source, "format": "csv"}, "label": "late"})[0] == DONE


def test_a_column_that_is_not_there_is_named_with_what_was_meant(worker: Worker) -> None:
    worker.put("a.csv", good_rows())
    assert (
        refused(worker.snapshot({"label": "lat"}), Reason.COLUMN_MISSING)
        == "spec.label: there is no column lat; the columns are id, when, distance, origin, late. Did you mean late?"
    )
    assert "spec.exclude[1]" in refused(worker.snapshot({"label": "late", "exclude": ["id", "tailnum"]}), Reason.COLUMN_MISSING)
    assert "spec.split.column" in refused(worker.snapshot({"label": "late", "split": {"method": "group", "column": "city"}}), Reason.COLUMN_MISSING)
    assert "put the name in quotes" in refused(worker.snapshot({"label": "true"}), Reason.COLUMN_MISSING)


def test_a_row_without_a_sound_time_is_named(worker: Worker) -> None:
    worker.put("a.csv", table(100, lambda n: a_row(n) | ({"when": "yesterday"} if n == 41 else {})))
    said = refused(worker.snapshot({"label": "late", "timestamp": "when"}), Reason.BAD_TIMESTAMP)
    assert f"{worker.source}a.csv row 42 has 'yesterday', which is no time in column when (1 of 100 rows are so)" in said
    worker.put("a.csv", table(100, lambda n: a_row(n) | ({"when": ""} if n == 41 else {})))
    assert "row 42 has no time in column when" in refused(worker.snapshot({"label": "late", "timestamp": "when"}), Reason.BAD_TIMESTAMP)
    assert "holds float64 such as" in refused(worker.snapshot({"label": "late", "timestamp": "distance"}), Reason.BAD_TIMESTAMP)


@pytest.mark.parametrize(
    ("label", "task", "reason", "words"),
    [
        (lambda n: 1, None, Reason.LABEL_CONSTANT, "the one value 1"),
        (lambda n: "2013-01-01", None, Reason.LABEL_UNUSABLE, "holds times"),
        (lambda n: f"name{n}", None, Reason.LABEL_UNUSABLE, "1200 different values"),
        (lambda n: f"c{n % 2}", "regression", Reason.LABEL_UNUSABLE, "row 1 has 'c0'"),
        (lambda n: n / 10, "classification", Reason.LABEL_UNUSABLE, "row 2 has 0.1"),
        (lambda n: "" if n > 40 else n % 2, None, Reason.TOO_FEW_ROWS, "41 labelled rows are too few"),
        (lambda n: "rare" if n == 7 else "common", None, Reason.TOO_FEW_ROWS, "class rare"),
        (lambda n: ("true", "false")[n % 2], "regression", Reason.LABEL_UNUSABLE, "leave spec.task out"),
    ],
)
def test_a_label_that_cannot_be_learned_is_refused_with_the_cause(worker: Worker, label: Any, task: str | None, reason: Reason, words: str) -> None:
    worker.put("a.csv", table(1200, lambda n: {"x": n, "late": label(n)}))
    assert words in refused(worker.snapshot({"label": "late"} | ({"task": task} if task else {})), reason)


def test_a_time_split_of_too_few_different_times_says_so(worker: Worker) -> None:
    worker.put("a.csv", table(400, lambda n: a_row(n) | {"when": f"2013-01-0{n % 2 + 1}"}))
    said = refused(worker.snapshot({"label": "late", "timestamp": "when"}), Reason.TOO_FEW_ROWS)
    assert "column when has 2 different values" in said


def test_broken_rules_are_all_told_and_their_rows_can_be_looked_at(worker: Worker, store: Store, tmp_path: Path) -> None:
    worker.put("a.csv", good_rows())
    rules = [
        {"name": "holds", "column": "distance", "min": 0},
        {"name": "short", "column": "distance", "max": 590},
        {"name": "known", "column": "origin", "allowed": ["JFK", "LGA"]},
        {"name": "count", "sql": "SELECT count(*) FROM data WHERE late", "expect": "0"},
        {"name": "many", "rows": {"min": 1000}},
    ]
    code, result = worker.snapshot({"label": "late", "validation": rules})
    assert (code, result.reason) == (USER_FAULT, Reason.RULE_VIOLATED)
    assert result.message.startswith("4 of 5 validation rules are broken. Rule short: 6 of 400 rows have distance above 590, first ")
    assert "row 395 with 591.0." in result.message
    assert "Rule known: 133 of 400 rows have origin not among the allowed values" in result.message
    assert result.message.endswith("1 more rules are broken.")
    kept = store.list(f"{result.uri}/")
    assert [each.key.rpartition("/")[2] for each in kept] == ["00-short.parquet", "01-known.parquet"]
    store.download(kept[0].uri, tmp_path / "short")
    assert pq.read_table(tmp_path / "short").column("row").to_pylist() == [395, 396, 397, 398, 399, 400]
    assert worker.snapshot({"label": "late", "validation": rules[:1]})[1].facts["rules"] == "1"


@pytest.mark.parametrize(
    "sql", ["SELECT content FROM read_text('/proc/self/environ')", "SELECT 1; DROP TABLE data", "1) FROM data; COPY data TO 'x'; --", "SET memory_limit='1GB'"]
)
def test_a_rule_cannot_reach_beyond_the_rows(worker: Worker, sql: str) -> None:
    worker.put("a.csv", good_rows())
    said = refused(worker.snapshot({"label": "late", "validation": [{"name": "evil", "sql": sql, "expect": "1"}]}), Reason.RULE_VIOLATED)
    assert "its sql" in said
    assert "AWS" not in said


# the store


def test_wrong_credentials_a_missing_bucket_and_a_dead_store_are_three_answers(worker: Worker) -> None:
    worker.put("a.csv", good_rows())
    assert "Secret trimtab-store" in refused(worker.snapshot({"label": "late"}, AWS_SECRET_ACCESS_KEY="wrong-0123456789"), Reason.STORE_DENIED)
    assert "not-there" in refused(worker.snapshot({"label": "late"}, TRIMTAB_BUCKET="not-there"), Reason.BUCKET_MISSING)
    assert "elsewhere" in refused(worker.snapshot({"source": {"uri": "s3://elsewhere/x/"}, "label": "late"}), Reason.BUCKET_MISSING)
    code, result = worker.snapshot({"label": "late"}, AWS_ENDPOINT_URL_S3="http://127.0.0.1:1")
    assert (code, result.reason) == (TRY_AGAIN, Reason.STORE_UNREACHABLE)


# collecting


def test_collecting_leaves_what_is_kept_and_every_claim(worker: Worker, store: Store) -> None:
    worker.put("a.csv", good_rows())
    _, first = worker.snapshot({"label": "late"})
    worker.put("b.csv", good_rows(100))
    _, second = worker.snapshot({"label": "late"})
    worker.snapshot({"label": "late"}, name="flights-other")
    code, result = worker.collect([second.facts["digest"]])
    assert (code, result.facts["versions"], result.facts["objects"]) == (DONE, "1", "5")
    assert store.list(f"{first.uri}/") == []
    assert len(store.list(f"{second.uri}/")) == 5
    assert [each.key.rpartition("/")[2] for each in store.list(f"s3://{worker.bucket}/team/datasets/flights/versions/")] == ["1", "2"]
    assert len(store.list(f"s3://{worker.bucket}/team/datasets/flights-other/")) == 6
    assert worker.collect([second.facts["digest"]])[1].facts["objects"] == "0"


def test_data_that_was_collected_and_is_wanted_again_gets_its_old_number(worker: Worker) -> None:
    worker.put("a.csv", good_rows())
    _, first = worker.snapshot({"label": "late"})
    worker.collect([])
    _, again = worker.snapshot({"label": "late"})
    assert again.facts["version"] == first.facts["version"]


# real data


def test_january_of_the_flights_becomes_a_version_by_the_command_of_the_image(worker: Worker, tmp_path: Path) -> None:
    month = subprocess.run([sys.executable, str(ROOT / "examples" / "flights" / "prepare.py"), "2013-01"], capture_output=True, check=True).stdout
    worker.put("2013-01.csv", month)
    code, result = worker.container({"label": "late", "timestamp": "sched_dep", "id": "flight_id"}, tmp_path)
    assert result
    assert code == DONE, result.message
    assert sum(int(result.facts[each]) for each in ("train", "validation", "test", "unlabelled")) == 27004
    assert result.facts["unlabelled"] == "606"
    assert committed(worker, result).facts["classes"] == ["false", "true"]
    assert [each.name for each in tmp_path.iterdir()] == ["termination-log"], "scratch is left clean"
