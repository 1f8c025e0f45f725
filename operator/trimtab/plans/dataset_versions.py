"""Which versions a Dataset has, which of them serves, and which leave the list.

The store's claims are the truth about numbers; the list in the status is what was answered lately, newest answer
first: going back to an older definition brings its old version to the front again.
"""

from dataclasses import dataclass

from trimtab.api.dataset import Check, DatasetSpec, DatasetStatus, DatasetVersion, RowsBySplit, Task
from trimtab.api.documents import Result
from trimtab.plans.dataset_looks import Scene, facts_of
from trimtab.plans.pods import Finished

LISTED = 20
"""The status' bound."""


@dataclass(frozen=True)
class Held:
    """What others hold on to: the numbers that TrainingJobs pin, the digests that runs train on and ModelVersions were made of."""

    numbers: frozenset[int] = frozenset()
    digests: frozenset[str] = frozenset()


NOTHING_HELD = Held()


@dataclass(frozen=True)
class Holdings:
    """The versions, newest answer first; `made`: the one that has just been answered; `dropped` have just left."""

    versions: tuple[DatasetVersion, ...]
    dropped: tuple[DatasetVersion, ...] = ()
    made: DatasetVersion | None = None
    task: Task | None = None

    def numbered(self, number: int) -> DatasetVersion | None:
        return next((version for version in self.versions if version.version == number), None)

    def active(self, spec: DatasetSpec) -> DatasetVersion | None:
        """The one that `activeVersion` names, else the one answered last."""
        return self.numbered(spec.active_version) if spec.active_version else next(iter(self.versions), None)


def take_up(status: DatasetStatus, scene: Scene, check: Check | None, held: Held) -> Holdings:
    """The list with the answer of a look that has just ended, less what is no longer kept.

    Nothing leaves while a look goes on: it may be about to answer a version that the collection of the others would not know of.
    """
    result = _news(scene, check)
    made = _version(result, check) if result and check else None
    listed = tuple(status.versions)
    if made:
        listed = (_as_first_made(made, listed), *(version for version in listed if version.version != made.version))
    looking = check is not None and check.outcome == "Running"
    kept = listed if looking else _kept(scene.spec, listed, held)
    dropped = tuple(version for version in listed if version not in kept)
    facts = facts_of(result) if result else None
    return Holdings(kept, dropped, made, facts.task if facts else status.task)


def _news(scene: Scene, check: Check | None) -> Result | None:
    """The answer that the status does not have yet."""
    if check is None or check.outcome not in ("Created", "Unchanged") or check == scene.before:
        return None
    look = scene.look(check.job)
    return look.outcome.result if look and isinstance(look.outcome, Finished) else None


def _version(result: Result, check: Check) -> DatasetVersion | None:
    facts = facts_of(result)
    if facts is None or check.finished_at is None:
        return None
    return DatasetVersion(
        version=facts.version,
        digest=facts.digest,
        manifest_digest=result.manifest_digest,
        uri=result.uri,
        rows=RowsBySplit(train=facts.train, validation=facts.validation, test=facts.test, unlabelled=facts.unlabelled),
        created_at=facts.created_at or check.finished_at,
    )


def _as_first_made(made: DatasetVersion, listed: tuple[DatasetVersion, ...]) -> DatasetVersion:
    """A version that was found again keeps the time at which it was made."""
    known = next((version for version in listed if version.version == made.version), None)
    return made.model_copy(update={"created_at": known.created_at}) if known else made


def _kept(spec: DatasetSpec, listed: tuple[DatasetVersion, ...], held: Held) -> tuple[DatasetVersion, ...]:
    """What is in use, then the newest, as many as the status can list: a version in use never makes room for one that is not."""
    in_use = [version for place, version in enumerate(listed) if place == 0 or _is_in_use(version, spec, held)]
    newest = [version for version in listed[: spec.retain.versions] if version not in in_use]
    stay = [*in_use, *newest][:LISTED]
    return tuple(version for version in listed if version in stay)


def _is_in_use(version: DatasetVersion, spec: DatasetSpec, held: Held) -> bool:
    return any(
        (
            version.version == spec.active_version,  # serves
            version.version in held.numbers,  # a TrainingJob names it
            version.digest in held.digests,  # a run trains on it, a ModelVersion was made of it
        )
    )
