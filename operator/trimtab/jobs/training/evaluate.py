"""What the model is worth: metrics by split and by slice, and the skill with its interval. What is enough is for `gates`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Evaluation
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.roles import ClassName
from trimtab.stats.metrics import STANDARD, Answers, Integers, Task, find
from trimtab.stats.skill import Interval, skill_interval
from trimtab.store.model import MISSING

MOST_SLICES = 50
"""Values of one column that are broken down: the most frequent ones."""


@dataclass(frozen=True)
class Evidence:
    """All that gates and record are judged by. `slices` holds the words of the slice columns, `blocks` the block, of each test row."""

    task: Task
    classes: tuple[ClassName, ...]
    answers: Mapping[str, Answers]
    blocks: Integers
    slices: Mapping[str, Any]

    @property
    def test(self) -> Answers:
        return self.answers["test"]


@dataclass(frozen=True)
class SliceMetrics:
    column: str
    value: str
    rows: int
    metrics: dict[str, float]


def require_known(evaluation: Evaluation, task: Task, columns: Sequence[str]) -> None:
    """Every metric and slice column named in the recipe exists; said before anything is fitted."""
    gates = enumerate(evaluation.gates)
    named = [(f"metrics[{number}]", name) for number, name in enumerate(evaluation.metrics)]
    named += [(f"gates[{number}].metric", gate.metric or (gate.max_gap.metric if gate.max_gap else "skill")) for number, gate in gates]
    for field, name in named:
        try:
            find(name, task)
        except KeyError as error:
            raise UserFault(Reason.UNKNOWN_METRIC, Reason.UNKNOWN_METRIC.say(field=f"spec.evaluation.{field}", detail=error.args[0])) from None
    for name in slice_columns(evaluation):
        if name not in columns:
            raise UserFault(Reason.COLUMN_MISSING, Reason.COLUMN_MISSING.say(field="spec.evaluation.slices", column=name, columns=", ".join(columns[:20])))


def slice_columns(evaluation: Evaluation) -> tuple[str, ...]:
    """Columns to break down by, and those that a gate looks at."""
    return tuple(dict.fromkeys([*evaluation.slices, *(gate.slice.column for gate in evaluation.gates if gate.slice)]))


def words(values: pd.Series) -> Any:
    """A slice column as text, the way a person writes its values in a gate."""
    return np.array([MISSING if pd.isna(each) else _word(each) for each in values], dtype=object)


def metrics_of(answers: Answers, task: Task, more: Sequence[str]) -> dict[str, float]:
    """The standard metrics of the task and those asked for, without those that have no value on these rows."""
    names = dict.fromkeys([*STANDARD[task], *more])
    values = {name: find(name, task)(answers) for name in names}
    return {name: value for name, value in values.items() if np.isfinite(value)}


def by_slice(evidence: Evidence, columns: Sequence[str], more: Sequence[str]) -> list[SliceMetrics]:
    """Metrics of the test rows by each value of each column."""
    found = []
    for column in columns:
        values, counts = np.unique(evidence.slices[column].astype(str), return_counts=True)
        for value in values[np.argsort(-counts, kind="stable")][:MOST_SLICES]:
            rows = evidence.test.take(evidence.slices[column] == value)
            found.append(SliceMetrics(column, str(value), len(rows), metrics_of(rows, evidence.task, more)))
    return found


def skill_of(evidence: Evidence, seed: int) -> Interval:
    return skill_interval(evidence.test, evidence.blocks, seed)


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
