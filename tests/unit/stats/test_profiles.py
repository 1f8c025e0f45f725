"""Profiles add up: the sum of the parts is the profile of the whole, whatever the parts."""

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stnp

from trimtab.stats import profiles
from trimtab.stats.profiles import Categorical, CategoricalShape, Cross, Numeric, Profile

VALUES = st.floats(width=32, min_value=-1e6, max_value=1e6) | st.sampled_from([float("nan"), float("inf"), float("-inf"), 0.0, 0.0, 1.0])
COLUMNS = stnp.arrays(np.float64, st.integers(0, 200), elements=VALUES)
CODES = stnp.arrays(np.int64, st.integers(1, 200), elements=st.integers(-1, 9))
NAMES = [f"c{n}" for n in range(10)]


def cut(x: np.ndarray, at: int) -> tuple[np.ndarray, np.ndarray]:
    return x[: at % (len(x) + 1)], x[at % (len(x) + 1) :]


@settings(max_examples=150, deadline=None)
@given(COLUMNS, COLUMNS, st.integers(0, 500))
def test_two_numeric_parts_add_up_to_the_whole(reference: np.ndarray, x: np.ndarray, at: int) -> None:
    shape = profiles.numeric_shape(reference)
    first, second = (Numeric.of(shape, part) for part in cut(x, at))
    whole, total = Numeric.of(shape, x), first + second
    assert (total.bins == whole.bins).all()
    assert (total.missing, total.nonfinite, total.count) == (whole.missing, whole.nonfinite, whole.count)
    assert total.total == pytest.approx(whole.total, rel=1e-9, abs=1e-6)
    assert total.squares == pytest.approx(whole.squares, rel=1e-9, abs=1e-6)


@settings(max_examples=150, deadline=None)
@given(COLUMNS)
def test_every_row_is_counted_once_in_at_most_32_bins(x: np.ndarray) -> None:
    part = Numeric.of(profiles.numeric_shape(x), x)
    assert part.count + part.missing + part.nonfinite == len(x)
    assert len(part.bins) <= profiles.BINS
    assert (np.diff(part.shape.edges) > 0).all()


@settings(max_examples=150, deadline=None)
@given(COLUMNS, COLUMNS)
def test_each_value_is_in_the_bin_whose_edges_are_around_it(reference: np.ndarray, x: np.ndarray) -> None:
    """Value by value: at an edge it belongs above."""
    shape = profiles.numeric_shape(reference)
    expected = [0] * (len(shape.edges) + 1)
    for value in x[np.isfinite(x)]:
        expected[sum(edge <= value for edge in shape.edges)] += 1
    assert Numeric.of(shape, x).bins.tolist() == expected


@settings(max_examples=100, deadline=None)
@given(stnp.arrays(np.float64, st.integers(1, 200), elements=st.floats(-1e4, 1e4, width=32)))
def test_mean_and_m2_are_those_of_the_values(x: np.ndarray) -> None:
    part = Numeric.of(profiles.numeric_shape(x), x)
    assert part.mean == pytest.approx(x.mean(), rel=1e-6, abs=1e-6)
    assert part.m2 == pytest.approx(((x - x.mean()) ** 2).sum(), rel=1e-5, abs=1e-2)


def test_quantile_edges_make_bins_of_equal_count() -> None:
    x = np.random.default_rng(0).normal(size=32_000)
    assert set(Numeric.of(profiles.numeric_shape(x), x).bins.tolist()) <= set(range(990, 1011))


def test_a_spike_has_a_bin_of_its_own() -> None:
    x = np.concatenate([np.full(500, 7.0), np.random.default_rng(0).uniform(0, 10, 500)])
    part = Numeric.of(profiles.numeric_shape(x), x)
    assert 500 in part.bins
    assert Numeric.of(part.shape, np.array([7.0])).bins.tolist().index(1) == part.bins.tolist().index(500)


def test_a_value_falls_into_the_same_bin_as_float64_and_as_float32() -> None:
    x = np.full(100, 0.1)
    shape = profiles.numeric_shape(x)
    assert (Numeric.of(shape, x).bins == Numeric.of(shape, x.astype(np.float32)).bins).all()


@settings(max_examples=100, deadline=None)
@given(CODES, CODES, st.integers(0, 500))
def test_two_categorical_parts_add_up_to_the_whole(reference: np.ndarray, codes: np.ndarray, at: int) -> None:
    shape = profiles.categorical_shape(reference, NAMES, limit=4)
    first, second = (Categorical.of(shape, part, NAMES) for part in cut(codes, at))
    whole, total = Categorical.of(shape, codes, NAMES), first + second
    assert (total.counts == whole.counts).all()
    assert (total.other, total.missing) == (whole.other, whole.missing)
    assert total.counts.sum() + total.other + total.missing == len(codes)


def test_the_most_common_categories_are_named_and_the_rest_is_other() -> None:
    codes = np.array([0, 1, 1, 2, 2, 2, -1])
    shape = profiles.categorical_shape(codes, ["a", "b", "c"], limit=2)
    assert shape.categories == ("c", "b")
    part = Categorical.of(shape, codes, ["a", "b", "c"])
    assert (part.counts.tolist(), part.other, part.missing) == ([3, 2], 1, 1)


def test_a_category_never_seen_in_the_reference_is_other() -> None:
    part = Categorical.of(CategoricalShape(("a",)), np.array([0, 1]), ["new", "a"])
    assert (part.counts.tolist(), part.other) == ([1], 1)


@settings(max_examples=50, deadline=None)
@given(stnp.arrays(np.float64, st.tuples(st.integers(0, 50), st.just(3)), elements=VALUES), st.integers(0, 100))
def test_cross_products_add_up_and_missing_values_count_as_the_center(X: np.ndarray, at: int) -> None:
    names, centers = ["a", "b", "c"], [0.0, 1.0, -1.0]
    first, second = (Cross.of(names, centers, part) for part in cut(X, at))
    filled = np.where(np.isfinite(X), X, centers) - centers
    assert (first + second).products == pytest.approx(filled.T @ filled, rel=1e-9, abs=1e-6)


@settings(max_examples=100, deadline=None)
@given(COLUMNS, CODES, st.integers(1, 5))
def test_blocks_add_up_to_the_whole(x: np.ndarray, codes: np.ndarray, count: int) -> None:
    shape = profiles.numeric_shape(x)
    by_block = profiles.by_block(shape, x, np.arange(len(x)) % count, count)
    whole = Numeric.of(shape, x)
    assert by_block.sum(axis=0).tolist() == [*whole.bins.tolist(), whole.nonfinite, whole.missing]
    named = profiles.categorical_shape(codes, NAMES, limit=3)
    parts = profiles.by_block(named, codes, np.arange(len(codes)) % count, count, NAMES)
    total = Categorical.of(named, codes, NAMES)
    assert parts.sum(axis=0).tolist() == [*total.counts.tolist(), total.other, total.missing]


def test_a_profile_survives_json_and_adds_up_afterwards() -> None:
    x, codes = np.array([1.0, 2.0, np.nan, np.inf]), np.array([0, 1, -1, 0])
    numeric = Numeric.of(profiles.numeric_shape(x), x)
    categorical = Categorical.of(profiles.categorical_shape(codes, ["a", "b"]), codes, ["a", "b"])
    profile = Profile(4, {"x": numeric, "c": categorical}, Cross.of(["x"], [1.5], x[:, None]))
    again = Profile.decode(json.loads(json.dumps(profile.encode(), allow_nan=False)))
    double = profile + again
    assert double.rows == 8
    assert double.encode() == (again + profile).encode()


def test_profiles_of_different_shapes_do_not_add_up() -> None:
    x, y = np.array([1.0, 2.0]), np.array([3.0, 4.0])
    with pytest.raises(ValueError, match="different shapes"):
        Numeric.of(profiles.numeric_shape(x), x) + Numeric.of(profiles.numeric_shape(y), y)


def test_a_column_without_values_has_one_bin_and_no_mean() -> None:
    part = Numeric.of(profiles.numeric_shape(np.array([np.nan])), np.array([np.nan]))
    assert (part.bins.tolist(), part.missing) == ([0], 1)
    assert np.isnan(part.mean)
