"""The objects that serve: one apps/v1 Deployment and PodDisruptionBudget a version, and the one Service of the clients.

Where versions share requests each has a Service of its own, for the pods that forward to it.

Decides how a serving pod is made, so that starting, draining and losing a node cost no request: it gets traffic only
when its model answers (`/readyz`), goes on answering after it was told to stop until nobody knows it any more, and its
replacements come before it goes. Which version runs and where the Service points is left to the plans.

A change of the pod template made here restarts every model when the operator is upgraded: a test asks you to mean it.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trimtab.api.base import PodTemplate
from trimtab.api.deployment import Logging
from trimtab.api.documents import SERVING_VARIABLE, SPOOL_BYTES, SPOOL_PATH, PredictionLog, ServingDocument
from trimtab.api.modelversion import Artifact
from trimtab.api.pods import CONTAINER_SECURITY, POD_SECURITY, SERVICE_ACCOUNT, STORE_SECRET
from trimtab.api.rollout import Rollout
from trimtab.api.split import SPLIT, SPLIT_PATH
from trimtab.manifests import names
from trimtab.manifests.jobs import POD_FIELDS, container_override, from_field, literal, merged_env, placement
from trimtab.manifests.labels import OWNER_UID, Owner, labels, reference

Manifest = dict[str, Any]

VERSION = "trimtab.dev/version"
"""Label of what belongs to one version, and the part of the Service's selector that moves traffic."""
NO_VERSION = "none"
"""In the Service's selector before the first version answers: no pod carries it."""

DEPLOYMENTS = ("apps/v1", "deployments")
BUDGETS = ("policy/v1", "poddisruptionbudgets")
SERVICES = ("v1", "services")

CONTAINER = "serving"
CLIENT_PORT, INFERENCE_PORT, INTERNAL_PORT = 80, 8080, 8081

SCRAPED = {"prometheus.io/scrape": "true", "prometheus.io/port": str(INTERNAL_PORT)}
"""For a Prometheus that reads annotations; a person's own of the same name go before."""

DRAIN_SECONDS = 5.0
"""A stopping pod answers that much longer: endpoints reach every node in about one second, a busy node took three."""
TERMINATION_SECONDS = 60
"""The drain, then the longest request that is still open (30 s), then the last rows of the log (15 s), before the kubelet kills."""
SPOOL_LIMIT = f"{2 * SPOOL_BYTES // 2**20}Mi"
"""Twice what a pod allows itself: the kubelet ends a pod that goes over it."""
START_SECONDS = 300
"""To fetch and load the largest models that fit a pod; a pod that is not up by then is started anew."""

DEFAULT_RESOURCES: Manifest = {"requests": {"cpu": "100m", "memory": "256Mi"}, "limits": {"memory": "1Gi"}}
"""A server with its libraries takes 200 MB, a tabular model seldom more than another 100; no CPU limit, which only slows."""


@dataclass(frozen=True)
class Image:
    """The serving image and how it is pulled."""

    name: str
    pull_policy: str = "IfNotPresent"


@dataclass(frozen=True)
class Served:
    """One model version, as its pods are told about it."""

    model: str
    version: int
    model_version: str
    artifact: Artifact
    dataset_digest: str = ""

    @property
    def digest(self) -> str:
        return self.artifact.manifest_digest or self.artifact.sha256 or ""

    @classmethod
    def of_version(cls, version: Manifest) -> "Served":
        """From a ModelVersion."""
        spec = version["spec"]
        dataset = spec.get("lineage", {}).get("dataset", {})
        artifact = Artifact.model_validate(spec["artifact"])
        return cls(spec["model"], spec["version"], version["metadata"]["name"], artifact, dataset.get("digest", ""))

    @classmethod
    def of_child(cls, child: Manifest) -> "Served | None":
        """From the pods of a version whose ModelVersion is gone; None where somebody took the variable away."""
        variable = next((v.get("value") for v in container_of(child).get("env", []) if v["name"] == SERVING_VARIABLE), None)
        if not variable:
            return None
        told = ServingDocument.model_validate_json(variable)
        return cls(told.model, told.version, told.model_version, told.artifact, told.dataset_digest)


def container_of(child: Manifest) -> Manifest:
    """The one container of a child Deployment that we made."""
    containers: list[Manifest] = child["spec"]["template"]["spec"]["containers"]
    return containers[0]


def version_of(child: Manifest) -> int:
    """Which version a child, or one of its pods, belongs to; 0 where the label does not say."""
    said = child["metadata"].get("labels", {}).get(VERSION, "")
    return int(said) if said.isdigit() else 0


def routed_version(service: Manifest) -> int | None:
    """Where a Service that we made sends the clients; None where nowhere yet."""
    said = service["spec"].get("selector", {}).get(VERSION, "")
    return int(said) if said.isdigit() else None


def selector(owner: Owner, version: int | None) -> dict[str, str]:
    """The labels that the pods of one version have, and no others in the namespace."""
    return {OWNER_UID: owner.uid, VERSION: str(version) if version is not None else NO_VERSION}


@dataclass(frozen=True)
class Wishes:
    """What a person wants of all serving pods, whatever their version."""

    template: PodTemplate | None = None
    logging: Logging | None = None
    deadline_seconds: int | None = None
    """After which Kubernetes calls pods late that do not come up."""

    @classmethod
    def of_spec(cls, spec: Manifest) -> "Wishes":
        """From the spec of a Deployment."""
        template, logging, rollout = spec.get("template"), spec.get("logging"), spec.get("rollout")
        return cls(
            PodTemplate.model_validate(template) if template else None,
            Logging.model_validate(logging) if logging is not None else None,
            Rollout.model_validate(rollout).progress_deadline_seconds if rollout else None,
        )


def deployment(owner: Owner, served: Served, image: Image, replicas: int | None, wishes: Wishes = Wishes()) -> Manifest:
    """The apps/v1 Deployment of one version; without `replicas` their number is left to whoever scales it."""
    spec: Manifest = {
        "selector": {"matchLabels": selector(owner, served.version)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "revisionHistoryLimit": 2,
        "template": {"metadata": _pod_metadata(owner, served, wishes.template), "spec": _pod_spec(owner, served, image, wishes)},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    if wishes.deadline_seconds is not None:
        spec["progressDeadlineSeconds"] = wishes.deadline_seconds
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": _metadata(owner, served), "spec": spec}


def budget(owner: Owner, served: Served) -> Manifest:
    """Draining nodes takes one pod of a version at a time, and those that are not ready at once."""
    spec = {"maxUnavailable": 1, "selector": {"matchLabels": selector(owner, served.version)}, "unhealthyPodEvictionPolicy": "AlwaysAllow"}
    return {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": _metadata(owner, served), "spec": spec}


def service(owner: Owner, model: str, version: int | None) -> Manifest:
    """The Service that clients use; its selector decides which version answers them."""
    metadata = {
        "name": names.client_service(owner.name),
        "namespace": owner.namespace,
        "labels": labels(owner, model=model),
        "ownerReferences": [reference(owner)],
    }
    port = {"name": "http", "port": CLIENT_PORT, "targetPort": INFERENCE_PORT, "protocol": "TCP"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": {"selector": selector(owner, version), "ports": [port]}}


def version_service(owner: Owner, model: str, version: int) -> Manifest:
    """The Service of one version, for pods of another that forward requests to it."""
    made = service(owner, model, version)
    made["metadata"] |= {"name": names.serving(owner.name, version), "labels": labels(owner, model=model) | {VERSION: str(version)}}
    return made


def version_url(owner: Owner, version: int) -> str:
    """Where the pods of one version answer, whatever clients are sent to."""
    return f"http://{names.serving(owner.name, version)}.{owner.namespace}.svc"


def url(owner: Owner) -> str:
    """Where clients inside the cluster reach the model, whatever version answers."""
    return f"http://{names.client_service(owner.name)}.{owner.namespace}.svc"


def _labels(owner: Owner, served: Served) -> dict[str, str]:
    return labels(owner, model=served.model) | {VERSION: str(served.version)}


def _metadata(owner: Owner, served: Served) -> Manifest:
    return {
        "name": names.serving(owner.name, served.version),
        "namespace": owner.namespace,
        "labels": _labels(owner, served),
        "ownerReferences": [reference(owner)],
    }


def _pod_metadata(owner: Owner, served: Served, template: PodTemplate | None) -> Manifest:
    theirs = template.metadata if template else None
    return {
        "labels": (theirs.labels if theirs else {}) | _labels(owner, served),
        "annotations": SCRAPED | (theirs.annotations if theirs else {}),
    }


def _pod_spec(owner: Owner, served: Served, image: Image, wishes: Wishes) -> Manifest:
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(owner, served.version)},
    }
    return {
        "serviceAccountName": SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": TERMINATION_SECONDS,
        "topologySpreadConstraints": [spread],
        "securityContext": POD_SECURITY,
        "containers": [_container(owner, served, image, wishes)],
        "volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "spool", "emptyDir": {"sizeLimit": SPOOL_LIMIT}}, _POD_VOLUME],
    } | placement(wishes.template)


_POD_VOLUME: Manifest = {
    "name": "pod",
    "downwardAPI": {"items": [{"path": Path(SPLIT_PATH).name, "fieldRef": {"apiVersion": "v1", "fieldPath": f"metadata.annotations['{SPLIT}']"}}]},
}
"""The pod's own annotation as a file, which the kubelet keeps up to date: how a split reaches it without a restart."""


def _container(owner: Owner, served: Served, image: Image, wishes: Wishes) -> Manifest:
    override = container_override(wishes.template)
    return {
        "name": CONTAINER,
        "image": image.name,
        "imagePullPolicy": image.pull_policy,
        "env": merged_env(override, _env(owner, served, wishes.logging)),
        "envFrom": [{"secretRef": {"name": STORE_SECRET}}],
        "resources": override.resources or DEFAULT_RESOURCES,
        "ports": [{"name": "http", "containerPort": INFERENCE_PORT}, {"name": "metrics", "containerPort": INTERNAL_PORT}],
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": [
            {"name": "scratch", "mountPath": "/tmp"},  # noqa: S108 - the pod's own
            {"name": "spool", "mountPath": SPOOL_PATH},
            {"name": "pod", "mountPath": str(Path(SPLIT_PATH).parent)},
        ],
    } | _PROBES


_PROBES: Manifest = {
    # Ready as soon as the model is loaded; three misses of two seconds each take a pod out before users notice much.
    "readinessProbe": {"httpGet": {"path": "/readyz", "port": INTERNAL_PORT}, "periodSeconds": 2, "timeoutSeconds": 2, "failureThreshold": 3},
    # A busy process is not a dead one: a minute of silence before a restart.
    "livenessProbe": {"httpGet": {"path": "/healthz", "port": INTERNAL_PORT}, "periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6},
    "startupProbe": {"httpGet": {"path": "/readyz", "port": INTERNAL_PORT}, "periodSeconds": 1, "timeoutSeconds": 2, "failureThreshold": START_SECONDS},
}


def _env(owner: Owner, served: Served, logging: Logging | None) -> list[Manifest]:
    told = ServingDocument(
        deployment=owner.name,
        model=served.model,
        version=served.version,
        model_version=served.model_version,
        artifact=served.artifact,
        dataset_digest=served.dataset_digest,
        drain_seconds=DRAIN_SECONDS,
        **({"logging": PredictionLog.model_validate(logging.model_dump())} if logging else {}),
    )
    document = told.model_dump_json(by_alias=True, exclude_unset=True, exclude_none=True)
    return [{"name": SERVING_VARIABLE, "value": literal(document)}, *(from_field(variable, path) for variable, path in POD_FIELDS)]
