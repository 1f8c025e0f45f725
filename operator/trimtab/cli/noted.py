"""A training that a person does by hand, in a notebook: the same run record as a pod writes, in a folder or in the namespace's store.

with trimtab.run("flights-by-hand", given={"max_depth": 5}) as run:
    for n, loss in enumerate(losses, 1):
        run.point("log_loss", loss, iteration=n)
    run.metrics("test", roc_auc=0.71)
"""

import contextlib
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from trimtab.api.documents import DatasetPointer, Result, TrainDocument
from trimtab.api.trainingjob import TrainingJobSpec
from trimtab.cli.access import kubeconfig, transfer
from trimtab.cli.access.cluster import Cluster
from trimtab.cli.access.kubeconfig import Place
from trimtab.cli.blocking import wait_for
from trimtab.cli.errors import Usage
from trimtab.cli.local import PLACE, FolderStore, outside
from trimtab.jobs.training.fit import Point
from trimtab.jobs.training.record import Recorder
from trimtab.store.layout import Layout
from trimtab.store.run_index import SPLITS

NO_DATA = DatasetPointer(name="by-hand", version=1, digest="", manifest_digest="", uri="")


class Noted:
    """One run while it goes on."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.key = recorder.record.run_key

    def parameters(self, **more: Any) -> None:
        """What else was chosen."""
        trainer = self._recorder.record.trainer
        self._recorder.note(trainer={**trainer, **{part: {**trainer[part], **more} for part in ("given", "parameters")}})

    def point(self, metric: str, value: float, *, iteration: int, split: str = "train") -> None:
        """One point of a learning curve."""
        self._recorder.curves.append(Point(iteration, _known(split), metric, float(value)))

    def metrics(self, split: str = "test", /, **found: float) -> None:
        """Metrics on a split: `run.metrics("test", roc_auc=0.71, log_loss=0.55)`."""
        told = self._recorder.record.metrics
        self._recorder.note(metrics={**told, _known(split): {**told.get(split, {}), **{name: float(value) for name, value in found.items()}}})

    def code(self, source: str, name: str = "notebook.py") -> None:
        """The code that made it, to be kept beside the record."""
        self._recorder.keep_code(name, source)


def _known(split: str) -> str:
    if split not in SPLITS:
        raise Usage(f"There is no split {split}; the splits are {', '.join(SPLITS)}.")
    return split


@contextlib.contextmanager
def run(
    name: str,
    *,
    given: Mapping[str, Any] | None = None,
    dataset: Mapping[str, Any] | None = None,
    folder: str | Path | None = None,
    namespace: str | None = None,
    context: str | None = None,
) -> Iterator[Noted]:
    """Record what happens in the block as a run of `name`; an error is recorded too, and goes on.

    `given` are hyperparameters, `dataset` says what it learned from (`name`, `version`, `digest`, `rows`). With `folder` the record stays on
    this machine, laid out as in a store; without it, it goes into the store of the namespace, where `trimtab runs list` finds it. Needs
    `pip install 'trimtab[worker]'`.

    >>> with trimtab.run("by-hand", given={"max_depth": 5}, folder=folder) as run:
    ...     run.point("log_loss", 0.6, iteration=1, split="validation")
    ...     run.metrics("test", roc_auc=0.71)
    >>> record = json.loads(next(Path(folder).rglob("record.json")).read_text())
    >>> record["outcome"], record["metrics"]["test"]
    ('Succeeded', {'roc_auc': 0.71})
    """
    with contextlib.ExitStack() as stack:
        root = Path(folder) if folder else Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-")))
        place = Place(namespace, context)
        told, layout = ("local", PLACE) if folder else wait_for(_where(place))
        store = FolderStore(root)
        if not folder:
            stack.callback(lambda: wait_for(_put(place, layout.bucket, root)))
        scratch = stack.enter_context(tempfile.TemporaryDirectory(prefix="trimtab-"))
        document = TrainDocument(
            namespace=told, name=name, uid="notebook", model=name, run_key=uuid.uuid4().hex, cause="Request",
            spec=TrainingJobSpec(dataset=NO_DATA.name), dataset=NO_DATA,
        )  # fmt: skip
        with Recorder(document, outside(store, Path(scratch), layout, "notebook")) as recorder:
            chosen = dict(given or {})
            recorder.note(dataset=dict(dataset or {}), recipe={}, trainer={"kind": "python", "given": chosen, "parameters": chosen})
            yield Noted(recorder)
            recorder.finish(Result(outcome="Succeeded", reason="", message="Recorded by hand.", uri=recorder.uri))


async def _where(place: Place) -> tuple[str, Layout]:
    """The namespace, and its part of the store."""
    async with Cluster(kubeconfig.find(place)) as cluster, transfer.opened(cluster) as store:
        bucket, _, prefix = (await store.where()).removeprefix("s3://").partition("/")
        return cluster.namespace, Layout(bucket, prefix)


async def _put(place: Place, bucket: str, root: Path) -> None:
    async with Cluster(kubeconfig.find(place)) as cluster, transfer.opened(cluster) as store:
        for path in _files(root):
            await store.put(path, f"s3://{bucket}/{path.relative_to(root)}")


def _files(root: Path) -> list[Path]:
    """The record first and the index last: what is found there is whole."""
    return sorted((path for path in root.rglob("*") if path.is_file()), key=lambda path: "index" in path.relative_to(root).parts)
