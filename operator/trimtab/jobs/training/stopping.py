"""Early stopping: fit in iterations, watch the validation split, keep the best iteration and nothing after it.

Two ways of growing cover scikit-learn's iterative estimators: boosting (more trees by `warm_start`, scored tree by tree,
cut back to the best) and epochs (`partial_fit`, with a copy of the best). Both end `patience` iterations after the best.
"""

import copy
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab.jobs.training.said import Said, ask

COUNTERS = {
    "HistGradientBoostingClassifier": "max_iter",
    "HistGradientBoostingRegressor": "max_iter",
    "GradientBoostingClassifier": "n_estimators",
    "GradientBoostingRegressor": "n_estimators",
}
"""What counts the iterations of the estimators that can be cut back."""

CHUNKS = 20
"""In how many steps a boosting is grown at most: each step starts with binning anew."""

Watched = Mapping[str, tuple[Any, Any]]
"""Rows to score in each iteration, by split: (X, y)."""

Iteration = Mapping[str, Said]


@dataclass
class Patience:
    """Remembers the best iteration (counted from 1) and says when there is no hope left."""

    allowed: int
    losses: list[float] = field(default_factory=list)

    @property
    def best(self) -> int:
        return min(range(len(self.losses)), key=self.losses.__getitem__) + 1

    @property
    def exhausted(self) -> bool:
        return len(self.losses) - self.best >= self.allowed

    def observe(self, loss: float) -> bool:
        """True where this iteration is the best so far."""
        self.losses.append(loss)
        return self.best == len(self.losses)


@dataclass
class Boosting:
    """Grows by `warm_start`; every iteration so far can be scored, and the later ones cut off."""

    estimator: Any
    patience: int

    def iterate(self, X: Any, y: Any, watched: Watched) -> Iterator[Iteration]:
        counter = COUNTERS[type(self.estimator).__name__]
        most, done = self.estimator.get_params()[counter], 0
        self.estimator.set_params(warm_start=True)
        while done < most:
            start, done = done, min(most, done + max(self.patience, -(-most // CHUNKS)))
            self.estimator.set_params(**{counter: done}).fit(X, y)
            yield from self._since(start, watched)

    def keep(self) -> None:
        """Nothing to copy: the best is cut out at the end."""

    def best(self, iteration: int) -> Any:
        counter = COUNTERS[type(self.estimator).__name__]
        self.estimator.set_params(**{counter: iteration, "warm_start": False})
        cut_back(self.estimator, iteration)
        return self.estimator

    def _since(self, start: int, watched: Watched) -> Iterator[Iteration]:
        stages = {split: staged(self.estimator, X) for split, (X, _) in watched.items()}
        for number, said in enumerate(zip(*stages.values(), strict=True)):
            if number >= start:
                yield dict(zip(stages, said, strict=True))


@dataclass
class Epochs:
    """Grows by `partial_fit`, one pass over the rows an iteration; the best so far is kept as a copy."""

    estimator: Any
    kept: Any = None

    def iterate(self, X: Any, y: Any, watched: Watched) -> Iterator[Iteration]:
        import numpy as np

        more = {"classes": np.unique(y)} if hasattr(self.estimator, "predict_proba") or "Classifier" in type(self.estimator).__name__ else {}
        for _ in range(self.estimator.max_iter):
            self.estimator.partial_fit(X, y, **more)
            more = {}
            yield {split: ask(self.estimator, rows) for split, (rows, _) in watched.items()}

    def keep(self) -> None:
        self.kept = copy.deepcopy(self.estimator)

    def best(self, iteration: int) -> Any:  # noqa: ARG002 (the copy is that iteration)
        return self.kept


def growing(estimator: Any, patience: int) -> Boosting | Epochs | None:
    """How this estimator grows, or None where it does not fit in iterations. Its own early stopping is switched off."""
    parameters = estimator.get_params()
    if "early_stopping" in parameters:
        estimator.set_params(early_stopping=False)
    if type(estimator).__name__ in COUNTERS:
        return Boosting(estimator, patience)
    return Epochs(estimator) if hasattr(estimator, "partial_fit") and "max_iter" in parameters else None


def stop_early(way: Boosting | Epochs, rows: tuple[Any, Any], watched: Watched, loss: Callable[[int, str, Said], float], patience: int) -> tuple[Any, Patience]:
    """The best estimator by `loss(iteration, split, said)` on `validation`, and what was waited for."""
    waited = Patience(patience)
    for number, iteration in enumerate(way.iterate(*rows, watched), start=1):
        losses = {split: loss(number, split, said) for split, said in iteration.items()}
        if waited.observe(losses["validation"]):
            way.keep()
        if waited.exhausted:
            break
    return way.best(waited.best), waited


def staged(estimator: Any, X: Any) -> Iterator[Said]:
    """What a boosting says after each of its iterations."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        yield from (Said(values) for values in estimator.staged_predict(X))
        return
    names = tuple(classes.tolist())
    yield from (Said(classes[probability.argmax(axis=1)], probability, names) for probability in estimator.staged_predict_proba(X))


def cut_back(estimator: Any, iterations: int) -> None:
    """Forget every tree after that iteration. These attributes are what scikit-learn and the ONNX converter walk over."""
    for name in ("_predictors", "estimators_", "train_score_", "validation_score_", "oob_improvement_", "oob_scores_"):
        if hasattr(estimator, name):
            setattr(estimator, name, getattr(estimator, name)[:iterations])
    if hasattr(estimator, "n_estimators_"):
        estimator.n_estimators_ = iterations
