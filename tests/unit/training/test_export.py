"""ONNX where it says the same, else skops; and the file answers as the estimator did."""

import functools
import os

import numpy as np
import onnxruntime
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder

from support.tables import learnable, table
from trimtab.api.trainingjob import Trainer
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training import predictor
from trimtab.jobs.training.export import UNSEEN, Exported, export, largest_difference, objection_to, probes, to_onnx, to_skops
from trimtab.jobs.training.fit import unfitted
from trimtab.jobs.training.said import Said, ask
from trimtab.store.model import MISSING

ROLES, ROWS = learnable(table(900))
VALUES, NUMBERS = learnable(table(900), label="delay")
X = ROWS["test"].X

CLASSIFIERS = (
    "linear_model.LogisticRegression", "ensemble.RandomForestClassifier", "ensemble.ExtraTreesClassifier", "ensemble.HistGradientBoostingClassifier",
    "ensemble.GradientBoostingClassifier", "neural_network.MLPClassifier", "naive_bayes.GaussianNB", "tree.DecisionTreeClassifier",
)  # fmt: skip
REGRESSORS = (
    "linear_model.Ridge", "linear_model.LinearRegression", "svm.SVR", "ensemble.HistGradientBoostingRegressor",
    "ensemble.RandomForestRegressor", "ensemble.GradientBoostingRegressor",
)  # fmt: skip
SMALL = {"n_estimators": 15, "max_iter": 25}


def made(path: str, label: str = "late") -> Exported:
    roles, rows = (ROLES, ROWS) if label == "late" else (VALUES, NUMBERS)
    pipeline = unfitted(Trainer(estimator=f"sklearn.{path}"), rows["train"], roles, 0)
    accepted = pipeline[-1].get_params()
    pipeline[-1].set_params(**{name: value for name, value in SMALL.items() if name in accepted and "linear" not in path and "svm" not in path})
    return export(pipeline.fit(rows["train"].X, rows["train"].y), rows["test"].X, 0)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", CLASSIFIERS)
def test_classifiers_become_onnx(path):
    found = made(path)
    assert found.form == "onnx", found.note
    assert found.classes == ("false", "true")
    assert "ONNX agrees on 1000 rows" in found.note


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", REGRESSORS)
def test_regressors_become_onnx(path):
    found = made(path, "delay")
    assert found.form == "onnx", found.note
    assert found.predictor(NUMBERS["test"].X).probability is None


@pytest.mark.parametrize("path", ["neighbors.KNeighborsRegressor", "svm.LinearSVR"])
def test_whatever_does_not_agree_or_convert_still_answers(path):
    found = made(path, "delay")
    assert found.form in ("onnx", "skops")
    assert len(found.predictor(NUMBERS["test"].X).said) == len(NUMBERS["test"])


def test_a_classifier_without_probabilities_gives_labels():
    found = made("svm.SVC")
    assert not found.probability
    assert found.predictor(X).probability is None
    assert set(found.predictor(X).said) <= {"false", "true"}


def test_the_graph_has_one_input_a_column_and_our_names_for_the_answers():
    session = onnxruntime.InferenceSession(made("linear_model.LogisticRegression").content)
    assert [(each.name, each.type, each.shape) for each in session.get_inputs()][:2] == [
        ("carrier", "tensor(string)", [None, 1]),
        ("hour", "tensor(float)", [None, 1]),
    ]
    assert [each.name for each in session.get_outputs()] == ["label", "probability"]
    assert [each.name for each in onnxruntime.InferenceSession(made("linear_model.Ridge", "delay").content).get_outputs()] == ["prediction"]


def test_columns_keep_names_that_are_no_identifiers():
    renamed = {"hour": "hour of day", "distance": "distance.mi", "carrier": "größe"}
    roles, rows = learnable(table(600).rename(columns=renamed))
    pipeline = unfitted(None, rows["train"], roles, 0).fit(rows["train"].X, rows["train"].y)
    found = export(pipeline, rows["test"].X, 0)
    assert found.form == "onnx", found.note
    assert {each.name for each in onnxruntime.InferenceSession(found.content).get_inputs()} == {"größe", "hour of day", "distance.mi", "weekend"}


def test_native_categories_convert_without_an_error_and_are_caught():
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan)
    columns = ColumnTransformer([("words", encoder, ["carrier", "weekend"]), ("numbers", "passthrough", ["hour", "distance"])])
    pipeline = Pipeline([("columns", columns), ("model", HistGradientBoostingClassifier(categorical_features=[0, 1], max_iter=30, random_state=0))])
    found = export(pipeline.fit(ROWS["train"].X, ROWS["train"].y), X, 0)
    assert found.form == "skops"
    assert found.note
    assert np.array_equal(found.predictor(X).said, pipeline.predict(X))


def test_an_estimator_without_column_steps_is_given_its_columns_side_by_side():
    numbers = ROWS["train"].X[["distance", "hour"]].fillna(0)
    found = export(LogisticRegression().fit(numbers, ROWS["train"].y), X.fillna({"hour": 0}), 0)
    assert found.columns == ("distance", "hour")
    assert len(found.predictor(X.fillna({"hour": 0})).said) == len(X)


def test_a_part_that_serving_does_not_load_is_refused_in_a_sentence():
    pipeline = Pipeline([("own", FunctionTransformer(strange)), ("model", HistGradientBoostingClassifier(max_iter=2))])
    with pytest.raises(UserFault, match=r"contains .*strange, which serving does not load"):
        export(pipeline.fit(ROWS["train"].X[["hour", "distance"]], ROWS["train"].y), X, 0)


def strange(values):
    """Not part of scikit-learn."""
    return values


def test_probes_are_a_thousand_rows_with_gaps_and_unseen_words():
    found = probes(X, 0)
    assert len(found) >= 1000
    assert found["hour"].isna().mean() > X["hour"].isna().mean()
    assert (found["carrier"] == UNSEEN).sum() > 20
    assert found["hour"].dtype == np.float32
    assert found["carrier"].dtype == object


def test_probes_are_the_same_for_the_same_seed():
    assert probes(X, 3).equals(probes(X, 3))


def test_one_label_that_differs_is_enough_to_refuse_a_graph():
    found = made("linear_model.LogisticRegression")
    probed = probes(X, 0)
    right = found.predictor(probed)
    flipped = right.said.copy()
    flipped[0] = "true" if flipped[0] == "false" else "false"
    said = objection_to(lambda _: Said(flipped, right.probability, right.classes), None, probed, right)  # type: ignore[arg-type]
    assert said == f"ONNX answers another label in 1 of {len(probed)} rows"


def test_a_difference_beyond_the_tolerance_is_enough_too():
    found = made("linear_model.LogisticRegression")
    probed = probes(X, 0)
    right = found.predictor(probed)
    off = Said(right.said, right.probability + 1e-4, right.classes)
    assert "more than 1e-05" in objection_to(lambda _: off, None, probed, right)  # type: ignore[arg-type]


def test_an_answer_that_is_no_number_does_not_agree():
    right = Said(np.array([1.0, 2.0]))
    assert np.isnan(largest_difference(Said(np.array([1.0, np.nan])), right))


def test_values_differ_relative_to_their_size():
    assert largest_difference(Said(np.array([1000.0, 1.0])), Said(np.array([1000.0, 1.01]))) == pytest.approx(1e-5)


def test_a_skops_file_answers_as_its_estimator():
    pipeline = unfitted(Trainer(estimator="sklearn.neighbors.KNeighborsClassifier"), ROWS["train"], ROLES, 0).fit(ROWS["train"].X, ROWS["train"].y)
    found = predictor.skops(to_skops(pipeline), list(X.columns))(X)
    expected = ask(pipeline, X)
    assert np.array_equal(found.said, expected.said)
    assert np.array_equal(found.probability, expected.probability)


def test_a_missing_word_is_a_word_to_the_model():
    content = to_onnx(unfitted(None, ROWS["train"], ROLES, 0).fit(ROWS["train"].X, ROWS["train"].y), X)
    answer = predictor.onnx(content, list(X.columns), ("false", "true"))(X.assign(carrier=MISSING, hour=np.float32("nan")))
    assert np.isfinite(answer.probability).all()


def test_a_model_that_takes_no_gaps_is_registered_and_it_is_said():
    numbers = ROWS["train"].X[["distance"]]
    assert export(LogisticRegression().fit(numbers, ROWS["train"].y), X, 0).note.endswith("; the model takes no missing number")


def test_a_model_that_cannot_answer_the_test_rows_is_refused():
    numbers = ROWS["train"].X[["hour"]].fillna(0)
    with pytest.raises(UserFault, match="cannot answer the test rows: ValueError: Input X contains NaN"):
        export(LogisticRegression().fit(numbers, ROWS["train"].y), X, 0)


def test_many_classes_with_words_or_numbers_for_names_become_onnx():
    data = table(900)
    for names in (["very", "a bit", "no"], [3, 2, 1]):
        roles, rows = learnable(data.assign(late=np.select([data["delay"] > 10, data["delay"] > 0], names[:2], names[2])))
        found = export(unfitted(None, rows["train"], roles, 0).fit(rows["train"].X, rows["train"].y), rows["test"].X, 0)
        assert found.form == "onnx", found.note
        assert found.classes == tuple(sorted(names))
        assert found.predictor(rows["test"].X).probability.shape == (len(rows["test"]), 3)


def test_a_function_hidden_in_a_partial_is_refused_all_the_same():
    pipeline = Pipeline([("own", FunctionTransformer(functools.partial(os.system))), ("model", HistGradientBoostingClassifier())])
    with pytest.raises(UserFault, match="system, which serving does not load"):
        to_skops(pipeline)
