"""Deployment: what is looked at, for the plan in `plans/deployment.py`."""

import asyncio
from dataclasses import replace
from datetime import datetime

from trimtab.api.base import API_VERSION
from trimtab.api.kinds import DEPLOYMENT as KIND
from trimtab.api.kinds import MODEL_VERSION
from trimtab.controllers.counts import counts_of, rehearsals_of
from trimtab.kube.client import Client, Manifest
from trimtab.kube.controller import EVERY, ChildKind
from trimtab.kube.settings import Settings
from trimtab.manifests import names, serving
from trimtab.manifests.labels import owner_of, selector
from trimtab.plans.conditions import is_true
from trimtab.plans.deployment import plan
from trimtab.plans.deployment_seen import Seen, pods_of
from trimtab.plans.plan import Gone, Key
from trimtab.plans.splits import Followers, text_on

PODS = ("v1", "pods")

CHILDREN = tuple(ChildKind(*kind) for kind in (serving.DEPLOYMENTS, serving.SERVICES, serving.BUDGETS, PODS))


def RELATED(obj: Manifest) -> list[Key]:  # noqa: N802 - part of the interface of a controller
    """A new, verified, approved, blocked or deleted version concerns whoever follows its model."""
    return [Key(KIND.kind, obj["metadata"]["namespace"], EVERY)] if obj["kind"] == MODEL_VERSION.kind else []


async def observe(client: Client, key: Key, settings: Settings, now: datetime) -> Seen | Gone:
    """Children before pods, so that a child that reports ready pods is not older than they."""
    del now
    obj = await client.get(API_VERSION, KIND.plural, key.namespace, key.name)
    if obj is None:
        return Gone()
    ours = selector(owner_of(obj))
    found = {kind: await client.list(*kind, key.namespace, label_selector=ours) for kind in (*_CHILD_KINDS, PODS)}
    clients = [service for service in found[serving.SERVICES] if service["metadata"]["name"] == names.client_service(key.name)]
    seen = Seen(
        obj=obj,
        versions=await _versions(client, key.namespace, obj["spec"]["model"]),
        children=found[serving.DEPLOYMENTS],
        budgets=found[serving.BUDGETS],
        pods=found[PODS],
        service=next(iter(clients), None),
        services=[service for service in found[serving.SERVICES] if serving.version_of(service)],
        image=serving.Image(settings.serving_image, settings.serving_image_pull_policy),
    )
    if not _share_requests(seen):
        return seen
    others = [pod for pod in seen.pods if serving.version_of(pod) != seen.stable and is_true(pod, "Ready")]
    counts, rehearsals = await asyncio.gather(counts_of(client, Followers(pods_of(seen, seen.stable)).ready), rehearsals_of(client, others))
    return replace(seen, counts=counts, rehearsals=rehearsals)


def _share_requests(seen: Seen) -> bool:
    """Whether there is anything that stable pods count: asking them all the time would be for nothing."""
    divided = "rollout" in seen.obj["spec"] or "shadow" in seen.obj["spec"]
    return any(text_on(pod) for pod in seen.pods) or (divided and len(seen.children) > 1)


_CHILD_KINDS = (serving.DEPLOYMENTS, serving.BUDGETS, serving.SERVICES)


async def _versions(client: Client, namespace: str, model: str) -> list[Manifest]:
    return await client.list(API_VERSION, MODEL_VERSION.plural, namespace, field_selector=f"spec.model={model}")


__all__ = ["CHILDREN", "KIND", "RELATED", "Seen", "observe", "plan"]
