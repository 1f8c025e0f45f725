"""Does serving compute what training computed? Logged predictions are computed again from logged inputs, and must match.

What differs is a bug or another file than the one that was registered, never drift; a new model would have it too.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from trimtab.api.documents import INPUT, OUTPUT
from trimtab.api.evaluation import Replay
from trimtab.jobs.evaluation.answers import frame, said, spelled
from trimtab.jobs.evaluation.logged import Log
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.spans import Span
from trimtab.jobs.training.said import Said
from trimtab.store.errors import DigestMismatch
from trimtab.store.model import Input

HASHED = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class Replayed:
    """`replay` is None where nothing could be computed again: `remark` says why."""

    replay: Replay | None = None
    remark: str = ""


def replay(log: Log, model: Model, span: Span, most: int) -> Replayed:
    """Compute up to `most` predictions of the watched version in a window again."""
    if not most:
        return Replayed(remark="spec.skew.replay is 0.")
    if missing := [each.name for each in model.inputs if INPUT + each.name not in log.columns]:
        return Replayed(remark=f"{missing[0]} is not in the prediction log.")
    names = [INPUT + each.name for each in model.inputs] + [OUTPUT + each.name for each in model.outputs if OUTPUT + each.name in log.columns]
    rows = log.rows(["request_id", "row", *names], f"{log.own()} AND {log.within(span)}", most=most)
    if not rows.num_rows:
        return Replayed(remark="The window has no logged predictions of this version.")
    if veiled := hashed(rows, model.inputs):
        return Replayed(remark=f"{veiled} is hashed in the prediction log.")
    try:
        again = model.predict(frame(rows, model.inputs))
    except DigestMismatch as error:
        return Replayed(Replay(replayed=0, mismatched=rows.num_rows, detail=error.message))
    return Replayed(_compared(rows, said(rows, model), again, model.tolerance))


def hashed(rows: Any, inputs: Sequence[Input]) -> str:
    """The first input whose values were hashed before they were logged; empty: none."""
    return next((each.name for each in inputs if is_hashed(rows[INPUT + each.name])), "")


def differ(logged: Said, again: Said, tolerance: float) -> Any:
    """Which rows do not match: numbers by more than the tolerance, which grows with the values; classes at all, unless it is a tie."""
    if logged.probability is not None and again.probability is not None:
        return ~np.isclose(logged.probability, again.probability, rtol=0, atol=tolerance, equal_nan=True).all(axis=1)
    if logged.probability is None and np.asarray(logged.said).dtype.kind == "f":
        scale = float(np.nanmax(np.abs(again.said), initial=0.0))
        return ~np.isclose(np.asarray(logged.said, dtype=np.float64), again.said, rtol=0, atol=tolerance * scale, equal_nan=True)
    return spelled(np.asarray(logged.said).tolist()) != spelled(np.asarray(again.said).tolist())


def _compared(rows: Any, logged: Said, again: Said, tolerance: float) -> Replay:
    wrong = np.flatnonzero(differ(logged, again, tolerance))
    if not len(wrong):
        return Replay(replayed=rows.num_rows, mismatched=0)
    place = int(wrong[0])
    which = f"{rows['request_id'][place].as_py()}/{rows['row'][place].as_py()}"
    detail = f"{which} was answered {_shown(logged, place)}; computed again it is {_shown(again, place)}."
    return Replay(replayed=rows.num_rows, mismatched=len(wrong), detail=detail)


def _shown(found: Said, place: int) -> str:
    if found.probability is None:
        return str(np.asarray(found.said)[place])
    return "[" + ", ".join(f"{each:.6g}" for each in found.probability[place][:5]) + "]"


def is_hashed(column: Any) -> bool:
    """Whether an arrow column looks like what logging makes of values that shall not be read."""
    values = [each for each in column.drop_null().slice(0, 50).to_pylist() if isinstance(each, str)]
    return bool(values) and all(HASHED.fullmatch(each) for each in values)
