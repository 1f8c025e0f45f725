"""FeatureSet: what is looked at, for the plan in `plans/featureset.py`."""

from datetime import datetime

from trimtab.api.base import API_VERSION
from trimtab.api.featureset import FeatureSetSpec
from trimtab.api.kinds import DATASET, MODEL_VERSION
from trimtab.api.kinds import FEATURE_SET as KIND
from trimtab.api.trainingjob import ConfigMapKey
from trimtab.controllers.configmaps import code_of
from trimtab.controllers.work import work_of
from trimtab.kube.client import Client, Manifest
from trimtab.kube.controller import EVERY, ChildKind
from trimtab.kube.settings import Settings
from trimtab.manifests import jobs
from trimtab.manifests.labels import owner_of
from trimtab.plans.featureset import Seen, plan
from trimtab.plans.plan import Gone, Key
from trimtab.plans.versions import Held

CHILDREN = (ChildKind(jobs.API_VERSION, jobs.PLURAL), ChildKind("v1", "pods"))


def RELATED(obj: Manifest) -> list[Key]:  # noqa: N802 - part of the interface of a controller
    """A Dataset that names FeatureSets, or named them: they show who uses them."""
    names_any = obj["kind"] == DATASET.kind and (obj["spec"].get("features") or "versions" in (obj.get("status") or {}))
    return [Key(KIND.kind, obj["metadata"]["namespace"], EVERY)] if names_any else []


async def observe(client: Client, key: Key, settings: Settings, now: datetime) -> Seen | Gone:
    obj = await client.get(API_VERSION, KIND.plural, key.namespace, key.name)
    if obj is None:
        return Gone()
    work = await work_of(client, owner_of(obj), now)
    datasets = await client.list(API_VERSION, DATASET.plural, key.namespace)
    users = [each for each in datasets if cited(each, key.name)]
    others = await client.list(API_VERSION, KIND.plural, key.namespace)
    return Seen(
        obj,
        settings.worker_image,
        settings.worker_image_pull_policy,
        work.jobs,
        work.pods,
        work.events,
        held=Held(_pinned(users, key.name), _used(datasets, key.name) | await _learned(client, key)),
        code=await code_of(client, key.namespace, _config_map(obj)),
        consumers=tuple(each["metadata"]["name"] for each in users),
        others=tuple(each for each in others if each["metadata"]["name"] != key.name),
    )


def cited(dataset: Manifest, name: str) -> list[Manifest]:
    """The entries of a Dataset's spec.features that name it."""
    return [each for each in dataset["spec"].get("features") or [] if each["featureSet"] == name]


def _pinned(users: list[Manifest], name: str) -> frozenset[int]:
    return frozenset(each["version"] for user in users for each in cited(user, name) if "version" in each)


def _used(datasets: list[Manifest], name: str) -> frozenset[str]:
    """Digests that versions of Datasets were made of."""
    versions = [version for each in datasets for version in (each.get("status") or {}).get("versions") or []]
    return frozenset(each["digest"] for version in versions for each in version.get("featureVersions") or [] if each["name"] == name)


async def _learned(client: Client, key: Key) -> frozenset[str]:
    """Digests that ModelVersions were made of, through Datasets that may be gone."""
    versions = await client.list(API_VERSION, MODEL_VERSION.plural, key.namespace)
    features = [each for version in versions for each in version["spec"].get("lineage", {}).get("featureVersions") or []]
    return frozenset(each["digest"] for each in features if each["name"] == key.name)


def _config_map(obj: Manifest) -> ConfigMapKey | None:
    transform = FeatureSetSpec.model_validate(obj["spec"]).transform
    return transform.python.config_map if transform and transform.python else None


__all__ = ["CHILDREN", "KIND", "RELATED", "Seen", "observe", "plan"]
