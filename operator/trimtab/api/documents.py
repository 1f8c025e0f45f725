"""What operator and worker say to each other: one document in the environment, one result in the termination message."""

import base64
import json
import zlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from pydantic import Field, Json, TypeAdapter

from trimtab.api import termination
from trimtab.api.base import Status
from trimtab.api.dataset import DatasetSpec, FeatureVersion, Join
from trimtab.api.featureset import FeatureSetSpec
from trimtab.api.modelversion import Artifact, Lineage, Summary
from trimtab.api.trainingjob import Cause, TrainingJobSpec

DOCUMENT_VARIABLE = "TRIMTAB_DOCUMENT"
SERVING_VARIABLE = "TRIMTAB_SERVING"
CODE_PATH = "/etc/trimtab/code"
"""Where a ConfigMap with training code is mounted; its key is the file's name."""

SPOOL_PATH = "/var/spool/trimtab"
SPOOL_VARIABLE = "TRIMTAB_SPOOL"
"""Where a serving pod keeps what the object store does not have yet; the variable names another folder for tests."""
SPOOL_BYTES = 256 * 1024 * 1024
"""What it keeps there at most: at a thousand predictions a second, of 30 columns each, some twenty minutes."""

MESSAGE_CHARACTERS = 1000

DONE, USER_FAULT, TRY_AGAIN = 0, 2, 3
"""Exit codes: done; the user must change something (no retry); try again."""


class Document(Status):
    """In every document: whom the work is for. `name` is the owner's; `request` the id that asked for the run, or empty."""

    namespace: str
    name: str
    uid: str
    request: str = ""


MOST_NAMED = 8
"""Older versions that one answer can tell beside the one that it is about."""


class LookDocument(Document):
    """Look at a source. `named`: numbers of versions that a spec names and no status lists: they are told from their claims in the store."""

    named: list[int] = Field(default_factory=list, max_length=MOST_NAMED)


class FeaturePointer(FeatureVersion):
    """One version of a FeatureSet: where it is, and the manifest that must be found there."""

    manifest_digest: str
    uri: str


class SnapshotDocument(LookDocument):
    """Make a version of a Dataset, or find that nothing changed."""

    verb: Literal["snapshot"] = "snapshot"
    spec: DatasetSpec
    features: list[FeaturePointer] = Field(default_factory=list)
    """For each entry of spec.features, in its order, the version to join."""
    newest: str = ""
    """Digest of the version that stays where nothing but versions of FeatureSets would be different; empty: these are taken up."""


class MaterializeDocument(LookDocument):
    """Make a version of a FeatureSet, or find that nothing changed."""

    verb: Literal["materialize"] = "materialize"
    spec: FeatureSetSpec
    code_digest: str = ""


class DatasetPointer(Status):
    """One version of a Dataset: where it is, and the manifest that must be found there."""

    name: str
    version: int
    digest: str
    manifest_digest: str
    uri: str


class Champion(Status):
    """A version that a Deployment serves now: the yardstick of the gate `served`."""

    deployment: str
    name: str
    uri: str
    manifest_digest: str


class TrainDocument(Document):
    """Train, judge, record."""

    verb: Literal["train"] = "train"
    model: str
    run_key: str
    attempt: int = 1
    cause: Cause = "Change"
    spec: TrainingJobSpec
    dataset: DatasetPointer
    code_digest: str = ""
    champions: list[Champion] = Field(default_factory=list)
    git: dict[str, str] = Field(default_factory=dict)


class VerifyDocument(Document):
    """Check a model in the image that will serve it."""

    verb: Literal["verify"] = "verify"
    model: str
    version: int
    artifact: Artifact


class PredictionLog(Status):
    """What a serving pod keeps of its predictions. A newer operator's fields are passed over: pods keep their image when it is upgraded."""

    percent: int = Field(100, ge=0, le=100)
    exclude: list[str] = Field(default_factory=list)
    hash: list[str] = Field(default_factory=list)
    upload_seconds: float = Field(60.0, gt=0, le=3600)
    """How old the oldest row in a pod may become before it is written to the object store."""


INPUT, CONTEXT, OUTPUT = "in_", "ctx_", "out_"
"""How columns of the log begin: what was fed to the model, came beside it, and was answered."""
HIDDEN_COLUMNS = "trimtab_hidden"
"""Metadata of a file of the log, `{"exclude": [...], "hash": [...]}`: whoever learns from it must know what is not in it."""


def hidden_in(metadata: Mapping[bytes, bytes] | None) -> dict[str, str]:
    """What a file of the log does not show: column -> the field of spec.logging that hides it."""
    said = json.loads((metadata or {}).get(HIDDEN_COLUMNS.encode(), b"{}"))
    return {column: how for how, columns in said.items() for column in columns}


class ServingDocument(Status):
    """What one serving pod serves, and for whom; in the environment of the pod, as JSON."""

    deployment: str = ""
    model: str
    version: int
    model_version: str
    artifact: Artifact
    dataset_digest: str = ""
    drain_seconds: float = Field(5.0, ge=0, le=300)
    """How long a stopping pod goes on answering after it has said that it is not ready: the time endpoints take to spread."""
    max_body_bytes: int = Field(16 * 1024 * 1024, ge=1024)
    logging: PredictionLog = Field(default_factory=PredictionLog)


class SnapshotFacts(Status):
    """The facts of `snapshot`'s answer (as strings in `Result.facts`): which version it made or found."""

    version: int
    digest: str
    task: Literal["classification", "regression"] | None = None
    train: int = 0
    validation: int = 0
    test: int = 0
    unlabelled: int = 0
    join: Json[Join] | None = None
    feature_versions: Json[list[FeatureVersion]] | None = None
    remark: str = ""
    created_at: datetime | None = None


class MaterializeFacts(Status):
    """The facts of `materialize`'s answer (as strings in `Result.facts`): which version it made or found."""

    version: int
    digest: str
    definition_digest: str = ""
    source_digest: str = ""
    rows: int = 0
    latest_event_at: datetime | None = None
    created_at: datetime | None = None


class GcDocument(Document):
    """Delete the data of versions that nothing cites: every digest under `prefix` but those in `keep`."""

    verb: Literal["gc"] = "gc"
    kind: Literal["datasets", "featuresets"] = "datasets"
    keep: list[str]


class Trained(Status):
    """What `train` answers beside the facts: all that a ModelVersion is made from."""

    artifact: Artifact
    summary: Summary
    lineage: Lineage


class Found(Status):
    """A version beside the one that an answer is about; `facts` as there."""

    uri: str
    manifest_digest: str
    facts: dict[str, str]


class Result(Status):
    """The termination message."""

    outcome: Literal["Succeeded", "Failed", "Rejected"]
    reason: str
    message: str = ""
    uri: str = ""
    manifest_digest: str = ""
    facts: dict[str, str] = Field(default_factory=dict, max_length=16)
    packed: str = ""
    """base64 of the zlib-compressed JSON of `Trained` or a list of `Found`: 4096 bytes are few, and text shrinks to a third."""

    def trained(self) -> Trained | None:
        """What is packed; ValueError where it cannot be read, whatever a person's code has written there."""
        return Trained.model_validate_json(released(self.packed)) if self.packed else None

    def with_found(self, found: list[Found]) -> "Result":
        """With as many of these as there is room for."""
        room = termination.LOG_BYTES - len(self.encode()) - len(',"packed":""')
        return self.model_copy(update={"packed": pack_found(found, room)}) if found else self

    def found(self) -> list[Found]:
        """The further versions that are packed; none where there are none or they cannot be read."""
        try:
            return TypeAdapter(list[Found]).validate_json(released(self.packed)) if self.packed else []
        except ValueError:
            return []

    def encode(self) -> str:
        """One line of JSON that fits a termination message; the sentence is cut first, then nothing."""
        message = self.message[:MESSAGE_CHARACTERS]
        text = self._json(message)
        over = len(text) - termination.LOG_BYTES  # JSON is ASCII here, and a character takes at least a byte: so many less are enough
        return text if over <= 0 else self._json(message[: max(0, len(message) - over)])

    def _json(self, message: str) -> str:
        return json.dumps(
            self.model_copy(update={"message": message}).model_dump(by_alias=True, exclude_defaults=True) | {"outcome": self.outcome}, separators=(",", ":")
        )

    @classmethod
    def decode(cls, text: str) -> "Result | None":
        """The result in a termination message; None where the pod died without saying anything of ours."""
        try:
            return cls.model_validate_json(text)
        except ValueError:
            return None


def leave(result: Result) -> None:
    """Write the result where the kubelet reads it when the container has ended."""
    termination.leave(result.encode())


def pack(trained: Trained, room: int = 3000) -> str:
    """`Trained` for a result, within `room` characters: inputs are left out first, then metrics, never the digests."""
    for kept in (64, 32, 16, 8, 0):
        summary = trained.summary.model_copy(update={"inputs": trained.summary.inputs[:kept], "gates": trained.summary.gates[: max(kept, 8)]})
        packed = _pack(trained.model_copy(update={"summary": summary}))
        if len(packed) <= room:
            return packed
    bare: dict[str, Any] = {"inputs": [], "metrics": [], "parameters": [], "gates": trained.summary.gates[:8]}
    return _pack(trained.model_copy(update={"summary": trained.summary.model_copy(update=bare)}))


def pack_found(found: list[Found], room: int) -> str:
    """As many of them as fit within `room` characters."""
    for count in range(len(found), 0, -1):
        packed = squeezed(TypeAdapter(list[Found]).dump_json(found[:count], by_alias=True))
        if len(packed) <= room:
            return packed
    return ""


def _pack(trained: Trained) -> str:
    return squeezed(trained.model_dump_json(by_alias=True, exclude_unset=True).encode())


def squeezed(content: bytes) -> str:
    """Text for `Result.packed`."""
    return base64.b64encode(zlib.compress(content, 9)).decode()


def released(packed: str) -> bytes:
    """What `squeezed` was given; ValueError where it cannot be read."""
    try:
        return zlib.decompress(base64.b64decode(packed))
    except zlib.error as error:
        raise ValueError(str(error)) from error
