"""Real flights, models of theirs in a real store, and what a serving pod leaves behind of them: for tests of evaluations.

`Place` is a namespace; `dataset` and `model` make what a monitor watches, by the worker's own verbs; `pod` answers flights with the
server's own model, recorder and labels; `evaluate` looks at it.
"""

import hashlib
import json
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from support import flights
from support.object_store import ObjectStore
from support.worker import Worker
from trimtab.api.documents import DatasetPointer, FeaturePointer, Result, ServingDocument, TrainDocument
from trimtab.api.driftmonitor import DriftMonitorSpec
from trimtab.api.evaluation import Evaluated, EvaluateDocument, ModelPointer, unpack
from trimtab.api.modelversion import Artifact
from trimtab.api.trainingjob import TrainingJobSpec
from trimtab.jobs import evaluate, train
from trimtab.jobs.context import Context
from trimtab.jobs.context import Pod as WorkerPod
from trimtab.jobs.progress import Progress
from trimtab.store.client import Store
from trimtab.store.layout import Layout
from trimtab_serving import artifact
from trimtab_serving.model import Identity, Model, example, load
from trimtab_serving.protocol import Request
from trimtab_serving.trail import label_files
from trimtab_serving.trail.labels import Label
from trimtab_serving.trail.tally import Tally
from trimtab_serving.trail.trail import lay
from trimtab_serving.trail.upload import Place as Folder

COLUMNS = ["flight_id", "sched_dep", "carrier", "origin", "dest", "distance", "hour", "minute", "sched_arr_time", "weekday", "late"]
INPUTS = ["carrier", "origin", "dest", "distance", "hour", "minute", "sched_arr_time", "weekday"]
HGB = "sklearn.ensemble.HistGradientBoostingClassifier"
LANDED = timedelta(hours=6)
"""After its departure a flight's label is known."""


def between(start: str, end: str, every: int = 1) -> pd.DataFrame:
    """Flights of days from `start` on, before `end`; every so-manieth."""
    table = flights.year()
    rows = table[(table.date >= np.datetime64(start)) & (table.date < np.datetime64(end))]
    return rows[COLUMNS].iloc[::every].reset_index(drop=True)


def shuffled(rows: pd.DataFrame) -> pd.DataFrame:
    """The same flights, each with another one's label."""
    return rows.assign(late=np.random.default_rng(0).permutation(rows.late.to_numpy()))


@dataclass(frozen=True)
class Version:
    """A registered model."""

    pointer: ModelPointer
    artifact: Artifact

    def numbered(self, number: int) -> ModelPointer:
        return self.pointer.model_copy(update={"version": number, "name": f"flights-v{number}"})


@dataclass(frozen=True)
class Place:
    """One namespace's part of a real object store."""

    objects: ObjectStore
    bucket: str
    scratch: Path

    @cached_property
    def store(self) -> Store:
        return self.objects.store(self.bucket)

    @property
    def layout(self) -> Layout:
        return Layout(self.bucket, "team")

    def context(self) -> Context:
        folder = self.scratch / uuid.uuid4().hex
        folder.mkdir(parents=True)
        return Context(self.store, self.layout, Progress(), folder, WorkerPod(uuid.uuid4().hex, "pod", "team", "node"))

    def feature_set(self, name: str, table: pd.DataFrame, **spec: Any) -> FeaturePointer:
        """A version of a FeatureSet of these rows, made by the worker."""
        uri = f"s3://{self.bucket}/source/{name}/"
        self.store.put(f"{uri}rows.csv", table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode())
        _, result = Worker(self.objects, self.bucket).materialize({"source": {"uri": uri}} | spec, name=name)
        assert result.outcome == "Succeeded", result.message
        facts = result.facts
        return FeaturePointer(name=name, version=int(facts["version"]), digest=facts["digest"], manifest_digest=result.manifest_digest, uri=result.uri)

    def dataset(self, name: str, rows: pd.DataFrame, joined: Sequence[FeaturePointer] = (), **spec: Any) -> DatasetPointer:
        """A version of a Dataset of these flights, made by the worker."""
        uri = f"s3://{self.bucket}/source/{name}/"
        self.store.put(f"{uri}rows.csv", rows.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode())
        wanted = {"source": {"uri": uri}, "label": "late", "timestamp": "sched_dep", "id": "flight_id"} | spec
        _, result = Worker(self.objects, self.bucket).snapshot(wanted, name=name, features=joined)
        assert result.outcome == "Succeeded", result.message
        return DatasetPointer(name=name, version=1, digest=result.facts["digest"], manifest_digest=result.manifest_digest, uri=result.uri)

    def model(self, dataset: DatasetPointer, number: int = 1, **trainer: Any) -> Version:
        """A version, made by the worker; of a small boosted forest where nothing is said."""
        wanted = trainer or {"trainer": {"estimator": HGB, "parameters": {"max_iter": 60, "max_leaf_nodes": 15, "learning_rate": 0.08}}}
        spec = TrainingJobSpec.model_validate({"dataset": dataset.name, **wanted})
        document = TrainDocument(namespace="team", name="flights", uid="u", model="flights", run_key=uuid.uuid4().hex, spec=spec, dataset=dataset)
        made = train.run(document, self.context()).trained()
        assert made is not None
        pointer = ModelPointer(name=f"flights-v{number}", version=number, uri=made.artifact.uri, manifest_digest=made.artifact.manifest_digest or "")
        return Version(pointer, Artifact.model_validate(made.artifact.model_dump()))

    def learned(self) -> Version:
        """From January to the beginning of June; the newest of half a year's flights judge it."""
        return self.model(self.dataset("flights", between("2013-01-01", "2013-07-01", 4)))

    def mislearned(self) -> Version:
        """From the same flights, each with another one's label; it answers fast and without errors."""
        return self.model(self.dataset("shuffled", shuffled(between("2013-01-01", "2013-07-01", 4))))

    def brought(self, content: bytes, number: int) -> Version:
        """A model that a person put there as one file."""
        uri, sha256 = f"s3://{self.bucket}/brought/{uuid.uuid4().hex}.onnx", hashlib.sha256(content).hexdigest()
        self.store.put(uri, content)
        pointer = ModelPointer(name=f"flights-v{number}", version=number, uri=uri, sha256=sha256, format="onnx")
        return Version(pointer, Artifact(uri=uri, sha256=sha256, format="onnx"))

    def pod(self, deployment: str, version: Version, number: int = 1, name: str = "pod-1", **logging: Any) -> "Pod":
        """A serving pod of that version."""
        folder = self.scratch / uuid.uuid4().hex
        folder.mkdir(parents=True)
        loaded = load(artifact.download(version.artifact, self.store, folder), Identity("flights", str(number), deployment))
        document = ServingDocument.model_validate(
            {
                "deployment": deployment,
                "model": "flights",
                "version": number,
                "modelVersion": f"flights-v{number}",
                "artifact": version.artifact.model_dump(by_alias=True, exclude_none=True),
            }
            | ({"logging": logging} if logging else {})
        )
        return Pod(self, deployment, loaded, document, name, folder / "spool")

    def evaluate(
        self,
        deployment: str,
        watching: ModelPointer,
        now: str,
        since: str,
        *,
        name: str = "",
        predecessor: ModelPointer | None = None,
        incident: str = "",
        joined: Sequence[FeaturePointer] = (),
        dataset: str = "",
        **spec: Any,
    ) -> tuple[Result, Evaluated]:
        """What the verb answers at that time on the event clock."""
        document = EvaluateDocument(
            namespace="team", name=name or deployment, uid="u", deployment=deployment, watching=watching, predecessor=predecessor, incident=incident,
            spec=DriftMonitorSpec.model_validate({"deployment": deployment, "clock": "Event"} | spec), now=utc(now), since=utc(since),
            features=list(joined), dataset=dataset,
        )  # fmt: skip
        result = evaluate.run(document, self.context())
        return result, unpack(result.packed)


Answering = Callable[[Model, Request], list[Any]]


def truly(model: Model, request: Request) -> list[Any]:
    return model.predict(request)


@dataclass
class Pod:
    """Answers flights and keeps what it answered, as a server does."""

    place: Place
    deployment: str
    model: Model
    document: ServingDocument
    name: str
    spool: Path

    def answers(self, rows: pd.DataFrame, *, prefix: str = "", answering: Answering = truly, context: Sequence[str] = ()) -> "Pod":
        """One request for the flights of each hour, with their time; `answering` may have a bug, `context` is sent though the model takes it not."""
        env = self.place.objects.environment(self.place.bucket) | {"POD_NAME": self.name, "TRIMTAB_SPOOL": str(self.spool)}
        recorder = lay(self.document, env, Tally(), self.model).recorder
        assert recorder is not None
        recorder.start()
        for hour, part in rows.groupby(rows.sched_dep.dt.floor("h"), sort=True):
            inputs = {each.name: plain(part[each.name]) for each in self.model.signature.inputs if each.name in part}
            beside = [{"name": each, "shape": [len(part)], "datatype": "BYTES", "data": plain(part[each])} for each in context]
            tensors = json.loads(example(self.model.signature, inputs))["inputs"] + beside
            body = json.dumps({"parameters": {"event_time": f"{hour:%Y-%m-%dT%H:%M:%SZ}"}, "inputs": tensors}).encode()
            request = self.model.protocol.decode(body)
            recorder.take(f"{prefix}{hour:%Y-%m-%dT%H}", request, answering(self.model, request), 0.001)
        recorder.close(300)
        assert recorder.tally.uploaded == len(rows), recorder.tally
        return self

    def is_told(self, rows: pd.DataFrame, *, until: str = "2014-01-01", prefix: str = "") -> "Pod":
        """The labels that are known by then, of flights answered with the same prefix."""
        folder = Folder(self.place.store, self.place.layout, self.deployment, self.name)
        labels = []
        for hour, part in rows.groupby(rows.sched_dep.dt.floor("h"), sort=True):
            known = hour.to_pydatetime().replace(tzinfo=UTC) + LANDED
            named = [(row, late) for row, late in enumerate(part.late.tolist()) if isinstance(late, str)]
            labels += [Label(f"{prefix}{hour:%Y-%m-%dT%H}", row, late, known, known) for row, late in named if known < utc(until)]
        if labels:
            # Labels come on the wall clock's day, after the predictions they are about.
            now = datetime.now(UTC)
            label_files.put(folder, [each._replace(received_at=now) for each in labels], 1)
        return self


def plain(column: pd.Series) -> list[Any]:
    """As a client writes them: null where missing."""
    return [None if pd.isna(each) else each for each in column.tolist()]


def utc(moment: str) -> datetime:
    return datetime.fromisoformat(moment).replace(tzinfo=UTC)
