"""Splits: every labelled row exactly once, what belongs together together, the same seed the same split."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trimtab.api.dataset import DatasetSpec
from trimtab.api.reasons import Reason
from trimtab.jobs.dataset import engine as engines
from trimtab.jobs.dataset import splitting
from trimtab.jobs.dataset.checking import Label
from trimtab.jobs.dataset.engine import Engine
from trimtab.jobs.errors import UserFault

PERCENTS = st.tuples(st.integers(1, 98), st.integers(1, 98)).filter(lambda pair: sum(pair) <= 99).map(lambda pair: (*pair, 100 - sum(pair)))
ROWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2), st.booleans()), min_size=1, max_size=120)
LABEL = Label("late", "classification", None, 100, 0)


@pytest.fixture(scope="module")
def engine() -> Iterator[Engine]:
    with duckdb.connect() as connection:
        yield connection


def a_spec(method: str, percents: tuple[int, int, int] = (70, 15, 15), seed: int = 0, **fields: Any) -> DatasetSpec:
    train, validation, test = percents
    split = {"method": method, "train": train, "validation": validation, "test": test, "seed": seed} | ({"column": "block"} if method == "group" else {})
    times = {"timestamp": "block"} if method == "time" else {}
    return DatasetSpec.model_validate({"source": {"uri": "s3://bucket/x/"}, "label": "late", "split": split} | times | fields)


def assigned(engine: Engine, spec: DatasetSpec, rows: list[tuple[int, int, bool]]) -> dict[int, str]:
    """(block, class, labelled) of each row -> split of each labelled row."""
    engine.execute("CREATE OR REPLACE TABLE data (id BIGINT, block BIGINT, late BIGINT)")
    engine.executemany(
        "INSERT INTO data VALUES (?, ?, ?)", [(number, block, kind if labelled else None) for number, (block, kind, labelled) in enumerate(rows)]
    )
    found = engine.execute(
        f"SELECT id, split FROM ({splitting.assignment(spec, spec.split.method or '')}) parts JOIN data ON data.rowid = parts.row"
    ).fetchall()
    assert len(found) == len(dict(found)), "a row came out twice"
    return dict(found)


METHODS = st.sampled_from(["time", "group", "random", "stratified"])
relaxed = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@relaxed
@given(METHODS, PERCENTS, ROWS)
def test_every_labelled_row_is_in_exactly_one_split(engine: Engine, method: str, percents: tuple[int, int, int], rows: list[tuple[int, int, bool]]) -> None:
    found = assigned(engine, a_spec(method, percents), rows)
    assert set(found) == {number for number, row in enumerate(rows) if row[2]}
    assert set(found.values()) <= set(splitting.SPLITS)


@relaxed
@given(PERCENTS, ROWS, st.integers(0, 99))
def test_random_shares_are_exact_to_the_row(engine: Engine, percents: tuple[int, int, int], rows: list[tuple[int, int, bool]], seed: int) -> None:
    counts = Counter(assigned(engine, a_spec("random", percents, seed), rows).values())
    total = sum(counts.values())
    for split, percent in zip(splitting.SPLITS, percents, strict=True):
        assert abs(counts[split] - total * percent / 100) <= 1


@relaxed
@given(PERCENTS, ROWS)
def test_stratified_shares_are_exact_to_the_row_in_every_class(engine: Engine, percents: tuple[int, int, int], rows: list[tuple[int, int, bool]]) -> None:
    found = assigned(engine, a_spec("stratified", percents), rows)
    for kind in range(3):
        counts = Counter(split for number, split in found.items() if rows[number][1] == kind)
        for split, percent in zip(splitting.SPLITS, percents, strict=True):
            assert abs(counts[split] - sum(counts.values()) * percent / 100) <= 1


@relaxed
@given(st.sampled_from(["time", "group"]), PERCENTS, ROWS)
def test_rows_of_one_time_or_group_stay_together_and_shares_are_exact_to_half_a_block(
    engine: Engine, method: str, percents: tuple[int, int, int], rows: list[tuple[int, int, bool]]
) -> None:
    found = assigned(engine, a_spec(method, percents), rows)
    splits_of: dict[int, set[str]] = {}
    for number, split in found.items():
        splits_of.setdefault(rows[number][0], set()).add(split)
    assert all(len(splits) == 1 for splits in splits_of.values())
    largest = max(Counter(rows[number][0] for number in found).values(), default=0)
    assert abs(Counter(found.values())["train"] - len(found) * percents[0] / 100) <= largest / 2 + 1


@relaxed
@given(PERCENTS, ROWS)
def test_time_only_goes_forward(engine: Engine, percents: tuple[int, int, int], rows: list[tuple[int, int, bool]]) -> None:
    found = assigned(engine, a_spec("time", percents), rows)
    order = [splitting.SPLITS.index(split) for _, split in sorted((rows[number][0], split) for number, split in found.items()) if split]
    times = sorted(((rows[number][0], splitting.SPLITS.index(split)) for number, split in found.items()))
    assert [index for _, index in times] == sorted(index for _, index in times)
    assert len(order) == len(found)


@relaxed
@given(METHODS, ROWS, st.integers(0, 99), st.randoms())
def test_the_same_seed_gives_the_same_split_and_with_an_id_in_any_order_of_rows(
    engine: Engine, method: str, rows: list[tuple[int, int, bool]], seed: int, random: Any
) -> None:
    spec = a_spec(method, seed=seed, id="id")
    first = assigned(engine, spec, rows)
    assert assigned(engine, spec, rows) == first
    engine.execute("CREATE OR REPLACE TABLE shuffled AS SELECT * FROM data ORDER BY md5('x' || id)")
    engine.execute("CREATE OR REPLACE TABLE data AS FROM shuffled")
    again = engine.execute(f"SELECT id, split FROM ({splitting.assignment(spec, method)}) parts JOIN data ON data.rowid = parts.row").fetchall()
    assert dict(again) == first


def test_another_seed_is_another_split(engine: Engine) -> None:
    rows = [(n, 0, True) for n in range(100)]
    assert assigned(engine, a_spec("random", seed=0), rows) != assigned(engine, a_spec("random", seed=1), rows)


@pytest.mark.parametrize(
    ("fields", "task", "method"),
    [
        ({"timestamp": "when"}, "classification", "time"),
        ({}, "classification", "stratified"),
        ({}, "regression", "random"),
        ({"timestamp": "when", "split": {"method": "random"}}, "regression", "random"),
    ],
)
def test_the_method_is_the_one_that_fits_unless_it_is_said(fields: dict[str, Any], task: Any, method: str) -> None:
    spec = DatasetSpec.model_validate({"source": {"uri": "s3://bucket/x/"}, "label": "late"} | fields)
    assert splitting.method_of(spec, task) == method


def test_shares_of_classes_of_an_amount_are_refused() -> None:
    with pytest.raises(UserFault) as error:
        splitting.method_of(a_spec("stratified"), "regression")
    assert error.value.result.reason == Reason.LABEL_UNUSABLE


def test_the_engine_stays_within_its_share_of_the_container() -> None:
    assert engines.budget(2 << 30) == int(((2 << 30) - engines.OTHERS_BYTES) * 0.6)
    assert engines.budget(100 << 20) == engines.LEAST_BYTES


def test_the_engine_reads_and_writes_nothing_but_scratch(tmp_path: Path) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    with engines.opened(scratch) as engine:
        for sql in (
            "SELECT * FROM read_text('/proc/self/environ')",
            f"COPY (SELECT 1) TO '{tmp_path}/x.csv'",
            "SET enable_external_access = true",
            "INSTALL httpfs",
        ):
            with pytest.raises(duckdb.Error):
                engine.execute(sql)
        engine.execute(f"COPY (SELECT 1) TO '{scratch}/x.csv'")


def test_running_out_of_memory_is_a_memory_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "LEAST_BYTES", 12 << 20)
    monkeypatch.setattr(engines.memory, "available", lambda: 0)
    with pytest.raises(MemoryError), engines.opened(tmp_path) as engine:
        engine.execute("SELECT list(range::VARCHAR || repeat('x', 100)) FROM range(2000000)").fetchall()
