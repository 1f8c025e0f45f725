"""Has the model lost its skill? One window's judgement, and the decision of several.

Skill, not loss: loss follows how hard the days are, and a model can have its lowest loss in the month in which it has
fallen behind a constant. A window is below only where its whole interval is; two matured windows in a row are a decision.

Leaves to others: which rows belong to a window and whether their labels have matured, and what is done about it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from trimtab.stats.metrics import Answers, Integers
from trimtab.stats.skill import Interval, blocks_of, skill_interval

Standing = Literal["Below", "Within", "Recovered", "Unknown"]
Reading = Literal["Alarm", "Strange", "Unclear", "Calm", "Unknown"]
"""How windows read for the monitor's state machine: decided, one window, in between, clearly well, cannot be judged."""

FEWEST_DAYS = 5
"""From five days on a day is one observation. Stretches of hours, which stand in for fewer, share their day's weather."""
LEAST_TOLERANCE = 0.01
"""A hundredth of the constant's loss: less is not worth a retraining, however sure."""
WINDOWS = 2
"""Matured windows in a row that must be below."""


@dataclass(frozen=True)
class Standard:
    """What a window is held to: skill on the time-ordered test split, less a tolerance, and a floor if there is one.

    tolerance None: as far as the reference's own days, drawn anew, fall below its estimate (2.5% of draws fall further).
    """

    reference: Interval
    tolerance: float | None = None
    floor: float | None = None

    @property
    def allowed(self) -> float:
        """The tolerance that applies, in skill."""
        return default_tolerance(self.reference) if self.tolerance is None else self.tolerance

    @property
    def line(self) -> float:
        """Skill below which a model is degraded."""
        below = self.reference.estimate - self.allowed
        return below if self.floor is None else max(below, self.floor)


@dataclass(frozen=True)
class Judgement:
    """One window: its skill (None where it was not judged), where it stands, and how many labels that is from."""

    standing: Standing
    labels: int
    skill: Interval | None = None


def default_tolerance(reference: Interval) -> float:
    """What the reference may be wrong by: a short test split promises less than a long one.

    >>> round(default_tolerance(Interval(0.055, 0.013, 0.08, 27)), 3)
    0.042
    """
    return max(LEAST_TOLERANCE, reference.estimate - reference.lower) if np.isfinite(reference.lower) else float("inf")


def judge(answers: Answers, times: NDArray[np.datetime64] | None, standard: Standard, min_labels: int = 200, seed: int = 0) -> Judgement:
    """Where one window stands.

    Parameters
    ----------
    answers : of all rows of the window whose labels have matured; a cohort that is not complete must not be judged, because
        labels that come late are not like the others
    times : shape (rows,), event times, for blocks of days; None where there are none
    standard : what it is held to
    min_labels : with fewer the window is Unknown, neither good nor bad
    seed : of the interval

    Returns
    -------
    Judgement: Below where the whole interval is below the line; Recovered where the estimate is above it; else Within

    Examples
    --------
    >>> truth = np.tile([0.0, 0.0, 0.0, 1.0], 100)
    >>> coin = Answers(truth, np.zeros(400), 2, np.full((400, 2), 0.5))
    >>> judge(coin, None, Standard(Interval(0.3, 0.25, 0.35, 30))).standing
    'Below'
    """
    if len(answers) < min_labels:
        return Judgement("Unknown", len(answers))
    found = skill_interval(answers, days_of(times, len(answers)), seed)
    return Judgement(standing(found, standard), len(answers), found)


def standing(skill: Interval, standard: Standard) -> Standing:
    """Where an interval stands; one without bounds (a single class) is Unknown."""
    if not np.isfinite(skill.lower):
        return "Unknown"
    if skill.upper < standard.line:
        return "Below"
    return "Recovered" if skill.estimate >= standard.line else "Within"


def degraded(windows: Sequence[Standing]) -> bool:
    """Whether the last two windows that were judged, oldest first, are below.

    >>> degraded(["Below", "Unknown", "Below"]), degraded(["Below", "Within"]), degraded(["Below"])
    (True, False, False)
    """
    judged = [each for each in windows if each != "Unknown"]
    return judged[-WINDOWS:] == ["Below"] * WINDOWS


def reading(windows: Sequence[Standing]) -> Reading:
    """How the windows so far, oldest first, read; Unknown where the last one could not be judged.

    >>> reading(["Below", "Below"]), reading(["Below", "Within"]), reading(["Below", "Recovered"])
    ('Alarm', 'Unclear', 'Calm')
    """
    if not windows or windows[-1] == "Unknown":
        return "Unknown"
    if degraded(windows):
        return "Alarm"
    return _READINGS[windows[-1]]


_READINGS: Mapping[Standing, Reading] = {"Below": "Strange", "Within": "Unclear", "Recovered": "Calm"}


def days_of(times: NDArray[np.datetime64] | None, rows: int) -> Integers:
    """The block of each row: its day from five days on, else as at training."""
    if times is None:
        return blocks_of(None, rows)
    days, block = np.unique(times.astype("datetime64[D]"), return_inverse=True)
    return block.astype(np.int64) if len(days) >= FEWEST_DAYS else blocks_of(times, rows)
