"""The watched version against the one that served before it, on the same rows, whoever answered them.

Both are asked anew from what was logged. The difference of their losses is paired row by row, so that hard days count for
neither, and drawn by day. Told early only where it is very clear, and not before labels of five days: a model that knows nothing
is the better one on many a single day. That there is no gain is told when a whole window of labels has matured: after a few
hundred labels nearly every gain looks like none.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np

from trimtab.api.evaluation import Comparison
from trimtab.jobs.evaluation.answers import INPUT, frame, judged_by, times
from trimtab.jobs.evaluation.logged import Log
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.replaying import hashed
from trimtab.stats.quality import FEWEST_DAYS, days_of
from trimtab.stats.skill import LEVEL, Interval, loss_difference

MOST_ROWS = 50_000
"""Asked of both models; a share of the requests where there were more."""
EARLY_LEVEL = 0.995
"""Of the interval before a whole window has matured. With a look each day for a week, false words stay below those of one look at 95%."""


@dataclass(frozen=True)
class Contest:
    """What the comparison stands at. `decided` is None where it is too early, or where it could not be made: `remark` says why."""

    difference: Interval | None = None
    labels: int = 0
    early: bool = False
    decided: Comparison | None = None
    remark: str = ""


def compare(log: Log, watched: Model, predecessor: Model, *, since: datetime, window: timedelta, min_labels: int) -> Contest:
    """Compare them on the matured labels of the time since the watched version began to serve."""
    if missing := [each.name for each in (*watched.inputs, *predecessor.inputs) if INPUT + each.name not in log.columns]:
        return Contest(remark=f"{missing[0]} is not in the prediction log, so the versions cannot be asked again.")
    condition = log.matured_since(since)
    labels = log.count(condition)
    if labels < min_labels:
        return Contest(labels=labels, remark=f"{labels} labels have matured; it takes {min_labels}.")
    inputs = list({each.name: each for each in (*watched.inputs, *predecessor.inputs)}.values())
    rows = log.rows([*(INPUT + each.name for each in inputs), "label"], condition, most=MOST_ROWS)
    if veiled := hashed(rows, inputs):
        return Contest(labels=labels, remark=f"{veiled} is hashed in the prediction log, so the versions cannot be asked again.")
    mine, theirs = (judged_by(each.predict(frame(rows, each.inputs)), rows, each) for each in (watched, predecessor))
    early = log.matured_until - since < window
    moments = times(rows)
    found = loss_difference(mine, theirs, days_of(moments, rows.num_rows), level=EARLY_LEVEL if early else LEVEL)
    return Contest(found, labels, early, None if early and _days(moments) < FEWEST_DAYS else _decided(found, labels, early=early))


def _days(moments: Any) -> int:
    return len(np.unique(moments.astype("datetime64[D]")))


def _decided(found: Interval, labels: int, *, early: bool) -> Comparison | None:
    outcome = "Worse" if found.upper < 0 else "Improved" if found.lower > 0 else None if early else "NoGain"
    if outcome is None:
        return None
    gain, lower, upper = (round(each, 6) for each in (found.estimate, found.lower, found.upper))
    return Comparison(outcome=outcome, gain=gain, lower=lower, upper=upper, labels=labels)
