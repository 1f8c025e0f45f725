"""The part of a plan that is the same for whatever looks at a source: the next look, its Job, what is swept up after it.

    settle (looks.py)      ->  the last look at the source, as it stands now
    take up (versions.py)  ->  the versions, with what that look answered; those that are no longer kept
    due (looks.py)         ->  the next look, or none
    then: its Job; last, Jobs that are of no more use

All that is remembered of a look is in `status.check`, and can be read again from its Job. What a look is told, and what a
version is, each kind decides itself.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from trimtab.api.base import PAUSED, RUN_REQUESTED
from trimtab.api.dataset import Check, DatasetSpec
from trimtab.api.documents import MOST_NAMED, GcDocument, MaterializeDocument, SnapshotDocument
from trimtab.api.featureset import FeatureSetSpec
from trimtab.api.trainingjob import ConfigMapKey
from trimtab.manifests import jobs, names
from trimtab.manifests.jobs import PodShape
from trimtab.manifests.labels import Owner, owner_of
from trimtab.plans.attempts import Attempt, attempts, surplus, waits_for_another_pod
from trimtab.plans.lack import Lack
from trimtab.plans.look_status import Situation
from trimtab.plans.looks import Looker, Scene, bad_schedule, due, heals_at, next_slot
from trimtab.plans.plan import Create, Deed, Delete, Manifest
from trimtab.plans.pods import Running
from trimtab.plans.versions import NOTHING_HELD, Held, Holdings

JOBS_KEPT = 3
"""Finished Jobs that stay for people to look at, for each verb."""
STARTING_LOOK = timedelta(seconds=30)
"""While a pod has not started: for the trouble that makes no event of ours, such as a Job without pods."""
LOOK_DEADLINE = 12 * 3600
"""Seconds: a day's worth of files is read in minutes; a validation query that never ends shall. Well below a day, after which
what has no manifest counts as abandoned (`jobs/collect.py`)."""
GC_DEADLINE = 3600
"""Seconds: deleting lists and deletes a thousand objects a second; a longer run hangs."""

Document = Callable[[Check], SnapshotDocument | MaterializeDocument]


@dataclass(frozen=True)
class Seen:
    """An object that looks at a source, its Jobs with pods and Events, and what others hold on to."""

    obj: Manifest
    image: str
    pull_policy: str = "IfNotPresent"
    jobs: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    held: Held = NOTHING_HELD

    @property
    def owner(self) -> Owner:
        return owner_of(self.obj)

    @property
    def annotations(self) -> dict[str, str]:
        return self.obj["metadata"].get("annotations") or {}

    def attempts(self, verb: str, now: datetime) -> list[Attempt]:
        return attempts(verb, list(self.jobs), list(self.pods), list(self.events), now)

    def shape(self, spec: DatasetSpec | FeatureSetSpec) -> PodShape:
        return PodShape(self.image, self.pull_policy, template=spec.template, deadline_seconds=LOOK_DEADLINE)


def scene_of(
    seen: Seen, spec: DatasetSpec | FeatureSetSpec, before: Check | None, looker: Looker, now: datetime, *, code: str = "", request: str | None = None
) -> Scene:
    """`request` stands for the annotation's where others than a person at this object may ask too."""
    looks = tuple(seen.attempts(looker.verb, now))
    born = datetime.fromisoformat(seen.obj["metadata"].get("creationTimestamp", "1970-01-01T00:00:00Z"))
    asked = seen.annotations.get(RUN_REQUESTED, "") if request is None else request
    return Scene(seen.owner.name, spec, asked, before, looks, seen.shape(spec).digest, born, now, looker, code, _named(seen, spec))


def _named(seen: Seen, spec: DatasetSpec | FeatureSetSpec) -> tuple[int, ...]:
    """Numbers that the spec or others name and the status does not list: the newest, as many as one look can tell."""
    wanted = seen.held.numbers | ({spec.active_version} if spec.active_version else set())
    listed = {each["version"] for each in (seen.obj.get("status") or {}).get("versions") or []}
    return tuple(sorted(wanted - listed)[-MOST_NAMED:])


@dataclass(frozen=True)
class Outlook:
    """What is to be done, what is said from, and when to look again at the latest."""

    deeds: tuple[Deed, ...]
    situation: Situation
    again: timedelta | None


@dataclass(frozen=True)
class Told:
    """What a look would be told; `lack` is what it cannot begin without."""

    document: Document
    code: ConfigMapKey | None = None
    lack: Lack | None = None


def outlook(seen: Seen, scene: Scene, check: Check | None, holdings: Holdings[Any], told: Told) -> Outlook:
    """`check` is the last look as it has been settled."""
    sweeps, shape = seen.attempts("gc", scene.now), seen.shape(scene.spec)
    paused = seen.annotations.get(PAUSED) == "true"
    sweep = _sweep(seen, scene, holdings) if not paused else ()
    ripe = None if paused or sweep or any(not run.over for run in sweeps) else due(scene, check)
    upcoming = None if told.lack else ripe
    current = upcoming or check
    situation = Situation(scene.looker, seen.obj, scene.spec, current, holdings, paused, bad_schedule(scene), told.lack if ripe else None, scene.now)
    deeds = () if paused else (*sweep, *_look(seen, upcoming, told, shape), *_removals(current, scene.looks, sweeps, shape))
    return Outlook(deeds, situation, _again(scene, current))


def _look(seen: Seen, upcoming: Check | None, told: Told, shape: PodShape) -> tuple[Deed, ...]:
    if upcoming is None:
        return ()
    return (Create(jobs.PLURAL, jobs.job(seen.owner, told.document(upcoming), upcoming.key, upcoming.attempt, shape, code=told.code)),)


def _sweep(seen: Seen, scene: Scene, holdings: Holdings[Any]) -> tuple[Deed, ...]:
    """Collect the data of versions that have just left the list, where that is wanted; named by what stays."""
    if not holdings.dropped or scene.spec.retain.reclaim_policy != "Delete":
        return ()
    owner, keep = seen.owner, sorted({version.digest for version in holdings.versions} | seen.held.digests)
    document = GcDocument(namespace=owner.namespace, name=owner.name, uid=owner.uid, kind=scene.looker.collection, keep=keep)
    shape = replace(seen.shape(scene.spec), deadline_seconds=GC_DEADLINE)
    return (Create(jobs.PLURAL, jobs.job(owner, document, names.digest(["gc", keep]), 1, shape)),)


def _removals(current: Check | None, looks: tuple[Attempt, ...], sweeps: list[Attempt], shape: PodShape) -> tuple[Delete, ...]:
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
