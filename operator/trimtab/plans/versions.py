"""Which versions a Dataset or FeatureSet has, which of them serves, and which leave the list.

The store's claims are the truth about numbers; the list in the status is what was answered lately, newest answer
first: going back to an older definition brings its old version to the front again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar, cast

from trimtab.api.dataset import Check, DatasetSpec, DatasetVersion
from trimtab.api.documents import Result
from trimtab.api.featureset import FeatureSetSpec, FeatureSetVersion
from trimtab.plans.looks import Scene
from trimtab.plans.pods import Failed, Finished

V = TypeVar("V", bound=DatasetVersion | FeatureSetVersion)

LISTED = 20
"""The status' bound."""


@dataclass(frozen=True)
class Held:
    """What others hold on to: the numbers that they pin, the digests that they use or were made of."""

    numbers: frozenset[int] = frozenset()
    digests: frozenset[str] = frozenset()


NOTHING_HELD = Held()


@dataclass(frozen=True)
class Holdings(Generic[V]):
    """The versions, newest answer first; `made`: the one that has just been answered; `dropped` have just left."""

    versions: tuple[V, ...]
    dropped: tuple[V, ...] = ()
    made: V | None = None

    def numbered(self, number: int) -> V | None:
        return next((version for version in self.versions if version.version == number), None)

    def active(self, spec: DatasetSpec | FeatureSetSpec) -> V | None:
        """The one that `activeVersion` names, else the one answered last."""
        return self.numbered(spec.active_version) if spec.active_version else next(iter(self.versions), None)


@dataclass(frozen=True)
class News(Generic[V]):
    """What a look that has just ended answered: the version that it is about, unless it failed, and older ones."""

    made: V | None = None
    found: tuple[V, ...] = ()


def answer_of(scene: Scene, check: Check | None, version: Callable[[Result, Check], V | None]) -> News[V]:
    """`version` reads one from an answer. A look that failed tells of what was made before, so that it serves on after a restore."""
    good = news(scene, check)
    result = good or _complaint(scene, check)
    if result is None or check is None:
        return News()
    older = (version(result.model_copy(update=each.model_dump()), check) for each in result.found())
    return News(version(good, check) if good else None, tuple(each for each in older if each))


def _complaint(scene: Scene, check: Check | None) -> Result | None:
    """What a look said that failed, and that the status does not have yet."""
    look = scene.look(check.job) if check and check.outcome == "Failed" and check != scene.before else None
    return look.outcome.result if look and isinstance(look.outcome, Failed) else None


def news(scene: Scene, check: Check | None) -> Result | None:
    """The answer that the status does not have yet."""
    if check is None or check.outcome not in ("Created", "Unchanged") or check == scene.before:
        return None
    look = scene.look(check.job)
    return look.outcome.result if look and isinstance(look.outcome, Finished) else None


def take_up(listed: tuple[V, ...], answer: News[V], scene: Scene, check: Check | None, held: Held) -> Holdings[V]:
    """The list with the answer of a look that has just ended, less what is no longer kept.

    Nothing leaves while a look goes on: it may be about to answer a version that the collection of the others would not know of.
    """
    made = answer.made
    if made is not None:
        listed = (_as_first_made(made, listed), *(version for version in listed if version.version != made.version))
    numbers = {version.version for version in listed}
    listed += tuple(version for version in answer.found if version.version not in numbers)
    looking = check is not None and check.outcome == "Running"
    kept = listed if looking else _kept(scene.spec, listed, held)
    dropped = tuple(version for version in listed if version not in kept)
    return Holdings(kept, dropped, made)


def _as_first_made(made: V, listed: tuple[V, ...]) -> V:
    """A version that was found again keeps the time at which it was made."""
    since = next((version.created_at for version in listed if version.version == made.version), made.created_at)
    return cast("V", made.model_copy(update={"created_at": since}))


def _kept(spec: DatasetSpec | FeatureSetSpec, listed: tuple[V, ...], held: Held) -> tuple[V, ...]:
    """What is in use, then the newest, as many as the status can list: a version in use never makes room for one that is not."""
    in_use = [version for place, version in enumerate(listed) if place == 0 or _is_in_use(version, spec, held)]
    newest = [version for version in listed[: spec.retain.versions] if version not in in_use]
    stay = [*in_use, *newest][:LISTED]
    return tuple(version for version in listed if version in stay)


def _is_in_use(version: DatasetVersion | FeatureSetVersion, spec: DatasetSpec | FeatureSetSpec, held: Held) -> bool:
    return any(
        (
            version.version == spec.active_version,  # serves
            version.version in held.numbers,  # a TrainingJob or a Dataset names it
            version.digest in held.digests,  # a run trains on it, a Dataset or a ModelVersion was made of it
        )
    )
