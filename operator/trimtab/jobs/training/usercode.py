"""Training code of a person's own: a function that gets a context and returns a fitted estimator.

How it is read and called, and what is said about what it raises, is `jobs/mounted.py`'s.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trimtab.api.documents import CODE_PATH
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import PythonTrainer
from trimtab.jobs import mounted
from trimtab.jobs.errors import UserFault
from trimtab.jobs.mounted import Mounted
from trimtab.jobs.training.fit import Fitted, Point, Rows, Watch
from trimtab.jobs.training.preprocess import transformer_for
from trimtab.jobs.training.roles import ClassName, Roles
from trimtab.jobs.training.said import all_classes

FIELD = "spec.trainer.python"


@dataclass
class Context:
    """What the function is given.

    train, validation    `.X` (a DataFrame), `.y` and `.times` of the rows to learn from and to choose by
    features             names of the columns; `numeric` and `categorical` are the two halves of it
    task, classes, seed  of the Dataset and the recipe
    """

    train: Rows
    validation: Rows
    features: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    task: str
    classes: tuple[ClassName, ...]
    seed: int
    _roles: Roles
    _watch: Watch
    _curves: list[Point] = field(default_factory=list)
    _best: tuple[float, Any, int] | None = None
    _checkpoints: int = 0

    def columns_for(self, estimator: Any) -> Any:
        """The ColumnTransformer that suits the estimator, as `trainer.estimator` would use it."""
        return transformer_for(estimator, self.train.X, self._roles)

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        """A value for the learning curves and the progress; `step` counts up by itself where it is left out."""
        number = step if step is not None else 1 + sum(point.metric == name for point in self._curves)
        self._curves.append(Point(int(number), "validation", str(name), float(value)))
        self._watch(self._curves[-1])

    def checkpoint(self, estimator: Any, score: float) -> None:
        """Keep a copy of this estimator if no better one (a higher score) was kept; the best is what is registered."""
        import copy

        self._checkpoints += 1
        self.log_metric("checkpoint_score", score, self._checkpoints)
        if self._best is None or score > self._best[0]:
            self._best = (float(score), copy.deepcopy(estimator), self._checkpoints)


def read_code(trainer: PythonTrainer, expected: str, folder: Path = Path(CODE_PATH)) -> str:
    """The mounted source, which is the one that the run was started for."""
    return mounted.read_code(trainer.config_map, expected, folder)


def run(trainer: PythonTrainer, source: str, context: Context) -> Fitted:
    """Call the function; the best checkpoint, or what it returned."""
    code = Mounted(trainer.config_map, trainer.function, FIELD, Reason.TRAINING_FAILED)
    returned = mounted.function(code, source)(context)
    best = context._best  # noqa: SLF001 (the context's hidden half is ours)
    estimator, iteration = (best[1], best[2]) if best else (returned, None)
    _fitted(estimator, trainer, context.features)
    return Fitted(estimator, len(context.train), context._curves, iteration, "given to the code")  # noqa: SLF001


def _fitted(estimator: Any, trainer: PythonTrainer, features: tuple[str, ...]) -> None:
    """What came back must be able to answer for rows with named columns."""
    name = f"{FIELD}.function: {trainer.function}"
    if not hasattr(estimator, "predict"):
        raise UserFault(
            Reason.TRAINING_FAILED, f"{name} returned {type(estimator).__name__}; return a fitted scikit-learn estimator, or call context.checkpoint."
        )
    known = getattr(estimator, "feature_names_in_", None)
    if known is None:
        raise UserFault(
            Reason.TRAINING_FAILED, f"{name} returned an estimator that is not fitted on named columns; fit it on context.train.X, not on an array."
        )
    if strange := [each for each in known if each not in features]:
        raise UserFault(
            Reason.TRAINING_FAILED, f"{name} fitted columns that the Dataset does not have: {', '.join(map(str, strange[:5]))}; put that step into a Pipeline."
        )


def context(roles: Roles, train: Rows, validation: Rows, seed: int, watch: Watch) -> Context:
    """The context for these rows; what the code does to them stays its own."""
    classes = () if roles.task == "regression" else all_classes(train.y, validation.y)
    return Context(train, validation, roles.features, roles.numeric, roles.categorical, roles.task, classes, seed, roles, watch)
