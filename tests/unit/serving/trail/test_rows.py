"""A row of the prediction log: what it holds, and what never gets that far."""

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.predictions import CONSTANTS, DTYPES, NOON, SIGNATURE, prediction, rows
from trimtab.store.model import Signature
from trimtab_serving.protocol import Request
from trimtab_serving.tensors import Reader, groups
from trimtab_serving.trail import arrays
from trimtab_serving.trail.rows import Prediction, Rows, complete


def logged(*predictions: Prediction, encoder: Rows | None = None) -> list[dict[str, Any]]:
    """The rows as a reader of the finished file sees them."""
    return complete(pa.Table.from_batches([(encoder or rows()).batch(predictions)])).to_pylist()


def test_a_row_says_who_answered_what_when_and_for_whom() -> None:
    (row,) = logged(prediction("order-7", distance=[2475.0], flight_id=["UA1"], event_time="2013-01-31T18:00:00+01:00"))
    assert row == {
        "time": NOON, "event_time": datetime(2013, 1, 31, 17, tzinfo=UTC), "request_id": "order-7", "row": 0,
        "in_distance": 2475.0, "in_temperature": 3.5, "in_carrier": "UA", "in_weekend": True, "ctx_flight_id": "UA1",
        "out_label": "late", "out_probability": [0.75, 0.25], "latency_us": 420,
        "model": "flights", "version": 7, "model_digest": "m" * 64, "dataset_digest": "d" * 64, "role": "Stable", "user": None, "pod": "pod-1",
    }  # fmt: skip


def test_rows_of_one_batch_keep_the_role_and_the_user_of_their_request() -> None:
    found = logged(prediction("a", distance=[1.0, 2.0])._replace(role="Candidate", user="u" * 32), prediction("b"))
    assert [(row["role"], row["user"]) for row in found] == [("Candidate", "u" * 32), ("Candidate", "u" * 32), ("Stable", None)]


def test_every_row_of_a_request_has_its_id_and_its_place() -> None:
    found = logged(prediction("a", distance=[1.0, 2.0, 3.0]), prediction("b"))
    assert [(row["request_id"], row["row"], row["in_distance"]) for row in found] == [("a", 0, 1.0), ("a", 1, 2.0), ("a", 2, 3.0), ("b", 0, 733.0)]


def test_what_is_missing_is_null_whatever_the_model_calls_it() -> None:
    (row,) = logged(prediction(temperature=[None], carrier=[None], weekend=[None]))
    assert (row["in_temperature"], row["in_carrier"], row["in_weekend"]) == (None, None, None)


def test_context_that_did_not_come_is_null_and_numbers_in_it_are_text() -> None:
    found = logged(prediction("a"), prediction("b", flight_id=[1545]))
    assert [row["ctx_flight_id"] for row in found] == [None, "1545"]


def test_what_is_excluded_has_no_column() -> None:
    (row,) = logged(prediction(flight_id=["UA1"]), encoder=rows(exclude=["carrier", "flight_id", "probability"]))
    assert not {"in_carrier", "ctx_flight_id", "out_probability"} & set(row)
    assert row["in_distance"] == 733.0


def test_what_is_hashed_can_be_told_apart_and_not_read() -> None:
    found = logged(prediction(carrier=["UA", "DL", "UA", None], flight_id=["a", "b", "c", "d"]), encoder=rows(hash=["carrier"]))
    first, second, third, missing = (row["in_carrier"] for row in found)
    assert (first == third, first == second, missing) == (True, False, None)
    assert len(first) == 32
    assert "UA" not in first


def test_one_value_has_one_hash_in_each_column_and_deployment() -> None:
    def hashed(deployment: str, column: str) -> str:
        from trimtab.api.documents import PredictionLog

        encoder = Rows(SIGNATURE, DTYPES, PredictionLog(hash=[column]), CONSTANTS | {"deployment": deployment})
        (row,) = logged(prediction(carrier=["x"], flight_id=["x"]), encoder=encoder)
        return str(row[f"{'in' if column == 'carrier' else 'ctx'}_{column}"])

    assert hashed("prod", "carrier") == hashed("prod", "carrier")
    assert len({hashed("prod", "carrier"), hashed("prod", "flight_id"), hashed("staging", "carrier")}) == 3


def test_a_name_that_is_no_column_is_known_as_such() -> None:
    assert rows(exclude=["carier"], hash=["distance"]).unknown == ["carier"]


def test_the_file_says_its_schema_and_the_models_signature() -> None:
    facts = complete(pa.Table.from_batches([rows().batch([prediction()])])).schema.metadata
    assert facts == {b"trimtab_schema": b"1", b"trimtab_signature": SIGNATURE.digest().encode()}


def test_a_model_with_one_wide_input_is_logged_as_lists() -> None:
    signature = Signature.model_validate({"inputs": [{"name": "x", "datatype": "FP32", "shape": [-1, 3]}], "outputs": [{"name": "y", "datatype": "INT64"}]})
    wide = {"name": "x", "shape": [2, 3], "datatype": "FP32", "data": [[1, 2, None], [4, 5, 6]]}
    request = Request("", Reader(signature, {"x": np.dtype("f4")}).read([wide]), ["y"])
    found = logged(Prediction(0, "r", request, [np.array([1, 0])], 1), encoder=rows(signature, {"x": np.dtype("f4")}))
    assert [(row["in_x"], row["out_y"]) for row in found] == [([1.0, 2.0, None], 1), ([4.0, 5.0, 6.0], 0)]


@pytest.mark.parametrize("type_", ["float16", "float32", "float64", "int8", "int64", "uint64", "bool"])
def test_every_type_of_number_that_a_model_takes_is_logged(type_: str) -> None:
    datatype = {"bool": "BOOL"}.get(type_, type_.upper().replace("FLOAT", "FP"))
    signature = Signature.model_validate({"inputs": [{"name": "x", "datatype": datatype}], "outputs": [{"name": "y", "datatype": datatype}]})
    dtypes = {"x": np.dtype(type_)}
    request = Request(
        "", Reader(signature, dtypes).read([{"name": "x", "shape": [2], "datatype": datatype, "data": [True, False] if datatype == "BOOL" else [1, 0]}]), ["y"]
    )
    found = logged(Prediction(0, "r", request, [np.array([1, 0], dtype=type_)], 1), encoder=rows(signature, dtypes))
    assert [(row["in_x"], row["out_y"]) for row in found] == [(1, 1), (0, 0)]


def test_columns_that_were_converted_together_keep_their_rows_and_may_be_hashed() -> None:
    given = [prediction("a", distance=[1.0, 2.0], temperature=[None, 5.0]), prediction("b", distance=[7.0])]
    assert groups(SIGNATURE, DTYPES) == [(np.dtype("f4"), ["distance", "temperature"])]
    found = logged(*given)
    assert [(row["request_id"], row["in_distance"], row["in_temperature"]) for row in found] == [("a", 1.0, None), ("a", 2.0, 5.0), ("b", 7.0, 3.5)]
    hashed = logged(*given, encoder=rows(hash=["distance"]))
    assert [row["in_temperature"] for row in hashed] == [None, 5.0, 3.5]
    assert len({row["in_distance"] for row in hashed}) == 3


MOMENT = st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2200, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (the zone comes beside)


@given(st.lists(st.one_of(st.none(), st.text()), max_size=50), st.lists(st.one_of(st.none(), st.booleans())), st.lists(st.one_of(st.none(), MOMENT)))
def test_arrays_hold_exactly_what_was_put_in(words: list[str | None], truths: list[bool | None], moments: list[datetime | None]) -> None:
    assert arrays.text(words).to_pylist() == words
    assert arrays.booleans(truths).to_pylist() == truths
    since = [None if each is None else (each - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1) for each in moments]
    assert arrays.times(since).to_pylist() == moments


def test_logging_loads_no_pandas_and_leaves_it_to_others() -> None:
    program = (
        "import sys; from support.predictions import *; import pyarrow as pa; from trimtab_serving.trail import arrays, upload, rows as r\n"
        "arrays.without_pandas(); table = r.complete(pa.Table.from_batches([rows().batch([prediction()])])); upload.parquet(table)\n"
        "list(upload.by_hour(table, table['time'])); print('pandas' in sys.modules); import pandas; print(len(pandas.DataFrame({'a': [1]})))"
    )
    repository = Path(__file__).parents[4]
    path = ":".join(str(repository / each) for each in ("operator", "serving", "tests"))
    said = subprocess.run([sys.executable, "-c", program], env={"PYTHONPATH": path}, stdout=subprocess.PIPE, text=True, check=True).stdout
    assert said.split() == ["False", "1"]
