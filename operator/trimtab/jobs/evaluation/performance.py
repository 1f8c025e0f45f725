"""How well the watched version answered, window by window, on labels that have matured; skill, as `stats.quality` judges it.

A window is judged only where its cohort is complete: labels that come late are not like the others. Where they stop coming,
or come later than the monitor was told, a part of the window has hardly any.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from trimtab.api.documents import OUTPUT
from trimtab.api.driftmonitor import PerformanceRule
from trimtab.jobs.evaluation.answers import judged_by, said, times
from trimtab.jobs.evaluation.logged import Log
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.spans import Span
from trimtab.stats.metrics import Answers, row_losses
from trimtab.stats.quality import Judgement, Reading, Standard, judge, reading
from trimtab.stats.skill import Interval

LEAST_SHARE = 1 / 3
"""Of the best quarter's labels a row, that each quarter of a window must have. Even the blizzard of February 2013, in which
half of all flights were cancelled and never got a label, left its quarter of the week with more."""
FEWEST_ROWS = 20
"""A quarter with fewer rows says nothing about its labels."""
NOTHING_PROMISED = Interval(float("-inf"), float("-inf"), float("inf"), 0)


@dataclass(frozen=True)
class Period:
    """One window of labels: what was found in it, or `remark`, why it was not judged."""

    span: Span
    rows: int
    labels: int
    judgement: Judgement
    remark: str = ""
    loss: float | None = None
    """A row, on average; it follows how hard the days are, so that it is shown and nothing is decided by it."""
    true: float | None = None
    said: float | None = None
    """Mean of what was true and of what was said: of two classes, the share of the last and its mean probability."""

    @property
    def matured(self) -> float:
        """Share of its rows that have a label."""
        return self.labels / self.rows if self.rows else 0.0


@dataclass(frozen=True)
class Performance:
    """All windows of labels, oldest first. `line` is the skill below which the version is degraded; None: there is no such line."""

    periods: Sequence[Period]
    standard: Standard | None
    reading: Reading

    @property
    def line(self) -> float | None:
        return self.standard.line if self.standard and np.isfinite(self.standard.line) else None

    @property
    def last(self) -> Period | None:
        """The last that was judged."""
        return next((each for each in reversed(self.periods) if each.judgement.skill), None)


def look(log: Log, model: Model, rule: PerformanceRule, spans: Sequence[Span]) -> Performance:
    """Judge these windows."""
    standard = standard_of(model, rule)
    periods = [_period(log, model, standard, rule.min_labels, span) for span in spans]
    told = reading([each.judgement.standing for each in periods]) if standard and np.isfinite(standard.line) else "Unknown"
    return Performance(periods, standard, told)


def standard_of(model: Model, rule: PerformanceRule) -> Standard | None:
    """What the version is held to; None for a model that promised nothing, where no floor was given either."""
    if model.promised is None and rule.floor is None:
        return None
    if model.promised is None:
        return Standard(NOTHING_PROMISED, 0.0, rule.floor)
    return Standard(model.promised, rule.tolerance, rule.floor)


def incomplete(shares: Sequence[tuple[int, int]]) -> str:
    """Why a cohort is not complete, by (rows, labels) of its quarters; empty where it is.

    >>> incomplete([(100, 97), (100, 98), (100, 50), (100, 96)]), incomplete([(100, 97), (100, 95), (100, 96), (100, 10)])
    ('', 'labels are missing: 10% of its last quarter have one, 97% of its first.')
    """
    labelled = {number: labels / rows for number, (rows, labels) in enumerate(shares) if rows >= FEWEST_ROWS}
    if not labelled:
        return ""
    worst, best = min(labelled, key=lambda each: labelled[each]), max(labelled, key=lambda each: labelled[each])
    if labelled[worst] >= LEAST_SHARE * labelled[best]:
        return ""
    return f"labels are missing: {labelled[worst]:.0%} of its {ORDINALS[worst]} quarter have one, {labelled[best]:.0%} of its {ORDINALS[best]}."


ORDINALS = ("first", "second", "third", "last")


def _period(log: Log, model: Model, standard: Standard | None, min_labels: int, span: Span) -> Period:
    shares = log.shares(span)
    rows, labels = (sum(each) for each in zip(*shares, strict=True))
    remark = f"{labels} labels are fewer than {min_labels}." if labels < min_labels else incomplete(shares)
    if remark:
        return Period(span, rows, labels, Judgement("Unknown", labels), remark)
    found = log.rows([*(OUTPUT + each.name for each in model.outputs), "label"], f"{log.own()} AND label IS NOT NULL AND {log.within(span)}")
    answers = judged_by(said(found, model), found, model)
    judgement = judge(answers, times(found), standard or Standard(NOTHING_PROMISED, 0.0), min_labels)
    return Period(span, rows, labels, judgement, "", float(row_losses(answers).mean()), *means(answers))


def means(answers: Answers) -> tuple[float | None, float | None]:
    """Of what was true and what was said; of more than two classes there is no such number.

    >>> means(Answers(np.array([1.0, 0.0]), np.array([1.0, 1.0]), 2, np.array([[0.5, 0.5], [0.0, 1.0]])))
    (0.5, 0.75)
    """
    if answers.classes > 2:
        return None, None
    told = answers.certainty[:, -1] if answers.classes else answers.said
    return float(answers.truth.mean()), float(told.mean())
