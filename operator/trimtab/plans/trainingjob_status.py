"""What is said about a TrainingJob: Ready when the wanted run is registered, the runs so far, progress while one goes.

Nothing is decided here that changes the cluster.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Progress, Run, TrainingJobStatus
from trimtab.plans.attempts import HEALS_WITH_TIME
from trimtab.plans.automatic import is_automatic
from trimtab.plans.conditions import ConditionSet
from trimtab.plans.lack import Lack
from trimtab.plans.plan import Event, Manifest
from trimtab.plans.pods import reason_named
from trimtab.plans.runs import Scene, data_are_gone, failed_gates, recipe_of
from trimtab.plans.wanted import Wanted

PROGRESS_EVERY = timedelta(seconds=30)
"""Progress alone is written no more often: a run of an hour costs a hundred writes."""
OLD_MESSAGE = 300
"""Characters of an older run's message: twenty runs must fit in an object of 32 KB."""


@dataclass(frozen=True)
class Situation:
    """All that the sentences are made from: the runs as they will stand, newest first, and what is wanted."""

    obj: Manifest
    scene: Scene
    runs: tuple[Run, ...]
    want: Wanted | Lack
    paused: bool
    progress: Progress | None

    @property
    def newest(self) -> Run | None:
        return self.runs[0] if self.runs else None

    def newest_is(self, *outcomes: str) -> Run | None:
        return self.newest if self.newest and self.newest.outcome in outcomes else None

    @property
    def is_done(self) -> bool:
        """The wanted run is the newest, and what it was to bring is registered.

        A rejected run that began by itself, and one that found nothing new, leave that as it was.
        """
        run = self.newest_is("Registered", "Rejected", "Unchanged")
        if run is None or not isinstance(self.want, Wanted) or run.key != self.want.key:
            return False
        return run.outcome == "Registered" or (self.changed_nothing and self.has_passed)

    @property
    def changed_nothing(self) -> bool:
        run = self.newest
        return run is not None and (run.outcome == "Unchanged" or (run.outcome == "Rejected" and is_automatic(run)))

    @property
    def has_passed(self) -> bool:
        """Whether a version that this recipe made before has passed its gates."""
        return any(recipe_of(version) == self.scene.recipe and not failed_gates(version) for version in self.scene.made)


@dataclass(frozen=True)
class Verdict:
    """`progress`: whether it goes on by itself (Reconciling) or a person must act (Stalled); at rest neither."""

    state: str
    reason: Reason
    message: str
    progress: str = ""


def paused(s: Situation) -> Verdict | None:
    return Verdict("Paused", Reason.PAUSED, Reason.PAUSED.say()) if s.paused else None


def in_trouble(s: Situation) -> Verdict | None:
    """The run cannot start, or goes again after a failure."""
    run = s.newest_is("Running")
    reason = reason_named(run.reason) if run else None
    return Verdict("Waiting", reason, run.message, "Reconciling") if run and reason else None


def training(s: Situation) -> Verdict | None:
    run = s.newest_is("Running")
    if run is None:
        return None
    what = f"Run {run.key[:8]} trains on version {run.dataset_version} of Dataset {s.scene.spec.dataset}"
    return Verdict("Training", Reason.PROGRESSING, Reason.PROGRESSING.say(what=what), "Reconciling")


def suspended(s: Situation) -> Verdict | None:
    if not s.scene.spec.run_policy.suspend or s.is_done:
        return None
    return Verdict("Suspended", Reason.SUSPENDED, Reason.SUSPENDED.say(field="spec.runPolicy.suspend"))


def lacking(s: Situation) -> Verdict | None:
    return Verdict("Waiting", s.want.reason, s.want.message, "Reconciling") if isinstance(s.want, Lack) else None


def registered(s: Situation) -> Verdict | None:
    run = s.newest_is("Registered")
    return Verdict("Registered", Reason.REGISTERED, run.message) if run and s.is_done else None


def nothing_new(s: Situation) -> Verdict | None:
    """What was there before stays: a version that passed, or one that a person must look at."""
    run = s.newest_is("Unchanged")
    if run is None:
        return None
    return Verdict("Registered", Reason.NOTHING_NEW, run.message) if s.has_passed else Verdict("Rejected", Reason.GATES_FAILED, run.message, "Stalled")


def rejected(s: Situation) -> Verdict | None:
    """A person wanted this run: a person looks at its gates. Of one that began by itself the version before is left."""
    run = s.newest_is("Rejected")
    return Verdict("Rejected", Reason.GATES_FAILED, run.message, "" if s.is_done else "Stalled") if run else None


def held_again(s: Situation) -> Verdict | None:
    """It would be tried again by itself, and a person has paused that."""
    run, again = s.newest_is("Pending", "Failed"), s.want.again if isinstance(s.want, Wanted) else None
    if run is None or again is None or (run.outcome == "Failed" and reason_named(run.reason) not in HEALS_WITH_TIME):
        return None
    return Verdict("Waiting", again.reason, f"{run.message} {again.message}".lstrip())


def failed(s: Situation) -> Verdict | None:
    run = s.newest_is("Failed")
    if run is None:
        return None
    reason = reason_named(run.reason) or Reason.CRASHED
    by_itself = reason in HEALS_WITH_TIME
    return Verdict("Waiting" if by_itself else "Failed", reason, run.message, "Reconciling" if by_itself else "Stalled")


def data_gone(s: Situation) -> Verdict | None:
    """A run is to go again, and the version it needs has left the Dataset's list."""
    return Verdict("Failed", Reason.VERSION_MISSING, data_are_gone(s.newest, s.scene.spec.dataset), "Stalled")


VERDICTS: tuple[Callable[[Situation], Verdict | None], ...] = (
    paused,  # a person wants no deeds
    in_trouble,  # a run that is under way, and not well
    training,  # a run that goes on, be it wanted or let finish
    suspended,  # a person wants no runs
    lacking,  # no Dataset, no version, no code
    registered,  # at rest
    nothing_new,  # at rest: the data are those of before
    rejected,  # at rest, and not what was hoped for
    held_again,  # it would heal by itself, and is not to
    failed,  # it heals by itself, or a person must act
    data_gone,  # nothing goes on and nothing can
)


def next_status(s: Situation) -> Manifest:
    generation, before = s.obj["metadata"].get("generation", 0), s.scene.status
    verdict = _with_what_is_awaited(next(verdict for say in VERDICTS if (verdict := say(s))), s)
    conditions = ConditionSet((s.obj.get("status") or {}).get("conditions", []), generation, s.scene.now)
    conditions.set("Ready", s.is_done, verdict.reason, verdict.message)
    if verdict.progress:
        conditions.set(verdict.progress, True, verdict.reason, verdict.message)
    made = [run.model_version for run in s.runs if run.model_version]
    status = TrainingJobStatus(
        observed_generation=generation,
        state=verdict.state,
        latest_run=s.newest.key if s.newest else "",
        latest_model_version=max([*(int(name.rpartition("-v")[2]) for name in made), before.latest_model_version or 0]) or None,
        model_version=next(iter(made), before.model_version),
        progress=_progress(s),
        last_handled_request=_handled(s),
        runs=[run if place == 0 else run.model_copy(update={"message": run.message[:OLD_MESSAGE]}) for place, run in enumerate(s.runs)],
    )
    dumped: Manifest = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped | {"conditions": conditions.as_list()}


def _with_what_is_awaited(verdict: Verdict, s: Situation) -> Verdict:
    """At rest, an automatic run that is held back is told beside."""
    waits = s.want.waits if isinstance(s.want, Wanted) and not s.paused else None
    if waits is None or s.newest_is("Running"):
        return verdict
    reason, progress = (waits.reason, "Reconciling" if waits.by_itself else "") if s.is_done else (verdict.reason, verdict.progress)
    return Verdict(verdict.state, reason, f"{verdict.message} {waits.message}", progress)


def _handled(s: Situation) -> str:
    """The annotation's value once a run has it; ids of incidents are not its values."""
    requested = s.scene.requested
    return requested if requested and any(run.request == requested for run in s.runs) else s.scene.status.last_handled_request


def _progress(s: Situation) -> Progress | None:
    """What the running pod says, at most every 30 s; nothing between runs but that the last one is through."""
    before, run = s.scene.status.progress, s.newest
    if run is None or run.outcome not in ("Running", "Registered", "Rejected", "Unchanged"):
        return None
    if run.outcome != "Running":
        return Progress(percent=100)
    same_run = s.scene.status.latest_run == run.key
    if not same_run or s.progress is None:
        return before if same_run else None
    recent = before is not None and before.at is not None and s.scene.now - before.at < PROGRESS_EVERY
    return before if recent or _says_the_same(before, s.progress) else s.progress.model_copy(update={"at": s.scene.now})


def _says_the_same(before: Progress | None, said: Progress) -> bool:
    return before is not None and before.model_copy(update={"at": None}) == said.model_copy(update={"at": None})


def events(s: Situation) -> tuple[Event, ...]:
    """A run began: its end is told by the condition."""
    run, known_jobs = s.newest_is("Running"), {run.job for run in s.scene.status.runs}
    if run is None or run.job in known_jobs:
        return ()
    sentence = Reason.RUN_STARTED.say(key=run.key[:8], dataset=s.scene.spec.dataset, version=run.dataset_version)
    return (Event(str(Reason.RUN_STARTED), sentence),)
