"""From a recipe and rows to a fitted estimator; early stopping registers the best iteration and nothing after it."""

import numpy as np
import pytest
from sklearn.metrics import log_loss

from support.tables import learnable, table
from trimtab.api.trainingjob import Trainer
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.fit import Point, fit, unfitted
from trimtab.jobs.training.stopping import Patience

ROLES, ROWS = learnable(table(900))
VALUES, NUMBERS = learnable(table(900), label="delay")
HGB = "sklearn.ensemble.HistGradientBoostingClassifier"


def fitted(estimator: str | None = None, patience: int | None = None, label: str = "late", **parameters):
    roles, rows = (ROLES, ROWS) if label == "late" else (VALUES, NUMBERS)
    trainer = Trainer(estimator=estimator, parameters=parameters or None) if estimator else None
    return fit(unfitted(trainer, rows["train"], roles, 0), rows["train"], rows["validation"], patience, lambda _: None)


def refused(estimator: str, patience: int | None = None, **parameters) -> str:
    with pytest.raises(UserFault) as told:
        fitted(estimator, patience, **parameters)
    return str(told.value)


def test_without_a_trainer_it_is_logistic_or_ridge_regression():
    assert type(fitted().estimator[-1]).__name__ == "LogisticRegression"
    assert type(fitted(label="delay").estimator[-1]).__name__ == "Ridge"


def test_without_early_stopping_validation_rows_are_trained_on():
    assert fitted().rows == len(ROWS["train"]) + len(ROWS["validation"])


def test_with_early_stopping_validation_rows_only_choose():
    assert fitted(HGB, patience=5).rows == len(ROWS["train"])


@pytest.mark.parametrize(
    "estimator",
    [HGB, "sklearn.ensemble.GradientBoostingClassifier", "sklearn.neural_network.MLPClassifier", "sklearn.linear_model.SGDClassifier"],
)
def test_the_best_iteration_is_what_is_registered(estimator):
    parameters = {"loss": "log_loss"} if "SGD" in estimator else {"max_iter": 60} if "MLP" in estimator else {"learning_rate": 0.3}
    found = fitted(estimator, patience=4, **parameters)
    curve = [point.value for point in found.curves if point.split == "validation"]
    assert found.best_iteration == int(np.argmin(curve)) + 1
    assert len(curve) <= found.best_iteration + 4
    again = log_loss(ROWS["validation"].y, found.estimator.predict_proba(ROWS["validation"].X))
    assert again == pytest.approx(min(curve), abs=1e-6)


@pytest.mark.parametrize(
    "estimator", ["sklearn.ensemble.HistGradientBoostingRegressor", "sklearn.ensemble.GradientBoostingRegressor", "sklearn.neural_network.MLPRegressor"]
)
def test_the_best_iteration_of_a_regressor_too(estimator):
    found = fitted(estimator, patience=3, label="delay")
    curve = [point.value for point in found.curves if point.split == "validation"]
    error = NUMBERS["validation"].y - found.estimator.predict(NUMBERS["validation"].X)
    assert np.sqrt(np.mean(error**2)) == pytest.approx(min(curve), rel=1e-5)


def test_a_boosting_cut_back_is_the_boosting_that_was_never_grown_further():
    stopped = fitted(HGB, patience=4, learning_rate=0.3)
    short = unfitted(Trainer(estimator=HGB, parameters={"learning_rate": 0.3, "max_iter": stopped.best_iteration}), ROWS["train"], ROLES, 0)
    short.fit(ROWS["train"].X, ROWS["train"].y)
    X = ROWS["test"].X
    assert stopped.estimator.predict_proba(X) == pytest.approx(short.predict_proba(X), abs=1e-9)
    assert stopped.estimator[-1].n_iter_ == stopped.best_iteration


def test_gradient_boosting_does_not_split_off_rows_by_itself():
    assert fitted(HGB).estimator[-1].early_stopping is False
    assert fitted(HGB, early_stopping=True).estimator[-1].early_stopping is True


def test_a_boosting_leaves_a_learning_curve_without_early_stopping_too():
    points = fitted(HGB, max_iter=12).curves
    assert [point.iteration for point in points] == list(range(1, 13))
    assert points[-1].value < points[0].value


def test_every_point_is_heard_as_it_comes():
    heard: list[Point] = []
    found = fit(unfitted(Trainer(estimator=HGB), ROWS["train"], ROLES, 0), ROWS["train"], ROWS["validation"], 3, heard.append)
    assert heard == found.curves


def test_the_same_seed_fits_the_same_model():
    X = ROWS["test"].X
    first, second = (fitted("sklearn.ensemble.RandomForestClassifier", n_estimators=10).estimator.predict_proba(X) for _ in range(2))
    assert np.array_equal(first, second)


def test_warnings_of_the_library_are_kept_and_do_not_stop_the_run():
    assert any("ConvergenceWarning" in each for each in fitted("sklearn.neural_network.MLPClassifier", max_iter=2).warnings)


def test_a_bad_value_is_told_in_the_librarys_words():
    assert refused(HGB, learning_rate=-1).startswith("spec.trainer: HistGradientBoostingClassifier cannot be fitted: The 'learning_rate' parameter")


def test_early_stopping_of_what_has_no_iterations_is_refused():
    assert (
        refused("sklearn.naive_bayes.GaussianNB", patience=3) == "spec.trainer.earlyStopping: GaussianNB does not fit in iterations; leave earlyStopping out."
    )


def test_text_labels_and_many_classes_are_learned():
    data = table(900).assign(late=lambda each: np.select([each["delay"] > 10, each["delay"] > 0], ["very", "a bit"], "no"))
    roles, rows = learnable(data)
    found = fit(unfitted(Trainer(estimator=HGB), rows["train"], roles, 0), rows["train"], rows["validation"], 5, lambda _: None)
    assert found.estimator.classes_.tolist() == ["a bit", "no", "very"]
    assert found.estimator.score(rows["test"].X, rows["test"].y) > 0.5


def test_patience_counts_from_the_best():
    patience = Patience(2)
    better = [patience.observe(loss) for loss in (3.0, 2.0, 2.5)]
    assert better == [True, True, False]
    assert not patience.exhausted
    patience.observe(2.0)  # as good is not better
    assert patience.exhausted
    assert patience.best == 2
