"""TrainingJob: which run is to be, what becomes of it, and the ModelVersion it ends in.

    known, settle (runs.py)    ->  the runs so far, the newest with its outcome as it stands now
    wanted (wanted.py)         ->  the run that ought to be the newest, or what it lacks
    register (registration.py) ->  a run that has just answered becomes a ModelVersion
    begin                      ->  the wanted run, or another attempt at the newest one
    then: their objects; last, Jobs that are of no more use

A run is known by its key (recipe.py). One whose ModelVersion exists is done, whoever made it: nothing is trained twice.
The sentences are in `trainingjob_status.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from trimtab.api.base import GIT_PREFIX, PAUSED, RUN_REQUESTED
from trimtab.api.documents import TrainDocument
from trimtab.api.kinds import MODEL_VERSION
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Progress, Run, TrainingJobSpec, TrainingJobStatus
from trimtab.manifests import jobs, names
from trimtab.manifests.jobs import PodShape
from trimtab.manifests.labels import Owner, owner_of
from trimtab.plans.asks import Ask
from trimtab.plans.attempts import Attempt, Failure, attempts, has_started, next_try, surplus, waits_for_another_pod
from trimtab.plans.lack import Lack
from trimtab.plans.plan import Create, Deed, Delete, Manifest, Plan
from trimtab.plans.pods import Failed, reason_named
from trimtab.plans.registration import champions, model_version, next_number
from trimtab.plans.runs import LISTED, Scene, done, known, lineage, recipe_of, settle, suspended, trained, unchanged
from trimtab.plans.trainingjob_status import Situation, events, next_status
from trimtab.plans.wanted import NO_CODE, Code, Question, Wanted, wanted

STARTING_LOOK = timedelta(seconds=30)
"""While a pod has not started, or something is missing that makes no event of ours, such as a ConfigMap."""
PROGRESS_LOOK = timedelta(seconds=10)
"""While a run goes: its progress is scraped this often, and written less often."""


@dataclass(frozen=True)
class Seen:
    """A TrainingJob with its Jobs, their pods and Events, and what a run is made of: Dataset, code, versions, Deployments."""

    obj: Manifest
    image: str
    pull_policy: str = "IfNotPresent"
    dataset: Manifest | None = None
    code: Code = NO_CODE
    versions: tuple[Manifest, ...] = ()
    deployments: tuple[Manifest, ...] = ()
    asks: tuple[Ask, ...] = ()
    cluster_paused: bool = False
    jobs: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    progress: Progress | None = None

    @cached_property
    def spec(self) -> TrainingJobSpec:
        return TrainingJobSpec.model_validate(self.obj["spec"])

    @cached_property
    def status(self) -> TrainingJobStatus:
        return TrainingJobStatus.model_validate(self.obj.get("status") or {})

    @property
    def owner(self) -> Owner:
        return owner_of(self.obj)

    @property
    def model(self) -> str:
        return self.spec.model or self.owner.name

    @property
    def annotations(self) -> dict[str, str]:
        return self.obj["metadata"].get("annotations") or {}

    @property
    def paused(self) -> bool:
        return self.annotations.get(PAUSED) == "true"

    @property
    def git(self) -> dict[str, str]:
        return {name.removeprefix(GIT_PREFIX): value for name, value in self.annotations.items() if name.startswith(GIT_PREFIX)}

    @property
    def shape(self) -> PodShape:
        policy = self.spec.run_policy
        return PodShape(
            self.image,
            self.pull_policy,
            template=self.spec.template,
            deadline_seconds=policy.active_deadline_seconds,
            backoff_limit=policy.backoff_limit,
            queue=self.spec.queue_name,
        )

    def scene(self, now: datetime) -> Scene:
        peak = (self.status.progress and self.status.progress.peak_memory) or ""
        found = attempts("train", list(self.jobs), list(self.pods), list(self.events), now, peak=peak)
        requested = self.annotations.get(RUN_REQUESTED, "")
        return Scene(self.owner.name, self.model, self.spec, requested, self.status, tuple(found), self.versions, self.shape.digest, now)


def plan(seen: Seen, now: datetime) -> Plan:
    now = now.replace(microsecond=0)
    scene = seen.scene(now)
    runs = known(scene)
    newest, older = settle(runs[0], scene) if runs else None, tuple(runs[1:])
    so_far = tuple(run for run in (newest, *older) if run)
    want = wanted(Question(scene, so_far, seen.dataset, seen.code, seen.asks, seen.deployments, seen.cluster_paused))
    newest, registration = (newest, ()) if seen.paused else _register(seen, scene, newest)
    upcoming = None if seen.paused else begin(Moment(scene, newest, older, want))
    runs = _with(upcoming, [run for run in (newest, *older) if run])
    deeds = () if seen.paused else (*registration, *_start(seen, upcoming, want), *_removals(scene, runs))
    situation = Situation(seen.obj, scene, tuple(runs), want, seen.paused, seen.progress)
    return Plan(deeds, next_status(situation), events(situation), _again(situation))


def _register(seen: Seen, scene: Scene, newest: Run | None) -> tuple[Run | None, tuple[Deed, ...]]:
    """The ModelVersion of a run that has answered and has none yet, and the run as that version will tell it."""
    answer = trained(scene.attempt(newest.job)) if newest and newest.outcome == "Running" else None
    if newest is None or answer is None:
        return newest, ()
    number = next_number(seen.versions, seen.status.latest_model_version)
    attempt = scene.attempt(newest.job)
    code = TrainDocument.model_validate_json(attempt.document).code_digest if attempt else ""
    version = model_version(seen.owner, seen.model, number, newest, answer, dataset=seen.spec.dataset, code=code, git=seen.git)
    return done(newest, version), (Create(MODEL_VERSION.plural, version),)


@dataclass(frozen=True)
class Moment:
    """What is decided on when a run may begin."""

    scene: Scene
    newest: Run | None
    older: tuple[Run, ...]
    want: Wanted | Lack

    @property
    def attempt(self) -> Attempt | None:
        return self.scene.attempt(self.newest.job) if self.newest else None

    @property
    def under_way(self) -> bool:
        return self.newest is not None and self.newest.outcome == "Running"


def begin(moment: Moment) -> Run | None:
    """The run to put at the head of the list: a new one, the newest again, or none."""
    return next((run for why in REASONS_TO_BEGIN if (run := why(moment))), None)


def must_rest(moment: Moment) -> Run | None:
    return suspended(moment.newest) if moment.scene.spec.run_policy.suspend and moment.under_way and moment.newest else None


def another_is_wanted(moment: Moment) -> Run | None:
    want, newest = moment.want, moment.newest
    if isinstance(want, Lack) or (newest is not None and newest.key == want.key) or not _may_give_way(moment):
        return None
    known_before = next((run for run in moment.older if run.key == want.key), None)
    fresh = Run(
        key=want.key,
        attempt=known_before.attempt + 1 if known_before else 1,
        request=want.request,
        cause=want.cause,
        recipe_digest=want.recipe,
        dataset_version=want.version,
        dataset_digest=want.digest,
    )
    scene = moment.scene
    if version := scene.registered(want.key):
        return done(fresh, version)
    if twin := _made_of_the_same(scene, want):
        return done(fresh, twin) if want.cause == "Change" else unchanged(fresh, twin, scene.spec.dataset, scene.now)
    return _begun(moment, fresh)


def _made_of_the_same(scene: Scene, want: Wanted) -> Manifest | None:
    """The newest version of the same recipe, data and code: to train it once more would make the same model."""

    def is_the_same(version: Manifest) -> bool:
        source = lineage(version)
        return (recipe_of(version), source.get("dataset", {}).get("digest"), source.get("codeDigest") or "") == (want.recipe, want.digest, want.code)

    return max(filter(is_the_same, scene.made), key=lambda version: int(version["spec"]["version"]), default=None)


def _may_give_way(moment: Moment) -> bool:
    """A run that has not started is of no worth yet; one that goes on is let finish, unless the policy says Replace."""
    if not moment.under_way:
        return True
    started = moment.attempt is not None and has_started(moment.attempt)
    return not started or moment.scene.spec.run_policy.concurrency == "Replace"


def could_start_otherwise(moment: Moment) -> Run | None:
    """Its pod cannot start as it was made, and would be made differently now."""
    attempt = moment.attempt
    stuck = moment.under_way and attempt is not None and waits_for_another_pod(attempt, moment.scene.shape)
    return _once_more(moment) if stuck else None


def was_suspended(moment: Moment) -> Run | None:
    return _once_more(moment) if moment.newest and moment.newest.outcome == "Pending" else None


def may_have_healed(moment: Moment) -> Run | None:
    at = heals_at(moment.scene, moment.newest)
    return _once_more(moment) if at and at <= moment.scene.now else None


REASONS_TO_BEGIN: tuple[Callable[[Moment], Run | None], ...] = (
    must_rest,  # a person wants no run: what goes on is taken back
    another_is_wanted,  # recipe, request, code or pinned data are others
    could_start_otherwise,  # an image, a limit, a node selector was corrected
    was_suspended,  # a person wants runs again
    may_have_healed,  # what failed heals with time, or with another pod
)


def _once_more(moment: Moment) -> Run | None:
    newest = moment.newest
    return _begun(moment, newest.model_copy(update={"attempt": newest.attempt + 1})) if newest else None


def _begun(moment: Moment, run: Run) -> Run | None:
    """The run with its Job's name; none while a person wants no runs, or the data it needs are no longer listed."""
    want, scene = moment.want, moment.scene
    if scene.spec.run_policy.suspend or isinstance(want, Lack) or want.pointer is None or want.key != run.key:
        return None
    job = names.job(scene.name, run.key, run.attempt)
    return run.model_copy(update={"job": job, "outcome": "Running", "started_at": scene.now, "finished_at": None})


def heals_at(scene: Scene, run: Run | None) -> datetime | None:
    """When a failed run is worth another attempt; None: not before somebody changes something, or it did not fail."""
    if run is None or run.outcome != "Failed":
        return None
    attempt = scene.attempt(run.job)
    retry = isinstance(attempt.outcome, Failed) and attempt.outcome.retry if attempt else False
    reason = reason_named(run.reason) or Reason.CRASHED
    return next_try(Failure(reason, run.attempt, run.finished_at or scene.now, attempt.shape if attempt else None, retry), scene.shape)


def _with(upcoming: Run | None, runs: list[Run]) -> list[Run]:
    """The list with its new head; a run that was going and is not the head any more has been superseded."""
    if upcoming is None:
        return runs[:LISTED]
    others = [_superseded(run) for run in runs if run.key != upcoming.key]
    return [upcoming, *others][:LISTED]


def _superseded(run: Run) -> Run:
    if run.outcome not in ("Running", "Pending"):
        return run
    return run.model_copy(update={"outcome": "Superseded", "reason": str(Reason.SUPERSEDED), "message": Reason.SUPERSEDED.say()})


def _start(seen: Seen, run: Run | None, want: Wanted | Lack) -> tuple[Deed, ...]:
    if run is None or run.outcome != "Running" or isinstance(want, Lack) or want.pointer is None:
        return ()
    owner = seen.owner
    document = TrainDocument(
        namespace=owner.namespace,
        name=owner.name,
        uid=owner.uid,
        request=run.request,
        model=seen.model,
        run_key=run.key,
        attempt=run.attempt,
        cause=run.cause,
        spec=seen.spec,
        dataset=want.pointer,
        code_digest=seen.code.digest,
        champions=champions(seen.deployments, seen.versions),
        git=seen.git,
    )
    python = seen.spec.trainer.python if seen.spec.trainer else None
    job = jobs.job(owner, document, run.key, run.attempt, seen.shape, code=python.config_map if python else None, model=seen.model)
    return (Create(jobs.PLURAL, job),)


def _removals(scene: Scene, runs: list[Run]) -> tuple[Delete, ...]:
    """Jobs that go on and are not the newest run's, and finished ones beyond the limit."""
    current = runs[0].job if runs else ""
    others = [attempt for attempt in scene.attempts if attempt.name != current]
    stray = [Delete(attempt.ref) for attempt in others if not attempt.over]
    mine = scene.attempt(current)
    kept_besides = scene.spec.run_policy.history_limit - (1 if mine and mine.over else 0)
    return (*stray, *surplus(others, kept_besides))


def _again(s: Situation) -> timedelta | None:
    """The next try; a look at the progress; a look at what makes no event."""
    newest = s.newest
    if newest and newest.outcome == "Running":
        attempt = s.scene.attempt(newest.job)
        return PROGRESS_LOOK if attempt and has_started(attempt) else STARTING_LOOK
    if isinstance(s.want, Lack):
        return STARTING_LOOK
    moments = [None if s.data_are_gone else heals_at(s.scene, newest), s.want.waits.until if s.want.waits else None]
    ahead = [moment - s.scene.now for moment in moments if moment]
    return max(min(ahead), timedelta(seconds=1)) if ahead else None
