"""Dataset: what is looked at, for the plan in `plans/dataset.py`."""

from datetime import datetime

from trimtab.api.base import API_VERSION
from trimtab.api.kinds import DATASET as KIND
from trimtab.api.kinds import FEATURE_SET, MODEL_VERSION, TRAINING_JOB
from trimtab.controllers.feature_sets import feature_sets_of
from trimtab.controllers.monitors import monitors_of
from trimtab.controllers.work import work_of
from trimtab.kube.client import Client, Manifest
from trimtab.kube.controller import EVERY, ChildKind
from trimtab.kube.settings import Settings
from trimtab.manifests import jobs
from trimtab.manifests.labels import owner_of
from trimtab.plans.asks import MONITOR, asks, asks_of_dataset, open_incident
from trimtab.plans.dataset import Seen, plan
from trimtab.plans.plan import Gone, Key
from trimtab.plans.versions import Held

CHILDREN = (ChildKind(jobs.API_VERSION, jobs.PLURAL), ChildKind("v1", "pods"))


def RELATED(obj: Manifest) -> list[Key]:  # noqa: N802 - part of the interface of a controller
    """A FeatureSet, for the Datasets that wait for its first version; whatever asks for a run that a Dataset looks for first, or has it.

    What others hold on to is read when a version leaves the list.
    """
    namespace, kind = obj["metadata"]["namespace"], obj["kind"]
    if kind == FEATURE_SET.kind or (kind == MONITOR and open_incident(obj)):
        return [Key(KIND.kind, namespace, EVERY)]
    is_asked = kind == TRAINING_JOB.kind and (asks(obj, (), ()) or any(run.get("request") for run in _newest_run(obj)))
    return [Key(KIND.kind, namespace, obj["spec"]["dataset"])] if is_asked else []


async def observe(client: Client, key: Key, settings: Settings, now: datetime) -> Seen | Gone:
    obj = await client.get(API_VERSION, KIND.plural, key.namespace, key.name)
    if obj is None:
        return Gone()
    work = await work_of(client, owner_of(obj), now)
    training_jobs = await client.list(API_VERSION, TRAINING_JOB.plural, key.namespace)
    versions = await client.list(API_VERSION, MODEL_VERSION.plural, key.namespace)
    monitors = () if settings.pause_automatic_retraining else await monitors_of(client, key.namespace)
    return Seen(
        obj,
        settings.worker_image,
        settings.worker_image_pull_policy,
        work.jobs,
        work.pods,
        work.events,
        held=_held(key, training_jobs, versions),
        feature_sets=await feature_sets_of(client, key.namespace, [each["featureSet"] for each in obj["spec"].get("features") or []]),
        asks=asks_of_dataset(key.name, training_jobs, monitors, versions),
    )


def _held(key: Key, training_jobs: list[Manifest], versions: list[Manifest]) -> Held:
    """What is pinned, what the newest runs train on, what ModelVersions were made of."""
    learners = [each for each in training_jobs if each["spec"]["dataset"] == key.name]
    sources: list[Manifest] = [version["spec"].get("lineage", {}).get("dataset", {}) for version in versions]
    pinned = {each["spec"]["datasetVersion"] for each in learners if "datasetVersion" in each["spec"]}
    in_use = {run["datasetDigest"] for each in learners for run in _newest_run(each) if run.get("datasetDigest")}
    cited = {source["digest"] for source in sources if source.get("name") == key.name}
    return Held(frozenset(pinned), frozenset(in_use | cited))


def _newest_run(training_job: Manifest) -> list[Manifest]:
    runs: list[Manifest] = (training_job.get("status") or {}).get("runs") or []
    return runs[:1]


__all__ = ["CHILDREN", "KIND", "RELATED", "Seen", "observe", "plan"]
