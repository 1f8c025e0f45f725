"""From a recipe and rows to a fitted estimator: the simple model, an estimator by path, or a pipeline spelled out.

With early stopping the validation rows choose the iteration; without it they are trained on too. The test rows are not
here at all. Code of a person's own is `usercode`'s.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Trainer
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.pipeline import spelled_out
from trimtab.jobs.training.preprocess import transformer_for
from trimtab.jobs.training.resolve import construct, require_task
from trimtab.jobs.training.roles import Roles
from trimtab.jobs.training.said import Said, all_classes, judged
from trimtab.jobs.training.stopping import COUNTERS, growing, staged, stop_early
from trimtab.stats.metrics import METRICS

SIMPLE = {"classification": "sklearn.linear_model.LogisticRegression", "regression": "sklearn.linear_model.Ridge"}
SIMPLE_PARAMETERS: dict[str, dict[str, Any]] = {"classification": {"max_iter": 1000}, "regression": {}}

WATCHED_TRAIN_ROWS = 5000
"""The training side of a learning curve is read off so many rows: it is for the eye."""

FIELD = "spec.trainer"


@dataclass(frozen=True)
class Rows:
    """One split as a model sees it; `times` is None where the dataset has no timestamp."""

    X: pd.DataFrame
    y: Any
    times: Any = None

    def __len__(self) -> int:
        return len(self.X)

    def and_(self, more: "Rows") -> "Rows":
        times = None if self.times is None else np.concatenate([self.times, more.times])
        return Rows(pd.concat([self.X, more.X], ignore_index=True), np.concatenate([self.y, more.y]), times)


@dataclass(frozen=True)
class Point:
    """One value of a learning curve."""

    iteration: int
    split: str
    metric: str
    value: float


@dataclass
class Fitted:
    """What came out: an estimator that takes a frame of features, and how it came about."""

    estimator: Any
    rows: int
    curves: list[Point] = field(default_factory=list)
    best_iteration: int | None = None
    validation: str = "folded into train"
    warnings: list[str] = field(default_factory=list)


Watch = Callable[[Point], None]


def unfitted(trainer: Trainer | None, train: Rows, roles: Roles, seed: int) -> Any:
    """The scikit-learn Pipeline of the recipe. What is wrong with it is said before anything is fitted."""
    if trainer is not None and trainer.pipeline:
        made = spelled_out(trainer.pipeline, roles, seed)
        require_task(made, roles.task, trainer.pipeline[-1].estimator, f"{FIELD}.pipeline[{len(trainer.pipeline) - 1}]")
        return made
    path = trainer.estimator if trainer is not None and trainer.estimator else SIMPLE[roles.task]
    given = trainer.parameters or {} if trainer is not None and trainer.estimator else SIMPLE_PARAMETERS[roles.task]
    estimator = construct(path, given, FIELD, seed)
    require_task(estimator, roles.task, path, FIELD)
    _no_hidden_split(estimator, given)
    return _with_columns(estimator, train, roles)


def fit(pipeline: Any, train: Rows, validation: Rows, patience: int | None, watch: Watch) -> Fitted:
    """Fit the pipeline; with `patience`, stop early on the validation rows."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            fitted = _plain(pipeline, train.and_(validation), watch) if patience is None else _stopped(pipeline, train, validation, patience, watch)
        except (ValueError, TypeError, ArithmeticError, AttributeError, IndexError, KeyError, np.linalg.LinAlgError) as error:
            raise UserFault(Reason.TRAINING_FAILED, f"{FIELD}: {_name(pipeline)} cannot be fitted: {_first_line(error)}") from error
    fitted.warnings = said_once(caught)
    return fitted


def said_once(caught: Sequence[warnings.WarningMessage]) -> list[str]:
    """Each warning's first line, once, at most twenty."""
    return list(dict.fromkeys(f"{each.category.__name__}: {str(each.message).strip().splitlines()[0]}" for each in caught if str(each.message).strip()))[:20]


def _plain(pipeline: Any, rows: Rows, watch: Watch) -> Fitted:
    pipeline.fit(rows.X, rows.y)
    fitted = Fitted(pipeline, len(rows), list(_curve_afterwards(pipeline, rows)))
    for point in fitted.curves:
        watch(point)
    return fitted


def _stopped(pipeline: Any, train: Rows, validation: Rows, patience: int, watch: Watch) -> Fitted:
    """Columns are prepared once; then the last step grows alone."""
    columns, estimator = pipeline[:-1], pipeline[-1]
    way = growing(estimator, patience)
    if way is None:
        raise UserFault(Reason.TRAINING_FAILED, f"{FIELD}.earlyStopping: {type(estimator).__name__} does not fit in iterations; leave earlyStopping out.")
    few = slice(0, len(train), max(1, len(train) // WATCHED_TRAIN_ROWS))
    X = columns.fit_transform(train.X, train.y)
    watched = {"train": (X[few], train.y[few]), "validation": (columns.transform(validation.X), validation.y)}
    curves: list[Point] = []
    metric, loss = _loss(train, watched)

    def heard(iteration: int, split: str, said: Said) -> float:
        curves.append(Point(iteration, split, metric, loss(split, said)))
        watch(curves[-1])
        return curves[-1].value

    best, waited = stop_early(way, (X, train.y), watched, heard, patience)
    pipeline.steps[-1] = (pipeline.steps[-1][0], best)
    return Fitted(pipeline, len(train), curves, waited.best, "chose the iteration")


def _loss(train: Rows, watched: Any) -> tuple[str, Callable[[str, Said], float]]:
    """What early stopping goes by: log loss, or the root of the squared error."""
    classes = () if train.y.dtype.kind == "f" else all_classes(*(y for _, y in watched.values()), train.y)
    metric = METRICS["classification"]["log_loss"] if classes else METRICS["regression"]["rmse"]
    return metric.name, lambda split, said: metric(judged(said, watched[split][1], classes))


def _curve_afterwards(pipeline: Any, rows: Rows) -> Sequence[Point]:
    """The curve that an estimator kept of itself, or that can be read off a boosting."""
    estimator = pipeline[-1]
    if hasattr(estimator, "loss_curve_"):
        return [Point(number, "train", "loss", float(value)) for number, value in enumerate(estimator.loss_curve_, start=1)]
    if type(estimator).__name__ not in COUNTERS or not len(rows):
        return []
    few = slice(0, len(rows), max(1, len(rows) // WATCHED_TRAIN_ROWS))
    X, y = pipeline[:-1].transform(rows.X[few]), rows.y[few]
    metric, loss = _loss(rows, {"train": (X, y)})
    return [Point(number, "train", metric, loss("train", said)) for number, said in enumerate(staged(estimator, X), start=1)]


def _no_hidden_split(estimator: Any, given: dict[str, Any]) -> None:
    """HistGradientBoosting stops early by itself on a random tenth of the rows: a split nobody asked for, and not by time."""
    if "early_stopping" in estimator.get_params() and "early_stopping" not in given:
        estimator.set_params(early_stopping=False)


def _with_columns(estimator: Any, train: Rows, roles: Roles) -> Any:
    from sklearn.pipeline import Pipeline

    columns = transformer_for(estimator, train.X, roles)
    if not columns.transformers:
        raise UserFault(Reason.TRAINING_FAILED, f"spec.dataset: no column is left to learn from. {_left_out(roles)}")
    return Pipeline([("columns", columns), ("model", estimator)])


def _left_out(roles: Roles) -> str:
    return " ".join(f"{name} {reason}." for name, reason in list(roles.left_out.items())[:5]) or "The Dataset has none but label, timestamp, id and exclude."


def _name(pipeline: Any) -> str:
    return type(pipeline[-1]).__name__


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]
