"""What a request may look like, and the sentence for each way in which it may not."""

import json
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trimtab.store.model import MISSING, Input, Signature
from trimtab_serving.errors import Refusal
from trimtab_serving.protocol import Protocol

SIGNATURE = Signature.model_validate(
    {
        "inputs": [
            {"name": "distance", "datatype": "FP32"},
            {"name": "temperature", "datatype": "FP32", "optional": True},
            {"name": "carrier", "datatype": "BYTES"},
            {"name": "weekend", "datatype": "BOOL"},
        ],
        "context": ["flight_id"],
        "outputs": [{"name": "label", "datatype": "BYTES"}, {"name": "probability", "datatype": "FP64", "shape": [-1, 2], "classes": ["late", "punctual"]}],
    }
)
DTYPES = {"distance": np.dtype("f4"), "temperature": np.dtype("f4"), "carrier": np.dtype(object), "weekend": np.dtype(object)}
FLIGHTS = Protocol(SIGNATURE, DTYPES, "flights", "7", {"model_digest": "abc"})
MIXED = Protocol(
    SIGNATURE.model_copy(update={"inputs": [*SIGNATURE.inputs, Input(name="wide", datatype="FP32", shape=[-1, 2]), Input(name="whole", datatype="INT64")]}),
    DTYPES | {"wide": np.dtype("f8"), "whole": np.dtype("i8")}, "mixed", "1", {},
)  # fmt: skip


def only(*names: str, datatype: str = "FP32", dtype: str = "f4") -> Protocol:
    """A protocol of a model with these numeric inputs."""
    signature = Signature.model_validate(
        {"inputs": [{"name": name, "datatype": datatype} for name in names], "outputs": [{"name": "prediction", "datatype": "FP64"}]}
    )
    return Protocol(signature, {name: np.dtype(dtype) for name in names}, "m", "1", {})


def tensor(name: str, data: list[Any], datatype: str = "FP32", shape: list[Any] | None = None) -> dict[str, Any]:
    return {"name": name, "shape": [len(data)] if shape is None else shape, "datatype": datatype, "data": data}


def flight(**changes: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Two good rows, with some tensors changed or, where None, left out."""
    good = {
        "distance": tensor("distance", [733.0, 2475.0]),
        "temperature": tensor("temperature", [3.5, None]),
        "carrier": tensor("carrier", ["UA", "DL"], "BYTES"),
        "weekend": tensor("weekend", [True, False], "BOOL"),
    }
    return [each for each in (good | changes).values() if each is not None]


def decode(inputs: Any, protocol: Protocol = FLIGHTS, **more: Any) -> Any:
    return protocol.decode(json.dumps({"inputs": inputs, **more}).encode())


def refused(inputs: Any, protocol: Protocol = FLIGHTS, **more: Any) -> str:
    with pytest.raises(Refusal) as caught:
        decode(inputs, protocol, **more)
    assert caught.value.status == 400
    return caught.value.sentence


def test_a_request_becomes_one_column_an_input_in_the_signatures_order() -> None:
    request = decode(list(reversed(flight())))
    assert list(request.inputs.columns()) == ["distance", "temperature", "carrier", "weekend"]
    assert request.rows == 2
    assert request.inputs.columns()["distance"].dtype == np.float32
    assert request.inputs.columns()["distance"].tolist() == [[733.0], [2475.0]]
    assert request.inputs.columns()["carrier"].tolist() == [["UA"], ["DL"]]


def test_booleans_are_the_words_that_training_used() -> None:
    assert decode(flight()).inputs.columns()["weekend"].tolist() == [["true"], ["false"]]


def test_null_is_a_missing_value_in_every_kind_of_column() -> None:
    columns = decode(flight(carrier=tensor("carrier", [None, ""], "BYTES"), weekend=tensor("weekend", [None, True], "BOOL"))).inputs.columns()
    assert math.isnan(columns["temperature"][1, 0])
    assert columns["carrier"].tolist() == [[MISSING], [MISSING]]
    assert columns["weekend"].tolist() == [[MISSING], ["true"]]


def test_an_optional_tensor_may_be_absent_and_is_missing_in_every_row() -> None:
    assert np.isnan(decode(flight(temperature=None)).inputs.columns()["temperature"]).all()


def test_nan_literals_are_read_as_null() -> None:
    body = json.dumps({"inputs": flight(temperature=tensor("temperature", [float("nan"), 1.0]))}).encode()
    assert b"NaN" in body
    assert math.isnan(FLIGHTS.decode(body).inputs.columns()["temperature"][0, 0])


def test_a_category_that_training_never_saw_goes_to_the_model_as_it_is() -> None:
    assert decode(flight(carrier=tensor("carrier", ["ZZ", "UA"], "BYTES"))).inputs.columns()["carrier"].tolist() == [["ZZ"], ["UA"]]


def test_context_columns_are_accepted_and_never_reach_the_model() -> None:
    assert "flight_id" not in decode([*flight(), tensor("flight_id", ["a", "b"], "BYTES")]).inputs.columns()


@pytest.mark.parametrize("datatype", ["FP32", "FP64", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64"])
def test_numbers_come_in_any_numeric_datatype(datatype: str) -> None:
    assert decode(flight(distance=tensor("distance", [1, 2], datatype))).inputs.columns()["distance"].tolist() == [[1.0], [2.0]]


def test_booleans_may_stand_for_numbers() -> None:
    assert decode(flight(distance=tensor("distance", [True, False], "BOOL"))).inputs.columns()["distance"].tolist() == [[1.0], [0.0]]


def test_columns_may_be_nested_or_flat() -> None:
    nested = tensor("distance", [[1.0], [2.0]], shape=[2, 1])
    assert decode(flight(distance=nested)).inputs.columns()["distance"].tolist() == [[1.0], [2.0]]


@pytest.mark.parametrize("data", [[1.0, 2.0, 3.0, 4.0], [[1.0, 2.0], [3.0, 4.0]]])
def test_one_tensor_may_carry_all_numeric_columns_in_the_signatures_order(data: list[Any]) -> None:
    columns = decode([tensor("input-0", data, shape=[2, 2])], only("a", "b")).inputs.columns()
    assert columns["a"].tolist() == [[1.0], [3.0]]
    assert columns["b"].tolist() == [[2.0], [4.0]]


def test_one_tensor_may_name_its_columns() -> None:
    named = tensor("rows", [1.0, 2.0], shape=[1, 2]) | {"parameters": {"columns": ["b", "a"]}}
    columns = decode([named], only("a", "b")).inputs.columns()
    assert (columns["a"][0, 0], columns["b"][0, 0]) == (2.0, 1.0)


def test_whole_number_models_take_whole_numbers() -> None:
    columns = decode([tensor("a", [2**60 + 1], "INT64")], only("a", datatype="INT64", dtype="i8")).inputs.columns()
    assert columns["a"].tolist() == [[2**60 + 1]]


def test_event_time_is_read() -> None:
    time = decode(flight(), parameters={"event_time": "2013-01-31T18:00:00Z"}).event_time
    assert time is not None
    assert time.isoformat() == "2013-01-31T18:00:00+00:00"


def test_the_outputs_asked_for_are_given_in_that_order_and_all_without_asking() -> None:
    assert list(decode(flight()).wanted) == ["label", "probability"]
    assert list(decode(flight(), outputs=[{"name": "probability"}]).wanted) == ["probability"]


SENTENCES = [
    (flight(distance=None), "tensor distance (FP32): expected, not found."),
    (flight(distance=tensor("distanse", [1, 2])), "tensor 'distanse' is not an input of this model; did you mean distance?"),
    (flight(distance=tensor("distance", ["a", "b"], "BYTES")), "tensor distance: expected datatype FP32, found 'BYTES'."),
    (flight(distance=tensor("distance", ["a", "b"])), "tensor distance: expected numbers for datatype FP32, found 'a' at position 0."),
    (flight(distance=tensor("distance", [1, 2.5], "INT64")), "tensor distance: expected whole numbers for datatype INT64, found 2.5 at position 1."),
    (flight(distance=tensor("distance", [1, True])), "tensor distance: expected numbers for datatype FP32, found True at position 1."),
    (flight(distance=tensor("distance", [1, 2, 3])), "tensor temperature: expected 3 rows as in distance, found 2."),
    (flight(distance=tensor("distance", [1, 2], shape=[3])), "tensor distance: expected 3 values for shape [3], found 2."),
    (flight(distance=tensor("distance", [1, 2], shape=[1, 2])), "tensor distance: expected shape [n, 1], found [1, 2]."),
    (flight(distance=tensor("distance", [], shape=[0])), "tensor distance: expected shape [n, 1] with one row or more, found [0]."),
    (flight(distance=tensor("distance", [1, 2], shape=[2.0])), "tensor distance: expected shape [n, 1] with one row or more, found [2.0]."),
    (flight(distance=tensor("distance", [1, 2]) | {"shape": "2"}), "tensor distance: expected shape [n, 1] with one row or more, found '2'."),
    (flight(distance=tensor("distance", [1, 2]) | {"data": 5}), "tensor distance: expected data as a list, found 5."),
    (flight(distance=tensor("distance", [[1, 2], [3]], shape=[2])), "tensor distance: expected 2 values for shape [2], found 3."),
    (flight(distance=tensor("distance", [1e39, 1])), "tensor distance: expected a number within the range of FP32, found 1e+39 at position 0."),
    (flight(carrier=tensor("carrier", [5, 6], "INT64")), "tensor carrier: expected datatype BYTES, found 'INT64'."),
    (flight(carrier=tensor("carrier", ["UA", 6], "BYTES")), "tensor carrier: expected text for datatype BYTES, found 6 at position 1."),
    (flight(weekend=tensor("weekend", [0, 1], "BOOL")), "tensor weekend: expected true or false for datatype BOOL, found 0 at position 0."),
    ([*flight(), tensor("distance", [1, 2])], "tensor distance: expected once, found twice."),
    (
        [tensor("x", [1, 2, 3, 4], shape=[1, 4])],
        "tensor 'x': one tensor for all columns works where all inputs are numbers, and carrier is BYTES; send one tensor a column.",
    ),
    ([5], "inputs: expected tensors with name, shape, datatype and data, found 5."),
    ([{"name": ["a"]}], "tensor ['a'] is not an input of this model"),
    ([], "inputs: expected a list of tensors, found []."),
    (None, "inputs: expected a list of tensors, found nothing."),
    ([*flight(), tensor("flight_id", [1, 2], "TEXT")], "tensor flight_id: expected datatype of the protocol, found 'TEXT'."),
]


@pytest.mark.parametrize(("inputs", "sentence"), SENTENCES, ids=[sentence[:60] for _, sentence in SENTENCES])
def test_a_request_that_does_not_fit_is_told_why(inputs: Any, sentence: str) -> None:
    assert refused(inputs).startswith(sentence)


def test_a_matrix_of_the_wrong_width_is_told_the_columns() -> None:
    assert refused([tensor("x", [1.0] * 3, shape=[1, 3])], only("a", "b")) == "tensor 'x': expected shape [n, 2] with the columns a, b, found [1, 3]."


def test_a_model_that_knows_no_missing_number_says_so() -> None:
    sentence = refused([tensor("a", [1, None], "INT64")], only("a", datatype="INT64", dtype="i8"))
    assert sentence == "tensor a: expected a value everywhere, found null at position 1; this model knows no missing INT64."


def test_a_whole_number_out_of_range_is_refused() -> None:
    assert "within the range of INT32, found 2147483648" in refused([tensor("a", [2**31], "INT64")], only("a", datatype="INT32", dtype="i4"))


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        (b"{", "The body: expected JSON, found an error at line 1, column"),
        (b"[]", "The body: expected a JSON object"),
        (b'{"inputs": [Infinity]}', "The body: expected JSON, found an error"),
        (b'{"inputs": [NaN, Infinity]}', "The body: expected JSON, found an error"),
        (b"", "The body: expected JSON"),
        (b"NaN" + b"[" * 100_000, "The body: expected JSON"),
        (b"\xff\xfe", "The body: expected JSON"),
    ],
)
def test_a_body_that_is_not_json_is_told_where(body: bytes, sentence: str) -> None:
    with pytest.raises(Refusal, match="The body") as caught:
        FLIGHTS.decode(body)
    assert caught.value.sentence.startswith(sentence)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"id": 5}, "id: expected text of at most 128 characters, found 5."),
        ({"id": "x" * 129}, "id: expected text of at most 128 characters"),
        ({"parameters": 5}, "parameters: expected a JSON object, found 5."),
        ({"parameters": {"event_time": "yesterday"}}, "parameters.event_time: expected a time with zone such as 2013-01-31T18:00:00Z, found 'yesterday'."),
        ({"parameters": {"event_time": "2013-01-31T18:00:00"}}, "parameters.event_time: expected a time with zone"),
        (
            {"outputs": [{"name": "probabilty"}]},
            "outputs: 'probabilty' is not an output of this model; did you mean probability? The model gives label, probability.",
        ),
        ({"outputs": [5]}, "outputs: 5 is not an output of this model."),
    ],
)
def test_what_stands_beside_the_inputs_is_checked_too(more: dict[str, Any], sentence: str) -> None:
    assert refused(flight(), **more).startswith(sentence)


def test_an_answer_names_model_version_digest_and_id() -> None:
    body = FLIGHTS.encode("id-1", ["label"], [np.array(["late"], dtype=object)])
    assert json.loads(body) == {
        "model_name": "flights", "model_version": "7", "id": "id-1", "parameters": {"model_digest": "abc"},
        "outputs": [{"name": "label", "datatype": "BYTES", "shape": [1], "data": ["late"]}],
    }  # fmt: skip


def test_a_nan_in_an_answer_is_null() -> None:
    body = FLIGHTS.encode("", ["probability"], [np.array([[np.nan, 1.0]], dtype=np.float32)])
    assert json.loads(body)["outputs"][0]["data"] == [None, 1.0]


def test_a_prediction_of_one_column_is_a_vector() -> None:
    body = only("a").encode("", ["prediction"], [np.array([[1.0], [2.0]], dtype=np.float32)])
    assert json.loads(body)["outputs"][0] == {"name": "prediction", "datatype": "FP64", "shape": [2], "data": [1.0, 2.0]}


def test_labels_that_are_numbers_or_booleans_inside_are_text_where_the_signature_says_so() -> None:
    for found, words in ((np.array([1, 2]), ["1", "2"]), (np.array([True, False]), ["true", "false"])):
        assert json.loads(FLIGHTS.encode("", ["label"], [found]))["outputs"][0]["data"] == words


NUMBER = st.one_of(st.none(), st.floats(width=32, allow_nan=False, allow_infinity=False))
WORD = st.one_of(st.none(), st.text(max_size=8).filter(lambda text: text.isprintable()))
ROW = st.tuples(NUMBER, NUMBER, WORD, st.one_of(st.none(), st.booleans()))


@given(st.lists(ROW, min_size=1, max_size=80))
def test_every_value_a_client_writes_reaches_its_own_row_and_column(rows: list[tuple[Any, ...]]) -> None:
    distance, temperature, carrier, weekend = (list(column) for column in zip(*rows, strict=True))
    columns = decode(
        flight(
            distance=tensor("distance", distance),
            temperature=tensor("temperature", temperature),
            carrier=tensor("carrier", carrier, "BYTES"),
            weekend=tensor("weekend", weekend, "BOOL"),
        )
    ).inputs.columns()
    for name, sent in (("distance", distance), ("temperature", temperature)):
        assert np.array_equal(columns[name][:, 0], np.array([math.nan if value is None else value for value in sent], dtype=np.float32), equal_nan=True)
    assert columns["carrier"][:, 0].tolist() == [value or MISSING for value in carrier]
    assert columns["weekend"][:, 0].tolist() == [MISSING if value is None else str(value).lower() for value in weekend]


SENT = {
    "FP32": st.floats(width=32, allow_nan=False),
    "FP64": st.floats(allow_nan=False),
    "INT64": st.integers(-(2**70), 2**70),
    "UINT8": st.integers(0, 255),
    "BOOL": st.booleans(),
    "BYTES": st.text(max_size=3),
}

USUAL = {"carrier": "BYTES", "weekend": "BOOL", "flight_id": "BYTES", "whole": "INT64"}


@st.composite
def tensors(draw: Any) -> list[dict[str, Any]]:
    """All right but for one at most, which may have another type, shape, number of values or nest, a null, or be there twice or not at all."""
    rows = draw(st.integers(1, 4))
    names = ["distance", "temperature", "carrier", "weekend", "flight_id", "wide", "whole"]
    odd = draw(st.sampled_from([*names, ""]))
    return [each for name in draw(st.permutations(names)) for each in (draw(odd_tensor(name, rows)) if name == odd else [draw(usual_tensor(name, rows))])]


def usual_tensor(name: str, rows: int) -> st.SearchStrategy[dict[str, Any]]:
    datatype, count = USUAL.get(name, "FP32"), rows * (2 if name == "wide" else 1)
    shape = [rows, 2] if name == "wide" else [rows]
    return st.lists(SENT[datatype], min_size=count, max_size=count).map(lambda data: tensor(name, data, datatype, shape))


@st.composite
def odd_tensor(draw: Any, name: str, rows: int) -> list[dict[str, Any]]:
    datatype, count = draw(st.sampled_from([USUAL.get(name, "FP32"), *SENT])), rows * draw(st.sampled_from([1, 2]))
    value = SENT[draw(st.sampled_from([datatype, datatype, *SENT]))]
    data = draw(st.lists(st.one_of(value, value, st.none()) if draw(st.booleans()) else value, min_size=count, max_size=count))
    shape = draw(st.sampled_from([[rows], [rows, 1], [rows, 2], [rows + 1], [0], []]))
    nested = draw(st.sampled_from([data, [[each] for each in data], [data], [*data[1:], [data[0]]]]))
    return [tensor(name, nested, datatype, shape)] * draw(st.sampled_from([1, 1, 1, 0, 2]))


def both_ways(inputs: Any) -> tuple[Any, Any]:
    """What the quick way finds, None where it gives up, and what the careful way finds, None where it refuses."""
    body = json.dumps({"inputs": inputs}).encode()
    quick = MIXED._quickly(body)
    try:
        careful = MIXED._carefully(body)
    except Refusal:
        careful = None
    return quick and quick[1], careful and careful[1]


def same(one: Any, other: Any) -> bool:
    columns, others = one.columns(), other.columns()
    return (one.rows, one.context, list(columns)) == (other.rows, other.context, list(others)) and all(
        columns[name].dtype == others[name].dtype and np.array_equal(columns[name], others[name], equal_nan=columns[name].dtype.kind == "f") for name in columns
    )


@settings(max_examples=1000)
@given(tensors())
def test_the_quick_way_finds_what_the_careful_one_does_and_accepts_no_more(inputs: list[dict[str, Any]]) -> None:
    quick, careful = both_ways(inputs)
    assert quick is None or (careful is not None and same(quick, careful))


def test_the_quick_way_takes_all_usual_requests() -> None:
    usual = [*flight(), tensor("wide", [[1, 2], [3, 4]], shape=[2, 2]), tensor("whole", [1, 2], "INT64"), tensor("flight_id", ["a", "b"], "BYTES")]
    assert both_ways(usual)[0] is not None
    assert both_ways([each for each in usual if each["name"] != "temperature"])[0] is not None
    assert both_ways([each | {"datatype": "INT32"} if each["name"] == "distance" else each for each in usual if each["name"] != "distance"])[0] is None


@pytest.mark.parametrize("named", [{}, {"parameters": {"columns": ["b", "a"]}}])
def test_the_quick_way_takes_all_columns_in_one_tensor(named: dict[str, Any]) -> None:
    body = json.dumps({"inputs": [tensor("input-0", [[1.0, 2.0], [3.0, 4.0]], shape=[2, 2]) | named]}).encode()
    protocol = only("a", "b")
    quick = protocol._quickly(body)
    assert quick is not None
    assert same(quick[1], protocol._carefully(body)[1])


def test_one_tensor_for_all_columns_is_no_way_to_send_inputs_of_many_values() -> None:
    inputs = [Input(name="x", datatype="FP32", shape=[-1, 3]), Input(name="z", datatype="FP32")]
    protocol = Protocol(SIGNATURE.model_copy(update={"inputs": inputs}), {"x": np.dtype("f4"), "z": np.dtype("f4")}, "m", "1", {})
    assert refused([tensor("all", [1, 2, 3, 4], shape=[2, 2])], protocol).startswith("tensor x: expected shape [n, 3], found [2].")


def test_deep_nests_in_long_columns_are_read_once() -> None:
    """Level by level this body of 60 KB would hold the loop for seconds."""
    deep: Any = 1.0
    for _ in range(900):
        deep = [deep]
    data = [deep, *[2.0] * 30_000]
    assert len(data) == len(only("a")._carefully(json.dumps({"inputs": [tensor("a", data)]}).encode())[1].columns()["a"])
    assert refused([tensor("a", [*data, None, 1], shape=[5])], only("a")).startswith("tensor a: expected 5 values for shape [5], found 30003.")


def test_a_mark_of_byte_order_is_no_json_in_small_bodies_either() -> None:
    with pytest.raises(Refusal, match="The body: expected JSON"):
        FLIGHTS.decode(b"\xef\xbb\xbf" + json.dumps({"inputs": flight()}).encode())


def test_a_large_body_goes_the_way_that_takes_less_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    body = json.dumps({"inputs": flight()}).encode()
    assert FLIGHTS._quickly(body)
    monkeypatch.setattr("trimtab_serving.protocol.QUICK_BYTES", len(body) - 1)
    assert FLIGHTS._quickly(body) is None
    assert FLIGHTS.decode(body).rows == 2


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["name", "shape", "datatype", "data", "parameters", "columns", "distance"]), inner, max_size=5),
    ),
    max_leaves=12,
)


def answered_or_told(body: bytes) -> None:
    sentence = ""
    try:
        FLIGHTS.decode(body)
    except Refusal as refusal:
        sentence = refusal.sentence
    assert len(sentence) < 500


@given(st.dictionaries(st.sampled_from(["inputs", "outputs", "id", "parameters"]), st.one_of(JSON, st.lists(JSON, max_size=3)), max_size=4))
def test_no_body_at_all_gets_anything_but_an_answer_or_a_sentence(document: dict[str, Any]) -> None:
    answered_or_told(json.dumps(document).encode())


@given(st.sampled_from(["distance", "carrier", "weekend"]), st.dictionaries(st.sampled_from(["name", "shape", "datatype", "data"]), JSON, max_size=4))
def test_no_change_of_one_tensor_gets_anything_but_an_answer_or_a_sentence(name: str, change: dict[str, Any]) -> None:
    inputs = [each | change if each["name"] == name else each for each in flight()]
    answered_or_told(json.dumps({"inputs": inputs}).encode())
