"""Training code of a person's own: a function that gets a context and returns a fitted estimator.

What it raises is the person's fault and is told with the line it happened on; the whole traceback goes into the run's log.
The code that runs is the code the run was started for, byte by byte, or it does not run.
"""

import hashlib
import traceback
import types
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from trimtab.api.documents import CODE_PATH
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import PythonTrainer
from trimtab.jobs.errors import TryAgain, UserFault
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
    """The mounted source. Another digest than the run was started for: the kubelet mounted a newer ConfigMap; try again."""
    try:
        source = (folder / trainer.config_map.key).read_bytes()
    except OSError as error:
        raise TryAgain(Reason.CODE_CHANGED, f"{Reason.CODE_CHANGED.sentence} ({trainer.config_map.key}: {error.strerror})") from error
    if hashlib.sha256(source).hexdigest() != expected:
        raise TryAgain(Reason.CODE_CHANGED, Reason.CODE_CHANGED.sentence)
    return source.decode()


def run(trainer: PythonTrainer, source: str, context: Context) -> Fitted:
    """Call the function; the best checkpoint, or what it returned."""
    function = _function(trainer, source)
    returned = _told(trainer, lambda: function(context))
    best = context._best  # noqa: SLF001 (the context's hidden half is ours)
    estimator, iteration = (best[1], best[2]) if best else (returned, None)
    _fitted(estimator, trainer, context.features)
    return Fitted(estimator, len(context.train), context._curves, iteration, "given to the code")  # noqa: SLF001


def _function(trainer: PythonTrainer, source: str) -> Callable[[Context], Any]:
    module = types.ModuleType("training_code")
    key = trainer.config_map.key
    _told(trainer, lambda: exec(compile(source, key, "exec"), module.__dict__))  # noqa: S102 (running it is what was asked)
    found = getattr(module, trainer.function, None)
    if not callable(found):
        named = [name for name, value in vars(module).items() if isinstance(value, types.FunctionType) and value.__module__ == "training_code"]
        raise UserFault(Reason.TRAINING_FAILED, f"{FIELD}.function: {key} has no function {trainer.function}; it has {', '.join(named) or 'none'}.")
    return found  # type: ignore[no-any-return]


def _told(trainer: PythonTrainer, call: Callable[[], Any]) -> Any:
    try:
        return call()
    except Exception as error:
        traceback.print_exc()
        raise UserFault(Reason.TRAINING_FAILED, f"{FIELD}: {_where(trainer.config_map.key, error)}{type(error).__name__}: {error}") from error
    except SystemExit as error:
        raise UserFault(Reason.TRAINING_FAILED, f"{FIELD}: the code called exit({error.code}); return an estimator instead.") from error


def _where(key: str, error: Exception) -> str:
    """The last line of the person's own file that was on the way to the error."""
    if isinstance(error, SyntaxError):
        return f"{key}, line {error.lineno}: "
    frames: Sequence[traceback.FrameSummary] = [each for each in traceback.extract_tb(error.__traceback__) if each.filename == key]
    return f"{key}, line {frames[-1].lineno}, in {frames[-1].name}: " if frames else f"{key}: "


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
