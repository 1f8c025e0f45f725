"""What is said about a DriftMonitor: Ready while it can watch, and one condition for each thing that it watches.

A condition about the model stays as it is while it cannot be judged, or hovers at its threshold. Nothing is decided here
that changes the cluster.
"""

from collections.abc import Callable
from dataclasses import dataclass

from trimtab.api.driftmonitor import DriftMonitorStatus, LastWindow, Watching
from trimtab.api.monitor_memory import BackOff as KnownBackOff
from trimtab.api.monitor_memory import Evaluation, Standing
from trimtab.api.reasons import Reason
from trimtab.plans.attempts import HEALS_WITH_TIME
from trimtab.plans.conditions import ConditionSet, find, rfc3339
from trimtab.plans.incidents import Book, comparison, why_rolled_back
from trimtab.plans.lack import Lack
from trimtab.plans.monitor_look import View, look
from trimtab.plans.monitored import is_paused
from trimtab.plans.plan import Event, Manifest
from trimtab.plans.pods import reason_named
from trimtab.plans.retraining import Look, Monitor, Policy, Step, hindrances
from trimtab.plans.triggers import bad_schedule

MOST_NAMED = 3
"""Columns that a sentence names; the report names all."""


@dataclass(frozen=True)
class Situation:
    """All that the sentences are made from; `monitor` is None where there is nothing to watch."""

    view: View
    monitor: Monitor | None
    steps: list[Step]
    book: Book
    evaluation: Evaluation | None
    policy: Policy

    @property
    def name(self) -> str:
        return self.view.seen.name(self.view.seen.stable)


@dataclass(frozen=True)
class Verdict:
    """`progress`: whether it goes on by itself (Reconciling) or a person must act (Stalled); at rest neither."""

    reason: Reason
    message: str
    ready: bool = False
    progress: str = ""


def paused(s: Situation) -> Verdict | None:
    return Verdict(Reason.PAUSED, Reason.PAUSED.say(), ready=s.monitor is not None) if is_paused(s.view.seen.obj) else None


def suspended(s: Situation) -> Verdict | None:
    said = Reason.SUSPENDED.say(field="spec.suspend")
    return Verdict(Reason.SUSPENDED, said, ready=s.monitor is not None) if s.view.seen.spec.suspend else None


def deployment_missing(s: Situation) -> Verdict | None:
    if s.view.seen.deployment is not None:
        return None
    return Verdict(Reason.DEPLOYMENT_MISSING, Reason.DEPLOYMENT_MISSING.say(name=s.view.seen.spec.deployment), progress="Reconciling")


def nothing_served(s: Situation) -> Verdict | None:
    seen = s.view.seen
    if seen.stable is not None:
        return None
    ready = find(seen.serving.get("conditions") or [], "Ready")
    said = Reason.NOTHING_SERVED.say(name=seen.spec.deployment, detail=ready["message"] if ready else "it has just been made.")
    return Verdict(Reason.NOTHING_SERVED, said, progress="Reconciling")


def lacking(s: Situation) -> Verdict | None:
    lack = lack_of(s.view)
    return Verdict(lack.reason, lack.message, progress="Stalled") if lack else None


def bad_trigger(s: Situation) -> Verdict | None:
    """A schedule that is none, a query that Prometheus cannot read."""
    spec, unreachable = s.view.seen.spec, {answer.trigger for answer in s.view.seen.answers if answer.unreachable}
    schedules = [(trigger.name, bad_schedule(trigger)) for trigger in spec.triggers if trigger.type == "Schedule"]
    queries = [(each.name, each.problem) for each in s.view.tested if each.name not in unreachable]
    name, detail = next(((name, detail) for name, detail in (*schedules, *queries) if detail), ("", ""))
    return Verdict(Reason.BAD_TRIGGER, Reason.BAD_TRIGGER.say(name=name, detail=detail), progress="Stalled") if detail else None


def training_job_missing(s: Situation) -> Verdict | None:
    follows = s.view.seen.spec.on_trigger
    if follows is None or follows.action != "Retrain" or s.view.seen.training_job is not None:
        return None
    return Verdict(Reason.TRAINING_JOB_MISSING, Reason.TRAINING_JOB_MISSING.say(name=follows.training_job), progress="Reconciling")


def prometheus_unreachable(s: Situation) -> Verdict | None:
    away = next((answer for answer in s.view.seen.answers if answer.unreachable), None)
    if away is None:
        return None
    said = Reason.PROMETHEUS_UNREACHABLE.say(name=away.trigger, detail=away.problem)
    return Verdict(Reason.PROMETHEUS_UNREACHABLE, said, progress="Reconciling")


def clock_jumped(s: Situation) -> Verdict | None:
    told = s.view.told
    if told.jumped is None:
        return None
    said = Reason.CLOCK_JUMP.say(moment=rfc3339(told.jumped), clock=rfc3339(told.clock.now) if told.clock else "its first request")
    return Verdict(Reason.CLOCK_JUMP, said, progress="Stalled")


def in_trouble(s: Situation) -> Verdict | None:
    """The last look failed, or cannot start; it heals by itself, or a person must act."""
    known = s.evaluation
    reason = reason_named(known.reason) if known and known.outcome != "Answered" else None
    if known is None or reason is None:
        return None
    by_itself = known.outcome == "Running" or reason in HEALS_WITH_TIME
    return Verdict(reason, known.message, progress="Reconciling" if by_itself else "Stalled")


def first_look(s: Situation) -> Verdict | None:
    if s.view.readings is not None or s.evaluation is None:
        return None
    said = Reason.PROGRESSING.say(what=f"Job {s.evaluation.job} looks at {s.name} for the first time")
    return Verdict(Reason.PROGRESSING, said, progress="Reconciling")


def watching(s: Situation) -> Verdict | None:
    if s.monitor is None:
        said = "No request with an event time has been stored yet."
    elif s.book.open:
        said = f"Incident {s.book.open.id} ({s.book.open.cause}) is open."
    else:
        said = s.monitor.state.meaning
    return Verdict(Reason.WATCHING, Reason.WATCHING.say(name=s.name, detail=said), ready=True)


VERDICTS: tuple[Callable[[Situation], Verdict | None], ...] = (
    paused,  # a person wants no deeds
    suspended,  # a person wants no looks
    deployment_missing,  # there is nothing to watch
    nothing_served,  # there will be
    lacking,  # a feature that the model does not have
    bad_trigger,  # nothing would ever come of it
    training_job_missing,  # an incident would wait for ever
    prometheus_unreachable,  # some triggers are blind
    clock_jumped,  # time stands still
    in_trouble,  # the last look failed or cannot start
    first_look,  # nothing is known yet
    watching,  # all is well, or at least known
)


def lack_of(view: View) -> Lack | None:
    """A feature to watch that the version has not; where its inputs are too many to be listed, the look itself says so."""
    version = view.seen.version(view.seen.stable)
    summary = (version["spec"].get("summary") or {}) if version else {}
    inputs = [each["name"] for each in summary.get("inputs") or []]
    unknown = [feature for feature in view.seen.spec.features if feature not in inputs]
    if not unknown or not inputs or int(summary.get("inputCount", 0)) > len(inputs):
        return None
    said = Reason.COLUMN_MISSING.say(field="spec.features", column=unknown[0], columns=", ".join(inputs)[:400])
    return Lack(Reason.COLUMN_MISSING, said)


def next_status(s: Situation) -> Manifest:
    view, generation = s.view, s.view.seen.obj["metadata"].get("generation", 0)
    verdict = next(verdict for say in VERDICTS if (verdict := say(s)))
    conditions = ConditionSet((view.seen.obj.get("status") or {}).get("conditions", []), generation, view.now)
    conditions.set("Ready", verdict.ready, verdict.reason, verdict.message)
    if verdict.progress:
        conditions.set(verdict.progress, True, verdict.reason, verdict.message)
    for type_, ask in WATCHED:
        _about(s, conditions, type_, ask(s))
    dumped: Manifest = _status(s, generation).model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped | {"conditions": conditions.as_list()}


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


def skewed(s: Situation) -> Finding:
    readings = s.view.current
    if readings is None or not readings.replayed:
        return None
    if readings.skew:
        return True, Reason.SKEW_DETECTED, Reason.SKEW_DETECTED.say(detail=readings.skew)
    return False, Reason.NO_SKEW, Reason.NO_SKEW.say(count=readings.replayed)


def insufficient(s: Situation) -> Finding:
    window = s.view.news.windows[-1] if s.view.news and s.view.news.windows else None
    if window is None:
        return None
    facts = {"rows": window.rows, "start": rfc3339(window.from_), "end": rfc3339(window.to)}
    if window.verdict == "DataInsufficient":
        return True, Reason.DATA_INSUFFICIENT, Reason.DATA_INSUFFICIENT.say(**facts, wanted=s.view.seen.spec.window.min_rows)
    return False, Reason.DATA_SUFFICIENT, Reason.DATA_SUFFICIENT.say(**facts)


WATCHED: tuple[tuple[str, Callable[[Situation], Finding]], ...] = (
    ("Drifted", drifted),
    ("PerformanceDegraded", degraded),
    ("SkewDetected", skewed),
    ("DataInsufficient", insufficient),
)


def _about(s: Situation, conditions: ConditionSet, type_: str, found: Finding) -> None:
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


def _status(s: Situation, generation: int) -> DriftMonitorStatus:
    view, before, monitor = s.view, s.view.seen.status, s.monitor
    status = before.model_copy(
        update={
            "observed_generation": generation,
            "conditions": [],
            "incident": s.book.open,
            "last_incidents": list(s.book.closed),
            "held": _held(s),
            "judged": view.judged,
            "evaluation": s.evaluation,
            "readings": view.readings,
            "performance": view.performance,
            "triggers": list(view.tested),
            "last_handled_request": s.evaluation.request if s.evaluation and s.evaluation.request else before.last_handled_request,
        }
    )
    if view.news:
        status = status.model_copy(update=_last_window(view))
    if monitor is not None:
        status = status.model_copy(update=_remembered(s, monitor))
    return status.model_copy(update={"clock": _clock(s, status), "state": str(monitor.state) if monitor else (before.state or "Learning")})


def _last_window(view: View) -> Manifest:
    news = view.news
    assert news is not None, "asked where there are news"
    monthly = news.expected_false_alarms_per_month
    known = {} if monthly is None else {"expected_false_alarms_per_month": f"{monthly:.3g}"}
    if not news.windows:
        return known
    last = news.windows[-1]
    window = LastWindow(
        from_=last.from_,
        to=last.to,
        rows=last.rows,
        verdict=last.verdict,
        tested=news.tested,
        drifted=news.drifted,
        report_uri=news.report_uri,
        worst=news.worst,
    )
    return known | {"last_window": window}


def _remembered(s: Situation, monitor: Monitor) -> Manifest:
    before, back_off = s.view.seen.status.watching, monitor.back_off
    known = KnownBackOff(outcome=back_off.outcome, labelled_rows=back_off.labelled_rows) if back_off else None
    standing = Standing(state=str(monitor.state), since=monitor.since, newest=monitor.newest, lifts=monitor.lifts, back_off=known)
    anew = before is not None and before.version != monitor.version
    return {"watching": Watching(version=monitor.version, name=s.view.seen.name(monitor.version), since=s.view.since), "standing": standing} | ({"performance": None} if anew else {})


def _clock(s: Situation, status: DriftMonitorStatus) -> object:
    """What the clock shows is written only with something else: time alone is no news."""
    before = s.view.seen.status
    same = before.clock is not None and status == before.model_copy(update={"observed_generation": status.observed_generation, "conditions": []})
    return before.clock if same else s.view.told.clock


def _held(s: Situation) -> list[str]:
    """Why no incident is opened, where one would be."""
    if s.monitor is None or s.policy.action != "Retrain" or s.monitor.incident is not None:
        return []
    seen = look(s.view, s.monitor)
    return list(hindrances(s.monitor, seen, s.policy)) if Look(s.monitor, seen, s.policy).cause else []


def events(s: Situation) -> tuple[Event, ...]:
    """What happened; changes of conditions are told by themselves, those of drift and skill as warnings."""
    told = []
    opened, closed, seen = s.book.just_opened, s.book.just_closed, s.view.seen
    if opened:
        told.append(Event(str(Reason.INCIDENT_OPENED), Reason.INCIDENT_OPENED.say(**opened.model_dump())))
    if closed:
        said = Reason.INCIDENT_CLOSED.say(id=closed.id, cause=closed.cause, outcome=closed.outcome, detail=closed.message)
        told.append(Event(str(Reason.INCIDENT_CLOSED), said, "Normal" if closed.outcome == "Improved" else "Warning"))
    if (why := why_rolled_back(s.view, s.steps)) and seen.predecessor and not is_paused(seen.deployment):
        facts = {"name": s.name, "deployment": seen.spec.deployment, "predecessor": seen.predecessor["metadata"]["name"]}
        told.append(Event(str(Reason.TAKEN_BACK), Reason.TAKEN_BACK.say(**facts, detail=why), "Warning"))
    return (*told, *_alarms(s))


def _alarms(s: Situation) -> list[Event]:
    """Entering Drifted or Degraded is told as a warning."""
    entered = {str(done.monitor.state) for done in s.steps if "Alert" in done.announcements}
    asked = {"Drifted": drifted, "Degraded": degraded}
    found = [asked[state](s) for state in entered if state in asked]
    return [Event(str(each[1]), each[2], "Warning") for each in found if each and each[0]]


__all__ = ["Situation", "comparison", "events", "lack_of", "next_status"]
