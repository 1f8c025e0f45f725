"""The kinds as Python objects: `from trimtab import Dataset, TrainingJob`. The very models that the CRDs come from check what is written.

>>> job = TrainingJob("flights", dataset="flights", trainer={"estimator": "sklearn.linear_model.LogisticRegression"})
>>> print(job.to_yaml(), end="")
apiVersion: trimtab.dev/v1alpha1
kind: TrainingJob
metadata:
  name: flights
spec:
  dataset: flights
  trainer:
    estimator: sklearn.linear_model.LogisticRegression
>>> TrainingJob.from_yaml(job.to_yaml()) == job
True
>>> TrainingJob("flights", datset="flights")
Traceback (most recent call last):
trimtab.cli.errors.UserError: TrainingJob flights: spec.dataset: this field is needed. spec.datset: there is no such field. Did you mean dataset?
"""

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from trimtab.api import kinds
from trimtab.api.base import API_VERSION, Spec
from trimtab.api.kinds import Kind
from trimtab.cli.access import kubeconfig
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.kubeconfig import Place
from trimtab.cli.blocking import wait_for
from trimtab.cli.checking import problems
from trimtab.cli.errors import NotThere, TimedOut, UserError
from trimtab.cli.reading import documents
from trimtab.cli.render import yaml
from trimtab.cli.views.listed import Condition, Manifest, conditions
from trimtab.cli.views.waiting import Verdict, duration, judge

if TYPE_CHECKING:
    from trimtab.cli.local import LocalRun

SECONDS = 1.0
"""Between two looks of `wait`."""


class Resource:
    """One object of one kind: what is wanted of it, and, after `apply` or `refresh`, what the cluster says of it."""

    KIND: ClassVar[Kind]

    def __init__(
        self, name: str, *, namespace: str | None = None, labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, **spec: Any
    ) -> None:
        """Fields of the spec by their names in YAML or with underscores; what does not fit raises UserError with a sentence a field."""
        metadata: Manifest = {"name": name} | {
            key: value for key, value in (("namespace", namespace), ("labels", labels), ("annotations", annotations)) if value
        }
        written = {_wire(self.KIND.spec, field): value for field, value in spec.items()}
        self.take({"apiVersion": API_VERSION, "kind": self.KIND.kind, "metadata": metadata, "spec": written})
        self.seen: Manifest = {}
        """The object as the cluster last told it."""

    def take(self, manifest: Manifest) -> None:
        """Be what a manifest says; UserError with a sentence for each field that does not fit."""
        found = problems(manifest)
        if found:
            said = " ".join(f"{each.where}: {each.said}" for each in found)
            raise UserError(f"{self.KIND.kind} {(manifest.get('metadata') or {}).get('name', '?')}: {said}")
        self.metadata: Manifest = manifest["metadata"]
        self.spec: Spec = self.KIND.spec.model_validate(manifest.get("spec") or {})

    @classmethod
    def from_dict(cls, manifest: Manifest) -> Self:
        if manifest.get("kind") != cls.KIND.kind:
            raise UserError(f"This is a {manifest.get('kind')}, not a {cls.KIND.kind}.")
        it = cls.__new__(cls)
        it.seen = {}
        it.take({key: value for key, value in manifest.items() if key != "status"})
        return it

    @classmethod
    def from_yaml(cls, text: str | Path) -> Self:
        """The first object of this kind in a text, or in a file where a Path is given."""
        name = str(text) if isinstance(text, Path) else "The text"
        found = documents(text.read_text() if isinstance(text, Path) else text, name)
        ours = [each for each in found if each.get("kind") == cls.KIND.kind]
        if not ours:
            raise NotThere(f"{name} holds no {cls.KIND.kind}.")
        return cls.from_dict(ours[0])

    def to_dict(self) -> Manifest:
        """What was written, without defaults."""
        spec = self.spec.model_dump(mode="json", by_alias=True, exclude_unset=True)
        return {"apiVersion": API_VERSION, "kind": self.KIND.kind, "metadata": self.metadata, "spec": spec}

    def to_yaml(self) -> str:
        return yaml.dump(self.to_dict())

    @property
    def name(self) -> str:
        return str(self.metadata["name"])

    @property
    def status(self) -> dict[str, Any]:
        return dict(self.seen.get("status") or {})

    @property
    def conditions(self) -> dict[str, Condition]:
        return conditions(self.seen)

    def apply(self, namespace: str | None = None, context: str | None = None) -> Self:
        """Make it so in the cluster, as `kubectl apply --server-side` does."""
        self.seen = wait_for(self._applied(self._place(namespace, context)))
        return self

    def refresh(self, namespace: str | None = None, context: str | None = None) -> Self:
        """Read it anew; NotThere where there is none."""
        self.seen = wait_for(self._read(self._place(namespace, context)))
        return self

    def wait(self, goal: str = "ready", timeout: str = "10m", namespace: str | None = None, context: str | None = None) -> Self:
        """Until it is so, as `trimtab wait --for` means it; UserError where it never will be by itself, TimedOut where the time is over."""
        self.seen = wait_for(self._waited(self._place(namespace, context), goal, duration("timeout", timeout)))
        return self

    def delete(self, namespace: str | None = None, context: str | None = None) -> None:
        wait_for(self._deleted(self._place(namespace, context)))

    def _place(self, namespace: str | None, context: str | None) -> Place:
        """Where it was said to be: here, when it was made, or when it was last applied or read."""
        seen = self.seen.get("metadata", {}).get("namespace")
        return Place(namespace or self.metadata.get("namespace") or seen, context)

    async def _applied(self, place: Place) -> Manifest:
        async with Cluster(kubeconfig.find(place)) as cluster:
            return await cluster.apply(self.KIND.plural, self.to_dict())

    async def _read(self, place: Place) -> Manifest:
        async with Cluster(kubeconfig.find(place)) as cluster:
            found = await cluster.get(API_VERSION, self.KIND.plural, self.name)
            if found is None:
                raise NotThere(f"There is no {self.KIND.kind} {self.name} in namespace {cluster.namespace}.")
            return found

    async def _deleted(self, place: Place) -> None:
        async with Cluster(kubeconfig.find(place)) as cluster:
            await cluster.delete(API_VERSION, self.KIND.plural, self.name)

    async def _waited(self, place: Place, goal: str, seconds: float) -> Manifest:
        decide, end = judge(goal), asyncio.get_running_loop().time() + seconds
        async with Cluster(kubeconfig.find(place)) as cluster:
            while True:
                found = await cluster.get(API_VERSION, self.KIND.plural, self.name)
                judged = decide(found)
                if judged.verdict == Verdict.MET:
                    return found or {}
                if judged.verdict == Verdict.NEVER:
                    raise UserError(f"{self.KIND.kind} {self.name}: {judged.message}")
                if asyncio.get_running_loop().time() > end:
                    raise TimedOut(f"{self.KIND.kind} {self.name} was not so when the time was over: {judged.message}")
                await asyncio.sleep(SECONDS)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Resource) and self.to_dict() == other.to_dict()

    __hash__ = None  # type: ignore[assignment]  # what can be changed has no hash

    def __repr__(self) -> str:
        return f"{self.KIND.kind}({self.name!r})"


class FeatureSet(Resource):
    __doc__ = kinds.FEATURE_SET.description
    KIND = kinds.FEATURE_SET


class Dataset(Resource):
    __doc__ = kinds.DATASET.description
    KIND = kinds.DATASET


class TrainingJob(Resource):
    __doc__ = kinds.TRAINING_JOB.description
    KIND = kinds.TRAINING_JOB

    def run_local(self, data: Any, *, label: str, folder: str | Path | None = None, **dataset: Any) -> "LocalRun":
        """Train on this machine what a pod would train from a pandas DataFrame: the same verbs, over a folder instead of an object store.

        `label` and further fields are those of a Dataset (`timestamp`, `id`, `exclude`, `split`). Needs `pip install 'trimtab[worker]'`.
        """
        from trimtab.cli.local import run

        return run(self, data, {"label": label, **dataset}, Path(folder) if folder else None)


class ModelVersion(Resource):
    __doc__ = kinds.MODEL_VERSION.description
    KIND = kinds.MODEL_VERSION


class Deployment(Resource):
    __doc__ = kinds.DEPLOYMENT.description
    KIND = kinds.DEPLOYMENT


class DriftMonitor(Resource):
    __doc__ = kinds.DRIFT_MONITOR.description
    KIND = kinds.DRIFT_MONITOR


def _wire(model: type[Spec], name: str) -> str:
    """A field's name as it is written in YAML."""
    field = model.model_fields.get(name)
    return str(field.alias or name) if field else name
