"""Does what the model is asked now look like what it learned from? One window's finding, and the alarm of several.

A window has drifted where, corrected for all features looked at, p <= alpha and the effect is above `min_effect`; an alarm
wants k of the last n windows. Faults (`faults.py`) are taken out first and named. What follows from an alarm is for the
monitor's state machine to say: by default, that somebody is told.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trimtab.stats import blocked, independent
from trimtab.stats.distances import jensen_shannon, psi
from trimtab.stats.faults import Fault, faults, schema_changes
from trimtab.stats.profiles import Counts, Profile
from trimtab.stats.reference import Feature, Reference, kind_of, slots, unfit

Rows = Literal["Blocked", "Independent"]
Verdict = Literal["Quiet", "Drifted", "Learning", "DataInsufficient"]
Reading = Literal["Alarm", "Strange", "Unclear", "Calm", "Unknown"]
"""How windows read for the monitor's state machine: decided, one window, in between, clearly well, cannot be judged."""
DAYS_A_MONTH = 30
LEAVING = 2
"""By this factor a window must stay away from both thresholds to be called calm: what hovers at them changes nothing."""


@dataclass(frozen=True)
class Levels:
    """What it takes to call a window drifted, and how many such windows make an alarm.

    alpha : level of one window, over all features
    min_effect : Jensen-Shannon distance (base 2) below which a difference does not matter, however sure
    k, of : an alarm is k drifted windows among the last `of`
    min_rows : a window with fewer is neither drift nor health
    rows : whether rows of one block hang together
    """

    alpha: float = 0.01
    min_effect: float = 0.1
    k: int = 2
    of: int = 3
    min_rows: int = 200
    rows: Rows = "Blocked"


@dataclass(frozen=True)
class FeatureFinding:
    """One feature of one window; `p` is corrected for all features looked at, `alone` is not."""

    name: str
    effect: float
    psi: float
    alone: float
    p: float
    drifted: bool


@dataclass(frozen=True)
class Finding:
    """What was found in a window. `features` stand with the largest effect first; `p` is family-wise.

    `missing_windows` says how many reference windows are lacking where the verdict is Learning.
    """

    verdict: Verdict
    rows: int
    p: float = 1.0
    features: tuple[FeatureFinding, ...] = ()
    faults: tuple[Fault, ...] = ()
    left_out: Mapping[str, str] | None = None
    missing_windows: int = 0


def examine(
    reference: Reference, window: Profile, start: np.datetime64, *, blocks: int = 1, levels: Levels | None = None, named: Sequence[str] = (), seed: int = 0
) -> Finding:
    """Examine one window.

    Parameters
    ----------
    reference : by block of time, as frozen with the model
    window : counts in the reference's shapes; columns that the reference does not know are ignored
    start : when the window began, UTC
    blocks : the window's duration in blocks of the reference
    levels : what it takes; the defaults are those of `Levels`
    named : features that a person asked for: these alone are looked at, also where they tell the time or name rows
    seed : of thinning and permutations: the same window gives the same finding

    Returns
    -------
    Finding; with fewer than `min_rows` rows it is DataInsufficient, and names faults of the schema alone

    Examples
    --------
    >>> from trimtab.stats.profiles import Numeric, NumericShape
    >>> shape = NumericShape(np.array([0.0, 1.0]), 0.5)
    >>> days = np.random.default_rng(0).multinomial(500, [0.2, 0.5, 0.3, 0, 0], size=120)
    >>> reference = Reference(np.arange(120).astype("datetime64[D]"), days.sum(axis=1), (Feature("x", "numeric", days),))
    >>> moved = Numeric.of(shape, np.random.default_rng(1).normal(2, 1, 500))
    >>> examine(reference, Profile(500, {"x": moved}), np.datetime64("2013-07-01")).verdict
    'Drifted'
    """
    levels, reference = levels or Levels(), reference.only(named) if named else reference
    schema = schema_changes({each.name: each.kind for each in reference.features}, {name: kind_of(part) for name, part in window.parts.items()})
    if window.rows < levels.min_rows:
        return Finding("DataInsufficient", window.rows, faults=schema)
    windows = reference.windows(blocks)
    live = {name: slots(part) for name, part in window.parts.items()}
    usable = windows.only([each.name for each in windows.features if each.name not in {fault.column for fault in schema}])
    found = (*schema, *faults(usable, live))
    left_out = {} if named else unfit(reference)
    broken = {fault.column for fault in found}
    watched = usable.only([each.name for each in usable.features if each.name not in broken | set(left_out)])
    judged = _blocked(watched, live, start, levels, seed) if levels.rows == "Blocked" else _independent(watched, live, levels, seed)
    return Finding(judged.verdict, window.rows, judged.p, judged.features, found, left_out, judged.missing_windows)


def alarm(drifted: Sequence[bool], levels: Levels) -> bool:
    """k of the last n windows, the newest last. Windows that could not be judged do not belong into the sequence.

    >>> alarm([True, False, True], Levels(k=2, of=3)), alarm([True, True, False, False], Levels(k=2, of=3))
    (True, False)
    """
    return sum(drifted[-levels.of :]) >= levels.k


def reading(findings: Sequence[Finding], levels: Levels) -> Reading:
    """How the windows so far, the newest last, read.

    Unknown where the last one could not be judged; windows that could not be are otherwise passed over.

    >>> reading([Finding("Drifted", 500), Finding("DataInsufficient", 3), Finding("Drifted", 500)], Levels())
    'Alarm'
    """
    judged = [each for each in findings if each.verdict in {"Quiet", "Drifted"}]
    if not judged or findings[-1] is not judged[-1]:
        return "Unknown"
    if alarm([each.verdict == "Drifted" for each in judged], levels):
        return "Alarm"
    return "Strange" if judged[-1].verdict == "Drifted" else _unclear_or_calm(judged[-1], levels)


def _unclear_or_calm(finding: Finding, levels: Levels) -> Reading:
    near = (each.p <= LEAVING * levels.alpha and each.effect > levels.min_effect / LEAVING for each in finding.features)
    return "Unclear" if any(near) else "Calm"


def false_alarms_per_month(reference: Reference, blocks: int = 1, levels: Levels | None = None, named: Sequence[str] = ()) -> float:
    """Alarms that these levels would have raised on the reference itself, in 30 days: measured by replay, not by formula.

    Each of its windows is taken as if it had come live, judged among the others, and k of n applied in order of time; an
    alarm that goes on is counted once. NaN where there are too few windows to ever alarm.

    Parameters
    ----------
    reference : by block of time
    blocks : a window's duration in blocks
    levels : what it takes; with `rows="Independent"` windows are compared with the rest by permutation
    named : as in `examine`

    Examples
    --------
    >>> days = np.random.default_rng(0).multinomial(500, [0.2, 0.5, 0.3, 0], size=120)
    >>> false_alarms_per_month(Reference(np.arange(120).astype("datetime64[D]"), days.sum(axis=1), (Feature("x", "numeric", days),)))
    0.0
    """
    levels = levels or Levels()
    left_out = {} if named else unfit(reference)
    windows = reference.windows(blocks).only([each.name for each in reference.features if each.name not in left_out and (not named or each.name in named)])
    if len(windows.rows) < 2 or not windows.features or (levels.rows == "Blocked" and len(windows.rows) <= blocked.windows_needed(levels.alpha)):
        return float("nan")
    verdicts = _replayed(windows, levels)
    alarms = [alarm(verdicts[: end + 1], levels) for end in range(len(verdicts))]
    began = sum(now and not before for before, now in zip([False, *alarms], alarms, strict=False))
    days = (windows.starts[-1] - windows.starts[0]) / np.timedelta64(1, "D") * len(verdicts) / (len(verdicts) - 1)
    return float(began * DAYS_A_MONTH / days)


def _replayed(windows: Reference, levels: Levels) -> list[bool]:
    """Was it drifted, window by window in order of time."""
    if levels.rows == "Blocked":
        return [bool(((each.together <= levels.alpha) & (each.effects > levels.min_effect)).any()) for each in blocked.replay(windows)]
    return [_independent(_without(windows, each), _counts_of(windows, each), levels, each).verdict == "Drifted" for each in range(len(windows.rows))]


def _blocked(windows: Reference, live: Mapping[str, Counts], start: np.datetime64, levels: Levels, seed: int) -> Finding:
    needed = blocked.windows_needed(levels.alpha)
    if len(windows.rows) < needed or not windows.features:
        return Finding("Learning" if windows.features else "Quiet", 0, missing_windows=max(0, needed - len(windows.rows)))
    ranks = blocked.rank(blocked.alike(windows, start, needed), live, seed)
    return _finding(windows, live, ranks.alone.tolist(), ranks.together.tolist(), levels)


def _independent(windows: Reference, live: Mapping[str, Counts], levels: Levels, seed: int) -> Finding:
    rng = np.random.default_rng(seed)
    finest = levels.alpha / max(1, len(windows.features))
    alone = [independent.p_value(live[each.name][:-1], each.values.sum(axis=0), each.kind, finest, rng) for each in windows.features]
    return _finding(windows, live, alone, independent.holm(alone).tolist(), levels)


def _finding(windows: Reference, live: Mapping[str, Counts], alone: list[float], together: list[float], levels: Levels) -> Finding:
    features = [_feature(each, live[each.name], mine, corrected, levels) for each, mine, corrected in zip(windows.features, alone, together, strict=True)]
    verdict: Verdict = "Drifted" if any(each.drifted for each in features) else "Quiet"
    return Finding(verdict, 0, min(together, default=1.0), tuple(sorted(features, key=lambda each: -each.effect)))


def _feature(feature: Feature, live: Counts, alone: float, together: float, levels: Levels) -> FeatureFinding:
    mine, reference = live[:-1], feature.values.sum(axis=0)
    effect = float(np.nan_to_num(jensen_shannon(mine, reference)))
    return FeatureFinding(feature.name, effect, float(psi(mine, reference)), alone, together, together <= levels.alpha and effect > levels.min_effect)


def _without(windows: Reference, which: int) -> Reference:
    return windows.take(np.arange(len(windows.rows)) != which)


def _counts_of(windows: Reference, which: int) -> dict[str, Counts]:
    return {each.name: each.counts[which] for each in windows.features}
