"""What is broken is named, and is not drift."""

import numpy as np
import pytest

from trimtab.stats.faults import faults, schema_changes
from trimtab.stats.reference import Feature, Reference


def days(*features: Feature) -> Reference:
    count = len(features[0].counts)
    return Reference(np.datetime64("2013-01-01") + np.arange(count), features[0].counts.sum(axis=1), features)


USUAL = np.array([[40, 50, 0, 10], [55, 40, 0, 5], [45, 55, 0, 0]])
"""Three windows of two bins, none infinite, at most 10% missing."""


@pytest.mark.parametrize(
    ("live", "names"),
    [
        ([45, 50, 0, 5], []),
        ([42, 43, 0, 15], []),  # five points above the worst is still allowed
        ([42, 42, 0, 16], ["NullFlood"]),
        ([0, 0, 0, 100], ["NullFlood"]),
        ([100, 0, 0, 0], ["FrozenColumn"]),
        ([70, 0, 0, 30], ["NullFlood", "FrozenColumn"]),
    ],
)
def test_numbers(live, names):
    assert [each.name for each in faults(days(Feature("temp", "numeric", USUAL)), {"temp": np.array(live)})] == names


@pytest.mark.parametrize(("live", "names"), [([45, 50, 5, 0], []), ([45, 45, 10, 0], ["UnseenCategories"]), ([50, 50, 0, 0], [])])
def test_categories(live, names):
    assert [each.name for each in faults(days(Feature("carrier", "categorical", USUAL)), {"carrier": np.array(live)})] == names


def test_a_column_that_was_always_constant_is_not_frozen():
    still = np.array([[100, 0, 0, 0], [90, 0, 0, 0]])
    assert not faults(days(Feature("year", "numeric", still)), {"year": np.array([80, 0, 0, 0])})


def test_a_column_with_gaps_of_whole_days_may_have_another():
    gaps = np.array([[50, 50, 0, 0], [0, 0, 0, 100]])
    assert not faults(days(Feature("gust", "numeric", gaps)), {"gust": np.array([0, 0, 0, 100])})


def test_a_fault_says_where_and_how_much():
    found = faults(days(Feature("temp", "numeric", USUAL)), {"temp": np.array([30, 30, 0, 40])})
    assert found[0].detail == "40% of temp is missing; in the reference it was at most 10%."


def test_a_column_that_is_gone_or_another_is_a_change_of_schema_and_a_new_one_is_not():
    found = schema_changes(
        {"temp": "numeric", "wind": "numeric", "carrier": "categorical"}, {"temp": "categorical", "carrier": "categorical", "dew": "numeric"}
    )
    assert [(each.name, each.column) for each in found] == [("SchemaChanged", "wind"), ("SchemaChanged", "temp")]
