"""What is said about a rollout: the candidate's place, the shadow's comparison, what is kept warm, what is blocked, and Progressing."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from trimtab.api.reasons import Reason
from trimtab.plans.annotations import block_on
from trimtab.plans.conditions import parse, rfc3339
from trimtab.plans.eligibility import number
from trimtab.plans.plan import Event
from trimtab.plans.rollout import Course, Heading
from trimtab.plans.stepping import Shadowing, Stepping

Manifest = dict[str, Any]
MOST_BLOCKED = 20
USUAL = frozenset({Reason.SPLIT_NOT_ACKNOWLEDGED, Reason.TOO_FEW_REQUESTS, Reason.ROLLING_OUT})
MOST_REASON = 512

Said = tuple[bool, Reason, str]
"""Status, reason and message of a condition."""


def place(state: Stepping, before: Mapping[str, Any], now: datetime) -> Manifest:
    """How far the candidate is; nothing for one that takes no steps."""
    course, way = state.course, state.way
    if course is None or way is None:
        return {}
    said = {"verdict": way.judgment.verdict, "message": way.judgment.message, "steps": len(course.rollout.steps)}
    rehearsal = course.evidence.rehearsal
    said |= {"rehearsal": rehearsal.sentence} if rehearsal.done and rehearsal.sentence else {}
    if way.share is None:
        return said
    return said | {
        "step": _step(way),
        "stepStartedAt": rfc3339(way.share.since or _begun(course, way, before) or now),
        "desiredPercent": round(way.share.percent),
        "programmedPercent": state.followers.programmed,
    }


def _step(way: Heading) -> int | None:
    """Counted from 1."""
    if way.share is None:
        return None
    return max(way.share.step, -1 - way.share.step) + 1


def _begun(course: Course, way: Heading, before: Mapping[str, Any]) -> datetime | None:
    same = before.get("version") == course.version and before.get("step") == _step(way)
    return parse(before["stepStartedAt"]) if same and before.get("stepStartedAt") else None


def sentence(name: str, state: Stepping) -> str:
    """Where the rollout of a version stands, for a condition."""
    course, way = state.course, state.way
    if course is None or way is None or way.share is None:
        return ""
    return Reason.STEP_RUNNING.say(name=name, percent=f"{way.share.percent:g}", step=_step(way), steps=len(course.rollout.steps), detail=way.judgment.message)


def reason(way: Heading) -> Reason:
    """One word for all that is usual on the way: a change of reason is an Event."""
    return Reason.STEP_RUNNING if way.judgment.reason in USUAL else way.judgment.reason


def progressing(name: str, state: Stepping, taken_back: tuple[str, str] | None) -> Said | None:
    """True while a rollout goes on, False where it came to nothing; nothing is said where there is none."""
    way = state.way
    if way is None:
        return (False, Reason.ROLLED_BACK, Reason.ROLLED_BACK.say(name=taken_back[0], detail=taken_back[1])) if taken_back else None
    if way.failed:
        return False, Reason.ROLLED_BACK, Reason.ROLLED_BACK.say(name=name, detail=way.judgment.message)
    if way.overdue:
        return False, Reason.PROGRESS_DEADLINE_EXCEEDED, Reason.PROGRESS_DEADLINE_EXCEEDED.say(detail=way.judgment.message)
    if way.share is None:
        return True, Reason.ROLLING_OUT, f"{name} is starting: {way.judgment.message}"
    return True, reason(way), sentence(name, state)


def comparison(shadow: Shadowing | None) -> Manifest | None:
    """How often the shadow's answers were others."""
    if shadow is None:
        return None
    told = shadow.compared
    share = f"{100 * told.errors / told.requests:.2f}" if told.requests else ""
    said = {"disagreementPercent": share, "message": shadow.message}
    found = {"version": shadow.version, "ready": shadow.ready, "percent": round(shadow.share.percent) if shadow.share else 0, "compared": told.requests}
    return found | {field: text for field, text in said.items() if text}


def blocked(versions: Sequence[Manifest], deployment: str) -> list[Manifest]:
    """What is not served here, and why, newest first."""
    found = [(number(version), block_on(version, deployment)) for version in sorted(versions, key=number, reverse=True)]
    return [{"version": version, "reason": reason[:MOST_REASON]} for version, reason in found if reason is not None][:MOST_BLOCKED]


def step_events(name: str, state: Stepping, before: Mapping[str, Any]) -> list[Event]:
    """One for each step that begins: told by the status that does not know of it yet."""
    course, way = state.course, state.way
    if course is None or way is None or way.share is None or way.failed:
        return []
    known = before.get("version") == course.version and before.get("step") == _step(way)
    return [] if known else [Event(str(Reason.STEP_RUNNING), sentence(name, state))]
