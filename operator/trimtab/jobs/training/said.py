"""What a model says, in one form whatever it is made of, and how that becomes something metrics can judge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.jobs.training.roles import ClassName
from trimtab.stats.metrics import Answers


@dataclass(frozen=True)
class Said:
    """One answer a row. classification: class names, and probabilities in the order of `classes` where the model gives them."""

    said: Any
    probability: Any = None
    classes: tuple[ClassName, ...] = ()


def ask(estimator: Any, X: Any) -> Said:
    """What a scikit-learn estimator says. Probabilities are asked for once, and the label read off them."""
    classes = getattr(estimator, "classes_", None)
    if classes is None:
        return Said(np.asarray(estimator.predict(X), dtype=np.float64).reshape(len(X)))
    names = tuple(classes.tolist())
    if not hasattr(estimator, "predict_proba"):
        return Said(np.asarray(estimator.predict(X)), None, names)
    probability = np.asarray(estimator.predict_proba(X), dtype=np.float64)
    return Said(np.asarray(classes)[probability.argmax(axis=1)], probability, names)


def judged(said: Said, truth: Any, classes: Sequence[ClassName]) -> Answers:
    """For metrics: classes become numbers. A class that the model never saw has probability 0 everywhere."""
    if not classes:
        return Answers(np.asarray(truth, dtype=np.float64), np.asarray(said.said, dtype=np.float64))
    number = {name: index for index, name in enumerate(classes)}
    return Answers(_numbers(truth, number), _numbers(said.said, number), len(classes), _ordered(said, number))


def all_classes(*names: Any) -> tuple[ClassName, ...]:
    """Every class in any of these, sorted as scikit-learn sorts them; the last of two is the positive one."""
    return tuple(sorted({each for found in names for each in np.unique(np.asarray(found)).tolist()}))


def _numbers(values: Any, number: dict[ClassName, int]) -> Any:
    found, where = np.unique(np.asarray(values), return_inverse=True)
    return np.array([number[each] for each in found.tolist()], dtype=np.float64)[where]


def _ordered(said: Said, number: dict[ClassName, int]) -> Any:
    if said.probability is None:
        return None
    ordered = np.zeros((len(said.said), len(number)))
    ordered[:, [number[name] for name in said.classes]] = said.probability
    return ordered
