"""Whether a monitor can watch: Ready, in the words of the first verdict that applies."""

from collections.abc import Callable
from dataclasses import dataclass

from trimtab.api.monitor_memory import Evaluation
from trimtab.api.reasons import Reason
from trimtab.plans.annotations import is_paused
from trimtab.plans.attempts import HEALS_WITH_TIME
from trimtab.plans.conditions import find, rfc3339
from trimtab.plans.incidents import Book
from trimtab.plans.lack import Lack
from trimtab.plans.monitor_look import View
from trimtab.plans.plan import Manifest
from trimtab.plans.pods import reason_named
from trimtab.plans.retraining import Monitor, Policy, Step
from trimtab.plans.triggers import bad_schedule


@dataclass(frozen=True)
class Situation:
    """All that the sentences are made from; `monitor` is None where there is nothing to watch."""

    view: View
    monitor: Monitor | None
    steps: list[Step]
    book: Book
    evaluation: Evaluation | None
    policy: Policy
    rolled_back: str = ""
    """Why the version that serves is taken back now; empty: it is not."""

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
    lacking,  # the version, or a feature that it does not have
    bad_trigger,  # nothing would ever come of it
    training_job_missing,  # an incident would wait for ever
    prometheus_unreachable,  # some triggers are blind
    clock_jumped,  # time stands still
    in_trouble,  # the last look failed or cannot start
    first_look,  # nothing is known yet
    watching,  # all is well, or at least known
)


def lack_of(view: View) -> Lack | None:
    """What a look could not do without."""
    version = view.seen.version(view.seen.stable)
    return _feature_missing(view, version) if version else _version_missing(view)


def _version_missing(view: View) -> Lack | None:
    """The ModelVersion that serves was deleted: its pods answer, and nobody can say from what they learned."""
    seen = view.seen
    if seen.stable is None:
        return None
    there = ", ".join(str(each["spec"]["version"]) for each in seen.versions) or "none"
    return Lack(Reason.VERSION_MISSING, Reason.VERSION_MISSING.say(field=f"Deployment {seen.spec.deployment}", version=seen.stable, versions=there))


def _feature_missing(view: View, version: Manifest) -> Lack | None:
    """A feature to watch that the version has not; where its inputs are too many to be listed, the look itself says so."""
    summary = version["spec"].get("summary") or {}
    inputs = [each["name"] for each in summary.get("inputs") or []]
    unknown = [feature for feature in view.seen.spec.features if feature not in inputs]
    if not unknown or not inputs or int(summary.get("inputCount", 0)) > len(inputs):
        return None
    said = Reason.COLUMN_MISSING.say(field="spec.features", column=unknown[0], columns=", ".join(inputs)[:400])
    return Lack(Reason.COLUMN_MISSING, said)
