"""What all kinds have in common: how a field is spelled, a condition, an object reference, a pod template.

Defaults stand here and in the kinds' own files, and go from here to the CRDs, the reference page and the chart.
Schema rules that only Kubernetes knows (CEL, list types) ride along in `json_schema_extra`, so that a field and
what is refused about it are read in one place.
"""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

GROUP = "trimtab.dev"
VERSION = "v1alpha1"
API_VERSION = f"{GROUP}/{VERSION}"

MAX_NAME = 52
"""A Job's pods add `-<8 hex>-<attempt>` and five random characters to an owner's name; 63 is a label's limit."""

RUN_REQUESTED = "trimtab.dev/run-requested"
PAUSED = "trimtab.dev/paused"
BLOCKED_PREFIX = "blocked.trimtab.dev/"
GIT_PREFIX = "trimtab.dev/git-"


def is_paused(annotations: Mapping[str, str]) -> bool:
    """Whether a person wants no deeds for an object: one rule for the operator and for the command.

    >>> [is_paused({PAUSED: text}) for text in ("true", "True", "false", "")]
    [True, True, False, False]
    """
    return annotations.get(PAUSED, "").lower() == "true"


class Spec(BaseModel):
    """A part of a spec: camelCase on the wire, unknown fields refused; what does not fit is told without its value, which may be a secret."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Status(BaseModel):
    """A part of a status: written by the operator alone; fields of a newer operator are passed over.

    The sentence under a field is its description in `kubectl explain`.
    """

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="ignore", use_attribute_docstrings=True, hide_input_in_errors=True)


def rules(*pairs: tuple[str, str]) -> dict[str, Any]:
    """CEL rules for `json_schema_extra`: (expression that must hold, sentence that says what to write instead)."""
    return {"x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in pairs]}


ATOMIC: dict[str, Any] = {"x-kubernetes-list-type": "atomic"}
ANYTHING: dict[str, Any] = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}

Name = Annotated[str, Field(min_length=1, max_length=MAX_NAME, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")]
Column = Annotated[str, Field(min_length=1, max_length=128)]
Duration = Annotated[str, Field(pattern=r"^([0-9]+(\.[0-9]+)?(ms|s|m|h))+$", max_length=32)]
"""Go's spelling: `90s`, `15m`, `168h`; there is no `d`."""

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


def seconds(duration: str) -> timedelta:
    """A Go duration as a timedelta: `1h30m` is 90 minutes."""
    return timedelta(seconds=sum(float(n) * _UNITS[unit] for n, _, unit in re.findall(r"([0-9]+(\.[0-9]+)?)(ms|s|m|h)", duration)))


class Condition(Status):
    """One condition, as in `metav1.Condition`."""

    type: str
    """Which condition this is."""
    status: Literal["True", "False", "Unknown"]
    """True, False or Unknown."""
    reason: str
    """One word; the reference page lists them all."""
    message: str = ""
    """A sentence: what is, and where something is wrong what to do."""
    observed_generation: int = 0
    """Generation of the spec that the condition speaks of."""
    last_transition_time: datetime
    """When `status` last changed."""


class ContainerOverride(Spec):
    """What a person may set on the one container of a pod that Trimtab starts."""

    name: str = Field("main", description="Kept for Kustomize patches; the one container is meant whatever it is called.")
    resources: dict[str, Any] | None = Field(None, description="Requests and limits as in a Pod.", json_schema_extra=ANYTHING)
    env: list[dict[str, Any]] | None = Field(
        None,
        description="Extra environment variables as in a Pod. A variable that Trimtab sets itself wins.",
        max_length=64,
        json_schema_extra={"items": ANYTHING} | ATOMIC,
    )


class PodOverride(Spec):
    """The part of a pod's spec that a person may set."""

    containers: list[ContainerOverride] = Field(
        default_factory=list, max_length=1, description="At most one entry: resources and env of the container.", json_schema_extra=ATOMIC
    )
    node_selector: dict[str, str] | None = Field(None, description="Labels a node must have.")
    tolerations: list[dict[str, Any]] | None = Field(
        None, description="Tolerations as in a Pod.", max_length=32, json_schema_extra={"items": ANYTHING} | ATOMIC
    )
    priority_class_name: str | None = Field(None, description="Priority class of the pods.")


class TemplateMetadata(Spec):
    """Labels and annotations for the pods; the parent's own are never copied to them."""

    labels: dict[str, str] = Field(default_factory=dict, description="Labels put on the pods.")
    annotations: dict[str, str] = Field(default_factory=dict, description="Annotations put on the pods.")


class PodTemplate(Spec):
    """Pod overrides in the place and under the names that apps/v1 has for them."""

    metadata: TemplateMetadata = Field(default_factory=TemplateMetadata, description="Labels and annotations for the pods.")
    spec: PodOverride = Field(default_factory=PodOverride, description="Resources, env, nodeSelector and tolerations of the pods.")


class Retain(Spec):
    """How many versions are kept, and what happens to the data of the others."""

    versions: int = Field(10, ge=1, le=20, description="How many versions stay listed. A version that a live consumer cites is always kept.")
    reclaim_policy: Literal["Retain", "Delete"] = Field(
        "Retain", description="Retain leaves the data of dropped versions in the object store; Delete lets a Job delete it."
    )


class Refresh(Spec):
    """When to look for new data."""

    schedule: str = Field(
        description="Cron expression with five fields, in UTC: `*/15 * * * *`.",
        pattern=r"^\S+ \S+ \S+ \S+ \S+$",
        max_length=100,
    )
    suspend: bool = Field(False, description="True: the schedule rests.")
