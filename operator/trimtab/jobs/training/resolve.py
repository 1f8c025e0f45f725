"""From an import path and parameters to an estimator, or to a sentence that names what was probably meant.

The run's seed becomes `random_state` here, unless the person set one; `n_jobs` is left at scikit-learn's one. Whether the
columns suit the estimator is for `preprocess`; whether it can be served is for `export`.
"""

import difflib
import importlib
import inspect
from collections.abc import Mapping
from typing import Any

from trimtab.api.reasons import Reason
from trimtab.jobs.errors import UserFault

WORDS = {"classifier": "a classifier", "regressor": "a regressor", "clusterer": "a clusterer", "outlier_detector": "an outlier detector"}
WANTED = {"classification": "classifier", "regression": "regressor"}


def construct(path: str, parameters: Mapping[str, Any], field: str, seed: int) -> Any:
    """The estimator with these parameters; a parameter may itself be `{estimator: ..., parameters: {...}}`."""
    made = _class_at(path, f"{field}.estimator")
    accepted = _accepted(made)
    for name in parameters:
        if accepted is not None and name not in accepted:
            raise UserFault(Reason.UNKNOWN_PARAMETER, _unknown_parameter(f"{field}.parameters.{name}", path, name, accepted))
    given = {name: _value(value, f"{field}.parameters.{name}", seed) for name, value in parameters.items()}
    defaults = {"random_state": seed} if accepted and "random_state" in accepted else {}
    return _called(made, defaults | given, path, field)


def require_task(estimator: Any, task: str, path: str, field: str) -> None:
    """A regressor for classes, or a scaler for anything, is refused before hours are spent."""
    kind = kind_of(estimator)
    if kind != WANTED[task]:
        raise UserFault(
            Reason.UNKNOWN_ESTIMATOR,
            Reason.UNKNOWN_ESTIMATOR.say(
                field=f"{field}.estimator", detail=f"{path} is {WORDS.get(kind, 'no predictor')}, but the Dataset's task is {task}.{_counterpart(path, task)}"
            ),
        )


def kind_of(estimator: Any) -> str:
    """`classifier`, `regressor` ... or the empty string."""
    from sklearn.utils import get_tags

    try:
        return str(get_tags(estimator).estimator_type or "")
    except (AttributeError, TypeError, ValueError):
        return ""


def _class_at(path: str, field: str) -> type:
    module_name, _, name = path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise UserFault(Reason.UNKNOWN_ESTIMATOR, Reason.UNKNOWN_ESTIMATOR.say(field=field, detail=_no_module(path, module_name, error))) from None
    found = getattr(module, name, None)
    if not inspect.isclass(found) or not hasattr(found, "fit") or not hasattr(found, "get_params"):
        detail = f"{path} is no estimator." if found is not None else f"there is no {path}."
        raise UserFault(Reason.UNKNOWN_ESTIMATOR, Reason.UNKNOWN_ESTIMATOR.say(field=field, detail=f"{detail}{_did_you_mean(path)}"))
    return found


def _no_module(path: str, module: str, error: ImportError) -> str:
    if module.startswith("sklearn"):
        return f"there is no {path}.{_did_you_mean(path)}"
    return f"module {error.name or module} is not in the worker image; use an estimator of scikit-learn, or build an image with that package."


def _did_you_mean(path: str) -> str:
    """By the last word first: people know the class and guess the module."""
    known = _all_paths()
    name = path.rpartition(".")[2]
    by_name = {each.rpartition(".")[2]: each for each in known}
    lowered = {each.lower(): each for each in by_name}
    near = difflib.get_close_matches(name.lower(), lowered, 1, 0.6)
    return f" Did you mean {by_name[lowered[near[0]]]}?" if near else ""


def _all_paths() -> list[str]:
    from sklearn.utils import all_estimators

    return [f"{'.'.join(each.__module__.split('.')[:2])}.{name}" for name, each in all_estimators()]


def _counterpart(path: str, task: str) -> str:
    """RandomForestRegressor -> RandomForestClassifier, Ridge -> RidgeClassifier, where there is one."""
    known = _all_paths()
    stem = path.removesuffix("Classifier").removesuffix("Regressor")
    options = [f"{stem}{suffix}" for suffix in (("Classifier",) if task == "classification" else ("Regressor", ""))]
    return next((f" Did you mean {option}?" for option in options if option in known and option != path), "")


def _accepted(made: type) -> list[str] | None:
    """Names of the constructor's parameters; None where it takes anything."""
    parameters = inspect.signature(made).parameters.values()
    if any(each.kind is inspect.Parameter.VAR_KEYWORD for each in parameters):
        return None
    return [each.name for each in parameters]


def _unknown_parameter(field: str, path: str, name: str, accepted: list[str]) -> str:
    near = difflib.get_close_matches(name, accepted, 1, 0.5)
    hint = f"Did you mean {near[0]}?" if near else f"Its parameters are {', '.join(accepted)}."
    return Reason.UNKNOWN_PARAMETER.say(field=field, detail=f"{path.rpartition('.')[2]} has no parameter {name}. {hint}")


def _value(value: Any, field: str, seed: int) -> Any:
    """Estimators inside parameters (stacking, bagging, calibration) are made too; everything else stays as written."""
    if isinstance(value, Mapping) and "estimator" in value and set(value) <= {"estimator", "parameters"} and isinstance(value["estimator"], str):
        return construct(value["estimator"], value.get("parameters") or {}, field, seed)
    if isinstance(value, list):
        return [_value(each, f"{field}[{number}]", seed) for number, each in enumerate(value)]
    return value


def _called(made: type, parameters: Mapping[str, Any], path: str, field: str) -> Any:
    try:
        return made(**parameters)
    except (TypeError, ValueError) as error:
        raise UserFault(Reason.UNKNOWN_PARAMETER, Reason.UNKNOWN_PARAMETER.say(field=f"{field}.parameters", detail=f"{path}: {error}")) from error
