"""Deployment (mdep; plural modeldeployments): serves a model."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from trimtab.api.base import ANYTHING, Condition, PodTemplate, Spec, Status, rules
from trimtab.api.trainingjob import MAX_MODEL_NAME

DEFAULT_REPLICAS = 2
"""Two, so that losing a node or a pod is not an outage. No schema default: it would clash with autoscaling."""


class DeploymentSpec(Spec):
    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!(has(self.follow) && has(self.version))",
                "spec: give either `follow` or `version`: `version` pins one version, `follow` takes each new one that passes.",
            ),
        )
    )
    model: str = Field(description="Model to serve, in this namespace.", min_length=1, max_length=MAX_MODEL_NAME, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    follow: Literal["Passed", "Approved"] | None = Field(
        None,
        description="Which new versions are taken up: those that passed their gates (Passed, the default) or those that a person approved besides (Approved).",
    )
    version: int | None = Field(None, ge=1, description="Pins one version, whatever its gates and approval say.")
    replicas: int | None = Field(None, ge=0, le=1000, description="Number of pods, 2 by default; 0 stops serving.")
    template: PodTemplate | None = Field(None, description="Overrides for the serving pods.")
    selector: dict[str, Any] | None = Field(
        None, description="Accepted and ignored: tools put it into anything of kind Deployment.", json_schema_extra=ANYTHING
    )


class ServedVersion(Status):
    version: int
    name: str
    digest: str = ""
    image: str = ""
    since: datetime | None = None
    ready: int = 0


class HistoryEntry(Status):
    version: int
    since: datetime
    until: datetime | None = None
    reason: str = ""


class DeploymentStatus(Status):
    observed_generation: int = -1
    conditions: list[Condition] = Field(default_factory=list)
    state: str = ""
    url: str = ""
    replicas: int = 0
    selector: str = ""
    stable: ServedVersion | None = None
    candidate: ServedVersion | None = None
    history: list[HistoryEntry] = Field(default_factory=list, max_length=20)


COLUMNS: list[dict[str, Any]] = [
    {"name": "Model", "type": "string", "jsonPath": ".spec.model"},
    {"name": "Stable", "type": "integer", "jsonPath": ".status.stable.version"},
    {"name": "Replicas", "type": "integer", "jsonPath": ".status.replicas"},
    {"name": "URL", "type": "string", "jsonPath": ".status.url"},
]
