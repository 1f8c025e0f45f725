"""When a run of a TrainingJob begins: a list of why, asked in its order; and what of it is known without a Job.

Which run is wanted, `wanted.py` says; here it is decided whether it may begin now, or the newest once more.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from trimtab.api.trainingjob import Run
from trimtab.manifests import names
from trimtab.plans.attempts import Attempt, has_started, tried_again_at, waits_for_another_pod
from trimtab.plans.lack import Lack
from trimtab.plans.plan import Manifest
from trimtab.plans.runs import Scene, done, lineage, recipe_of, suspended, unchanged
from trimtab.plans.wanted import Wanted


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
    def is_held(self) -> bool:
        """A person has paused retraining, and the newest run began by itself."""
        return isinstance(self.want, Wanted) and self.want.again is not None

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
    return _once_more(moment) if moment.newest and moment.newest.outcome == "Pending" and not moment.is_held else None


def may_have_healed(moment: Moment) -> Run | None:
    at = heals_at(moment.scene, moment.newest)
    return _once_more(moment) if at and at <= moment.scene.now and not moment.is_held else None


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
    return tried_again_at(run, scene.attempt(run.job) if run else None, scene.shape, scene.now)
