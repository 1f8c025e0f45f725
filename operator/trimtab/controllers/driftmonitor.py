"""DriftMonitor: what is looked at, for the plan in `plans/driftmonitor.py`."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

from prometheus_client.parser import text_string_to_metric_families

from trimtab.api.base import API_VERSION
from trimtab.api.kinds import DATASET, DEPLOYMENT, MODEL_VERSION, TRAINING_JOB
from trimtab.api.kinds import DRIFT_MONITOR as KIND
from trimtab.controllers import prometheus
from trimtab.controllers.feature_sets import feature_sets_of
from trimtab.controllers.work import work_of
from trimtab.kube.client import Client, Manifest
from trimtab.kube.controller import EVERY, ChildKind
from trimtab.kube.errors import ApiError
from trimtab.kube.settings import Settings
from trimtab.manifests import jobs
from trimtab.manifests.labels import owner_of, selector
from trimtab.plans.driftmonitor import plan
from trimtab.plans.monitored import Answer, Seen, lineage_of
from trimtab.plans.plan import Gone, Key

CHILDREN = (ChildKind(jobs.API_VERSION, jobs.PLURAL), ChildKind("v1", "pods"))
EVENT_TIME = "trimtab_event_time_uploaded_seconds"
CONCERNS = frozenset({DEPLOYMENT.kind, MODEL_VERSION.kind, TRAINING_JOB.kind, DATASET.kind})


def RELATED(obj: Manifest) -> list[Key]:  # noqa: N802 - part of the interface of a controller
    """A Deployment that serves another version, a run that ended, a version that was blocked, a Dataset that went bad."""
    return [Key(KIND.kind, obj["metadata"]["namespace"], EVERY)] if obj["kind"] in CONCERNS else []


async def observe(client: Client, key: Key, settings: Settings, now: datetime) -> Seen | Gone:
    obj = await client.get(API_VERSION, KIND.plural, key.namespace, key.name)
    if obj is None:
        return Gone()
    spec = obj["spec"]
    deployment = await client.get(API_VERSION, DEPLOYMENT.plural, key.namespace, spec["deployment"])
    training_job = await _named(client, key, TRAINING_JOB.plural, (spec.get("onTrigger") or {}).get("trainingJob"))
    work = await work_of(client, owner_of(obj), now)
    seen = Seen(
        obj,
        settings.worker_image,
        settings.worker_image_pull_policy,
        work.jobs,
        work.pods,
        work.events,
        deployment=deployment,
        versions=await _versions(client, deployment),
        training_job=training_job,
        dataset=await _named(client, key, DATASET.plural, training_job["spec"]["dataset"] if training_job else None),
        event_time=await _event_time(client, deployment) if spec.get("clock") == "Event" and deployment else None,
        answers=await _answers(settings, spec) if not spec.get("suspend") else (),
        held=settings.pause_automatic_retraining,
    )
    asked = seen.status.incident.training_job if seen.status.incident and seen.asks_another else None
    before = await _named(client, key, TRAINING_JOB.plural, asked)
    return replace(seen, asked_before=before, feature_sets=await _feature_sets(client, key, seen))


async def _feature_sets(client: Client, key: Key, seen: Seen) -> tuple[Manifest, ...]:
    stable = seen.version(seen.stable)
    named = [each["name"] for each in lineage_of(stable).get("featureVersions") or []] if stable else []
    return await feature_sets_of(client, key.namespace, named)


async def _named(client: Client, key: Key, plural: str, name: str | None) -> Manifest | None:
    return await client.get(API_VERSION, plural, key.namespace, name) if name else None


async def _versions(client: Client, deployment: Manifest | None) -> tuple[Manifest, ...]:
    if deployment is None:
        return ()
    of_the_model = f"spec.model={deployment['spec']['model']}"
    return tuple(await client.list(API_VERSION, MODEL_VERSION.plural, deployment["metadata"]["namespace"], field_selector=of_the_model))


async def _event_time(client: Client, deployment: Manifest) -> datetime | None:
    """The latest of all serving pods; one that does not answer says nothing."""
    pods = await client.list("v1", "pods", deployment["metadata"]["namespace"], label_selector=selector(owner_of(deployment)))
    addresses = [pod["status"]["podIP"] for pod in pods if pod.get("status", {}).get("podIP") and pod["status"].get("phase") == "Running"]
    told = await asyncio.gather(*(_told(client, address) for address in addresses))
    return max((moment for each in told for moment in each), default=None)


async def _told(client: Client, address: str) -> list[datetime]:
    try:
        return read_event_times(await client.scrape(address, jobs.METRICS_PORT))
    except (ApiError, ValueError, KeyError):
        return []


def read_event_times(text: str) -> list[datetime]:
    """The event times in a serving pod's /metrics; 0 says that it has stored nothing yet, and what no date can hold is nobody's time."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples if sample.name == EVENT_TIME]
    return [datetime.fromtimestamp(sample.value, UTC) for sample in samples if 0 < sample.value < LATEST]


LATEST = datetime(9999, 1, 1, tzinfo=UTC).timestamp()


async def _answers(settings: Settings, spec: Manifest) -> tuple[Answer, ...]:
    queries = {trigger["name"]: trigger["query"] for trigger in spec.get("triggers") or [] if trigger["type"] == "Prometheus"}
    return await prometheus.ask(settings.prometheus_url, queries) if queries else ()


__all__ = ["CHILDREN", "KIND", "RELATED", "Seen", "observe", "plan"]
