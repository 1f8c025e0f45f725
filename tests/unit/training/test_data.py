"""A dataset version in memory: roles given, and what makes it unlearnable said."""

import pandas as pd
import pytest

from support.tables import facts, parts, table
from trimtab.api.documents import DatasetPointer
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.data import Data, arranged, nullable
from trimtab.store.model import MISSING

POINTER = DatasetPointer(name="flights", version=1, digest="d", manifest_digest="m", uri="s3://b/d")
FLIGHTS = table(400)


def data(flights: pd.DataFrame = FLIGHTS, label: str = "late", **changes) -> Data:
    return arranged(POINTER, facts(flights, label, **changes), parts(flights), None)


def test_the_newest_row_that_training_has_seen_is_remembered():
    found = data()
    assert found.trained_until == f"{parts(FLIGHTS)['validation']['sched_dep'].max().isoformat(timespec='microseconds')}Z"


def test_without_a_timestamp_nobody_knows_what_was_seen_when():
    assert data(timestamp=None, exclude=["delay", "sched_dep"]).trained_until is None


def test_classes_are_those_of_all_splits_and_a_value_has_none():
    assert data().classes == ("false", "true")
    assert data(label="delay").classes == ()


def test_what_was_left_out_is_said_in_a_sentence():
    flights = FLIGHTS.assign(landed=FLIGHTS["sched_dep"])
    assert data(flights).remarks() == [
        "Column landed is not a model input: a datetime is no model input; derive numbers from it (hour, weekday, age) in the source."
    ]


def test_a_label_that_is_constant_in_the_training_rows_is_refused():
    flights = FLIGHTS.assign(late=["false"] * 300 + ["true"] * 100)
    with pytest.raises(UserFault, match="the training rows of flights have the one label false") as told:
        data(flights)
    assert told.value.result.reason == "LabelConstant"


def test_a_split_without_rows_is_refused():
    tables = parts(FLIGHTS) | {"validation": FLIGHTS.iloc[:0]}
    with pytest.raises(UserFault, match="flights has no rows in validation"):
        arranged(POINTER, facts(FLIGHTS), tables, None)


def test_a_column_may_be_absent_where_training_saw_it_missing():
    found = data()
    assert nullable(found.roles.features, found.rows, MISSING) == {"carrier", "hour"}
