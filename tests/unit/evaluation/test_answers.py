"""Rows of the log as statistics and models read them."""

import numpy as np
import pyarrow as pa
import pytest

from trimtab.api.evaluation import ModelPointer
from trimtab.jobs.evaluation.answers import frame, judged_by, said, spelled
from trimtab.jobs.evaluation.models import Model
from trimtab.stats.metrics import skill
from trimtab.store.model import MISSING, Input, Signature

LABEL = {"name": "label", "datatype": "BYTES"}


def model(*outputs, task=None, classes=()):
    signature = Signature.model_validate({"inputs": [{"name": "x", "datatype": "FP32"}], "outputs": list(outputs), "task": task})
    return Model(ModelPointer(name="flights-v1", version=1, uri="s3://b/m"), "d", signature, {"classes": list(classes)}, None, 1e-5, None, None)


def probability(*classes):
    return {"name": "probability", "datatype": "FP64", "shape": [-1, len(classes)], "classes": list(classes)}


def answers(rows, of):
    table = pa.table(rows)
    return judged_by(said(table, of), table, of)


def test_probabilities_stand_in_the_order_of_the_models_classes():
    found = answers(
        {"out_label": ["late", "on time"], "out_probability": [[0.25, 0.75], [0.9, 0.1]], "label": ["late", "on time"]},
        model(LABEL, probability("on time", "late"), task="classification"),
    )
    assert (found.truth.tolist(), found.said.tolist(), found.classes) == ([1, 0], [1, 0], 2)
    assert found.probability.tolist() == [[0.25, 0.75], [0.9, 0.1]]


def test_a_class_that_the_model_never_learned_had_no_chance():
    found = answers(
        {"out_label": ["a", "b"], "out_probability": [[0.8, 0.2], [0.3, 0.7]], "label": ["a", "c"]}, model(LABEL, probability("a", "b"), task="classification")
    )
    assert found.probability.tolist() == [[0.8, 0.2, 0], [0.3, 0.7, 0]]
    assert found.truth.tolist() == [0, 2]


@pytest.mark.parametrize("text", ["1", "1.0"])
def test_numbers_of_classes_are_read_however_they_were_written(text):
    found = answers(
        {"out_label": [0, 1], "out_probability": [[0.8, 0.2], [0.3, 0.7]], "label": ["0", text]},
        model({"name": "label", "datatype": "INT64"}, probability(0, 1), task="classification"),
    )
    assert (found.truth.tolist(), found.said.tolist()) == ([0, 1], [0, 1])


def test_a_model_without_probabilities_is_read_as_certain():
    found = answers({"out_label": ["a", "b", "b"], "label": ["a", "b", "a"]}, model(LABEL, task="classification", classes=["a", "b"]))
    assert found.probability is None
    assert found.said.tolist() == [0, 1, 1]


def test_a_brought_model_that_does_not_name_its_classes_has_them_in_order():
    outputs = ({"name": "output_label", "datatype": "INT64"}, {"name": "output_probability", "datatype": "FP32", "shape": [-1, 2]})
    found = answers({"out_output_label": [0, 1], "out_output_probability": [[0.8, 0.2], [0.3, 0.7]], "label": ["1", "0"]}, model(*outputs))
    assert found.probability.tolist() == [[0.8, 0.2], [0.3, 0.7]]
    assert found.truth.tolist() == [1, 0]


def test_values_are_read_as_numbers():
    found = answers({"out_prediction": [1.0, 2.0, 3.0], "label": ["1.5", "2", "2.5"]}, model({"name": "prediction", "datatype": "FP64"}, task="regression"))
    assert found.truth.tolist() == [1.5, 2.0, 2.5]
    assert skill(found) == pytest.approx(0)


def test_a_brought_regressor_answers_in_a_column_of_width_one():
    found = answers({"out_variable": [[1.0], [2.0]], "label": ["1", "2"]}, model({"name": "variable", "datatype": "FP32", "shape": [-1, 1]}))
    assert (found.classes, found.said.tolist()) == (0, [1.0, 2.0])


def test_what_was_asked_is_what_the_model_was_fed():
    rows = pa.table(
        {
            "in_distance": pa.array([1.5, None], pa.float32()),
            "in_carrier": ["UA", None],
            "in_weekend": pa.array([True, None]),
            "in_count": pa.array([1, 2], pa.int64()),
            "in_wide": [[1.0, 2.0], [3.0, 4.0]],
        }
    )
    inputs = [Input(name=name, datatype="FP32") for name in ("distance", "carrier", "weekend", "count", "wide")]
    found = frame(rows, inputs)
    assert found["distance"].dtype == np.float32
    assert np.isnan(found["distance"][1])
    assert found["carrier"].tolist() == ["UA", MISSING]
    assert found["weekend"].tolist() == ["true", MISSING]
    assert found["count"].dtype == np.int64
    assert found["wide"].tolist() == [[1.0, 2.0], [3.0, 4.0]]


def test_classes_are_spelled_alike():
    assert spelled([1, 1.0, "1.0", "1.5", "-2.0", True, "v1.0"]).tolist() == ["1", "1", "1", "1.5", "-2", "true", "v1.0"]
