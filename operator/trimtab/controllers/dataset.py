"""Dataset: what is looked at, for the plan in `plans/dataset.py`."""

from datetime import datetime
from typing import Any

from trimtab.api.base import API_VERSION
from trimtab.api.kinds import DATASET as KIND
from trimtab.api.kinds import MODEL_VERSION, TRAINING_JOB
from trimtab.controllers.work import work_of
from trimtab.kube.client import Client, Manifest
from trimtab.kube.controller import ChildKind
from trimtab.kube.settings import Settings
from trimtab.manifests import jobs
from trimtab.manifests.labels import owner_of
from trimtab.plans.dataset import Seen, plan
from trimtab.plans.dataset_versions import Held
from trimtab.plans.plan import Gone, Key

CHILDREN = (ChildKind(jobs.API_VERSION, jobs.PLURAL), ChildKind("v1", "pods"))


def RELATED(obj: Manifest) -> list[Key]:  # noqa: N802 - part of the interface of a controller
    """Nobody else's change makes a Dataset act: what others hold on to is read when a version leaves the list."""
    del obj
    return []


async def observe(client: Client, key: Key, settings: Settings, now: datetime) -> Seen | Gone:
    obj = await client.get(API_VERSION, KIND.plural, key.namespace, key.name)
    if obj is None:
        return Gone()
    work = await work_of(client, owner_of(obj), now)
    held = Held(await _pinned(client, key), await _cited(client, key))
    return Seen(obj, settings.worker_image, settings.worker_image_pull_policy, work.jobs, work.pods, work.events, held)


async def _pinned(client: Client, key: Key) -> frozenset[int]:
    found = await client.list(API_VERSION, TRAINING_JOB.plural, key.namespace)
    specs = (training_job["spec"] for training_job in found)
    return frozenset(spec["datasetVersion"] for spec in specs if spec["dataset"] == key.name and "datasetVersion" in spec)


async def _cited(client: Client, key: Key) -> frozenset[str]:
    found = await client.list(API_VERSION, MODEL_VERSION.plural, key.namespace)
    sources: list[dict[str, Any]] = [version["spec"].get("lineage", {}).get("dataset", {}) for version in found]
    return frozenset(source["digest"] for source in sources if source.get("name") == key.name)


__all__ = ["CHILDREN", "KIND", "RELATED", "Seen", "observe", "plan"]
