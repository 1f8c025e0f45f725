"""What a monitor's plan knows of the objects around it, and what it reads in their statuses; nothing is decided here."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from trimtab.api.base import RUN_REQUESTED
from trimtab.api.documents import FeaturePointer
from trimtab.api.driftmonitor import DriftMonitorSpec, DriftMonitorStatus
from trimtab.api.evaluation import ModelPointer
from trimtab.api.featureset import FeatureSetStatus, FeatureSetVersion
from trimtab.manifests.jobs import PodShape
from trimtab.manifests.labels import REQUEST, Owner, owner_of
from trimtab.plans.annotations import annotations
from trimtab.plans.conditions import find
from trimtab.plans.feature_pointers import feature_pointer
from trimtab.plans.plan import Manifest

EVALUATE_DEADLINE = 3600
"""Seconds: reading twenty windows takes a minute or two; what hangs shall end before the next window closes."""


@dataclass(frozen=True)
class Answer:
    """What Prometheus said about one trigger's query: numbers, or why there are none."""

    trigger: str
    values: tuple[float, ...] = ()
    problem: str = ""
    unreachable: bool = False


@dataclass(frozen=True)
class Seen:
    """A DriftMonitor with its Jobs, the Deployment it watches, the model's versions, the TrainingJob it asks, and that one's Dataset.

    `asked_before` is the TrainingJob that the open incident asked, where the spec names another one since, or none.
    `feature_sets` are those that were joined to what the stable version learned from.
    `event_time` is the latest that serving pods say they have stored; `answers` are Prometheus'; `held` says that all
    automatic retraining of the cluster is paused.
    """

    obj: Manifest
    image: str
    pull_policy: str = "IfNotPresent"
    jobs: tuple[Manifest, ...] = ()
    pods: tuple[Manifest, ...] = ()
    events: tuple[Manifest, ...] = ()
    deployment: Manifest | None = None
    versions: tuple[Manifest, ...] = ()
    training_job: Manifest | None = None
    asked_before: Manifest | None = None
    dataset: Manifest | None = None
    feature_sets: tuple[Manifest, ...] = ()
    event_time: datetime | None = None
    answers: tuple[Answer, ...] = ()
    held: bool = False

    @cached_property
    def spec(self) -> DriftMonitorSpec:
        return DriftMonitorSpec.model_validate(self.obj["spec"])

    @cached_property
    def status(self) -> DriftMonitorStatus:
        return DriftMonitorStatus.model_validate(self.obj.get("status") or {})

    @property
    def owner(self) -> Owner:
        return owner_of(self.obj)

    @property
    def asked(self) -> Manifest | None:
        """The TrainingJob whose run the open incident waits for."""
        return self.asked_before if self.asks_another else self.training_job

    @property
    def asks_another(self) -> bool:
        incident, follows = self.status.incident, self.spec.on_trigger
        return incident is not None and incident.training_job != ((follows.training_job if follows else "") or "")

    @property
    def request(self) -> str:
        return annotations(self.obj).get(RUN_REQUESTED, "")

    @property
    def shape(self) -> PodShape:
        return PodShape(self.image, self.pull_policy, template=self.spec.template, deadline_seconds=EVALUATE_DEADLINE)

    @cached_property
    def serving(self) -> Manifest:
        """The Deployment's status."""
        return dict((self.deployment or {}).get("status") or {})

    @property
    def stable(self) -> int | None:
        """The version that answers clients."""
        number = (self.serving.get("stable") or {}).get("version")
        return int(number) if number else None

    def version(self, number: int | None) -> Manifest | None:
        return next((each for each in self.versions if each["spec"]["version"] == number), None)

    def name(self, number: int | None) -> str:
        model = ((self.deployment or {}).get("spec") or {}).get("model", "")
        return f"{model}-v{number}"

    @property
    def served(self) -> list[int]:
        """Versions served before the stable one came, oldest first."""
        numbers = [int(entry["version"]) for entry in self.serving.get("history") or []]
        return numbers[:-1] if numbers and numbers[-1] == self.stable else numbers

    @property
    def predecessor(self) -> Manifest | None:
        """What served before the stable version, where it is still there."""
        others = [number for number in self.served if number != self.stable]
        return self.version(others[-1]) if others else None

    @property
    def is_first_time(self) -> bool:
        """Whether the stable version is one that clients were brought to, not one that they went back to: also after an outage of its pods, while
        which an older one stood in, or when a person tries it again."""
        return self.stable is not None and (self.stable not in self.served or self.stable >= max(self.served))


def pointer(version: Manifest) -> ModelPointer:
    return ModelPointer.model_validate({"name": version["metadata"]["name"], "version": version["spec"]["version"], **version["spec"]["artifact"]})


def lineage_of(version: Manifest) -> Manifest:
    return dict(version["spec"].get("lineage") or {})


def newest_alike(version: Manifest, feature_sets: Sequence[Manifest]) -> list[FeaturePointer]:
    """Of each FeatureSet that was joined to what a version learned from, the newest version of the same definition; those that are gone are passed over."""
    named = {each["metadata"]["name"]: FeatureSetStatus.model_validate(each.get("status") or {}).versions for each in feature_sets}
    found = [(each["name"], _newest_like(named.get(each["name"], []), each["digest"])) for each in lineage_of(version).get("featureVersions") or []]
    return [feature_pointer(name, newest) for name, newest in found if newest]


def _newest_like(versions: Sequence[FeatureSetVersion], digest: str) -> FeatureSetVersion | None:
    learned = next((each for each in versions if each.digest == digest), None)
    alike = [each for each in versions if learned and each.definition_digest == learned.definition_digest]
    return max(alike, key=lambda each: (each.latest_event_at or each.created_at, each.version), default=None)


def run_of(training_job: Manifest | None, request: str) -> Manifest | None:
    """The run that answers a request."""
    runs = ((training_job or {}).get("status") or {}).get("runs") or []
    return next((run for run in runs if run.get("request") == request), None)


def made_for(versions: tuple[Manifest, ...], request: str) -> Manifest | None:
    """The version that the run of a request made; it tells what a status forgot."""
    return next((each for each in versions if annotations(each).get(REQUEST) == request), None)


def is_invalid(dataset: Manifest | None) -> bool:
    """Whether a Dataset says that its data do not pass their validation."""
    valid = find(((dataset or {}).get("status") or {}).get("conditions") or [], "Valid")
    return valid is not None and valid["status"] == "False"
