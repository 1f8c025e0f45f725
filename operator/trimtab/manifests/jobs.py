"""The Job that runs one verb of the worker: one builder for all of them.

Decides how the pod is made: identity, security, where the document, the store's Secret and a person's code are found,
and which failures Kubernetes tries again by itself. What the document says is left to the plans.
"""

from dataclasses import dataclass
from typing import Any

from trimtab.api.base import ContainerOverride, PodTemplate
from trimtab.api.documents import CODE_PATH, DOCUMENT_VARIABLE, USER_FAULT, GcDocument, MaterializeDocument, SnapshotDocument, TrainDocument, VerifyDocument
from trimtab.api.evaluation import EvaluateDocument
from trimtab.api.pods import CONTAINER_SECURITY, POD_SECURITY, SERVICE_ACCOUNT, STORE_SECRET
from trimtab.api.trainingjob import ConfigMapKey
from trimtab.manifests import names
from trimtab.manifests.labels import ATTEMPT, SHAPE, Owner, labels, reference

Manifest = dict[str, Any]
AnyDocument = SnapshotDocument | MaterializeDocument | TrainDocument | VerifyDocument | GcDocument | EvaluateDocument

API_VERSION, PLURAL = "batch/v1", "jobs"
CONTAINER = "worker"
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
METRICS_PORT = 8081

VERIFY_COMMAND = ("python", "-m", "trimtab_serving.verify")
"""Verifying runs in the serving image, whose own entrypoint is the server."""

DEFAULT_RESOURCES: Manifest = {"requests": {"cpu": "250m", "memory": "512Mi"}, "limits": {"memory": "2Gi"}}
"""Room for the libraries (some 300 MB once imported) and a table of a million rows by twenty columns; no CPU limit, which only slows."""


@dataclass(frozen=True)
class PodShape:
    """How the pod is made, apart from what it computes: none of it is part of any digest of data or models."""

    image: str
    pull_policy: str = "IfNotPresent"
    command: tuple[str, ...] = ()
    template: PodTemplate | None = None
    deadline_seconds: int | None = None
    backoff_limit: int = 2
    queue: str | None = None
    memory_gib: int | None = None
    """The limit, where it follows from the work and no template says another; absent: the default one."""

    @property
    def digest(self) -> str:
        """Changes where another attempt could go better than the last: image, resources, node, deadline."""
        template = self.template.model_dump(mode="json", by_alias=True, exclude_defaults=True) if self.template else {}
        facts = [self.image, self.pull_policy, self.command, template, self.deadline_seconds, self.backoff_limit, self.queue]
        return names.digest(facts if self.memory_gib is None else [*facts, self.memory_gib])[:16]

    @property
    def resources(self) -> Manifest:
        """Requests and limits where no template gives them; a quarter of the limit is asked for, as by default."""
        if self.memory_gib is None:
            return DEFAULT_RESOURCES
        return {"requests": {"cpu": "250m", "memory": f"{self.memory_gib * 256}Mi"}, "limits": {"memory": f"{self.memory_gib}Gi"}}


def job(owner: Owner, document: AnyDocument, key: str, attempt: int, shape: PodShape, *, code: ConfigMapKey | None = None, model: str = "") -> Manifest:
    """The Job of one attempt at one piece of work; `code` is the ConfigMap key with a person's training code."""
    metadata: Manifest = {
        "name": names.job(owner.name, key, attempt),
        "namespace": owner.namespace,
        "labels": labels(owner, verb=document.verb, model=model, run_key=key[:32]),
        "annotations": {ATTEMPT: str(attempt), SHAPE: shape.digest},
        "ownerReferences": [reference(owner)],
    }
    spec: Manifest = {
        "backoffLimit": shape.backoff_limit,
        "podFailurePolicy": _FAILURE_POLICY,
        "template": {"metadata": _pod_metadata(metadata["labels"], shape.template), "spec": _pod_spec(document, shape, code)},
    }
    if shape.deadline_seconds is not None:
        spec["activeDeadlineSeconds"] = shape.deadline_seconds
    if shape.queue:
        metadata["labels"] = metadata["labels"] | {QUEUE_LABEL: shape.queue}
        spec["suspend"] = True
    return {"apiVersion": API_VERSION, "kind": "Job", "metadata": metadata, "spec": spec}


def limit_gib(job: Manifest) -> int:
    """The memory limit of a Job that was made with `memory_gib`; 0 where it has another form."""
    limit = str(job["spec"]["template"]["spec"]["containers"][0].get("resources", {}).get("limits", {}).get("memory", ""))
    return int(limit.removesuffix("Gi")) if limit.endswith("Gi") and limit.removesuffix("Gi").isdigit() else 0


_FAILURE_POLICY: Manifest = {
    "rules": [
        {"action": "FailJob", "onExitCodes": {"containerName": CONTAINER, "operator": "In", "values": [USER_FAULT]}},
        {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
    ]
}


def _pod_metadata(ours: dict[str, str], template: PodTemplate | None) -> Manifest:
    if template is None:
        return {"labels": ours}
    metadata: Manifest = {"labels": template.metadata.labels | ours}
    return metadata | ({"annotations": template.metadata.annotations} if template.metadata.annotations else {})


def _pod_spec(document: AnyDocument, shape: PodShape, code: ConfigMapKey | None) -> Manifest:
    volumes: list[Manifest] = [{"name": "scratch", "emptyDir": {}}]
    if code:
        volumes.append({"name": "code", "configMap": {"name": code.name, "items": [{"key": code.key, "path": code.key}]}})
    return {
        "restartPolicy": "Never",
        "serviceAccountName": SERVICE_ACCOUNT,
        "automountServiceAccountToken": False,
        "securityContext": POD_SECURITY,
        "containers": [_container(document, shape, code)],
        "volumes": volumes,
    } | placement(shape.template)


def placement(template: PodTemplate | None) -> Manifest:
    """The fields of a pod's spec that say where it may run, as a person overrides them."""
    if template is None:
        return {}
    wanted = {
        "nodeSelector": template.spec.node_selector,
        "tolerations": template.spec.tolerations,
        "priorityClassName": template.spec.priority_class_name,
    }
    return {field: value for field, value in wanted.items() if value}


def _container(document: AnyDocument, shape: PodShape, code: ConfigMapKey | None) -> Manifest:
    override = container_override(shape.template)
    mounts: list[Manifest] = [{"name": "scratch", "mountPath": "/tmp"}]  # noqa: S108 - the pod's own
    if code:
        mounts.append({"name": "code", "mountPath": CODE_PATH, "readOnly": True})
    container: Manifest = {
        "name": CONTAINER,
        "image": shape.image,
        "imagePullPolicy": shape.pull_policy,
        "env": merged_env(override, _env(document, shape.image)),
        "envFrom": [{"secretRef": {"name": STORE_SECRET}}],
        "resources": override.resources or shape.resources,
        "ports": [{"name": "metrics", "containerPort": METRICS_PORT}],
        "securityContext": CONTAINER_SECURITY,
        "terminationMessagePolicy": "FallbackToLogsOnError",
        "volumeMounts": mounts,
    }
    return container | ({"command": list(shape.command)} if shape.command else {})


def container_override(template: PodTemplate | None) -> ContainerOverride:
    return template.spec.containers[0] if template and template.spec.containers else ContainerOverride(name=CONTAINER)


def merged_env(override: ContainerOverride, ours: list[Manifest]) -> list[Manifest]:
    """A person's variables and ours; ours win where both set one."""
    taken = {variable["name"] for variable in ours}
    return [variable for variable in override.env or [] if variable.get("name") not in taken] + ours


def _env(document: AnyDocument, image: str) -> list[Manifest]:
    return [
        {"name": DOCUMENT_VARIABLE, "value": literal(document.model_dump_json(by_alias=True))},
        {"name": "TRIMTAB_IMAGE", "value": image},
        *(from_field(variable, path) for variable, path in POD_FIELDS),
    ]


POD_FIELDS = (
    ("POD_UID", "metadata.uid"),
    ("POD_NAME", "metadata.name"),
    ("POD_NAMESPACE", "metadata.namespace"),
    ("NODE_NAME", "spec.nodeName"),
)


def from_field(variable: str, path: str) -> Manifest:
    return {"name": variable, "valueFrom": {"fieldRef": {"fieldPath": path}}}


def literal(json_text: str) -> str:
    """JSON that means the same in an environment variable, where the kubelet would replace `$(NAME)`: `$` is written as an escape."""
    return json_text.replace("$", "\\u0024")
