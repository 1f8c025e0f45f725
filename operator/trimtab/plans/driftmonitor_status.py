"""What is said about a DriftMonitor: its conditions, the state machine's memory, what was last read, and the Events.

Nothing is decided here that changes the cluster.
"""

from trimtab.api.driftmonitor import DriftMonitorStatus, LastWindow, Watching
from trimtab.api.monitor_memory import BackOff as KnownBackOff
from trimtab.api.monitor_memory import Standing
from trimtab.api.reasons import Reason
from trimtab.plans.annotations import block_on
from trimtab.plans.conditions import ConditionSet
from trimtab.plans.monitor_conditions import WATCHED, about, degraded, drifted
from trimtab.plans.monitor_look import View, asks_to_go_back, look, speaks_against_going_back
from trimtab.plans.monitor_states import State
from trimtab.plans.monitor_verdicts import VERDICTS, Situation
from trimtab.plans.plan import Event, Manifest
from trimtab.plans.retraining import Hindrance, Look, Monitor, hindrances


def next_status(s: Situation) -> Manifest:
    view, generation = s.view, s.view.seen.obj["metadata"].get("generation", 0)
    verdict = next(verdict for say in VERDICTS if (verdict := say(s)))
    conditions = ConditionSet((view.seen.obj.get("status") or {}).get("conditions", []), generation, view.now)
    conditions.set("Ready", verdict.ready, verdict.reason, verdict.message)
    if verdict.progress:
        conditions.set(verdict.progress, True, verdict.reason, verdict.message)
    for type_, ask in WATCHED:
        about(s, conditions, type_, ask(s))
    dumped: Manifest = _status(s, generation).model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped | {"conditions": conditions.as_list()}


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
    return status.model_copy(update={"clock": _clock(s, status), "state": str(monitor.state) if monitor else (before.state or "Waiting")})


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
    standing = Standing(
        state=str(monitor.state), since=monitor.since, newest=monitor.newest, lifts=monitor.lifts, back_off=known, taken_back=_taken_back(s, monitor)
    )
    anew = before is not None and before.version != monitor.version
    judged = s.view.judged
    tried_again = {"judged": None} if judged and judged.outcome == "Worse" and judged.version != monitor.version else {}
    watching = Watching(version=monitor.version, name=s.view.seen.name(monitor.version), since=s.view.since)
    return {"watching": watching, "standing": standing} | ({"performance": None, **tried_again} if anew else {})


def _taken_back(s: Situation, monitor: Monitor) -> int:
    """The version that serves, from when it is blocked for lost skill or a trigger until neither is so any more."""
    seen, before = s.view.seen, s.view.seen.status.standing
    version = seen.version(monitor.version)
    was = before is not None and before.taken_back == monitor.version
    is_now = bool(s.rolled_back) or (version is not None and bool(block_on(version, seen.spec.deployment)))
    still = monitor.state is State.DEGRADED or asks_to_go_back(s.view, monitor, s.policy)
    return monitor.version if (was or is_now) and still and s.policy.action == "Rollback" else 0


def _clock(s: Situation, status: DriftMonitorStatus) -> object:
    """What the clock shows is written only with something else: time alone is no news."""
    before = s.view.seen.status
    same = before.clock is not None and status == before.model_copy(update={"observed_generation": status.observed_generation, "conditions": []})
    return before.clock if same else s.view.told.clock


def _held(s: Situation) -> list[str]:
    """Why no incident is opened, or nothing is taken back, where it would be."""
    if s.monitor is None or s.monitor.incident is not None:
        return []
    if asks_to_go_back(s.view, s.monitor, s.policy):
        return [each.sentence for each in Hindrance if each in speaks_against_going_back(s.view, s.monitor)]
    if s.policy.action != "Retrain":
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
        told.append(Event(str(Reason.INCIDENT_CLOSED), said, "Warning" if closed.outcome in ("Worse", "Failed") else "Normal"))
    if s.rolled_back and seen.predecessor:
        facts = {"name": s.name, "deployment": seen.spec.deployment, "predecessor": seen.predecessor["metadata"]["name"]}
        told.append(Event(str(Reason.TAKEN_BACK), Reason.TAKEN_BACK.say(**facts, detail=s.rolled_back), "Warning"))
    return (*told, *_alarms(s))


def _alarms(s: Situation) -> list[Event]:
    """Entering Drifted or Degraded is told as a warning."""
    entered = {str(done.monitor.state) for done in s.steps if "Alert" in done.announcements}
    asked = {"Drifted": drifted, "Degraded": degraded}
    found = [asked[state](s) for state in entered if state in asked]
    return [Event(str(each[1]), each[2], "Warning") for each in found if each and each[0]]
