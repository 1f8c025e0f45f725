"""From an import path to an estimator, or to a sentence that names what was probably meant."""

import pytest

from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.resolve import construct, kind_of, require_task


def refused(path: str, parameters: dict | None = None) -> str:
    with pytest.raises(UserFault) as told:
        construct(path, parameters or {}, "spec.trainer", 0)
    return f"{told.value.result.reason}: {told.value.result.message}"


def test_an_estimator_is_made_with_its_parameters_and_the_runs_seed():
    made = construct("sklearn.ensemble.RandomForestClassifier", {"n_estimators": 7}, "spec.trainer", 5)
    assert (made.n_estimators, made.random_state, made.n_jobs) == (7, 5, None)


def test_a_random_state_that_was_given_wins_over_the_seed():
    assert construct("sklearn.ensemble.RandomForestClassifier", {"random_state": 9}, "spec.trainer", 5).random_state == 9


def test_an_estimator_without_randomness_gets_none():
    assert "random_state" not in construct("sklearn.neighbors.KNeighborsClassifier", {}, "spec.trainer", 5).get_params()


@pytest.mark.parametrize(
    ("path", "meant"),
    [
        ("sklearn.ensemble.HistGradientBoostingClasifier", "sklearn.ensemble.HistGradientBoostingClassifier"),
        ("sklearn.tree.RandomForestClassifier", "sklearn.ensemble.RandomForestClassifier"),
        ("sklearn.enssemble.RandomForestClassifier", "sklearn.ensemble.RandomForestClassifier"),
        ("sklearn.linear_model.logisticregression", "sklearn.linear_model.LogisticRegression"),
    ],
)
def test_an_unknown_estimator_is_answered_with_the_nearest(path, meant):
    assert refused(path) == f"UnknownEstimator: spec.trainer.estimator: there is no {path}. Did you mean {meant}?"


def test_a_package_that_is_not_in_the_image_is_said_so():
    assert "module xgboost is not in the worker image" in refused("xgboost.XGBClassifier")


@pytest.mark.parametrize("path", ["os.system", "sklearn.metrics.roc_auc_score", "pathlib.Path"])
def test_what_is_no_estimator_is_not_called(path):
    assert f"{path} is no estimator." in refused(path)


def test_an_unknown_parameter_is_answered_with_the_nearest():
    said = refused("sklearn.ensemble.HistGradientBoostingClassifier", {"learning_rat": 0.1})
    assert (
        said
        == "UnknownParameter: spec.trainer.parameters.learning_rat: HistGradientBoostingClassifier has no parameter learning_rat. Did you mean learning_rate?"
    )


def test_a_parameter_unlike_any_other_is_answered_with_the_list():
    assert "Its parameters are" in refused("sklearn.naive_bayes.GaussianNB", {"zzzz": 1})


def test_an_estimator_within_a_parameter_is_made_too():
    inner = {"estimator": "sklearn.tree.DecisionTreeClassifier", "parameters": {"max_depth": 2}}
    made = construct("sklearn.ensemble.BaggingClassifier", {"estimator": inner}, "spec.trainer", 3)
    assert (made.estimator.max_depth, made.estimator.random_state) == (2, 3)


def test_a_wrong_parameter_within_a_parameter_is_named_with_its_place():
    inner = {"estimator": "sklearn.tree.DecisionTreeClassifier", "parameters": {"max_dept": 2}}
    assert "spec.trainer.parameters.estimator.parameters.max_dept" in refused("sklearn.ensemble.BaggingClassifier", {"estimator": inner})


def test_estimators_within_lists_are_made_too():
    pairs = [["a", {"estimator": "sklearn.naive_bayes.GaussianNB"}], ["b", {"estimator": "sklearn.tree.DecisionTreeClassifier"}]]
    made = construct("sklearn.ensemble.VotingClassifier", {"estimators": pairs}, "spec.trainer", 0)
    assert [type(each).__name__ for _, each in made.estimators] == ["GaussianNB", "DecisionTreeClassifier"]


@pytest.mark.parametrize(
    ("path", "task", "sentence"),
    [
        (
            "sklearn.ensemble.RandomForestRegressor",
            "classification",
            "is a regressor, but the Dataset's task is classification. Did you mean sklearn.ensemble.RandomForestClassifier?",
        ),
        (
            "sklearn.linear_model.RidgeClassifier",
            "regression",
            "is a classifier, but the Dataset's task is regression. Did you mean sklearn.linear_model.Ridge?",
        ),
        ("sklearn.preprocessing.StandardScaler", "regression", "is no predictor"),
        ("sklearn.cluster.KMeans", "classification", "is a clusterer"),
    ],
)
def test_an_estimator_of_the_wrong_kind_is_refused_in_a_sentence(path, task, sentence):
    with pytest.raises(UserFault) as told:
        require_task(construct(path, {}, "spec.trainer", 0), task, path, "spec.trainer")
    assert sentence in told.value.result.message


def test_what_has_no_tags_has_no_kind():
    assert not kind_of(object())
