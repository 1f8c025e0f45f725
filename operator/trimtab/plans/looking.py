"""The part of a plan that is the same for whatever looks at a source: the next look, its Job, what is swept up after it.

    settle (looks.py)      ->  the last look at the source, as it stands now
    take up (versions.py)  ->  the versions, with what that look answered; those that are no longer kept
    due (looks.py)         ->  the next look, or none
    then: its Job; last, Jobs that are of no more use

All that is remembered of a look is in `status.check`, and can be read again from its Job. What a look is told, and what a
version is, each kind decides itself.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from trimtab.api.base import RUN_REQUESTED
from trimtab.api.dataset import Check, DatasetSpec
from trimtab.api.documents import MOST_NAMED, GcDocument, MaterializeDocument, SnapshotDocument
from trimtab.api.featureset import FeatureSetSpec
from trimtab.api.trainingjob import ConfigMapKey
from trimtab.manifests import jobs
from trimtab.manifests.jobs import PodShape
from trimtab.manifests.labels import Owner, owner_of
from trimtab.plans.annotations import annotations, is_paused
from trimtab.plans.attempts import Attempt, attempts, surplus, waits_for_another_pod
from trimtab.plans.lack import Lack
from trimtab.plans.look_status import Situation
from trimtab.plans.looks import Looker, Scene, bad_schedule, due, heals_at, next_slot
from trimtab.plans.plan import Create, Deed, Delete, Manifest
from trimtab.plans.pods import Running
from trimtab.plans.sweeping import Broom, again_at, shaped, sweep, unswept
from trimtab.plans.versions import NOTHING_HELD, Held, Holdings

JOBS_KEPT = 3
"""Finished Jobs that stay for people to look at, for each verb."""
STARTING_LOOK = timedelta(seconds=30)
"""While a pod has not started: for the trouble that makes no event of ours, such as a Job without pods."""
LOOK_DEADLINE = 12 * 3600
"""Seconds: a day's worth of files is read in minutes; a validation query that never ends shall. Well below a day, after which
what has no manifest counts as abandoned (`jobs/collect.py`)."""

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
        return annotations(self.obj)

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
    shape, broom = seen.shape(scene.spec), _broom(seen, scene, holdings)
    paused = is_paused(seen.obj)
    swept = sweep(broom) if not paused and _wants_a_sweep(broom, scene, check, holdings) else ()
    ripe = None if paused or swept or broom.is_out else due(scene, check)
    upcoming = None if told.lack else ripe
    current = upcoming or check
    lack, litter = told.lack if ripe else None, unswept(broom) if scene.spec.retain.reclaim_policy == "Delete" else None
    situation = Situation(scene.looker, seen.obj, scene.spec, current, holdings, paused, bad_schedule(scene), lack, scene.now, litter)
    deeds = () if paused else (*swept, *_look(seen, upcoming, told, shape), *_removals(current, scene.looks, broom))
    return Outlook(deeds, situation, _again(scene, current, again_at(broom)))


def _look(seen: Seen, upcoming: Check | None, told: Told, shape: PodShape) -> tuple[Deed, ...]:
    if upcoming is None:
        return ()
    return (Create(jobs.PLURAL, jobs.job(seen.owner, told.document(upcoming), upcoming.key, upcoming.attempt, shape, code=told.code)),)


def _broom(seen: Seen, scene: Scene, holdings: Holdings[Any]) -> Broom:
    owner, keep = seen.owner, sorted({version.digest for version in holdings.versions} | seen.held.digests)
    document = GcDocument(namespace=owner.namespace, name=owner.name, uid=owner.uid, kind=scene.looker.collection, keep=keep)
    return Broom(owner, document, shaped(seen.shape(scene.spec)), seen.attempts("gc", scene.now), scene.now)


def _wants_a_sweep(broom: Broom, scene: Scene, check: Check | None, holdings: Holdings[Any]) -> bool:
    """Versions have just left the list, or the last sweep failed and nobody looks; where their data are to go at all."""
    ripe_at, looking = again_at(broom), check is not None and check.outcome == "Running"
    ripe = ripe_at is not None and ripe_at <= scene.now and not looking
    return scene.spec.retain.reclaim_policy == "Delete" and (bool(holdings.dropped) or ripe)


def _removals(current: Check | None, looks: tuple[Attempt, ...], broom: Broom) -> tuple[Delete, ...]:
    """Looks that another one has taken the place of, sweeps that cannot start as they were made, and old finished Jobs."""
    others = [look for look in looks if current is None or look.name != current.job]
    stale = [look for look in others if not look.over] + [run for run in broom.runs if waits_for_another_pod(run, broom.shape.digest)]
    return (*(Delete(run.ref) for run in stale), *surplus(others, JOBS_KEPT - 1), *surplus(broom.runs, JOBS_KEPT))


def _again(scene: Scene, current: Check | None, sweep_at: datetime | None) -> timedelta | None:
    """The next slot of the schedule, the next try, or a look at a pod that has not started."""
    look = scene.look(current.job) if current else None
    started = look is not None and isinstance(look.outcome, Running) and look.outcome.started
    moments = [next_slot(scene), heals_at(scene, current), sweep_at]
    if current and current.outcome == "Running" and not started:
        moments.append(scene.now + STARTING_LOOK)
    ahead = [moment - scene.now for moment in moments if moment is not None]
    return max(min(ahead), timedelta(seconds=1)) if ahead else None
