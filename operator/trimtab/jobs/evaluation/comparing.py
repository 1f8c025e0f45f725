"""The watched version against the one that served before it, on the same rows, whoever answered them.

Both are asked anew from what was logged. The difference of their losses is paired row by row, so that hard days count for
neither, and a day is one observation. It counts where its whole interval is beyond what matters, and where a week has been seen: that,
and not a stricter level, is what allows a look at every window. That there is no gain is told when there were days enough to see one.

On the flights, looked at each day for four weeks, hardly any of equal versions is called worse, and 3 in 4 of those that learned
nothing; the numbers are in docs/statistics.md.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

import numpy as np

from trimtab.api.documents import INPUT
from trimtab.api.evaluation import Comparison
from trimtab.jobs.evaluation.answers import frame, judged_by, times
from trimtab.jobs.evaluation.logged import Log
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.replaying import hashed
from trimtab.jobs.evaluation.spans import DAY
from trimtab.stats.metrics import Answers, best_constant_loss
from trimtab.stats.quality import LEAST_TOLERANCE, days_of
from trimtab.stats.skill import Interval, loss_difference

MOST_ROWS = 50_000
"""Asked of both models; a share of the requests where there were more."""
SURE = 0.9
"""Level of the interval: 5% to either side."""
FEWEST_DAYS = 7
"""Each day of the week once. Hours of a day share its weather, and neighbouring days theirs: of what was decided about versions of the flights
from two days on, one in five decisions was the wrong way round; from seven on, one in thirty."""
ENOUGH = 20 * DAY
"""So many days would have shown a gain, where windows are days or longer; shorter windows are about something faster."""


@dataclass(frozen=True)
class Contest:
    """What the comparison stands at. `decided` is None where it is too early, or where it could not be made: `remark` says why.

    `hopeless`: nor will it be, however many labels come.
    """

    difference: Interval | None = None
    labels: int = 0
    early: bool = False
    decided: Comparison | None = None
    remark: str = ""
    hopeless: bool = False


def compare(log: Log, watched: Model, predecessor: Model, *, since: datetime, window: timedelta, min_labels: int) -> Contest:
    """Compare them on the matured labels of the time since the watched version began to serve."""
    condition = log.matured_since(since)
    labels = log.count(condition)
    if labels < min_labels:
        return Contest(labels=labels, remark=f"{labels} labels have matured; it takes {min_labels}.")
    if missing := [each.name for each in (*watched.inputs, *predecessor.inputs) if INPUT + each.name not in log.columns]:
        own = log.count(f"{condition} AND {log.own()}")  # others may have had no such input, and the watched one's rows are yet to come
        return Contest(labels=labels, remark=f"{missing[0]} is not in the prediction log, so the versions cannot be asked again.", hopeless=own > 0)
    inputs = list({each.name: each for each in (*watched.inputs, *predecessor.inputs)}.values())
    rows = log.rows([*(INPUT + each.name for each in inputs), "label"], condition, most=MOST_ROWS)
    if veiled := hashed(rows, inputs):
        return Contest(labels=labels, remark=f"{veiled} is hashed in the prediction log, so the versions cannot be asked again.", hopeless=True)
    mine, theirs = (judged_by(each.predict(frame(rows, each.inputs)), rows, each) for each in (watched, predecessor))
    return judge(mine, theirs, times(rows), window, early=log.matured_until - since < enough(window))


def enough(window: timedelta) -> timedelta:
    """How much matured time it takes to say that there is no gain.

    >>> enough(timedelta(hours=6)) // timedelta(hours=1), enough(timedelta(days=7)).days, enough(timedelta(days=28)).days
    (6, 20, 28)
    """
    return window if window < DAY else max(window, ENOUGH)


def judge(mine: Answers, theirs: Answers, moments: Any, window: timedelta, *, early: bool) -> Contest:
    """What answers of both versions to the same rows say."""
    labels = len(mine)
    found = loss_difference(mine, theirs, days_of(moments, labels), SURE)
    days = len(np.unique(moments.astype("datetime64[D]")))
    if window >= DAY and days < FEWEST_DAYS:
        return Contest(found, labels, early, remark=f"{days} days have matured; it takes {FEWEST_DAYS}.")
    outcome = decide(found, LEAST_TOLERANCE * best_constant_loss(mine) / labels, early=early)
    return Contest(found, labels, early, _comparison(outcome, found, labels) if outcome else None)


def decide(found: Interval, least: float, *, early: bool) -> Literal["Worse", "Improved", "NoGain"] | None:
    """None: not yet.

    >>> decide(Interval(-0.02, -0.03, -0.01, 7), 0.005, early=True), decide(Interval(0.01, 0.001, 0.02, 28), 0.005, early=False)
    ('Worse', 'NoGain')
    """
    if found.upper < -least:
        return "Worse"
    if found.lower > least:
        return "Improved"
    return None if early else "NoGain"


def _comparison(outcome: Literal["Worse", "Improved", "NoGain"], found: Interval, labels: int) -> Comparison:
    gain, lower, upper = (round(each, 6) for each in (found.estimate, found.lower, found.upper))
    return Comparison(outcome=outcome, gain=gain, lower=lower, upper=upper, labels=labels)
