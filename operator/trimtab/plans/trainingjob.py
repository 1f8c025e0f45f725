"""TrainingJob: which run is to be, what becomes of it, and the ModelVersion it ends in.

    known, settle (runs.py)    ->  the runs so far, the newest with its outcome as it stands now
    wanted (wanted.py)         ->  the run that ought to be the newest, or what it lacks
    register (registration.py) ->  a run that has just answered becomes a ModelVersion
    begin (beginning.py)       ->  the wanted run, or another attempt at the newest one
    then: their objects; last, Jobs that are of no more use

A run is known by its key (recipe.py). One whose ModelVersion exists is done, whoever made it: nothing is trained twice.
The sentences are in `trainingjob_status.py`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from trimtab.api.base import GIT_PREFIX, RUN_REQUESTED
from trimtab.api.documents import TrainDocument
from trimtab.api.kinds import MODEL_VERSION
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Progress, Run, TrainingJobSpec, TrainingJobStatus
from trimtab.manifests import jobs
from trimtab.manifests.jobs import PodShape
from trimtab.manifests.labels import Owner, owner_of
from trimtab.plans.annotations import annotations, is_paused
from trimtab.plans.asks import Ask
from trimtab.plans.attempts import HEALS_WITH_TIME, attempts, has_started, surplus
from trimtab.plans.beginning import Moment, begin, heals_at
from trimtab.plans.lack import Lack
from trimtab.plans.plan import Create, Deed, Delete, Manifest, Plan
from trimtab.plans.pods import reason_named
from trimtab.plans.registration import champions, model_version, next_number
from trimtab.plans.runs import LISTED, Scene, done, given_up, known, settle, trained
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
        return annotations(self.obj)

    @property
    def paused(self) -> bool:
        return is_paused(self.obj)

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
        found = attempts("train", list(self.jobs), list(self.pods), list(self.events), now)
        requested = self.annotations.get(RUN_REQUESTED, "")
        return Scene(self.owner.name, self.model, self.spec, requested, self.status, tuple(found), self.versions, self.shape.digest, now)


def plan(seen: Seen, now: datetime) -> Plan:
    now = now.replace(microsecond=0)
    scene = seen.scene(now)
    runs = known(scene)
    newest, older = settle(runs[0], scene) if runs else None, tuple(runs[1:])
    so_far = tuple(run for run in (newest, *older) if run)
    want = wanted(Question(scene, so_far, seen.dataset, seen.code, seen.asks, seen.deployments, seen.cluster_paused))
    newest = _unless_its_data_are_gone(seen, newest, want)
    newest, registration = (newest, ()) if seen.paused else _register(seen, scene, newest)
    upcoming = None if seen.paused else begin(Moment(scene, newest, older, want))
    runs = _with(upcoming, [run for run in (newest, *older) if run])
    deeds = () if seen.paused else (*registration, *_start(seen, upcoming, want), *_removals(scene, runs))
    situation = Situation(seen.obj, scene, tuple(runs), want, seen.paused, seen.progress)
    return Plan(deeds, next_status(situation), events(situation), _again(situation))


def _unless_its_data_are_gone(seen: Seen, newest: Run | None, want: Wanted | Lack) -> Run | None:
    """A failure that would heal with time heals no more when the version that the run needs is no longer listed."""
    heals = newest is not None and newest.outcome == "Failed" and reason_named(newest.reason) in HEALS_WITH_TIME
    hopeless = heals and isinstance(want, Wanted) and want.pointer is None
    return given_up(newest, seen.spec.dataset) if newest and hopeless else newest


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


def _with(upcoming: Run | None, runs: list[Run]) -> list[Run]:
    """The list with its new head. Only the head is ever tried again: what goes on, or would heal, behind it has been superseded, and whoever waits
    for it shall know."""
    if upcoming is not None:
        runs = [upcoming, *(run for run in runs if run.key != upcoming.key)]
    return [*runs[:1], *(_superseded(run) for run in runs[1:LISTED])]


def _superseded(run: Run) -> Run:
    heals = run.outcome == "Failed" and reason_named(run.reason) in HEALS_WITH_TIME
    if not heals and run.outcome not in ("Running", "Pending"):
        return run
    said = f"{Reason.SUPERSEDED.say()} {run.message if heals else ''}".rstrip()
    return run.model_copy(update={"outcome": "Superseded", "reason": str(Reason.SUPERSEDED), "message": said[:1000]})


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
    heals = heals_at(s.scene, newest) if s.want.pointer and not s.want.again else None
    moments = [heals, s.want.waits.until if s.want.waits else None]
    ahead = [moment - s.scene.now for moment in moments if moment]
    return max(min(ahead), timedelta(seconds=1)) if ahead else None
