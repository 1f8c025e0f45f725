"""Which versions of FeatureSets the next look of a Dataset joins, or what it cannot begin without.

Objections are asked for each entry of spec.features in turn; the first is said. All of them heal by themselves when what is
missing comes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from trimtab.api.dataset import DatasetSpec, Features
from trimtab.api.documents import FeaturePointer
from trimtab.api.featureset import FeatureSetStatus, FeatureSetVersion
from trimtab.api.reasons import Reason
from trimtab.plans.conditions import find
from trimtab.plans.lack import Lack
from trimtab.plans.plan import Manifest
from trimtab.plans.wanted import is_unsettled


@dataclass(frozen=True)
class Asked:
    """One entry of spec.features and the FeatureSet it names, or None where there is none."""

    field: str
    entry: Features
    obj: Manifest | None

    @property
    def status(self) -> FeatureSetStatus:
        return FeatureSetStatus.model_validate((self.obj or {}).get("status") or {})

    @property
    def chosen(self) -> FeatureSetVersion | None:
        """The pinned version, else the active one."""
        number = self.entry.version or self.status.active_version
        return next((version for version in self.status.versions if version.version == number), None)


def exists(asked: Asked) -> Lack | None:
    if asked.obj is not None:
        return None
    return Lack(Reason.FEATURE_SET_MISSING, Reason.FEATURE_SET_MISSING.say(field=asked.field, name=asked.entry.feature_set))


def has_a_version(asked: Asked) -> Lack | None:
    if asked.status.versions:
        return None
    ready = find(((asked.obj or {}).get("status") or {}).get("conditions", []), "Ready")
    return _not_ready(asked, ready["message"] if ready else "it has just been made.")


def version_is_listed(asked: Asked) -> Lack | None:
    if asked.chosen:
        return None
    versions = ", ".join(str(each.version) for each in asked.status.versions)
    field = f"{asked.field}.version" if asked.entry.version else f"FeatureSet {asked.entry.feature_set}, spec.activeVersion"
    return Lack(Reason.VERSION_MISSING, Reason.VERSION_MISSING.say(field=field, version=asked.entry.version or "that it names", versions=versions))


def is_settled(asked: Asked) -> Lack | None:
    """A FeatureSet that is changed together with the Dataset has its say first; a pinned version waits for nobody."""
    if asked.entry.version or asked.obj is None or not is_unsettled(asked.obj, asked.status):
        return None
    return _not_ready(asked, "it is looking at its source first.")


def _not_ready(asked: Asked, detail: str) -> Lack:
    said = Reason.FEATURE_SET_NOT_READY.say(field=asked.field, name=asked.entry.feature_set, detail=detail)
    return Lack(Reason.FEATURE_SET_NOT_READY, said)


LACKS: tuple[Callable[[Asked], Lack | None], ...] = (
    exists,  # by its name
    has_a_version,  # with the FeatureSet's own sentence
    version_is_listed,  # the pinned or the active one
    is_settled,  # a look that has just been asked for comes first
)


def lack_of(spec: DatasetSpec, there: Mapping[str, Manifest]) -> Lack | None:
    return next((lack for asked in _asked(spec, there) for ask in LACKS if (lack := ask(asked))), None)


def pointers(spec: DatasetSpec, there: Mapping[str, Manifest]) -> list[FeaturePointer]:
    """For each entry of spec.features, in its order; asked for where nothing is lacking."""
    return [feature_pointer(asked.entry.feature_set, asked.chosen) for asked in _asked(spec, there) if asked.chosen]


def feature_pointer(name: str, version: FeatureSetVersion) -> FeaturePointer:
    """Where a version that a FeatureSet lists is found."""
    return FeaturePointer(name=name, version=version.version, digest=version.digest, manifest_digest=version.manifest_digest, uri=version.uri)


def _asked(spec: DatasetSpec, there: Mapping[str, Manifest]) -> list[Asked]:
    return [Asked(f"spec.features[{number}]", entry, there.get(entry.feature_set)) for number, entry in enumerate(spec.features)]
