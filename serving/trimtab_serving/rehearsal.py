"""A version that is new to its Deployment answers what another one was asked last, from the prediction log, before any client asks it.

It shows whether the version fails on today's requests, and how often its answers are others, before anybody is hurt and also where
clients ask little. The pod is ready meanwhile: the operator waits with the first share of the requests until this is over
(`plans/rollout.py`). It is over after SECONDS, whatever the store does; what cannot be asked again is nothing against the version.
"""

import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from trimtab.api.documents import CONTEXT, INPUT, OUTPUT, hidden_in
from trimtab.store.client import ObjectInfo, Store
from trimtab.store.errors import StoreError
from trimtab.store.layout import Layout
from trimtab_serving.calls import SHADOW
from trimtab_serving.model import Model, example
from trimtab_serving.split.compare import compare

REQUESTS = 200
"""The newest of them: enough that a version that fails one in fifty is very likely seen to."""
SECONDS = 20.0
DAYS = 2
"""Today's and yesterday's log; older requests say little about the next ones."""
MOST_FILES, MOST_BYTES = 16, 32 * 1024 * 1024

log = structlog.get_logger()


@dataclass
class Rehearsal:
    """How it goes: requests that were answered and that failed, rows that were compared and that differ. Written by one thread."""

    ok: int = 0
    errors: int = 0
    compared: int = 0
    disagreed: int = 0
    remark: str = ""
    """Why nothing could be asked, or what the first failure was."""
    _over: threading.Event = field(default_factory=threading.Event)
    _until: float = field(default_factory=lambda: time.monotonic() + SECONDS)

    @property
    def done(self) -> bool:
        return self._over.is_set() or self.late

    @property
    def late(self) -> bool:
        return time.monotonic() >= self._until

    def begin(self, model: Model, store: Store, layout: Layout) -> None:
        """In a thread of its own, which nobody waits for."""
        threading.Thread(target=self.run, args=(model, store, layout), name="rehearsal", daemon=True).start()

    def run(self, model: Model, store: Store, layout: Layout) -> None:
        """Never raises: the model answers clients all the same."""
        try:
            self._ask(model, store, layout)
        except StoreError as error:
            self.remark = error.message
        except Exception as error:
            log.exception("rehearsal.failed")
            self.remark = f"{type(error).__name__}: {error}"
        finally:
            self._over.set()
            log.info("rehearsal.done", requests=self.ok + self.errors, errors=self.errors, compared=self.compared, disagreed=self.disagreed, remark=self.remark)

    def _ask(self, model: Model, store: Store, layout: Layout) -> None:
        for logged in newest(model, store, layout.predictions(model.identity.deployment), datetime.now(UTC)):
            if self.late or self.ok + self.errors >= REQUESTS:
                return
            self._again(model, logged)
        if not self.ok + self.errors:
            self.remark = "Nothing in the log of the last two days was answered by another version, with all that this one takes."

    def _again(self, model: Model, logged: Any) -> None:
        try:
            request = model.protocol.decode(_question(model, logged))
            outputs = model.predict(request)
            answer = model.protocol.encode("", model.protocol.outputs, outputs)
        except Exception as error:  # noqa: BLE001 (a person's model may raise anything, and a client would get a 4xx or 5xx)
            self.errors += 1
            self.remark = self.remark or f"{type(error).__name__}: {error}"[:300]
            return
        self.ok += 1
        if (answered := _answer(model, logged)) and (found := compare(answer, answered)):
            self.compared += found.rows
            self.disagreed += found.disagreed


def newest(model: Model, store: Store, folder: str, now: datetime) -> Iterator[Any]:
    """Requests that clients were answered by another version, the newest first: each an arrow table of its rows."""
    for each in _files(store, folder, now):
        table = pq.read_table(pa.BufferReader(store.get(each.uri)))
        if not _has_all(model, table):
            continue
        rows = table.select(["request_id", "version", "role"]).to_pylist()
        starts = [0, *(n for n in range(1, len(rows)) if rows[n]["request_id"] != rows[n - 1]["request_id"]), len(rows)]
        for start, end in reversed(list(pairwise(starts))):
            first = rows[start]
            if start < end and str(first["version"]) != model.identity.version and first["role"] != SHADOW:
                yield table.slice(start, end - start)


def _files(store: Store, folder: str, now: datetime) -> Iterator[ObjectInfo]:
    """The newest first, by the time in their names; few of them, and none that is very large."""
    left = MOST_FILES
    for day in range(DAYS):
        date = (now - timedelta(days=day)).date().isoformat()
        found = [each for each in store.list(f"{folder}/date={date}/") if each.size <= MOST_BYTES and each.key.endswith(".parquet")]
        for each in sorted(found, key=_sequence, reverse=True)[:left]:
            left -= 1
            yield each


def _sequence(each: ObjectInfo) -> tuple[str, int]:
    """Hour, and within it the pod's own count, which is a time."""
    folder, _, file = each.key.rpartition("/")
    number = file.removesuffix(".parquet").rpartition("-")[2]
    return folder, int(number) if number.isdigit() else 0


def _has_all(model: Model, table: Any) -> bool:
    """Whether every input stands there in the clear; words may have come as context of the version that answered."""
    hidden = hidden_in(table.schema.metadata)
    return all(each.name not in hidden and (each.optional or _column(each.name, each.datatype, table)) for each in model.signature.inputs)


def _column(name: str, datatype: str, table: Any) -> str:
    """Where an input stands; empty: nowhere."""
    places = (INPUT + name, CONTEXT + name) if datatype == "BYTES" else (INPUT + name,)
    return next((each for each in places if each in table.column_names), "")


def _question(model: Model, logged: Any) -> bytes:
    """The request as a client would write it."""
    there = {each.name: column for each in model.signature.inputs if (column := _column(each.name, each.datatype, logged))}
    return example(model.signature, {name: _flat(logged[column].to_pylist()) for name, column in there.items()})


def _answer(model: Model, logged: Any) -> bytes:
    """What was answered then, as a body; empty where the log does not have it."""
    tensors = []
    for each in model.signature.outputs:
        if OUTPUT + each.name in logged.column_names:
            values = logged[OUTPUT + each.name].to_pylist()
            wide = len(values[0]) if isinstance(values[0], list) else 0
            shape = [len(values), wide] if wide else [len(values), *each.shape[1:]]
            tensors.append({"name": each.name, "datatype": each.datatype, "shape": shape, "data": _flat(values)})
    return orjson.dumps({"outputs": tensors}) if tensors else b""


def _flat(values: Sequence[Any]) -> list[Any]:
    return [part for each in values for part in each] if any(isinstance(each, list) for each in values) else list(values)
