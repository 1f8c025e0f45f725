"""The pure parts of a snapshot: which objects are meant, which column was meant, what a rule's answer equals, what a digest covers."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from trimtab.api.dataset import DatasetSpec, Rule, Source
from trimtab.jobs import collect, snapshot
from trimtab.jobs.dataset import columns, rules, source
from trimtab.jobs.dataset.columns import Column
from trimtab.jobs.dataset.reading import Table
from trimtab.jobs.dataset.rules import Violation
from trimtab.store.client import ObjectInfo

NAMES = ["carrier", "origin", "dest", "late"]


def objects(*keys: str, size: int = 1) -> list[ObjectInfo]:
    return [ObjectInfo(f"s3://bucket/{key}", key, "e", size) for key in keys]


def meant(uri: str, *keys: str, form: Any = None) -> list[str]:
    return [each.key for each in source.matching(Source(uri=f"s3://bucket/{uri}", format=form), objects(*keys))]


def test_a_folder_means_the_files_under_it_and_not_its_neighbours() -> None:
    assert meant("a/", "a/1.csv", "a/b/2.csv", "ab/3.csv", "a/notes.txt") == ["a/1.csv", "a/b/2.csv"]
    assert meant("a", "a/1.csv", "ab/3.csv", "a.csv") == ["a/1.csv"]


def test_a_name_means_the_one_file() -> None:
    assert meant("a/1.csv", "a/1.csv", "a/1.csv.gz") == ["a/1.csv"]


def test_a_pattern_stays_within_a_folder_unless_it_has_two_stars() -> None:
    keys = ("a/1.csv", "a/b/2.csv", "a/1.parquet", "a/x1.csv")
    assert meant("a/*.csv", *keys) == ["a/1.csv", "a/x1.csv"]
    assert meant("a/?.csv", *keys) == ["a/1.csv"]
    assert meant("a/**/*.csv", *keys) == ["a/1.csv", "a/b/2.csv", "a/x1.csv"]
    assert meant("a/[0-9].csv", *keys) == ["a/1.csv"]


def test_a_pattern_with_a_format_is_taken_at_its_word() -> None:
    assert meant("a/part-*", "a/part-1", "a/part-2.csv", form="csv") == ["a/part-1", "a/part-2.csv"]
    assert meant("a/data", "a/data", form="csv") == ["a/data"]


def test_markers_and_empty_objects_are_not_data() -> None:
    assert meant("a/", "a/_SUCCESS.csv", "a/.hidden.csv", "a/1.csv") == ["a/1.csv"]
    assert source.matching(Source(uri="s3://bucket/a/"), objects("a/1.csv", size=0)) == []


@pytest.mark.parametrize(("key", "form"), [("a.CSV", "csv"), ("a.csv.gz", "csv"), ("a.pq", "parquet"), ("a.parquet", "parquet"), ("a.txt", None)])
def test_the_format_comes_from_the_suffix(key: str, form: str | None) -> None:
    assert source.format_of(key) == form


def test_a_missing_column_is_told_with_the_nearest_names() -> None:
    assert columns.missing("spec.id", "carier", NAMES).endswith("the columns are carrier, origin, dest, late. Did you mean carrier?")
    assert columns.missing("spec.id", "zzz", NAMES).endswith("late.")
    assert "and 88 more" in columns.missing("spec.id", "zzz", [f"c{n}" for n in range(100)])


@pytest.mark.parametrize("name", ["true", "False"])
def test_a_column_that_yaml_made_a_boolean_is_recognised(name: str) -> None:
    assert "put the name in quotes" in columns.missing("spec.label", name, ["x", "y"])


def test_every_place_that_names_a_column_is_looked_at() -> None:
    spec = DatasetSpec.model_validate(
        {
            "source": {"uri": "s3://bucket/x/"}, "label": "a", "timestamp": "b", "id": "c", "exclude": ["d"],
            "split": {"method": "group", "column": "e"}, "validation": [{"name": "r", "column": "f", "min": 0}, {"name": "s", "rows": {"min": 1}}],
        }
    )  # fmt: skip
    assert [column for _, column in columns.named(spec)] == ["a", "b", "c", "e", "d", "f"]


@pytest.mark.parametrize(
    ("sql", "kind"),
    [
        ("BIGINT", "numeric"),
        ("DECIMAL(18,3)", "numeric"),
        ("VARCHAR", "categorical"),
        ("ENUM('a')", "categorical"),
        ("BOOLEAN", "boolean"),
        ("DATE", "datetime"),
    ],
)
def test_source_types_become_one_of_four(sql: str, kind: str) -> None:
    assert (columns.stored_as(sql) or ("",))[0] == kind


@pytest.mark.parametrize("sql", ["INTEGER[]", "STRUCT(a INTEGER)", "BLOB", "MAP(VARCHAR, INTEGER)"])
def test_nested_columns_are_left_out(sql: str) -> None:
    assert columns.stored_as(sql) is None


@pytest.mark.parametrize(
    ("value", "expected", "equal"),
    [(0, "0", True), (0.0, "0", True), (True, "true", True), ("a", "a", True), ("1", "1.0", False), (None, "0", False), (2, "1", False), (None, "NULL", True)],
)
def test_a_rules_answer_is_compared_as_a_person_writes_it(value: object, expected: str, equal: bool) -> None:
    assert rules.same(value, expected) is equal


def test_a_rule_with_several_bounds_has_a_condition_for_each() -> None:
    table = Table((Column("x", "numeric", "int64"),), (), 1, ((0, "f"),))
    rule = Rule.model_validate({"name": "r", "column": "x", "min": 0, "max": 9, "allowed": ["1"], "unique": True, "nullable": False})
    assert [said for _, said in rules.conditions(rule, table)] == ["below 0", "above 9", "not among the allowed values", "there more than once", "missing"]


def test_the_first_three_broken_rules_are_told_and_the_others_counted() -> None:
    said = rules.sentence([Violation(f"r{n}", 1, f"detail {n}.") for n in range(5)], 7)
    assert said == "5 of 7 validation rules are broken. Rule r0: detail 0. Rule r1: detail 1. Rule r2: detail 2. 2 more rules are broken."


def test_a_rows_place_is_its_file_and_its_number_there() -> None:
    table = Table((), (), 7, ((0, "a.csv"), (3, "b.csv")))
    assert [table.place(row) for row in (0, 2, 3, 6)] == ["a.csv row 1", "a.csv row 3", "b.csv row 1", "b.csv row 4"]


def a_digest(objects_: list[ObjectInfo] | None = None, form: Any = "csv", **fields: Any) -> dict[str, Any]:
    spec = DatasetSpec.model_validate({"source": {"uri": "s3://bucket/a/"}, "label": "late"} | fields)
    return snapshot.inputs_of(spec, form, objects("a/1.csv") if objects_ is None else objects_)


def test_a_digest_holds_what_was_written_and_no_default() -> None:
    plain = DatasetSpec.model_validate({"source": {"uri": "s3://lake/a/"}, "label": "late"})
    spelled = DatasetSpec.model_validate({"source": {"uri": "s3://lake/a/"}, "label": "late", "split": {"train": 70, "seed": 0}, "exclude": []})
    assert snapshot.inputs_of(plain, "csv", [])["definition"] == {"label": "late", "format": "csv"}
    assert snapshot.inputs_of(spelled, "csv", []) == snapshot.inputs_of(plain, "csv", [])


@pytest.mark.parametrize(
    "fields",
    [{"retain": {"versions": 2}}, {"refresh": {"schedule": "0 0 * * *"}}, {"activeVersion": 1}, {"source": {"uri": "s3://bucket/a/*.csv"}}, {"template": {}}],
)
def test_a_digest_does_not_cover_what_makes_no_other_rows(fields: dict[str, Any]) -> None:
    assert a_digest(**fields) == a_digest()


@pytest.mark.parametrize(
    "fields",
    [
        {"label": "other"},
        {"timestamp": "t"},
        {"id": "i"},
        {"task": "regression"},
        {"exclude": ["x"]},
        {"split": {"seed": 1}},
        {"validation": [{"name": "r", "rows": {"min": 1}}]},
    ],
)
def test_a_digest_covers_what_a_version_is_made_of(fields: dict[str, Any]) -> None:
    assert a_digest(**fields) != a_digest()


def test_a_digest_covers_the_very_objects() -> None:
    assert a_digest(objects("a/2.csv")) != a_digest()
    assert a_digest([ObjectInfo("s3://bucket/a/1.csv", "a/1.csv", "another", 1)]) != a_digest()


def test_collecting_touches_neither_claims_nor_what_is_kept_nor_loose_objects() -> None:
    listed = objects("d/versions/1", "d/keep/manifest.json", "d/drop/manifest.json", "d/drop/pod/train.parquet", "d/loose")
    assert {digest: [each.key for each in files] for digest, files in collect.by_digest("s3://bucket/d", listed, {"keep"}).items()} == {
        "drop": ["d/drop/manifest.json", "d/drop/pod/train.parquet"]
    }


def test_a_snapshot_that_is_still_being_written_is_not_collected_and_a_forgotten_one_is() -> None:
    now = datetime(2026, 1, 2, 12, tzinfo=UTC)
    files = [ObjectInfo("s3://bucket/d/x/pod/train.parquet", "d/x/pod/train.parquet", "e", 1, datetime(2026, 1, 2, tzinfo=UTC))]
    assert not collect.is_over("s3://bucket/d", "x", files, now)
    assert collect.is_over("s3://bucket/d", "x", files, now + timedelta(days=1))
    assert collect.is_over("s3://bucket/d", "x", [*files, *objects("d/x/manifest.json")], now)
