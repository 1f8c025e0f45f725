"""Rows of the prediction log as statistics read them: what was said, what was true, what was asked.

A label comes as text, whatever the model's classes are; classes are compared as text, with `1.0` read as `1`. A class that the
model does not know is one that it gave no chance.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from trimtab.api.documents import INPUT, OUTPUT
from trimtab.jobs.evaluation.brought import said_of
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.training.said import Said, judged
from trimtab.stats.metrics import Answers
from trimtab.store.model import MISSING, Input

Rows = Any
"""A pyarrow Table of the log's columns; the library has no types to check against."""


def said(rows: Rows, model: Model) -> Said:
    """What the model's own rows of the log say that it answered."""
    logged = said_of([_array(rows[OUTPUT + each.name]) for each in model.outputs if OUTPUT + each.name in rows.column_names])
    return Said(logged.said, logged.probability, model.classes)


def judged_by(found: Said, rows: Rows, model: Model) -> Answers:
    """Answers to these rows, all of which have labels, against what became known."""
    if model.task == "regression":
        return judged(found, rows["label"].cast(pa.float64()).to_numpy(), ())
    truth, answered = spelled(rows["label"].to_pylist()), spelled(np.asarray(found.said).tolist())
    seen = sorted({*truth.tolist(), *answered.tolist()}, key=_order)
    names = tuple(map(str, found.classes)) or (tuple(seen) if found.probability is None or found.probability.shape[1] == len(seen) else ())
    known = (*names, *(each for each in seen if each not in names))
    return judged(Said(answered, found.probability if names else None, names), truth, known)


def spelled(values: Sequence[Any]) -> Any:
    """Classes as text.

    >>> spelled(["1.0", 1, True, "late"]).tolist()
    ['1', '1', 'true', 'late']
    """
    return np.array([_word(each) for each in values], dtype=object)


def frame(rows: Rows, inputs: Sequence[Input]) -> pd.DataFrame:
    """What was asked, as a model takes it: numbers with NaN, text with the sentinel."""
    return pd.DataFrame({each.name: _column(rows[INPUT + each.name]) for each in inputs}, index=range(rows.num_rows))


def times(rows: Rows) -> Any:
    """The moments of rows that were read with `moment`, as datetime64 in UTC."""
    return rows["moment"].cast(pa.timestamp("us")).to_numpy().astype("datetime64[us]")


def _column(column: Any) -> Any:
    if pa.types.is_list(column.type):
        return pd.Series(column.to_pylist(), dtype=object)
    if pa.types.is_floating(column.type) or pa.types.is_integer(column.type):
        numbers = column.to_numpy()
        return numbers if numbers.dtype == np.float32 or pa.types.is_integer(column.type) else numbers.astype(np.float64)
    words = ["true" if each is True else "false" if each is False else MISSING if each is None else each for each in column.to_pylist()]
    return np.array(words, dtype=object)


def _array(column: Any) -> Any:
    """(rows,) or (rows, columns of a probability)."""
    if pa.types.is_list(column.type):
        flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
        return np.asarray(flat, dtype=np.float64).reshape(len(column), -1)
    return column.to_numpy()


def _word(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return str(value).lower()
    text = str(value)
    return text.removesuffix(".0") if text.endswith(".0") and text[:-2].lstrip("-").isdigit() else text


def _order(word: str) -> tuple[float, str]:
    """Numbers as numbers, words as words."""
    return (float(word), "") if word.lstrip("-").isdigit() else (float("inf"), word)
