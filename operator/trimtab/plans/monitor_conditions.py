"""What a monitor has found out about the model, one condition for each thing that it watches.

A condition stays as it is while what it tells of cannot be judged, or hovers at its threshold.
"""

from collections.abc import Callable

from trimtab.api.reasons import Reason
from trimtab.plans.conditions import ConditionSet, find, rfc3339
from trimtab.plans.monitor_look import look
from trimtab.plans.monitor_verdicts import Situation
from trimtab.plans.pods import reason_named
from trimtab.plans.retraining import Look

MOST_NAMED = 3
"""Columns that a sentence names; the report names all."""

Finding = tuple[bool | None, Reason, str] | None
"""Condition's status, reason and sentence; None: nothing new, so it stays as it is."""


def drifted(s: Situation) -> Finding:
    readings, window = s.view.current, s.view.news.windows[-1:] if s.view.news else []
    if readings is None or readings.drift in ("Strange", "Unclear"):
        return None
    if readings.drift == "Alarm" and s.view.news is not None:
        worst = [f"{each.feature} (effect {each.effect}, p {each.p_value})" for each in s.view.news.worst[:MOST_NAMED]]
        k, of = s.view.seen.spec.tests.consecutive.k, s.view.seen.spec.tests.consecutive.of
        facts = {"drifted": s.view.news.drifted, "tested": s.view.news.tested, "start": rfc3339(window[0].from_) if window else "", "k": k, "of": of}
        return True, Reason.DRIFTED, Reason.DRIFTED.say(**facts, detail=f"{', '.join(worst)}.")
    if readings.drift == "Calm":
        return False, Reason.NOT_DRIFTED, Reason.NOT_DRIFTED.say()
    if readings.missing_windows:
        detail = f"The reference has {readings.missing_windows} windows too few to judge drift by; lost skill is seen all the same."
        return None, Reason.LEARNING, Reason.LEARNING.say(detail=detail)
    return None


def degraded(s: Situation) -> Finding:
    readings, skill = s.view.current, s.view.performance
    if readings is None or skill is None or not skill.skill:
        return None
    facts = skill.model_dump()
    if readings.performance == "Alarm":
        return True, Reason.LOST_SKILL, Reason.LOST_SKILL.say(**facts)
    return (False, Reason.SKILL_KEPT, Reason.SKILL_KEPT.say(**facts)) if readings.performance == "Calm" else None


FEATURES_MATCH = ", and the features of {rows} rows are those of their FeatureSets"


def skewed(s: Situation) -> Finding:
    readings = s.view.current
    if readings is None or not (readings.skew or readings.replayed or readings.features_compared):
        return None
    if readings.skew:
        return True, Reason.SKEW_DETECTED, Reason.SKEW_DETECTED.say(detail=readings.skew)
    return (
        False,
        Reason.NO_SKEW,
        Reason.NO_SKEW.say(count=readings.replayed, features=FEATURES_MATCH.format(rows=readings.features_compared) if readings.features_compared else ""),
    )


def insufficient(s: Situation) -> Finding:
    window = s.view.news.windows[-1] if s.view.news and s.view.news.windows else None
    if window is None:
        return None
    facts = {"rows": window.rows, "start": rfc3339(window.from_), "end": rfc3339(window.to)}
    if window.verdict == "DataInsufficient":
        return True, Reason.DATA_INSUFFICIENT, Reason.DATA_INSUFFICIENT.say(**facts, wanted=s.view.seen.spec.window.min_rows)
    return False, Reason.DATA_SUFFICIENT, Reason.DATA_SUFFICIENT.say(**facts)


def triggered(s: Situation) -> Finding:
    if s.monitor is None:
        return None
    causes = Look(s.monitor, look(s.view, s.monitor), s.policy).causes
    if causes:
        return True, Reason.TRIGGERED, Reason.TRIGGERED.say(names=", ".join(causes), action=s.policy.action)
    return False, Reason.NOT_TRIGGERED, Reason.NOT_TRIGGERED.say()


WATCHED: tuple[tuple[str, Callable[[Situation], Finding]], ...] = (
    ("Drifted", drifted),
    ("PerformanceDegraded", degraded),
    ("SkewDetected", skewed),
    ("DataInsufficient", insufficient),
    ("Triggered", triggered),
)


def about(s: Situation, conditions: ConditionSet, type_: str, found: Finding) -> None:
    """What was found; else what was said before, of this version; else that nothing is known."""
    if found:
        conditions.set(type_, *found)
        return
    status = s.view.seen.status
    same = status.watching is None or s.monitor is None or status.watching.version == s.monitor.version
    before = find((s.view.seen.obj.get("status") or {}).get("conditions", []), type_) if same else None
    reason = reason_named(before["reason"]) if before else None
    if before and reason:
        conditions.set(type_, {"True": True, "False": False}.get(before["status"]), reason, before["message"])
    else:
        conditions.set(type_, None, Reason.LEARNING, Reason.LEARNING.say(detail="Nothing has been judged yet."))
