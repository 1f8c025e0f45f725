"""Reads the Jobs of one owner with what is needed to say what became of them: their pods, and Events where there are no pods."""

from dataclasses import dataclass
from datetime import datetime

from trimtab.kube.client import Client, Manifest
from trimtab.manifests import jobs
from trimtab.manifests.labels import Owner, selector
from trimtab.plans.conditions import parse
from trimtab.plans.pods import PATIENCE, condition_of


@dataclass(frozen=True)
class Work:
    """Jobs of one owner, their pods, and Events of those that have none."""

    jobs: tuple[Manifest, ...]
    pods: tuple[Manifest, ...]
    events: tuple[Manifest, ...]


async def work_of(client: Client, owner: Owner, now: datetime) -> Work:
    """Jobs before pods: a pod that is seen has its Job in the list."""
    found = await client.list(jobs.API_VERSION, jobs.PLURAL, owner.namespace, label_selector=selector(owner))
    pods = await client.list("v1", "pods", owner.namespace, label_selector=selector(owner)) if found else []
    events = [event for job in found if _lacks_pods(job, pods, now) for event in await _events(client, job)]
    return Work(tuple(found), tuple(pods), tuple(events))


def _lacks_pods(job: Manifest, pods: list[Manifest], now: datetime) -> bool:
    metadata = job["metadata"]
    over = condition_of(job, "Complete") or condition_of(job, "Failed")
    has_pods = any(owner["uid"] == metadata["uid"] for pod in pods for owner in pod["metadata"].get("ownerReferences", []))
    return not over and not has_pods and now - parse(metadata["creationTimestamp"]) >= PATIENCE


async def _events(client: Client, job: Manifest) -> list[Manifest]:
    metadata = job["metadata"]
    return await client.list("v1", "events", metadata["namespace"], field_selector=f"involvedObject.uid={metadata['uid']},reason=FailedCreate")
