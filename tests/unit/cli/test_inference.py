"""Rows as people have them, as requests of the protocol; answers as tables; one thing beside another."""

import json

import pytest

from trimtab.cli.errors import Usage
from trimtab.cli.views.compare import differences, upright
from trimtab.cli.views.inference import answer_table, body_of, curl, request
from trimtab.cli.views.plot import plot

METADATA = {
    "inputs": [{"name": "carrier", "datatype": "BYTES"}, {"name": "distance", "datatype": "FP32"}, {"name": "night", "datatype": "BOOL"}],
    "parameters": {"context": ["flight_id"]},
}


def tensors(body):
    return {each["name"]: each["data"] for each in body["inputs"]}


def test_a_json_row_becomes_a_tensor_a_column():
    body = body_of('{"carrier": "UA", "distance": 719, "night": true}', "row.json", METADATA)
    assert body["inputs"][0] == {"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["UA"]}
    assert tensors(body) == {"carrier": ["UA"], "distance": [719], "night": [True]}


def test_a_csv_is_read_by_the_models_types_and_keeps_what_is_missing():
    text = "flight_id,carrier,distance,night,other\nf1,UA,719,true,x\nf2,,NA,false,y\n"
    assert tensors(body_of(text, "rows.csv", METADATA)) == {
        "carrier": ["UA", None],
        "distance": [719.0, None],
        "night": [True, False],
        "flight_id": ["f1", "f2"],
    }


def test_a_request_of_the_protocol_is_sent_as_it_is():
    body = {"id": "x", "inputs": [{"name": "carrier", "shape": [1], "datatype": "BYTES", "data": ["UA"]}]}
    assert body_of(json.dumps(body), "row.json", METADATA) == body


def test_what_does_not_fit_its_type_goes_as_it_is_and_the_server_says_so():
    assert tensors(request([{"distance": "far"}], METADATA))["distance"] == ["far"]


@pytest.mark.parametrize(("text", "said"), [("[1]", "holds no rows"), ("{'a': 1}", "nor JSON"), ('{"colour": 1}', "its inputs are carrier, distance, night")])
def test_a_file_that_is_no_rows_is_a_sentence(text, said):
    with pytest.raises(Usage, match=said):
        body_of(text, "row.json", METADATA)


def test_an_answer_is_a_row_a_row_with_a_column_a_class():
    answer = {
        "id": "x",
        "outputs": [{"name": "label", "shape": [2], "data": ["a", "b"]}, {"name": "probability", "shape": [2, 2], "data": [0.9, 0.1, 0.2, 0.8]}],
    }
    table = answer_table(answer)
    assert table.columns == ("ROW", "LABEL", "PROBABILITY 0", "PROBABILITY 1")
    assert table.rows == ((0, "a", 0.9, 0.1), (1, "b", 0.2, 0.8))


def test_the_curl_can_be_copied_whatever_is_in_the_row():
    assert curl("http://x/infer", {"a": "it's"}, None).endswith("""-d '{"a": "it'\\''s"}'""")
    assert curl("http://x/infer", {}, "row.json").endswith("-d @row.json")


def test_only_what_differs_is_compared():
    table = differences(["v1", "v2"], [{"a": 1, "b": {"c": 2}}, {"a": 1, "b": {"c": 3, "d": 4}}])
    assert table.rows == (("b.c", 2, 3), ("b.d", None, 4))
    assert len(differences(["v1", "v2"], [{"a": 1}, {"a": 1}], everything=True).rows) == 1


def test_what_is_empty_is_left_out_of_one_thing():
    assert upright({"a": 1, "b": None, "c": {"d": ""}}).rows == (("a", 1),)


def test_a_plot_has_its_curves_its_axes_and_a_legend():
    lines = plot({"train": [(1, 1.0), (2, 0.5)], "validation": [(1, 1.2), (2, 0.9)]}, width=20, height=5)
    assert lines[0].startswith("1.2 ┤○")
    assert lines[4].startswith("0.5 ┤")
    assert lines[4].rstrip().endswith("●")
    assert lines[-1] == "● train   ○ validation"


def test_a_flat_curve_and_no_curve_are_no_faults():
    assert len(plot({"a": [(1, 1.0)]})) > 3
    assert plot({}) == ["There is nothing to plot."]
