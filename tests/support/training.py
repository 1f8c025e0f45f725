"""A dataset version in a real store, and the worker's `train` run on it in this process."""

import hashlib
import io
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd

from support.tables import facts, parts
from trimtab.api.documents import Champion, DatasetPointer, Result, TrainDocument
from trimtab.api.trainingjob import TrainingJobSpec
from trimtab.jobs import train
from trimtab.jobs.context import Context, Pod
from trimtab.jobs.progress import Progress
from trimtab.jobs.training.record import RunRecord
from trimtab.store.client import Store
from trimtab.store.layout import Layout
from trimtab.store.manifest import CreatedBy, Manifest, ManifestFile, commit, digest_of


def publish(store: Store, layout: Layout, name: str, splits: Mapping[str, pd.DataFrame], known: dict[str, Any]) -> DatasetPointer:
    """Commit these splits as version 1 of a Dataset."""
    digest = digest_of({"name": name, "id": uuid.uuid4().hex})
    root = layout.dataset(name, digest)
    content = {f"{split}.parquet": _parquet(part) for split, part in splits.items()} | {"profile.json": b"{}"}
    for path, each in content.items():
        store.put(f"{root}/pod/{path}", each)
    files = [ManifestFile(path=f"pod/{path}", sha256=hashlib.sha256(each).hexdigest(), size=len(each)) for path, each in content.items()]
    made = Manifest(schema=1, kind="Dataset", name=name, digest=digest, inputs={}, files=files, facts=known, created_by=CreatedBy(verb="snapshot"))
    return DatasetPointer(name=name, version=1, digest=digest, manifest_digest=commit(store, root, made)[1], uri=root)


@dataclass
class Trainer:
    """Runs `train` as a pod would; each call is another pod."""

    store: Store
    layout: Layout
    scratch: Path
    progress: Progress = field(default_factory=Progress)

    def dataset(self, data: pd.DataFrame, label: str = "late", name: str = "flights", **changes: Any) -> DatasetPointer:
        return publish(self.store, self.layout, name, parts(data), facts(data, label, **changes))

    def document(self, dataset: DatasetPointer, *, key: str = "", code: str = "", champions: tuple[Champion, ...] = (), **spec: Any) -> TrainDocument:
        wanted = TrainingJobSpec.model_validate({"dataset": dataset.name, **spec})
        digest = hashlib.sha256(code.encode()).hexdigest() if code else ""
        return TrainDocument(
            namespace="team", name="flights", uid="u", model="flights", run_key=key or uuid.uuid4().hex, spec=wanted, dataset=dataset,
            code_digest=digest, champions=list(champions), git={"commit": "abc123"},
        )  # fmt: skip

    def run(self, document: TrainDocument) -> Result:
        folder = self.scratch / uuid.uuid4().hex
        folder.mkdir()
        pod = Pod(uid=uuid.uuid4().hex, name="pod", namespace="team", node="node")
        return train.run(document, Context(self.store, self.layout, self.progress, folder, pod, "worker:test"))

    def record(self, document: TrainDocument) -> RunRecord:
        return RunRecord.model_validate_json(self.store.get(f"{self.layout.run(document.name, document.run_key)}/record.json"))

    def parquet(self, uri: str) -> pd.DataFrame:
        return pd.read_parquet(io.BytesIO(self.store.get(uri)))


def champion(result: Result, name: str = "flights-v1", deployment: str = "flights") -> Champion:
    """What a Deployment would serve after this result."""
    return Champion(deployment=deployment, name=name, uri=result.uri, manifest_digest=result.manifest_digest)


def _parquet(part: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    part.to_parquet(buffer, index=False)
    return buffer.getvalue()
