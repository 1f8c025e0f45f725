"""Metrics by name: what a model answered against what was true, for either task, two classes or many.

Pure numpy and scipy; the tests' oracle is scikit-learn. A metric that has no value on these rows (an AUC where only
one class occurs) is NaN, never a number that looks like one. Whether a value is good enough is for gates to say.
"""

import difflib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Task = Literal["classification", "regression"]

SMALLEST_PROBABILITY = float(np.finfo(np.float32).eps)
"""log loss of an answer that excluded what happened; models answer in float32."""


@dataclass(frozen=True)
class Answers:
    """What was true and what was said, row by row.

    classification: `truth` and `said` are numbers of classes, `probability` has one column a class (None where the
    model gives none: then it is read as being certain). regression: `truth` and `said` are the values.
    """

    truth: Floats
    said: Floats
    classes: int = 0
    probability: Floats | None = None

    def __len__(self) -> int:
        return len(self.truth)

    def take(self, rows: NDArray[np.bool_] | Integers) -> "Answers":
        """These rows only (repeated where `rows` repeats them)."""
        probability = None if self.probability is None else self.probability[rows]
        return Answers(self.truth[rows], self.said[rows], self.classes, probability)

    @property
    def certainty(self) -> Floats:
        """(rows, classes): the probabilities, or 1 for what was said where there are none."""
        return one_hot(self.said, self.classes) if self.probability is None else self.probability


@dataclass(frozen=True)
class Metric:
    """`better` says which way is up; `compute` needs at least one row."""

    name: str
    task: Task
    better: Literal["higher", "lower"]
    compute: Callable[[Answers], float]

    def __call__(self, answers: Answers) -> float:
        return float(self.compute(answers)) if len(answers) else float("nan")

    def gain(self, mine: float, theirs: float) -> float:
        """How much better `mine` is; negative where it is worse."""
        return mine - theirs if self.better == "higher" else theirs - mine


def one_hot(classes: Floats, count: int) -> Floats:
    return np.asarray(classes[:, None] == np.arange(count), dtype=np.float64)


def row_losses(answers: Answers) -> Floats:
    """The loss that skill is made of: Brier's score of each row, or the squared error.

    Brier's and not the log: one row of a forest that excluded what happened would outweigh all others.
    """
    if answers.classes:
        return np.asarray(((answers.certainty - one_hot(answers.truth, answers.classes)) ** 2).sum(axis=1), dtype=np.float64)
    return (answers.truth - answers.said) ** 2


def skill(answers: Answers) -> float:
    """1 - loss / loss of the best constant on the same rows: 0 is knowing nothing, 1 is perfect. For regression this is R2."""
    constant = best_constant_loss(answers)
    return 1 - float(row_losses(answers).sum()) / constant if constant > 0 else float("nan")


def best_constant_loss(answers: Answers) -> float:
    """Summed loss of the best constant answer to these rows: the shares of the classes, or the mean."""
    if answers.classes:
        counts = np.bincount(answers.truth.astype(np.int64), minlength=answers.classes)
        return float(len(answers) - (counts**2).sum() / len(answers))
    return float(((answers.truth - answers.truth.mean()) ** 2).sum())


def brier(answers: Answers) -> float:
    """Mean squared error of the probability of the last class where there are two; summed over the classes where more."""
    mean = float(row_losses(answers).mean())
    return mean / 2 if answers.classes == 2 else mean


def log_loss(answers: Answers) -> float:
    chosen = answers.certainty[np.arange(len(answers)), answers.truth.astype(np.int64)]
    total = answers.certainty.sum(axis=1)
    return float(-np.log(np.clip(chosen / total, SMALLEST_PROBABILITY, 1)).mean())


def accuracy(answers: Answers) -> float:
    return float((answers.truth == answers.said).mean())


def balanced_accuracy(answers: Answers) -> float:
    """Mean over the classes that occur of the share of their rows that was found."""
    return float(np.mean([(answers.said[answers.truth == each] == each).mean() for each in np.unique(answers.truth)]))


def precision(answers: Answers) -> float:
    return _over_classes(answers, lambda hit, said, _: hit / said if said else 0.0)


def recall(answers: Answers) -> float:
    return _over_classes(answers, lambda hit, _, true: hit / true if true else 0.0)


def f1(answers: Answers) -> float:
    return _over_classes(answers, lambda hit, said, true: 2 * hit / (said + true) if said + true else 0.0)


def roc_auc(answers: Answers) -> float:
    """Chance that a row of a class is scored above one of another; several classes: mean of each against the rest."""
    return _over_scores(answers, _auc)


def average_precision(answers: Answers) -> float:
    """Area under the precision-recall steps; several classes: mean of each against the rest."""
    return _over_scores(answers, _average_precision)


def rmse(answers: Answers) -> float:
    return float(np.sqrt(row_losses(answers).mean()))


def mae(answers: Answers) -> float:
    return float(np.abs(answers.truth - answers.said).mean())


def median_absolute_error(answers: Answers) -> float:
    return float(np.median(np.abs(answers.truth - answers.said)))


def bias(answers: Answers) -> float:
    """Mean of said minus true; a gate on it wants `min` and `max`."""
    return float((answers.said - answers.truth).mean())


def _over_classes(answers: Answers, score: Callable[[float, float, float], float]) -> float:
    """`score(hits, said, true)` of the last class where there are two, else its mean over the classes seen on either side."""
    seen = np.union1d(answers.truth, answers.said)
    wanted = [1.0] if answers.classes == 2 else [float(each) for each in seen]
    return float(np.mean([score(*_hits(answers, each)) for each in wanted]))


def _hits(answers: Answers, wanted: float) -> tuple[float, float, float]:
    said, true = answers.said == wanted, answers.truth == wanted
    return float((said & true).sum()), float(said.sum()), float(true.sum())


def _over_scores(answers: Answers, score: Callable[[NDArray[np.bool_], Floats], float]) -> float:
    wanted = [1] if answers.classes == 2 else range(answers.classes)
    values = [score(answers.truth == each, answers.certainty[:, each]) for each in wanted]
    known = [value for value in values if np.isfinite(value)]
    return float(np.mean(known)) if known else float("nan")


def _auc(positive: NDArray[np.bool_], scores: Floats) -> float:
    """Mann and Whitney's U over the number of pairs; ties count half."""
    ones, zeros = int(positive.sum()), int((~positive).sum())
    if not ones or not zeros:
        return float("nan")
    ranks = stats.rankdata(scores)
    return float((ranks[positive].sum() - ones * (ones + 1) / 2) / (ones * zeros))


def _average_precision(positive: NDArray[np.bool_], scores: Floats) -> float:
    if not positive.any():
        return float("nan")
    order = np.argsort(-scores, kind="stable")
    hits = np.cumsum(positive[order])
    last_of_tie = np.append(np.diff(scores[order]) != 0, [True])
    found, seen = hits[last_of_tie], np.flatnonzero(last_of_tie) + 1
    return float((np.diff(found, prepend=0) * found / seen).sum() / positive.sum())


_CLASSIFICATION = (
    Metric("skill", "classification", "higher", skill),
    Metric("roc_auc", "classification", "higher", roc_auc),
    Metric("average_precision", "classification", "higher", average_precision),
    Metric("log_loss", "classification", "lower", log_loss),
    Metric("brier", "classification", "lower", brier),
    Metric("accuracy", "classification", "higher", accuracy),
    Metric("balanced_accuracy", "classification", "higher", balanced_accuracy),
    Metric("f1", "classification", "higher", f1),
    Metric("precision", "classification", "higher", precision),
    Metric("recall", "classification", "higher", recall),
)
_REGRESSION = (
    Metric("skill", "regression", "higher", skill),
    Metric("r2", "regression", "higher", skill),
    Metric("rmse", "regression", "lower", rmse),
    Metric("mae", "regression", "lower", mae),
    Metric("median_absolute_error", "regression", "lower", median_absolute_error),
    Metric("bias", "regression", "lower", bias),
)
METRICS: Mapping[Task, Mapping[str, Metric]] = {
    "classification": {metric.name: metric for metric in _CLASSIFICATION},
    "regression": {metric.name: metric for metric in _REGRESSION},
}
STANDARD: Mapping[Task, tuple[str, ...]] = {
    "classification": ("skill", "roc_auc", "average_precision", "log_loss", "brier", "accuracy", "f1"),
    "regression": ("skill", "r2", "rmse", "mae"),
}
"""What is computed without being asked for."""

_SPELLINGS = {"auc": "roc_auc", "logloss": "log_loss", "mse": "rmse", "ap": "average_precision", "acc": "accuracy", "r_squared": "r2"}


def find(name: str, task: Task) -> Metric:
    """The metric of that name. KeyError with a sentence that names the nearest one where there is none for this task."""
    known = METRICS[task]
    if name in known:
        return known[name]
    near = [_SPELLINGS.get(name.lower(), "")] if _SPELLINGS.get(name.lower()) in known else difflib.get_close_matches(name.lower(), known, 1, 0.5)
    hint = f" Did you mean {near[0]}?" if near else ""
    raise KeyError(f"there is no metric {name} for {task}.{hint} The metrics are {', '.join(known)}.")
