"""The reference by block: read, cut into windows, and rid of features that name time or rows."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.stats import profiles, reference
from trimtab.stats.reference import Feature, Reference

RNG = np.random.default_rng(0)


def days(count: int) -> np.ndarray:
    return np.datetime64("2013-01-01") + np.arange(count)


def numbers(values: np.ndarray, blocks: np.ndarray, name: str = "x") -> Feature:
    shape = profiles.numeric_shape(values)
    return Feature(name, "numeric", profiles.by_block(shape, values, blocks, int(blocks.max()) + 1))


def words(codes: np.ndarray, blocks: np.ndarray, names: list[str]) -> Feature:
    shape = profiles.categorical_shape(codes, names)
    return Feature("word", "categorical", profiles.by_block(shape, codes, blocks, int(blocks.max()) + 1, names))


def test_a_profile_file_is_read_with_its_blocks():
    x, blocks = RNG.normal(size=60), np.repeat([0, 1, 2], 20)
    part = profiles.Numeric.of(profiles.numeric_shape(x), x)
    counts = profiles.by_block(part.shape, x, blocks, 3)
    content = profiles.Profile(60, {"x": part}).encode()
    content |= {"blocks": {"daysEach": 1, "starts": ["2013-01-01", "2013-01-02", "2013-01-03"], "rows": [20, 20, 20], "columns": {"x": counts.tolist()}}}
    found = Reference.decode(json.loads(json.dumps(content)))
    assert found.features[0].kind == "numeric"
    assert (found.features[0].counts == counts).all()
    assert str(found.starts[2]) == "2013-01-03T00:00:00"


def test_a_profile_without_times_is_one_block():
    x = RNG.normal(size=60)
    content = profiles.Profile(60, {"x": profiles.Numeric.of(profiles.numeric_shape(x), x)}).encode()
    assert Reference.decode(content).rows.tolist() == [60]


def test_the_slots_of_a_part_are_those_of_its_blocks():
    x = np.append(RNG.normal(size=50), [np.nan, np.inf])
    shape = profiles.numeric_shape(x)
    assert (reference.slots(profiles.Numeric.of(shape, x)) == profiles.by_block(shape, x, np.zeros(52, dtype=int), 1)[0]).all()
    codes, names = np.array([0, 0, 1, 2, -1]), ["a", "b", "c"]
    few = profiles.categorical_shape(codes, names, limit=1)
    assert (reference.slots(profiles.Categorical.of(few, codes, names)) == profiles.by_block(few, codes, np.zeros(5, dtype=int), 1, names)[0]).all()


@given(st.integers(1, 40), st.integers(1, 12))
def test_windows_never_overlap_and_hold_every_row_of_their_blocks(blocks, each):
    rows = np.arange(1, blocks + 1)
    windows = Reference(days(blocks), rows, (Feature("x", "numeric", rows[:, None]),)).windows(each)
    assert windows.rows.tolist() == [rows[start : start + each].sum() for start in range(0, blocks - each + 1, each)]
    assert (windows.features[0].counts[:, 0] == windows.rows).all()


def test_a_day_without_rows_is_no_window():
    rows = np.array([5, 0, 5])
    windows = Reference(days(3), rows, (Feature("x", "numeric", rows[:, None]),)).windows(1)
    assert windows.starts.tolist() == days(3)[[0, 2]].tolist()


BLOCKS = np.repeat(np.arange(120), 300)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("a date", BLOCKS.astype(float)),
        ("a running number", np.arange(len(BLOCKS), dtype=float)),
        ("a day of the month", BLOCKS % 30.0),
        ("a weekday, days beginning elsewhere", ((np.arange(len(BLOCKS)) + 60) // 300) % 7.0),
    ],
)
def test_what_tells_the_time_is_left_out(name, values):
    assert reference.unfit(Reference(days(120), np.full(120, 300), (numbers(values, BLOCKS, name),))).keys() == {name}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("noise", RNG.normal(size=len(BLOCKS))),
        ("an hour", RNG.integers(0, 24, len(BLOCKS)).astype(float)),
        ("a season that moves slowly", np.sin(BLOCKS / 58) + RNG.normal(0, 0.5, len(BLOCKS))),
        ("weather, one value an hour", np.repeat(RNG.normal(0, 3, 120), 300) + np.repeat(RNG.normal(0, 4, 120 * 10), 30)),
        ("a constant", np.ones(len(BLOCKS))),
    ],
)
def test_what_merely_moves_with_the_time_is_watched(name, values):
    assert not reference.unfit(Reference(days(120), np.full(120, 300), (numbers(values, BLOCKS, name),)))


def test_few_rows_a_day_do_not_make_noise_a_clock():
    values, blocks = RNG.normal(size=1200), np.repeat(np.arange(120), 10)
    assert reference.told_by_time(numbers(values, blocks)) < 0.3


def test_an_id_is_left_out_and_a_plane_is_not():
    rows, blocks = 3000, np.repeat(np.arange(30), 100)
    ids = words(np.arange(rows), blocks, [f"r{n}" for n in range(rows)])
    planes = words(RNG.integers(0, 400, rows), blocks, [f"N{n}" for n in range(400)])
    assert (reference.names_rows(ids), reference.names_rows(planes)) == (True, False)
    assert "id" in reference.unfit(Reference(days(30), np.full(30, 100), (ids,)))["word"]
