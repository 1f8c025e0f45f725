"""The run record: `runs/<trainingjob>/<runKey>/`, the metadata store. Written as the run goes, complete even when it fails.

    record.json        everything that is a fact (RunRecord)
    curves.parquet     iteration, split, metric, value
    hardware.parquet   seconds, cpu_percent, memory_bytes ...
    log.txt            the end of what the run printed
    code.tar.gz        the person's own code, where there was some
One row of it is in the index of all runs, for search (store/run_index.py, docs/run-record.md). Reading that takes three lines:

    import pandas as pd
    runs = pd.read_parquet("s3://bucket/prefix/index/runs/")
    runs.sort_values("test_skill")[["run_key", "estimator", "dataset_version", "test_skill"]]
"""

import contextlib
import io
import sys
import tarfile
from collections.abc import Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import pandas as pd
from pydantic import BaseModel, Field

from trimtab.api.documents import Result, TrainDocument
from trimtab.jobs.context import Context
from trimtab.jobs.errors import WorkerError
from trimtab.jobs.logs import redact
from trimtab.jobs.training import run_index
from trimtab.jobs.training.compaction import compact
from trimtab.jobs.training.fit import Point
from trimtab.jobs.training.hardware import Sampler
from trimtab.jobs.training.surroundings import surroundings
from trimtab.store.client import Store
from trimtab.store.errors import ObjectMissing, StoreError
from trimtab.store.run_index import index_file

LOG_CHARACTERS = 200_000
"""The end of the log is kept: that is where the reason stands."""


class RunRecord(BaseModel):
    """`record.json`. Numbers are numbers; times are ISO 8601 in UTC; what is not known is null or empty."""

    schema_version: int = 1
    run_key: str
    training_job: str
    namespace: str
    model: str
    request: str = ""
    cause: str = ""
    attempt: int = 1
    uri: str = ""
    started_at: str
    finished_at: str | None = None
    outcome: str = "Running"
    reason: str = ""
    message: str = ""
    recipe: dict[str, Any]
    git: dict[str, str] = {}
    surroundings: dict[str, Any] = {}
    dataset: dict[str, Any] = {}
    trainer: dict[str, Any] = {}
    metrics: dict[str, dict[str, float]] = {}
    skill: dict[str, float] = {}
    slices: list[dict[str, Any]] = []
    baseline: dict[str, Any] = {}
    champions: list[dict[str, Any]] = []
    gates: list[dict[str, Any]] = []
    artifact: dict[str, Any] = {}
    code: dict[str, str] = {}
    hardware: dict[str, float] = {}
    warnings: list[str] = []
    result: dict[str, Any] = Field(default={}, description="The answer the operator got, so that it can be given again.")


SECRET = {"template": {"spec": {"containers": {"__all__": {"env"}}}}}
"""Of a spec: what people put secrets into. It changes no model that a run could be asked to make again."""


def recipe_of(document: TrainDocument) -> dict[str, Any]:
    """The spec as it was written, defaults included, without the pods' variables."""
    return document.spec.model_dump(mode="json", by_alias=True, exclude_none=True, exclude=SECRET)


class Tail(io.TextIOBase):
    """Passes what is printed on, and remembers the end of it."""

    def __init__(self, through: Any) -> None:
        self._through, self._kept = through, ""

    def write(self, text: str) -> int:
        self._kept = (self._kept + text)[-LOG_CHARACTERS:]
        self._through.write(text)
        return len(text)

    def flush(self) -> None:
        self._through.flush()

    def fileno(self) -> int:
        """For child processes and libraries that write around Python: theirs goes to the pod's log only."""
        return int(self._through.fileno())

    def text(self) -> str:
        return self._kept


class Recorder:
    """Holds the record of a run while it goes; whatever ends the block, the record says how."""

    def __init__(self, document: TrainDocument, context: Context) -> None:
        self.uri = context.layout.run(document.name, document.run_key)
        self._index = index_file(context.layout.run_index(), document.name, document.run_key)
        self._store = context.store
        self.record = RunRecord(
            run_key=document.run_key,
            training_job=document.name,
            namespace=document.namespace,
            model=document.model,
            request=document.request,
            cause=document.cause,
            attempt=document.attempt,
            uri=self.uri,
            started_at=_now(),
            recipe=recipe_of(document),
            git=document.git,
            surroundings=surroundings(context),
            dataset=document.dataset.model_dump(by_alias=True),
            code={"digest": document.code_digest} if document.code_digest else {},
        )
        self.curves: list[Point] = []
        self._sampler = Sampler()
        self._stack = contextlib.ExitStack()
        self._log = Tail(sys.stdout)

    def __enter__(self) -> Self:
        self._stack.enter_context(self._sampler)
        self._stack.enter_context(contextlib.redirect_stdout(self._log))
        self._stack.enter_context(contextlib.redirect_stderr(self._log))
        self._list()  # a run that is killed is found as one that never ended
        self.note()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()
        if error is None:
            return
        self._failed(error)
        if isinstance(error, WorkerError):
            error.result = error.result.model_copy(update={"uri": self.uri})
        with contextlib.suppress(StoreError):  # the store may be what failed; its error is the one to tell
            self._finish()

    def note(self, **facts: Any) -> None:
        """Set these fields and write the record as it stands."""
        self.record = self.record.model_copy(update=facts)
        self._save()

    def warn(self, sentences: Sequence[str]) -> None:
        self.record = self.record.model_copy(update={"warnings": list(dict.fromkeys([*self.record.warnings, *sentences]))})

    def keep_code(self, key: str, source: str) -> None:
        """The person's code, as it ran."""
        content = source.encode()
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w:gz") as tar:
            entry = tarfile.TarInfo(key)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        self._store.put(f"{self.uri}/code.tar.gz", archive.getvalue())
        self.note(code={**self.record.code, "key": key, "archive": f"{self.uri}/code.tar.gz"})

    def finish(self, result: Result) -> Result:
        """The run ended as `result` says: all files are written before it is told."""
        self._sampler.finish()
        self._ended(result.outcome, result.reason, result.message)
        self.record = self.record.model_copy(update={"result": result.model_dump(mode="json", by_alias=True)})
        self._finish()
        return result

    def _failed(self, error: BaseException) -> None:
        result = error.result if isinstance(error, WorkerError) else None
        self._ended("Failed", result.reason if result else type(error).__name__, redact(result.message if result else str(error)))

    def _ended(self, outcome: str, reason: str, message: str) -> None:
        self.record = self.record.model_copy(
            update={"outcome": outcome, "reason": reason, "message": message, "finished_at": _now(), "hardware": self._sampler.summary()}
        )

    def _finish(self) -> None:
        self._store.put(f"{self.uri}/curves.parquet", _parquet([vars(point) for point in self.curves], ["iteration", "split", "metric", "value"]))
        self._store.put(f"{self.uri}/hardware.parquet", _parquet(self._sampler.samples, list(self._sampler.samples[0])))
        self._store.put(f"{self.uri}/log.txt", redact(self._log.text()).encode())
        self._list()  # first: a run whose record is complete is never asked again
        self._save()
        compact(self._store, self._index.rpartition("/")[0])

    def _list(self) -> None:
        self._store.put(self._index, run_index.file(RunRecord.model_validate_json(self._json())))

    def _save(self) -> None:
        self._store.put(f"{self.uri}/record.json", self._json().encode())

    def _json(self) -> str:
        return redact(self.record.model_dump_json(indent=1))


def finished(store: Store, uri: str) -> RunRecord | None:
    """The record of a run that came to a model; None where there is none yet, or it failed."""
    try:
        record = RunRecord.model_validate_json(store.get(f"{uri}/record.json"))
    except (ObjectMissing, ValueError):
        return None
    return record if record.outcome in ("Succeeded", "Rejected") and record.result else None


def _parquet(rows: Sequence[dict[str, Any]], columns: list[str]) -> bytes:
    buffer = io.BytesIO()
    pd.DataFrame(list(rows), columns=columns).to_parquet(buffer, index=False)
    return buffer.getvalue()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
