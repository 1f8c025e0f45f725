"""ModelVersion: whether the model is what was registered, and answers in the serving image as it did in training.

    settle  ->  the wanted verification as it stands: from its Job, else from the status
    due     ->  another attempt at it, or none
    then: its Job; last, Jobs that are of no more use

A version is immutable, so one verification is enough; a request (`trimtab.dev/run-requested`) asks for another. What is
said about it, gates, approval and who serves it is in `modelversion_status.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from math import ceil

from trimtab.api.base import RUN_REQUESTED
from trimtab.api.documents import VerifyDocument
from trimtab.api.modelversion import ModelVersionSpec, ModelVersionStatus, Verification
from trimtab.api.reasons import Reason
from trimtab.manifests import jobs, names
from trimtab.manifests.jobs import VERIFY_COMMAND, PodShape, limit_gib
from trimtab.manifests.labels import Owner, owner_of
from trimtab.plans.annotations import annotations, is_paused
from trimtab.plans.attempts import Attempt, Trouble, attempts, blamed, surplus, tried_again_at, trouble, waits_for_another_pod
from trimtab.plans.modelversion_status import Situation, next_status
from trimtab.plans.plan import Create, Deed, Delete, Manifest, Plan
from trimtab.plans.pods import Failed, Finished

JOBS_KEPT = 2
"""Finished Jobs that stay to be looked at: there are many versions, and each has its own."""
STARTING_LOOK = timedelta(seconds=30)
"""While the pod has not started: for the trouble that makes no event of ours, such as a Job without pods."""

VERIFY_DEADLINE = 3600
"""Seconds: to pull the image and fetch, load and ask the largest model that fits the pod takes minutes; what hangs shall end."""

LIBRARIES_GIB, TIMES_ITS_SIZE = 1, 6
"""Memory to verify a model: beside the libraries, so many times what its files take. They hold weights compressed (three to
four times, in skops), and loading holds them twice for a moment."""
LEAST_GIB, MOST_GIB = 2, 32
"""Of one whose size nobody told, too; after OutOfMemory it is twice what was too little, up to this."""
GIB = 1 << 30

HEALS_BY_ITSELF = frozenset({Reason.ARTIFACT_UNREACHABLE})
"""Beside what heals for every Job: the files may come (staging to production), the Secret may learn to read them."""


@dataclass(frozen=True)
class Seen:
    """A ModelVersion, its verify Jobs with pods and Events, and the Deployments of its model."""

    obj: Manifest
    image: str
    pull_policy: str = "IfNotPresent"
    jobs: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    deployments: tuple[Manifest, ...] = ()

    @cached_property
    def spec(self) -> ModelVersionSpec:
        return ModelVersionSpec.model_validate(self.obj["spec"])

    @cached_property
    def status(self) -> ModelVersionStatus:
        return ModelVersionStatus.model_validate(self.obj.get("status") or {})

    @property
    def owner(self) -> Owner:
        return owner_of(self.obj)

    @property
    def annotations(self) -> dict[str, str]:
        return annotations(self.obj)

    @property
    def request(self) -> str:
        return self.annotations.get(RUN_REQUESTED, "")

    @cached_property
    def key(self) -> str:
        """What is to be verified, and who asked."""
        artifact = self.spec.artifact.model_dump(mode="json", by_alias=True, exclude_none=True)
        return names.digest([artifact, self.request])[:32]


@dataclass(frozen=True)
class Scene:
    """What is wanted, what is known of it, and the Jobs that are there, newest first."""

    seen: Seen
    looks: list[Attempt]
    now: datetime

    @property
    def newest(self) -> Attempt | None:
        """The newest Job for the wanted verification."""
        return next((look for look in self.looks if look.key == self.seen.key), None)

    @property
    def shape(self) -> PodShape:
        memory = memory_for(self.seen.spec.artifact.size_bytes or 0, self.newest)
        return PodShape(self.seen.image, self.seen.pull_policy, command=VERIFY_COMMAND, deadline_seconds=VERIFY_DEADLINE, memory_gib=memory)

    @property
    def before(self) -> Verification | None:
        """What the status remembers of the wanted verification."""
        known = self.seen.status.verification
        return known if known and known.key == self.seen.key else None


def plan(seen: Seen, now: datetime) -> Plan:
    now = now.replace(microsecond=0)
    scene = Scene(seen, attempts("verify", list(seen.jobs), list(seen.pods), list(seen.events), now), now)
    known = settle(scene)
    paused = is_paused(seen.obj)
    upcoming = None if paused else due(scene, known)
    current = upcoming or known
    situation = Situation(
        seen.obj, seen.spec, seen.status, current, seen.request, seen.deployments, paused, heals=heals_at(scene, current) is not None, now=now
    )
    deeds = () if paused else (*_look(scene, upcoming), *_removals(scene, current))
    return Plan(deeds, next_status(situation), requeue_after=_again(scene, current))


def memory_for(size_bytes: int, last: Attempt | None) -> int:
    """GiB that the next pod may take, by the size of the model's files and what the last one died of."""
    by_size = max(LEAST_GIB, LIBRARIES_GIB + ceil(TIMES_ITS_SIZE * size_bytes / GIB))
    given = limit_gib(last.job) if last else 0
    ran_out = last is not None and isinstance(last.outcome, Failed) and last.outcome.reason == Reason.OUT_OF_MEMORY
    return max(by_size, min(2 * given, MOST_GIB) if ran_out else given)


def settle(scene: Scene) -> Verification | None:
    """How the wanted verification stands; None before its first Job, and where that was lost before it ended."""
    look, before = scene.newest, scene.before
    if look is None or (before and before.attempt > look.number):
        return before if before and before.outcome != "Running" else None
    said_before = Trouble(before.reason, before.message) if before else Trouble()
    known = Verification(key=scene.seen.key, job=look.name, attempt=look.number, image=_image(look))
    match look.outcome:
        case Finished(result):
            return known.model_copy(update={"outcome": "Verified", "reason": result.reason, "message": result.message, "finished_at": look.finished_at})
        case Failed() as failed:
            why, at = blamed(failed, said_before), look.finished_at or scene.now
            return known.model_copy(update={"outcome": "Failed", "reason": str(why.reason), "message": why.message, "finished_at": at})
        case outcome:
            said = trouble(outcome, said_before)
            return known.model_copy(update={"reason": said.reason, "message": said.message})


Why = Callable[[Scene, Verification], bool]


def could_start_otherwise(scene: Scene, known: Verification) -> bool:
    """Its pod cannot start as it was made, and the serving image is another now."""
    look = scene.newest
    return known.outcome == "Running" and look is not None and waits_for_another_pod(look, scene.shape.digest)


def may_have_healed(scene: Scene, known: Verification) -> bool:
    at = heals_at(scene, known)
    return at is not None and at <= scene.now


ONCE_MORE: tuple[Why, ...] = (
    could_start_otherwise,  # an image was corrected
    may_have_healed,  # what failed heals with time, or with another pod
)


def due(scene: Scene, known: Verification | None) -> Verification | None:
    """The attempt to start now, if any: the first, or once more."""
    if known is None:
        return _attempt(scene, 1 + max((look.number for look in scene.looks if look.key == scene.seen.key), default=0))
    again = any(why(scene, known) for why in ONCE_MORE)
    return _attempt(scene, known.attempt + 1).model_copy(update={"reason": known.reason, "message": known.message}) if again else None


def heals_at(scene: Scene, known: Verification | None) -> datetime | None:
    """When a failed verification is worth another attempt; None where it did not fail, or only a person can help."""
    return tried_again_at(known, scene.newest, scene.shape.digest, scene.now, HEALS_BY_ITSELF)


def _attempt(scene: Scene, attempt: int) -> Verification:
    seen = scene.seen
    return Verification(key=seen.key, job=names.job(seen.owner.name, seen.key, attempt), attempt=attempt, image=seen.image)


def _look(scene: Scene, upcoming: Verification | None) -> tuple[Deed, ...]:
    if upcoming is None:
        return ()
    seen = scene.seen
    owner, spec = seen.owner, seen.spec
    document = VerifyDocument(
        namespace=owner.namespace, name=owner.name, uid=owner.uid, request=seen.request, model=spec.model, version=spec.version, artifact=spec.artifact
    )
    return (Create(jobs.PLURAL, jobs.job(owner, document, upcoming.key, upcoming.attempt, scene.shape, model=spec.model)),)


def _removals(scene: Scene, current: Verification | None) -> tuple[Delete, ...]:
    """Jobs whose answer nobody waits for any more, and old finished ones."""
    others = [look for look in scene.looks if current is None or look.name != current.job]
    return (*(Delete(look.ref) for look in others if not look.over), *surplus(others, JOBS_KEPT - 1))


def _again(scene: Scene, current: Verification | None) -> timedelta | None:
    if current is not None and current.outcome == "Running":
        return STARTING_LOOK
    at = heals_at(scene, current)
    return max(at - scene.now, timedelta(seconds=1)) if at else None


def _image(look: Attempt) -> str:
    return str(look.job["spec"]["template"]["spec"]["containers"][0]["image"])
