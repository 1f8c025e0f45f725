"""Metrics by name, against scikit-learn's."""

import numpy as np
import pytest
from sklearn import metrics as oracle

from trimtab.stats import metrics
from trimtab.stats.metrics import Answers, find

RNG = np.random.default_rng(3)


def classified(classes: int, rows: int = 400) -> Answers:
    truth = RNG.integers(classes, size=rows).astype(float)
    scores = np.round(RNG.random((rows, classes)) + 0.7 * (truth[:, None] == np.arange(classes)), 1)
    probability = scores / scores.sum(axis=1, keepdims=True)
    return Answers(truth, probability.argmax(axis=1).astype(float), classes, probability)


def regressed(rows: int = 300) -> Answers:
    truth = RNG.normal(50, 10, rows)
    return Answers(truth, truth + RNG.normal(1, 5, rows))


TWO, FOUR, VALUES = classified(2), classified(4), regressed()


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("roc_auc", oracle.roc_auc_score(TWO.truth, TWO.probability[:, 1])),
        ("average_precision", oracle.average_precision_score(TWO.truth, TWO.probability[:, 1])),
        ("log_loss", oracle.log_loss(TWO.truth, TWO.probability)),
        ("brier", oracle.brier_score_loss(TWO.truth, TWO.probability[:, 1])),
        ("accuracy", oracle.accuracy_score(TWO.truth, TWO.said)),
        ("balanced_accuracy", oracle.balanced_accuracy_score(TWO.truth, TWO.said)),
        ("f1", oracle.f1_score(TWO.truth, TWO.said)),
        ("precision", oracle.precision_score(TWO.truth, TWO.said)),
        ("recall", oracle.recall_score(TWO.truth, TWO.said)),
    ],
)
def test_two_classes_are_judged_as_scikit_learn_judges_them(name, expected):
    assert find(name, "classification")(TWO) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("roc_auc", oracle.roc_auc_score(FOUR.truth, FOUR.probability, multi_class="ovr")),
        ("average_precision", oracle.average_precision_score(metrics.one_hot(FOUR.truth, 4), FOUR.probability)),
        ("log_loss", oracle.log_loss(FOUR.truth, FOUR.probability)),
        ("accuracy", oracle.accuracy_score(FOUR.truth, FOUR.said)),
        ("balanced_accuracy", oracle.balanced_accuracy_score(FOUR.truth, FOUR.said)),
        ("f1", oracle.f1_score(FOUR.truth, FOUR.said, average="macro")),
        ("precision", oracle.precision_score(FOUR.truth, FOUR.said, average="macro")),
        ("recall", oracle.recall_score(FOUR.truth, FOUR.said, average="macro")),
    ],
)
def test_many_classes_are_the_mean_over_the_classes(name, expected):
    assert find(name, "classification")(FOUR) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("r2", oracle.r2_score(VALUES.truth, VALUES.said)),
        ("skill", oracle.r2_score(VALUES.truth, VALUES.said)),
        ("rmse", oracle.root_mean_squared_error(VALUES.truth, VALUES.said)),
        ("mae", oracle.mean_absolute_error(VALUES.truth, VALUES.said)),
        ("median_absolute_error", oracle.median_absolute_error(VALUES.truth, VALUES.said)),
        ("bias", np.mean(VALUES.said - VALUES.truth)),
    ],
)
def test_values_are_judged_as_scikit_learn_judges_them(name, expected):
    assert find(name, "regression")(VALUES) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("answers", [TWO, FOUR], ids=["two classes", "four classes"])
def test_knowing_only_the_shares_of_the_classes_has_no_skill(answers):
    shares = np.bincount(answers.truth.astype(int)) / len(answers)
    constant = Answers(answers.truth, answers.said, answers.classes, np.tile(shares, (len(answers), 1)))
    assert metrics.skill(constant) == pytest.approx(0, abs=1e-12)


def test_being_certain_and_right_is_all_the_skill_there_is():
    assert metrics.skill(Answers(TWO.truth, TWO.truth, 2)) == 1


def test_the_skill_of_two_classes_is_one_minus_the_ratio_of_brier_scores():
    base = TWO.truth.mean()
    assert metrics.skill(TWO) == pytest.approx(1 - metrics.brier(TWO) / (base * (1 - base)))


def test_a_model_without_probabilities_is_read_as_certain():
    certain = Answers(TWO.truth, TWO.said, 2)
    assert metrics.brier(certain) == pytest.approx(1 - metrics.accuracy(certain))


def test_one_row_that_was_excluded_does_not_make_the_log_loss_infinite():
    assert np.isfinite(metrics.log_loss(Answers(np.array([0.0, 1.0]), np.array([0.0, 0.0]), 2)))


@pytest.mark.parametrize("name", ["roc_auc", "average_precision", "skill"])
def test_where_one_class_occurs_there_is_no_number(name):
    only_zeros = Answers(np.zeros(5), np.zeros(5), 2, np.tile([0.6, 0.4], (5, 1)))
    assert np.isnan(find(name, "classification")(only_zeros))


@pytest.mark.parametrize("name", list(metrics.METRICS["classification"]))
def test_no_rows_have_no_metric(name):
    assert np.isnan(find(name, "classification")(TWO.take(np.zeros(len(TWO), dtype=bool))))


@pytest.mark.parametrize(
    ("name", "task", "hint"),
    [
        ("roc_acu", "classification", "Did you mean roc_auc?"),
        ("AUC", "classification", "Did you mean roc_auc?"),
        ("logloss", "classification", "Did you mean log_loss?"),
        ("R2", "regression", "Did you mean r2?"),
        ("zzz", "regression", "The metrics are skill, r2, rmse"),
        ("roc_auc", "regression", "no metric roc_auc for regression"),
    ],
)
def test_an_unknown_metric_is_answered_with_the_nearest(name, task, hint):
    with pytest.raises(KeyError, match=hint.replace("?", r"\?")):
        find(name, task)


def test_the_standard_metrics_exist():
    for task, names in metrics.STANDARD.items():
        assert [find(name, task).name for name in names] == list(names)


def test_a_gain_is_positive_where_a_model_is_better_whichever_way_is_up():
    assert find("roc_auc", "classification").gain(0.8, 0.7) == pytest.approx(0.1)
    assert find("log_loss", "classification").gain(0.3, 0.5) == pytest.approx(0.2)
