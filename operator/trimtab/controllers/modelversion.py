"""ModelVersion: what is looked at, for the plan in `plans/modelversion.py`."""

from datetime import datetime

from trimtab.api.base import API_VERSION
from trimtab.api.kinds import DEPLOYMENT
from trimtab.api.kinds import MODEL_VERSION as KIND
from trimtab.controllers.work import work_of
from trimtab.kube.client import Client, Manifest
from trimtab.kube.controller import EVERY, ChildKind
from trimtab.kube.settings import Settings
from trimtab.manifests import jobs
from trimtab.manifests.labels import owner_of
from trimtab.plans.modelversion import Seen, plan
from trimtab.plans.plan import Gone, Key

CHILDREN = (ChildKind(jobs.API_VERSION, jobs.PLURAL), ChildKind("v1", "pods"))


def RELATED(obj: Manifest) -> list[Key]:  # noqa: N802 - part of the interface of a controller
    """A Deployment takes up versions and lets go of them; which one it let go of, it no longer says."""
    return [Key(KIND.kind, obj["metadata"]["namespace"], EVERY)] if obj["kind"] == DEPLOYMENT.kind else []


async def observe(client: Client, key: Key, settings: Settings, now: datetime) -> Seen | Gone:
    obj = await client.get(API_VERSION, KIND.plural, key.namespace, key.name)
    if obj is None:
        return Gone()
    work = await work_of(client, owner_of(obj), now)
    deployments = await client.list(API_VERSION, DEPLOYMENT.plural, key.namespace)
    return Seen(obj, settings.serving_image, settings.serving_image_pull_policy, work.jobs, work.pods, work.events, tuple(deployments))


__all__ = ["CHILDREN", "KIND", "RELATED", "Seen", "observe", "plan"]
