"""DriftMonitor: when windows are looked at, what their readings make of the monitor's state, and what is done about it.

    told (monitor_clock.py)    ->  what the monitor's clock shows
    settle (evaluations.py)    ->  the last `evaluate` Job, and what it answered
    tested (triggers.py)       ->  Prometheus triggers with their answers
    walk (below)               ->  moves of the state machine, until it stands still
    close, open (incidents.py) ->  the incident, which a TrainingJob takes for a request
    due (evaluations.py)       ->  the next look, or none
    then: annotations on ModelVersions, the Job, last Jobs that are of no more use

A monitor writes no object of a person's but these annotations. All it remembers is in its status; without it, it begins
Learning, and an incident that it opens again has the id it had.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from trimtab.api.driftmonitor import PerformanceReading
from trimtab.api.evaluation import Evaluated, EvaluateDocument
from trimtab.api.modelversion import DEPRECATED
from trimtab.api.monitor_memory import Evaluation, Judged, Readings
from trimtab.manifests import jobs
from trimtab.plans import evaluations, incidents, triggers
from trimtab.plans.annotations import annotate, annotations, block, block_on, is_paused
from trimtab.plans.attempts import Attempt, attempts, surplus
from trimtab.plans.conditions import rfc3339
from trimtab.plans.driftmonitor_status import events as told_events
from trimtab.plans.driftmonitor_status import next_status
from trimtab.plans.monitor_clock import last_boundary, told
from trimtab.plans.monitor_look import View, goes_back, look, policy_of
from trimtab.plans.monitor_moments import Next, again
from trimtab.plans.monitor_states import State
from trimtab.plans.monitor_verdicts import Situation, lack_of
from trimtab.plans.monitored import Seen, lineage_of, newest_alike, pointer
from trimtab.plans.plan import Create, Deed, Delete, Patch, Plan
from trimtab.plans.retraining import BackOff, Incident, Monitor, Policy, Step, step

JOBS_KEPT = 3
"""Finished Jobs that stay for people to look at."""
MOST_MOVES = 9
"""Moves in one look: no way through the states is longer than the states are many."""


def plan(seen: Seen, now: datetime) -> Plan:
    now = now.replace(microsecond=0)
    looks = tuple(attempts("evaluate", list(seen.jobs), list(seen.pods), list(seen.events), now))
    view = view_of(seen, looks, now)
    monitor, policy = monitor_of(view), policy_of(seen.spec)
    if monitor is None or rests(seen):
        return _without_a_move(view, monitor, looks)
    steps = walk(monitor, view, policy)
    monitor = steps[-1].monitor if steps else monitor
    book = incidents.keep(view, steps)
    upcoming = None if lack_of(view) else evaluations.due(_scene(view, looks, book.open_id), view.evaluation)
    current, why = upcoming or view.evaluation, _why_back(view, monitor, steps)
    situation = Situation(view, monitor, steps, book, current, policy, why)
    deeds = (*_block(view, why), *_deprecate(view, steps), *_look(view, upcoming), *_removals(current, looks))
    return Plan(deeds, next_status(situation), told_events(situation), again(Next(view, monitor, current, looks)))


def rests(seen: Seen) -> bool:
    """A person wants nothing looked at and nothing done."""
    return seen.spec.suspend or is_paused(seen.obj)


def _without_a_move(view: View, monitor: Monitor | None, looks: tuple[Attempt, ...]) -> Plan:
    """There is nothing to watch, or nothing shall be done: what is known is said, and stays as it is."""
    situation = Situation(view, monitor, [], incidents.keep(view, []), view.evaluation, policy_of(view.seen.spec))
    after = None if rests(view.seen) else again(Next(view, monitor, view.evaluation, looks))
    return Plan((), next_status(situation), told_events(situation), after)


def view_of(seen: Seen, looks: tuple[Attempt, ...], now: datetime) -> View:
    """The world with what the last Job has just answered taken in; while a person wants nothing done, the answer waits in the Job."""
    status, spec = seen.status, seen.spec
    clock = told(spec, status.clock, seen.event_time, now)
    evaluation = status.evaluation if rests(seen) else evaluations.settle(status.evaluation, looks, now)
    view = View(seen, clock, now, evaluation, status.readings, status.performance, status.judged, triggers.with_answers(spec, status, seen.answers, now))
    news = _news(status.evaluation, evaluation, looks)
    return replace(view, readings=_read(view, news), performance=_skill(view, news), judged=_verdict(view, news), news=news) if news else view


def _news(before: Evaluation | None, evaluation: Evaluation | None, looks: tuple[Attempt, ...]) -> Evaluated | None:
    """The answer that the status does not have yet."""
    if evaluation is None or evaluation == before or evaluation.outcome != "Answered":
        return None
    return evaluations.answer(next((each for each in looks if each.name == evaluation.job), None))


def _read(view: View, news: Evaluated) -> Readings:
    evaluation = view.evaluation
    assert evaluation is not None, "there is no answer without a look"
    replay = news.replay
    window = last_boundary(evaluation.upto, timedelta(hours=1))
    return Readings(
        version=evaluation.version,
        window_start=news.windows[-1].from_ if news.windows else window,
        drift=news.drift,
        performance=news.performance,
        labelled_rows=news.labelled_rows,
        new_rows=news.new_rows,
        missing_windows=news.missing_windows,
        clock_jump=news.clock_jump,
        faults=[f"{fault.name} {fault.column}: {fault.detail}"[:300] for fault in news.faults],
        incomparable=news.incomparable,
        skew=skew_of(news, view.seen.spec.skew.feature_mismatch_percent),
        replayed=replay.replayed if replay else 0,
        features_compared=news.parity.compared if news.parity else 0,
    )


def skew_of(news: Evaluated, percent: int) -> str:
    """What differs between serving and offline, in a sentence; empty: nothing."""
    replay, parity = news.replay, news.parity
    if replay and replay.mismatched:
        return f"{replay.mismatched} of {replay.replayed or replay.mismatched} answers are others when they are computed again. {replay.detail}".rstrip()
    if parity and parity.is_skew(percent):
        return f"{parity.mismatched} of {parity.compared} rows were sent with other features than FeatureSet {parity.feature_set} has. {parity.detail}".rstrip()
    return ""


def _skill(view: View, news: Evaluated) -> PerformanceReading | None:
    """The last judged skill of this version, though the last window could not be judged."""
    same = view.readings is not None and view.evaluation is not None and view.readings.version == view.evaluation.version
    if news.skill:
        return news.skill.model_copy(update={"to": news.skill_to})
    return view.performance if same else None


def _verdict(view: View, news: Evaluated) -> Judged | None:
    found, evaluation, before = news.judged, view.evaluation, view.seen.predecessor
    too_few = found is None or found.labels < view.seen.spec.performance.min_labels
    if found is None or too_few or evaluation is None or is_paused(view.seen.deployment):
        return view.judged
    if view.judged and view.judged.version == evaluation.version:
        return view.judged  # once: what serves is judged by its windows from then on
    return Judged(
        version=evaluation.version,
        predecessor=before["spec"]["version"] if before else 0,
        outcome=found.outcome,
        gain=f"{found.gain:.4g}",
        lower=f"{found.lower:.4g}",
        upper=f"{found.upper:.4g}",
        labels=found.labels,
    )


def monitor_of(view: View) -> Monitor | None:
    """As the status remembers it; without memory it is Learning. None where no version serves, or time does not go by."""
    seen, status = view.seen, view.seen.status
    stable, standing, incident = seen.stable, status.standing, status.incident
    if stable is None or view.told.clock is None:
        return None
    identity = seen.owner.name  # not the uid: a monitor that was restored, here or elsewhere, opens the incidents it opened before
    if standing is None or status.watching is None:
        return Monitor(identity, stable, stable, State.LEARNING, view.clock)
    return Monitor(
        identity,
        status.watching.version,
        standing.newest,
        next((state for state in State if state == standing.state), State.LEARNING),
        min(standing.since, view.clock),
        Incident(incident.id, incident.cause, incident.opened_at, incident.labelled_rows) if incident else None,
        BackOff(standing.back_off.outcome or "Failed", standing.back_off.labelled_rows) if standing.back_off else None,
        standing.lifts,
    )


def walk(monitor: Monitor, view: View, policy: Policy) -> list[Step]:
    """Moves until nothing moves: what is seen now is decided now, and not a little at each of the next looks."""
    steps: list[Step] = []
    for _ in range(MOST_MOVES):
        done = step(monitor, look(view, monitor), policy)
        if done.monitor == monitor:
            break
        steps.append(done)
        monitor = done.monitor
    return steps


def _scene(view: View, looks: tuple[Attempt, ...], incident: str) -> evaluations.Scene:
    seen, clock = view.seen, view.told.clock
    assert clock is not None, "monitor_of has been asked"
    return evaluations.Scene(
        name=seen.owner.name,
        spec=seen.spec,
        version=seen.stable or 0,
        clock=clock,
        since=view.since,
        request=seen.request,
        incident=incident,
        before=seen.status.evaluation,
        looks=looks,
        shape=seen.shape.digest,
        now=view.now,
    )


def _look(view: View, upcoming: Evaluation | None) -> tuple[Deed, ...]:
    seen = view.seen
    watched = seen.version(upcoming.version) if upcoming else None
    if upcoming is None or watched is None:
        return ()
    owner = seen.owner
    document = EvaluateDocument(
        namespace=owner.namespace,
        name=owner.name,
        uid=owner.uid,
        request=upcoming.request,
        deployment=seen.spec.deployment,
        spec=seen.spec,
        watching=pointer(watched),
        predecessor=pointer(view.predecessor) if view.predecessor else None,
        dataset=(lineage_of(watched).get("dataset") or {}).get("name", ""),
        features=newest_alike(watched, seen.feature_sets),
        now=upcoming.upto,
        since=view.since,
        incident=upcoming.incident,
    )
    return (Create(jobs.PLURAL, jobs.job(owner, document, upcoming.key, upcoming.attempt, seen.shape, model=watched["spec"]["model"])),)


def _why_back(view: View, monitor: Monitor, steps: list[Step]) -> str:
    """Why the version that serves is taken back now; empty where it is not: never where there is nothing to go back to, and once."""
    seen = view.seen
    version = seen.version(seen.stable)
    if version is None or is_paused(seen.deployment) or seen.predecessor is None or block_on(version, seen.spec.deployment):
        return ""
    return incidents.why_rolled_back(view, steps) or goes_back(view, monitor, policy_of(seen.spec))


def _block(view: View, why: str) -> tuple[Patch, ...]:
    """Taking a version back is forbidding it to this Deployment, which then goes back by itself."""
    version = view.seen.version(view.seen.stable)
    return (block(version, view.seen.spec.deployment, why, view.now),) if why and version else ()


def _deprecate(view: View, steps: list[Step]) -> tuple[Patch, ...]:
    version = view.seen.version(view.seen.stable)
    asked = any("Deprecate" in done.announcements for done in steps)
    if not asked or version is None or DEPRECATED in annotations(version):
        return ()
    floor = view.seen.spec.performance.floor
    return (annotate(version, DEPRECATED, f"Its skill is below {floor:g}, and two runs did not lift it ({rfc3339(view.now)})."),)


def _removals(current: Evaluation | None, looks: tuple[Attempt, ...]) -> tuple[Delete, ...]:
    """Looks that another one has taken the place of, and old finished Jobs."""
    others = [each for each in looks if current is None or each.name != current.job]
    return (*(Delete(each.ref) for each in others if not each.over), *surplus(others, JOBS_KEPT - 1))
