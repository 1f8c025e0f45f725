"""A TrainingJob on this machine: `snapshot` and `train` as in their pods, over a folder that stands for the object store."""

import hashlib
import io
import json
import tempfile
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trimtab.cli.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from trimtab.cli.objects import TrainingJob

try:
    from trimtab.api.dataset import DatasetSpec
    from trimtab.api.documents import DatasetPointer, FeaturePointer, Result, SnapshotDocument, TrainDocument
    from trimtab.jobs import snapshot, train
    from trimtab.jobs.context import Context, Pod
    from trimtab.jobs.dataset import engine, reading
    from trimtab.jobs.errors import WorkerError
    from trimtab.jobs.features import joining
    from trimtab.jobs.progress import Progress
    from trimtab.store.client import Listing, ObjectInfo, Store, split_uri
    from trimtab.store.errors import ObjectMissing
    from trimtab.store.layout import Layout
except ImportError as error:
    raise UserError(f"To train on this machine the worker's libraries are needed ({error.name} is missing).", "pip install 'trimtab[worker]'") from error

PLACE = Layout("local", "")
SOURCE = "s3://local/source/data.parquet"


@dataclass(frozen=True)
class LocalRun:
    """What came of it: the same record, metrics and files as in the cluster."""

    outcome: str
    message: str
    record: dict[str, Any]
    folder: Path
    """Where everything lies, laid out as in the object store."""
    model: Path | None
    """The model's folder: `trimtab_serving --model` serves it."""

    @property
    def metrics(self) -> dict[str, float]:
        """On the test rows."""
        return dict(self.record.get("metrics", {}).get("test", {}))


class FolderStore(Store):
    """An object store that is a folder: `s3://local/a/b` is the file `a/b` in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, uri: str) -> Path:
        return self.folder / split_uri(uri)[1]

    def get(self, uri: str) -> bytes:
        try:
            return self.path(uri).read_bytes()
        except OSError:
            raise ObjectMissing(uri) from None

    def put(self, uri: str, content: bytes) -> None:
        path = self.path(uri)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)

    def put_if_absent(self, uri: str, content: bytes) -> bool:
        if self.path(uri).exists():
            return False
        self.put(uri, content)
        return True

    def exists(self, uri: str) -> bool:
        return self.path(uri).is_file()

    def list(self, prefix_uri: str) -> Listing:
        bucket, prefix = split_uri(prefix_uri)
        keys = sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file())
        return [self._info(bucket, key) for key in keys if key.startswith(prefix)]

    def _info(self, bucket: str, key: str) -> ObjectInfo:
        content = (self.folder / key).read_bytes()
        return ObjectInfo(f"s3://{bucket}/{key}", key, hashlib.md5(content, usedforsecurity=False).hexdigest(), len(content))

    def download(self, uri: str, path: Path, on_bytes: Callable[[int], None] | None = None, etag: str | None = None) -> str:  # noqa: ARG002 - nobody else writes here
        content = self.get(uri)
        path.write_bytes(content)
        if on_bytes:
            on_bytes(len(content))
        return hashlib.sha256(content).hexdigest()

    def upload(self, path: Path, uri: str) -> str:
        self.put(uri, path.read_bytes())
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def delete(self, uris: Any) -> int:
        for uri in uris:
            self.path(uri).unlink(missing_ok=True)
        return len(uris)


def run(job: "TrainingJob", data: "pd.DataFrame", dataset: dict[str, Any], folder: Path | None) -> LocalRun:
    """Snapshot, then train; what a pod would tell as a Failed run raises UserError with the same sentence."""
    from trimtab.cli.objects import Dataset

    store = FolderStore(folder or Path(tempfile.mkdtemp(prefix="trimtab-")))
    buffer = io.BytesIO()
    data.to_parquet(buffer, index=False)
    store.put(SOURCE, buffer.getvalue())
    wanted = Dataset(str(job.spec.model_dump()["dataset"]), source={"uri": SOURCE}, **dataset)
    try:
        made = _verb(store, lambda context: snapshot.run(_snapshot(wanted), context))
        document = _training(job, wanted.name, made)
        result = _verb(store, lambda context: train.run(document, context))
    except WorkerError as error:
        raise UserError(error.result.message) from error
    record = json.loads(store.get(f"{PLACE.run(job.name, document.run_key)}/record.json"))
    return LocalRun(result.outcome, result.message, record, store.folder, _model(store, result))


def joined(data: "pd.DataFrame", timestamp: str, version: dict[str, Any], folder: Path) -> "pd.DataFrame":
    """`data` with the features of a version whose files lie in `folder/store`; what does not fit raises UserError with the join's own sentence."""
    rows = folder / "rows.parquet"
    data.to_parquet(rows, index=False)
    spec = DatasetSpec.model_validate({"source": {"uri": SOURCE}, "label": "-", "timestamp": timestamp, "features": [{"featureSet": version["name"]}]})
    pointer = FeaturePointer(
        name=version["name"], version=version["version"], manifest_digest=version["manifestDigest"], digest=version["digest"], uri=version["uri"]
    )
    document = SnapshotDocument(namespace="local", name="local", uid="local", spec=spec, features=[pointer])
    try:
        with engine.opened(folder) as database:
            table = reading.load(database, [reading.Staged("the data frame", rows)], "parquet")
            context = outside(FolderStore(folder / "store"), folder)
            wide, _ = joining.join(database, context, document, table, context.progress.part(0, 100))
            found = database.execute("SELECT * FROM data").df()
    except WorkerError as error:
        raise UserError(error.result.message) from error
    return data.assign(**{name: found[name].to_numpy() for name in wide.names if name not in table.names})


def _verb(store: FolderStore, act: Callable[[Context], Result]) -> Result:
    with tempfile.TemporaryDirectory(prefix="trimtab-") as scratch:
        return act(outside(store, Path(scratch)))


def outside(store: Store, scratch: Path, place: Layout = PLACE, who: str = "local") -> Context:
    """What a verb is handed where there is no pod."""
    return Context(store, place, Progress(), scratch, Pod(uuid.uuid4().hex, who, "local", "local"), who)


def _snapshot(dataset: Any) -> SnapshotDocument:
    return SnapshotDocument(namespace="local", name=dataset.name, uid="local", spec=dataset.spec)


def _training(job: "TrainingJob", dataset: str, made: Result) -> TrainDocument:
    facts = made.facts
    pointer = DatasetPointer(name=dataset, version=int(facts["version"]), digest=facts["digest"], manifest_digest=made.manifest_digest, uri=made.uri)
    key = hashlib.sha256(f"{job.to_yaml()}{facts['digest']}".encode()).hexdigest()[:32]
    spec: Any = job.spec
    return TrainDocument(namespace="local", name=job.name, uid="local", model=spec.model or job.name, run_key=key, spec=spec, dataset=pointer)


def _model(store: FolderStore, result: Result) -> Path | None:
    """The folder of the model's files, beside its manifest."""
    if not result.uri or not store.exists(f"{result.uri}/manifest.json"):
        return None
    files = json.loads(store.get(f"{result.uri}/manifest.json"))["files"]
    return (store.path(result.uri) / files[0]["path"]).parent if files else None
