"""ModelVersion (mv): the registry; an immutable pointer to one model, with what it was made of."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from trimtab.api.base import ATOMIC, Condition, Spec, Status, rules
from trimtab.api.dataset import MOST_FEATURE_SETS
from trimtab.api.trainingjob import MAX_MODEL_NAME

DEPRECATED = "trimtab.dev/deprecated"
ALLOW_DELETE = "trimtab.dev/allow-delete-in-use"
"""Break-glass annotation: lets a version that is served be deleted."""


class Artifact(Spec):
    """The files of the model."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.manifestDigest) != has(self.sha256)",
                "spec.artifact: give `sha256` of the file for a model you bring; `manifestDigest` is for those that a TrainingJob made.",
            )
        )
    )
    uri: str = Field(
        description="Folder with the model's manifest.json, or, for a model you bring, the one .onnx or .skops file.",
        pattern=r"^s3://[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]/.+$",
        max_length=1024,
    )
    manifest_digest: str | None = Field(None, description="sha256 of manifest.json; verified before the model is loaded.", pattern="^[0-9a-f]{64}$")
    sha256: str | None = Field(None, description="sha256 of the file (a model you bring); verified before it is loaded.", pattern="^[0-9a-f]{64}$")
    format: Literal["onnx", "skops"] = Field(description="onnx or skops. Pickles are not accepted.")
    size_bytes: int | None = Field(None, ge=0, description="Size of the artifact, in bytes.")


class Value(Spec):
    name: str = Field(max_length=128, description="Name.")
    value: str = Field(max_length=256, description="Value, written as a string.")


class GateResult(Spec):
    name: str = Field(max_length=63, description="Name of the gate.")
    outcome: Literal["Passed", "Failed", "Skipped"] = Field(description="Passed, Failed, or Skipped where it could not be judged.")
    message: str = Field("", max_length=512, description="Value and threshold in a sentence.")


class Tensor(Spec):
    """One named column of the signature."""

    name: str = Field(max_length=128, description="Column name.")
    datatype: Literal["FP32", "FP64", "INT32", "INT64", "BOOL", "BYTES"] = Field(description="Open Inference Protocol datatype; BYTES is text.")
    optional: bool | None = Field(None, description="True: may be missing.")


class Summary(Spec):
    """What people want to see without opening the object store; the manifest there is the truth."""

    task: Literal["classification", "regression"] | None = Field(None, description="What kind of answer the model gives.")
    parameters: list[Value] = Field(default_factory=list, max_length=16, description="Hyperparameters that were given.", json_schema_extra=ATOMIC)
    metrics: list[Value] = Field(default_factory=list, max_length=16, description="Metrics on the test split.", json_schema_extra=ATOMIC)
    gates: list[GateResult] = Field(default_factory=list, max_length=32, description="What each gate said.", json_schema_extra=ATOMIC)
    inputs: list[Tensor] = Field(default_factory=list, max_length=64, description="The first 64 input columns.", json_schema_extra=ATOMIC)
    outputs: list[Tensor] = Field(default_factory=list, max_length=64, description="What the model answers.", json_schema_extra=ATOMIC)
    signature_digest: str | None = Field(None, description="sha256 of the whole signature.", max_length=64)
    input_count: int | None = Field(None, ge=0, description="How many inputs there are in all.")


class DatasetRef(Spec):
    name: str = Field(max_length=253, description="Dataset.")
    version: int = Field(ge=1, description="Its version.")
    digest: str = Field(max_length=64, description="Digest of that version.")


class FeatureVersionRef(Spec):
    name: str = Field(max_length=253, description="FeatureSet.")
    version: int = Field(ge=1, description="Its version.")
    digest: str = Field(max_length=64, description="Digest of that version.")


class Lineage(Spec):
    training_job: str | None = Field(None, max_length=253, description="TrainingJob that made it.")
    run_key: str | None = Field(None, max_length=64, description="Key of the run.")
    run_uri: str | None = Field(None, alias="runURI", max_length=1024, description="Folder of the run record.")
    dataset: DatasetRef | None = Field(None, description="What it learned from.")
    feature_versions: list[FeatureVersionRef] | None = Field(
        None, max_length=MOST_FEATURE_SETS, description="Versions of FeatureSets that its Dataset was joined with.", json_schema_extra=ATOMIC
    )
    code_digest: str | None = Field(None, max_length=64, description="sha256 of the training code.")
    image_digest: str | None = Field(None, max_length=512, description="Worker image of the run.")
    git_commit: str | None = Field(None, max_length=64, description="Commit of the recipe, where known.")


class Deprecated(Spec):
    reason: str = Field(min_length=1, max_length=512, description="Why nobody should start using this version.")


IMMUTABLE = ("model", "version", "artifact", "summary", "lineage")


class ModelVersionSpec(Spec):
    """The model and where it came from; immutable but for approval, deprecated and description."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            *(
                (
                    f"has(self.{field}) == has(oldSelf.{field}) && (!has(self.{field}) || self.{field} == oldSelf.{field})",
                    f"spec.{field} cannot be changed: a ModelVersion is immutable; make a new version.",
                )
                for field in IMMUTABLE
            ),
            (
                "!has(self.approval) || self.approval == 'Pending' || has(self.approvedBy)",
                "spec.approvedBy must be your own user name when spec.approval is Approved or Rejected.",
            ),
        )
    )
    model: str = Field(description="Name of the model.", min_length=1, max_length=MAX_MODEL_NAME, pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
    version: int = Field(ge=1, le=999999, description="Number of the version.")
    artifact: Artifact = Field(description="The files of the model.")
    summary: Summary | None = Field(None, description="Parameters, metrics, gates and signature.")
    lineage: Lineage | None = Field(None, description="What the version was made of.")
    description: str | None = Field(None, max_length=1024, description="Words about this version.")
    approval: Literal["Pending", "Approved", "Rejected"] | None = Field(
        None, description="A person's word. Setting it needs the RBAC verb `approve` on modelversions."
    )
    approved_by: str | None = Field(
        None, max_length=253, description="User name of the person who set `approval`; must be the name of the user who makes the request."
    )
    deprecated: Deprecated | None = Field(None, description="Set: no Deployment starts to follow this version.")


class ServedBy(Status):
    """One Deployment that uses this version."""

    deployment: str
    """Deployment that serves this version."""
    role: Literal["Stable", "Candidate", "Shadow", "Warm"]
    """Stable answers users; Candidate is tried on a share of them, or about to be; Shadow is only compared; Warm waits for a way back."""
    percent: int = 0
    """Share of the requests that it is to answer (Shadow: is asked too), in percent."""
    url: str = ""
    """Where it answers."""


class Verification(Status):
    """The last verify Job."""

    key: str = ""
    """Digest of what is verified and of the request that asked for it."""
    outcome: Literal["Running", "Verified", "Failed"] = "Running"
    """How it stands."""
    job: str = ""
    """Job that does or did it."""
    attempt: int = 1
    """How many Jobs it took so far."""
    image: str = ""
    """Serving image it was done in."""
    finished_at: datetime | None = None
    """When its Job ended."""
    reason: str = ""
    """What came of it, in a word."""
    message: str = ""
    """What came of it, in a sentence."""


class ModelVersionStatus(Status):
    """What the operator found and did."""

    observed_generation: int = -1
    """Generation of the spec that this status speaks of; -1: the operator has not looked at it yet."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready (verified: digest, loads, golden examples reproduce), GatesPassed, Deprecated, and where it applies Reconciling and Stalled."""
    state: str = ""
    """One word for `kubectl get`; scripts read the conditions."""
    verified_at: datetime | None = None
    """When the serving image last verified it."""
    approved_at: datetime | None = None
    """When spec.approval was seen as it is now."""
    verification: Verification | None = None
    """The last verification."""
    last_handled_request: str = ""
    """Last value of the annotation trimtab.dev/run-requested that a verification answered."""
    served_by: list[ServedBy] = Field(default_factory=list, max_length=32)
    """Deployments that use this version; while there is one, it cannot be deleted."""


COLUMNS: list[dict[str, Any]] = [
    {"name": "Gates", "type": "string", "jsonPath": ".status.conditions[?(@.type=='GatesPassed')].status"},
    {"name": "Approval", "type": "string", "jsonPath": ".spec.approval"},
    {"name": "Served by", "type": "string", "jsonPath": ".status.servedBy[*].deployment"},
    {"name": "Format", "type": "string", "jsonPath": ".spec.artifact.format", "priority": 1},
]
