"""Deployment (mdep; plural modeldeployments): serves a model."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from trimtab.api.base import ANYTHING, ATOMIC, Column, Condition, PodTemplate, Spec, Status, rules
from trimtab.api.rollout import Rollout, Shadow, Sticky
from trimtab.api.trainingjob import MAX_MODEL_NAME

DEFAULT_REPLICAS = 2
"""Two, so that losing a node or a pod is not an outage. No schema default: it would clash with autoscaling."""


class Logging(Spec):
    """What of each prediction is kept in the object store, beside the model's answer."""

    percent: int = Field(100, ge=0, le=100, description="Share of the requests that are logged, with all their rows.")
    exclude: list[Column] = Field(
        default_factory=list,
        max_length=256,
        json_schema_extra=ATOMIC,
        description="Inputs, context columns and outputs, by name, that never leave the pod.",
    )
    hash: list[Column] = Field(
        default_factory=list,
        max_length=256,
        json_schema_extra=ATOMIC,
        description="Columns of which only a hash is logged: equal values stay equal, within this Deployment. What can be guessed can be recognized.",
    )
    upload_seconds: int = Field(
        60,
        ge=1,
        le=3600,
        description="How old the oldest row in a pod may become before it is written to the object store, in seconds: a monitor sees predictions that much later.",
    )


class DeploymentSpec(Spec):
    """Which model is served, by how many pods."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self.model == oldSelf.model", "spec.model cannot be changed: versions of two models cannot take over from each other; make another Deployment."),
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
    replicas: int | None = Field(
        None, ge=0, le=1000, description="Number of pods, 2 by default; 0 stops serving. An autoscaler finds `scale` only where this is given."
    )
    rollout: Rollout | None = Field(None, description="How a new version takes over step by step; absent: at once, when its pods are ready.")
    sticky: Sticky | None = Field(None, description="Keeps each user with one version while two answer.")
    shadow: Shadow | None = Field(None, description="A version that is asked too, unseen, and whose answers are compared.")
    logging: Logging | None = Field(None, description="The log of predictions; by default all are logged, with all columns.")
    template: PodTemplate | None = Field(None, description="Overrides for the serving pods.")
    selector: dict[str, Any] | None = Field(
        None, description="Accepted and ignored: tools put it into anything of kind Deployment.", json_schema_extra=ANYTHING
    )


class ServedVersion(Status):
    """One version with its pods."""

    version: int
    """Number of the version."""
    name: str
    """Its ModelVersion, and the name of the pods' Deployment."""
    digest: str = ""
    """Digest of the model."""
    image: str = ""
    """Serving image of its pods."""
    since: datetime | None = None
    """Since when it has this place."""
    ready: int = 0
    """Pods that are ready."""


class CandidateVersion(ServedVersion):
    """The version that is on its way in, and how far it is."""

    step: int | None = None
    """Which step of spec.rollout it is at, counted from 1; absent before its first one."""
    steps: int | None = None
    """How many steps there are."""
    step_started_at: datetime | None = None
    """Since when all stable pods follow this step's weight."""
    desired_percent: int | None = None
    """Share of the requests that it is to answer."""
    programmed_percent: int | None = None
    """Share that the stable pods say they forward, their mean."""
    verdict: Literal["", "Pass", "Fail", "Inconclusive"] = ""
    """What the requests so far say of it."""
    message: str = ""
    """Why, in a sentence."""
    rehearsal: str = ""
    """How it answered the newest requests of the log, before any client's."""


class ShadowVersion(Status):
    """What became of the comparison."""

    version: int
    """Number of the version."""
    ready: int = 0
    """Pods that are ready."""
    percent: int = 0
    """Share of the requests that it is asked as well, now."""
    compared: int = 0
    """Requests that both answered."""
    disagreement_percent: str = ""
    """Share of them with another answer than the stable version's."""
    message: str = ""
    """What keeps it from being asked, if anything does."""


class WarmVersion(Status):
    """A version whose pods still stand."""

    version: int
    """Number of the version."""
    until: datetime
    """When its pods go."""


class BlockedVersion(Status):
    """A version that is not served here."""

    version: int
    """Number of the version."""
    reason: str
    """What the annotation blocked.trimtab.dev/<name> of its ModelVersion says."""


class HistoryEntry(Status):
    """A version that was served."""

    version: int
    """Number of the version."""
    since: datetime
    """From when it was served."""
    until: datetime | None = None
    """Until when."""
    reason: str = ""
    """Why it came."""


class DeploymentStatus(Status):
    """What the operator found and did."""

    observed_generation: int = -1
    """Generation of the spec that this status speaks of; -1: the operator has not looked at it yet."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, and where it applies Reconciling (work goes on) and Stalled (a person must act)."""
    state: str = ""
    """One word for `kubectl get`; scripts read the conditions."""
    url: str = ""
    """Where clients in the cluster send their requests; it stays when versions change."""
    replicas: int = 0
    """Pods there are."""
    selector: str = ""
    """Label selector of the pods, for the scale subresource."""
    stable: ServedVersion | None = None
    """The version that answers."""
    candidate: CandidateVersion | None = None
    """The version that is on its way in."""
    shadow: ShadowVersion | None = None
    """The version that is asked unseen."""
    warm: WarmVersion | None = None
    """The version before: going back to it is instant."""
    blocked: list[BlockedVersion] = Field(default_factory=list, max_length=20)
    """Versions that are not served here, newest first."""
    history: list[HistoryEntry] = Field(default_factory=list, max_length=20)
    """Versions served so far, at most 20."""


COLUMNS: list[dict[str, Any]] = [
    {"name": "Model", "type": "string", "jsonPath": ".spec.model"},
    {"name": "Stable", "type": "integer", "jsonPath": ".status.stable.version"},
    {"name": "Candidate", "type": "integer", "jsonPath": ".status.candidate.version"},
    {"name": "Percent", "type": "integer", "jsonPath": ".status.candidate.programmedPercent"},
    {"name": "Replicas", "type": "integer", "jsonPath": ".status.replicas"},
    {"name": "URL", "type": "string", "jsonPath": ".status.url", "priority": 1},
]
