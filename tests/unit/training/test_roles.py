"""Which columns a model learns from, and how they look to it."""

import numpy as np
import pandas as pd
import pytest

from support.tables import facts, table
from trimtab.jobs.training.roles import Roles, datatype_of_label, frame, labels, roles_of, times
from trimtab.store.model import MISSING

DATA = table(50)


def roles(data: pd.DataFrame = DATA, label: str = "late", **changes) -> Roles:
    return roles_of(facts(data, label, **changes), data)


def of_label(values: list, kind: str) -> list:
    data = DATA.iloc[: len(values)].assign(late=values)
    found = roles(data)
    return labels(data, Roles(**{**vars(found), "label_type": kind})).tolist()


def test_label_timestamp_id_and_excluded_columns_are_never_inputs():
    assert roles().features == ("carrier", "hour", "distance", "weekend")
    assert roles(exclude=["delay", "hour"]).features == ("carrier", "distance", "weekend")


def test_numbers_and_words_are_told_apart():
    found = roles()
    assert (found.numeric, found.categorical, found.boolean) == (("hour", "distance"), ("carrier", "weekend"), ("weekend",))


def test_a_datetime_is_left_out_and_said_so():
    found = roles(DATA.assign(landed=DATA["sched_dep"]))
    assert "landed" not in found.features
    assert "no model input" in found.left_out["landed"]
    assert found.context == ("flight_id", "sched_dep", "landed")


def test_an_excluded_column_by_which_features_are_joined_is_context():
    found = roles_of(facts(DATA, "late", exclude=["delay", "hour"]) | {"features": [{"name": "weather", "entities": ["hour", "carrier"]}]}, DATA)
    assert found.context == ("flight_id", "sched_dep", "hour")


def test_a_column_without_a_value_is_left_out_and_said_so():
    assert "no value" in roles(DATA.assign(empty=np.nan)).left_out["empty"]


def test_numbers_become_float32_with_nan_where_missing():
    data = pd.DataFrame({"hour": pd.array([1, None, 3], dtype="Int64")})
    found = frame(data, Roles("classification", "late", "boolean", None, ("hour",), ("hour",), ()))
    assert found["hour"].dtype == np.float32
    assert found["hour"].isna().tolist() == [False, True, False]


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e300])
def test_what_float32_cannot_hold_is_missing(value):
    found = frame(pd.DataFrame({"hour": [value]}), Roles("classification", "late", "boolean", None, ("hour",), ("hour",), ()))
    assert found["hour"].isna().all()


def test_words_and_booleans_are_text_and_the_missing_have_a_name():
    found = frame(pd.DataFrame({"carrier": ["AA", None], "weekend": pd.Series([True, None], dtype=object)}), roles_for_words())
    assert found["carrier"].tolist() == ["AA", MISSING]
    assert found["weekend"].tolist() == ["true", MISSING]
    assert found["carrier"].dtype == object


def test_booleans_of_numpy_and_pandas_are_spelled_alike():
    for values in (np.array([True, False]), pd.array([True, False], dtype="boolean")):
        assert frame(pd.DataFrame({"carrier": ["a", "b"], "weekend": values}), roles_for_words())["weekend"].tolist() == ["true", "false"]


def test_columns_keep_the_sources_order():
    assert list(frame(DATA, roles()).columns) == ["carrier", "hour", "distance", "weekend"]


def test_whole_numbers_are_classes_as_they_are():
    assert of_label([0, 1, 1], "numeric") == [0, 1, 1]
    assert of_label([0.0, 1.0], "numeric") == [0, 1]


def test_other_labels_are_words():
    assert of_label([True, False], "boolean") == ["true", "false"]
    assert of_label(["yes", "no"], "categorical") == ["yes", "no"]
    assert of_label([0.5, 1.5], "numeric") == ["0.5", "1.5"]


def test_a_value_to_predict_keeps_its_precision():
    assert labels(DATA, roles(label="delay")).dtype == np.float64


def test_times_are_utc_without_a_zone():
    data = DATA.assign(sched_dep=pd.to_datetime(DATA["sched_dep"]).dt.tz_localize("Europe/Berlin"))
    assert times(data, roles())[0] == np.datetime64(data["sched_dep"].iloc[0].tz_convert("UTC").tz_localize(None))
    assert times(DATA, Roles("classification", "late", "boolean", None, (), (), ())) is None


def test_the_datatype_of_a_label_follows_its_classes():
    assert datatype_of_label((0, 1)) == "INT64"
    assert datatype_of_label(("false", "true")) == "BYTES"


def roles_for_words() -> Roles:
    return Roles("classification", "late", "boolean", None, ("carrier", "weekend"), (), ("carrier", "weekend"), ("weekend",))
