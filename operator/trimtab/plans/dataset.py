"""Dataset: when its source is looked at, which versions it has, which one serves.

    settle (dataset_looks.py)      ->  the last look at the source, as it stands now
    take up (dataset_versions.py)  ->  the versions, with what that look answered; those that are no longer kept
    due (dataset_looks.py)         ->  the next look, or none
    then: its Job; last, Jobs that are of no more use

A look is a `snapshot` Job: it reads, validates and splits, makes a version or finds that nothing changed. All that is
remembered of it is in `status.check`, and can be read again from its Job. The sentences are in `dataset_status.py`.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from trimtab.api.base import PAUSED, RUN_REQUESTED
from trimtab.api.dataset import Check, DatasetSpec, DatasetStatus
from trimtab.api.documents import GcDocument, SnapshotDocument
from trimtab.manifests import jobs, names
from trimtab.manifests.jobs import PodShape
from trimtab.manifests.labels import Owner, owner_of
from trimtab.plans.attempts import Attempt, attempts, surplus, waits_for_another_pod
from trimtab.plans.dataset_looks import Scene, bad_schedule, due, heals_at, next_slot, settle
from trimtab.plans.dataset_status import Situation, events, next_status
from trimtab.plans.dataset_versions import NOTHING_HELD, Held, Holdings, take_up
from trimtab.plans.plan import Create, Deed, Delete, Manifest, Plan
from trimtab.plans.pods import Running

JOBS_KEPT = 3
"""Finished Jobs that stay for people to look at, for each verb."""
STARTING_LOOK = timedelta(seconds=30)
"""While a pod has not started: for the trouble that makes no event of ours, such as a Job without pods."""
LOOK_DEADLINE = 12 * 3600
"""Seconds: a day's worth of files is read in minutes; a validation query that never ends shall. Well below a day, after which
what has no manifest counts as abandoned (`jobs/collect.py`)."""
GC_DEADLINE = 3600
"""Seconds: deleting lists and deletes a thousand objects a second; a longer run hangs."""


@dataclass(frozen=True)
class Seen:
    """A Dataset, its Jobs with pods and Events, and what others hold on to."""

    obj: Manifest
    image: str
    pull_policy: str = "IfNotPresent"
    jobs: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    held: Held = NOTHING_HELD

    @cached_property
    def spec(self) -> DatasetSpec:
        return DatasetSpec.model_validate(self.obj["spec"])

    @cached_property
    def status(self) -> DatasetStatus:
        return DatasetStatus.model_validate(self.obj.get("status") or {})

    @property
    def owner(self) -> Owner:
        return owner_of(self.obj)

    @property
    def annotations(self) -> dict[str, str]:
        return self.obj["metadata"].get("annotations") or {}

    @property
    def shape(self) -> PodShape:
        return PodShape(self.image, self.pull_policy, template=self.spec.template, deadline_seconds=LOOK_DEADLINE)

    def attempts(self, verb: str, now: datetime) -> list[Attempt]:
        return attempts(verb, list(self.jobs), list(self.pods), list(self.events), now)


def plan(seen: Seen, now: datetime) -> Plan:
    now = now.replace(microsecond=0)
    looks, sweeps = seen.attempts("snapshot", now), seen.attempts("gc", now)
    scene = Scene(seen.owner.name, seen.spec, seen.annotations.get(RUN_REQUESTED, ""), seen.status.check, tuple(looks), seen.shape.digest, _born(seen), now)
    check = settle(scene)
    holdings = take_up(seen.status, scene, check, seen.held)
    paused = seen.annotations.get(PAUSED) == "true"
    sweep = _sweep(seen, holdings) if not paused else ()
    upcoming = None if paused or sweep or any(not run.over for run in sweeps) else due(scene, check)
    current = upcoming or check
    situation = Situation(seen.obj, seen.spec, seen.status, current, holdings, paused, bad_schedule(scene), seen.annotations.get(RUN_REQUESTED, ""), now)
    deeds = () if paused else (*sweep, *_look(seen, upcoming), *_removals(current, looks, sweeps, seen.shape))
    return Plan(deeds, next_status(situation), events(situation), _again(scene, current))


def _look(seen: Seen, upcoming: Check | None) -> tuple[Deed, ...]:
    if upcoming is None:
        return ()
    owner = seen.owner
    document = SnapshotDocument(namespace=owner.namespace, name=owner.name, uid=owner.uid, request=upcoming.request, spec=seen.spec)
    return (Create(jobs.PLURAL, jobs.job(owner, document, upcoming.key, upcoming.attempt, seen.shape)),)


def _sweep(seen: Seen, holdings: Holdings) -> tuple[Deed, ...]:
    """Collect the data of versions that have just left the list, where that is wanted; named by what stays."""
    if not holdings.dropped or seen.spec.retain.reclaim_policy != "Delete":
        return ()
    owner, keep = seen.owner, sorted({version.digest for version in holdings.versions} | seen.held.digests)
    document = GcDocument(namespace=owner.namespace, name=owner.name, uid=owner.uid, keep=keep)
    shape = replace(seen.shape, deadline_seconds=GC_DEADLINE)
    return (Create(jobs.PLURAL, jobs.job(owner, document, names.digest(["gc", keep]), 1, shape)),)


def _removals(current: Check | None, looks: list[Attempt], sweeps: list[Attempt], shape: PodShape) -> tuple[Delete, ...]:
    """Looks that another one has taken the place of, sweeps that cannot start as they were made, and old finished Jobs."""
    gc_shape = replace(shape, deadline_seconds=GC_DEADLINE).digest
    others = [look for look in looks if current is None or look.name != current.job]
    stale = [look for look in others if not look.over] + [run for run in sweeps if waits_for_another_pod(run, gc_shape)]
    return (*(Delete(run.ref) for run in stale), *surplus(others, JOBS_KEPT - 1), *surplus(sweeps, JOBS_KEPT))


def _again(scene: Scene, current: Check | None) -> timedelta | None:
    """The next slot of the schedule, the next try, or a look at a pod that has not started."""
    look = scene.look(current.job) if current else None
    started = look is not None and isinstance(look.outcome, Running) and look.outcome.started
    moments = [next_slot(scene), heals_at(scene, current)]
    if current and current.outcome == "Running" and not started:
        moments.append(scene.now + STARTING_LOOK)
    ahead = [moment - scene.now for moment in moments if moment is not None]
    return max(min(ahead), timedelta(seconds=1)) if ahead else None


def _born(seen: Seen) -> datetime:
    return datetime.fromisoformat(seen.obj["metadata"].get("creationTimestamp", "1970-01-01T00:00:00Z"))
