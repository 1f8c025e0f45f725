"""Which columns a model learns from, and how they look to it: the one place where training decides that.

Numbers are float32 from here on (then a float32 ONNX graph is exact), NaN where missing. Categories and booleans are
text, `store.model.MISSING` where missing. Label, timestamp, id and excluded columns are never inputs; datetimes and columns
without any value are left out, and said so.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from trimtab.stats.metrics import Task
from trimtab.store.model import MISSING

ClassName = str | int


@dataclass(frozen=True)
class Roles:
    """`features` keep the source's order. `left_out` says of each column that could have been an input why it is none."""

    task: Task
    label: str
    label_type: str
    timestamp: str | None
    features: tuple[str, ...]
    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    boolean: tuple[str, ...] = ()
    context: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


def roles_of(facts: Mapping[str, Any], train: pd.DataFrame) -> Roles:
    """The roles of the columns of a dataset version, by its manifest's facts and what its training rows hold."""
    kinds = {column["name"]: column["type"] for column in facts["columns"]}
    never = {facts["label"], facts.get("timestamp"), facts.get("id"), *(facts.get("exclude") or ())}
    left_out = {name: reason for name in kinds if name not in never and (reason := _unusable(kinds[name], train[name]))}
    inputs = [name for name in kinds if name not in never and name not in left_out]
    return Roles(
        task=facts["task"],
        label=facts["label"],
        label_type=kinds[facts["label"]],
        timestamp=facts.get("timestamp"),
        features=tuple(inputs),
        numeric=tuple(name for name in inputs if kinds[name] == "numeric"),
        categorical=tuple(name for name in inputs if kinds[name] != "numeric"),
        boolean=tuple(name for name in inputs if kinds[name] == "boolean"),
        context=tuple(dict.fromkeys(name for name in (facts.get("id"), facts.get("timestamp"), *left_out, *_keys(facts)) if name)),
        left_out=left_out,
    )


def _keys(facts: Mapping[str, Any]) -> list[str]:
    """Columns by which features were joined, though no model shall see them: with them the features of a request can be looked up again."""
    keys = [key for each in facts.get("features") or [] for key in each.get("entities") or []]
    return [key for key in keys if key in (facts.get("exclude") or ())]


def _unusable(kind: str, values: pd.Series) -> str:
    if kind == "datetime":
        return "a datetime is no model input; derive numbers from it (hour, weekday, age) in the source"
    return "has no value in any training row" if values.isna().all() else ""


def frame(table: pd.DataFrame, roles: Roles) -> pd.DataFrame:
    """The inputs of a model: float32 columns and text columns, in the order of `features`."""
    columns = {
        name: _numbers(table[name]) if name in roles.numeric else _words(table[name], _truth if name in roles.boolean else _spelled) for name in roles.features
    }
    return pd.DataFrame(columns, index=range(len(table))).astype(dict.fromkeys(roles.categorical, object))


def _numbers(values: pd.Series) -> Any:
    """Infinite, or beyond float32, is missing: no client can send it in JSON either."""
    with np.errstate(over="ignore"):
        numbers = pd.to_numeric(values, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan).astype(np.float32)
    return np.where(np.isfinite(numbers), numbers, np.float32(np.nan))


def _words(values: pd.Series, spell: Callable[[Any], str]) -> Any:
    words = values.map(spell, na_action="ignore").astype(object)
    return words.where(values.notna(), MISSING).to_numpy(dtype=object)


def _spelled(value: Any) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _truth(value: Any) -> str:
    return "true" if str(value).lower() in ("true", "1", "1.0") else "false"


def labels(table: pd.DataFrame, roles: Roles) -> Any:
    """What a model learns: float64 values; or class names, whole numbers where the label is numeric, else text."""
    values = table[roles.label]
    if roles.task == "regression":
        return pd.to_numeric(values).to_numpy(dtype=np.float64)
    if roles.label_type == "boolean":
        return values.map(_truth).to_numpy(dtype=object)
    if roles.label_type == "numeric" and (values % 1 == 0).all():
        return values.to_numpy(dtype=np.int64)
    return values.map(_spelled).to_numpy(dtype=object)


def times(table: pd.DataFrame, roles: Roles) -> Any:
    """datetime64 of each row in UTC, or None."""
    if roles.timestamp is None:
        return None
    return pd.to_datetime(table[roles.timestamp], utc=True).dt.tz_localize(None).to_numpy(dtype="datetime64[us]")


def datatype_of_label(names: tuple[ClassName, ...]) -> Literal["INT64", "BYTES"]:
    return "INT64" if all(isinstance(name, int) for name in names) else "BYTES"
