"""A pipeline spelled out in the recipe: steps on named columns side by side, then steps on all that came out.

steps with `columns`      equal columns: one after the other; different columns: side by side, put together in order
steps without             on the result, the last of them being the estimator
"""

import difflib
from collections.abc import Sequence
from itertools import count
from typing import Any

from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Step
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.resolve import construct
from trimtab.jobs.training.roles import Roles

FIELD = "spec.trainer.pipeline"
Branches = dict[tuple[str, ...], list[tuple[str, Any]]]


def spelled_out(steps: Sequence[Step], roles: Roles, seed: int) -> Any:
    """The unfitted scikit-learn Pipeline."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    branches, rest = _sorted_out(steps, roles, seed)
    parts = [(f"columns{number}", _joined(made), list(columns)) for number, (columns, made) in zip(count(1), branches.items(), strict=False)]
    return Pipeline([*([("columns", ColumnTransformer(parts))] if parts else []), *rest])


def _sorted_out(steps: Sequence[Step], roles: Roles, seed: int) -> tuple[Branches, list[tuple[str, Any]]]:
    branches: Branches = {}
    rest: list[tuple[str, Any]] = []
    for number, step in enumerate(steps):
        field = f"{FIELD}[{number}]"
        made = (f"step{number + 1}", construct(step.estimator, step.parameters, field, seed))
        if step.columns is None:
            rest.append(made)
        elif rest:
            raise UserFault(Reason.TRAINING_FAILED, f"{field}.columns: steps with columns come first; put this one before {FIELD}[{number - 1}].")
        else:
            branches.setdefault(_columns(step.columns, roles, f"{field}.columns"), []).append(made)
    if not rest:
        raise UserFault(Reason.TRAINING_FAILED, f"{FIELD}: the last step must be an estimator without `columns`.")
    return branches, rest


def _joined(steps: list[tuple[str, Any]]) -> Any:
    from sklearn.pipeline import Pipeline

    return steps[0][1] if len(steps) == 1 else Pipeline(steps)


def _columns(names: Sequence[str], roles: Roles, field: str) -> tuple[str, ...]:
    """`numeric` and `categorical` stand for all columns of that type, unless a column bears that name."""
    words = {"numeric": roles.numeric, "categorical": roles.categorical}
    found: list[str] = []
    for name in names:
        if name not in roles.features and name not in words:
            raise UserFault(Reason.COLUMN_MISSING, f"{Reason.COLUMN_MISSING.say(field=field, column=name, columns=_some(roles))}{_near(name, roles)}")
        found.extend([name] if name in roles.features else words[name])
    return tuple(dict.fromkeys(found))


def _some(roles: Roles) -> str:
    return ", ".join(roles.features[:20]) + (" ..." if len(roles.features) > 20 else "")


def _near(name: str, roles: Roles) -> str:
    near = difflib.get_close_matches(name, roles.features, 1, 0.6)
    return f" Did you mean {near[0]}?" if near else f" It is left out: {roles.left_out[name]}." if name in roles.left_out else ""
