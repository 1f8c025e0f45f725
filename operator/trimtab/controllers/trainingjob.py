"""TrainingJob: what is looked at, for the plan in `plans/trainingjob.py`."""

from datetime import datetime

from prometheus_client.parser import text_string_to_metric_families

from trimtab.api.base import API_VERSION
from trimtab.api.kinds import DATASET, DEPLOYMENT, MODEL_VERSION
from trimtab.api.kinds import TRAINING_JOB as KIND
from trimtab.api.termination import mebibytes
from trimtab.api.trainingjob import ConfigMapKey, Progress
from trimtab.controllers.configmaps import code_of
from trimtab.controllers.monitors import monitors_of
from trimtab.controllers.work import work_of
from trimtab.kube.client import Client, Manifest
from trimtab.kube.controller import EVERY, ChildKind
from trimtab.kube.errors import ApiError
from trimtab.kube.settings import Settings
from trimtab.manifests import jobs
from trimtab.manifests.labels import VERB, owner_of
from trimtab.plans.asks import MONITOR, asks, open_incident
from trimtab.plans.plan import Gone, Key
from trimtab.plans.trainingjob import Seen, plan

CHILDREN = (ChildKind(jobs.API_VERSION, jobs.PLURAL), ChildKind("v1", "pods"))

MOST_METRICS = 8
"""Numbers of a run's progress that are shown; the record in the object store has them all."""
MOST_MESSAGE = 200
MOST_NAME = 63


def RELATED(obj: Manifest) -> list[Key]:  # noqa: N802 - part of the interface of a controller
    """A Dataset that has made a version or looked, for the TrainingJobs that wait for it; a DriftMonitor, for the one its incident asks."""
    namespace = obj["metadata"]["namespace"]
    if obj["kind"] == DATASET.kind:
        return [Key(KIND.kind, namespace, EVERY)]
    incident = open_incident(obj) if obj["kind"] == MONITOR else None
    return [Key(KIND.kind, namespace, incident["trainingJob"])] if incident else []


async def observe(client: Client, key: Key, settings: Settings, now: datetime) -> Seen | Gone:
    obj = await client.get(API_VERSION, KIND.plural, key.namespace, key.name)
    if obj is None:
        return Gone()
    spec = obj["spec"]
    of_the_model = f"spec.model={spec.get('model') or key.name}"
    deployments = await client.list(API_VERSION, DEPLOYMENT.plural, key.namespace)
    work = await work_of(client, owner_of(obj), now)
    versions = tuple(await client.list(API_VERSION, MODEL_VERSION.plural, key.namespace, field_selector=of_the_model))
    return Seen(
        obj,
        settings.worker_image,
        settings.worker_image_pull_policy,
        dataset=await client.get(API_VERSION, DATASET.plural, key.namespace, spec["dataset"]),
        code=await code_of(client, key.namespace, _config_map((spec.get("trainer") or {}).get("python"))),
        deployments=tuple(each for each in deployments if each["spec"]["model"] == (spec.get("model") or key.name)),
        jobs=work.jobs,
        pods=work.pods,
        events=work.events,
        progress=await _progress(client, work.pods),
        versions=versions,
        asks=asks(obj, await monitors_of(client, key.namespace), versions),
        cluster_paused=settings.pause_automatic_retraining,
    )


def _config_map(python: Manifest | None) -> ConfigMapKey | None:
    return ConfigMapKey.model_validate(python["configMap"]) if python else None


async def _progress(client: Client, pods: tuple[Manifest, ...]) -> Progress | None:
    """What the running pod says of itself; a pod that does not answer says nothing."""
    running = [pod for pod in pods if pod["metadata"]["labels"].get(VERB) == "train" and pod.get("status", {}).get("phase") == "Running"]
    address = max(running, key=lambda pod: pod["metadata"].get("creationTimestamp", ""))["status"].get("podIP") if running else None
    if not address:
        return None
    try:
        return read_progress(await client.scrape(address, jobs.METRICS_PORT))
    except (ApiError, ValueError, ArithmeticError, KeyError):  # it is a person's code that answers there: it may say anything
        return None


def read_progress(text: str) -> Progress | None:
    """Progress from a worker's /metrics; None where it says no percent yet."""
    samples = [sample for family in text_string_to_metric_families(text) for sample in family.samples]
    percent = next((sample.value for sample in samples if sample.name == "trimtab_progress_percent"), None)
    if percent is None:
        return None
    metrics = {sample.labels["name"][:MOST_NAME]: f"{sample.value:.6g}" for sample in samples if sample.name == "trimtab_progress_metric"}
    message = next((sample.labels.get("message", "") for sample in samples if sample.name.startswith("trimtab_progress_info")), "")
    peak = next((sample.value for sample in samples if sample.name == "trimtab_memory_peak_bytes"), 0)
    return Progress(
        percent=int(percent),
        message=message[:MOST_MESSAGE],
        metrics=dict(sorted(metrics.items())[:MOST_METRICS]),
        peak_memory=mebibytes(peak) if peak else None,
    )


__all__ = ["CHILDREN", "KIND", "RELATED", "Seen", "observe", "plan"]
