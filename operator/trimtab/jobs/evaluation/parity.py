"""Were features sent as their FeatureSets tell of that time? Logged values are laid beside a point-in-time join of their keys and times.

A model is asked with values that somebody has looked up or computed a second time, for there is no online store: that is where
serving parts from training. What differs is a bug, never drift. The newest rows are compared of those that the FeatureSet's
version can know all about: older than its newest event time and its delay.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from trimtab.api.base import seconds
from trimtab.api.documents import CONTEXT, INPUT, FeaturePointer
from trimtab.api.evaluation import EvaluateDocument, Parity
from trimtab.jobs.context import Context
from trimtab.jobs.dataset.engine import name
from trimtab.jobs.evaluation.answers import spelled
from trimtab.jobs.evaluation.logged import Log, moment
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.replaying import is_hashed
from trimtab.jobs.features.joining import Offer, column_of, features_of, matched
from trimtab.jobs.predictions import casting
from trimtab.store import manifest as manifests
from trimtab.store.client import Store
from trimtab.store.errors import DigestMismatch, ObjectMissing
from trimtab.store.layout import Layout

NEWEST = 1000
"""Rows of one FeatureSet that are compared: an example is told, and a percent of them can be counted."""
RELATIVE, ABSOLUTE = 1e-5, 1e-9
"""What may be between two numbers that are the same: inputs are single precision, and clients write six digits or more."""
SETTLED = timedelta(hours=1)
"""So long after a moment what was answered then has come to the store, and what was found of it is kept."""

ASKED = "__trimtab_asked"
MOMENT = "__trimtab_moment"


@dataclass(frozen=True)
class Source:
    """A version of a FeatureSet, and which of its columns the watched version takes."""

    offer: Offer

    @property
    def pointer(self) -> FeaturePointer:
        return self.offer.pointer

    @property
    def keys(self) -> list[str]:
        return list(self.offer.facts["entities"])

    @property
    def features(self) -> list[str]:
        return [each.name for each in self.offer.wanted]

    @cached_property
    def until(self) -> datetime:
        """Before this moment the version knows everything that was known then."""
        latest = datetime.fromisoformat(self.offer.facts["latestEventAt"])
        return latest + seconds(self.offer.facts.get("publishDelay") or "0s")

    @property
    def logged(self) -> set[str]:
        """Columns of the log that are needed of its keys; those of its features are inputs."""
        return {kind + each for each in self.keys for kind in (INPUT, CONTEXT)}


@dataclass(frozen=True)
class Compared:
    """Of one FeatureSet; `parity` is None where nothing could be compared: `remark` says why."""

    pointer: FeaturePointer
    parity: Parity | None = None
    remark: str = ""
    until: datetime | None = None


def sources(store: Store, layout: Layout, document: EvaluateDocument, model: Model) -> list[Source | Compared]:
    """For each FeatureSet that was joined to what the model learned from: how to compare, or why not; none where all may differ."""
    if not document.features or document.spec.skew.feature_mismatch_percent == 100:
        return []
    dataset = manifests.find(store, layout.dataset(document.dataset, str(model.facts.get("datasetDigest"))))
    if dataset is None:
        return [Compared(each, remark=f"The version of Dataset {document.dataset} that it learned from is gone.") for each in document.features]
    asked = {each["name"]: each["columns"] for each in dataset[0].facts.get("features") or []}
    taken = [each.name for each in model.inputs]
    return [_source(store, pointer, asked.get(pointer.name, []), taken) for pointer in document.features]


def _source(store: Store, pointer: FeaturePointer, asked: Sequence[str] | None, taken: Sequence[str]) -> Source | Compared:
    try:
        manifest = manifests.read(store, pointer.uri, pointer.manifest_digest)
    except (ObjectMissing, DigestMismatch) as error:
        return Compared(pointer, remark=error.message)
    facts = manifest.facts
    if not column_of(facts, facts["timestamp"]).zoned:
        return Compared(pointer, remark=f"{facts['timestamp']} says no time zone, and the times of requests do.")
    there = [column_of(facts, each) for each in features_of(facts) if each in taken and (asked is None or each in asked)]
    wanted = tuple(each for each in there if each.type != "datetime")
    return Source(Offer("", pointer, manifest, wanted)) if wanted else Compared(pointer, remark="The model takes none of its features as they are.")


def columns(found: Sequence[Source | Compared]) -> set[str]:
    """What they need of the log beside the model's inputs."""
    return set().union(*(each.logged for each in found if isinstance(each, Source)))


@dataclass(frozen=True)
class Requests:
    """What was asked of the watched version since it began to serve, and who wants to know."""

    log: Log
    context: Context
    monitor: str
    model: Model
    since: datetime


def compare(requests: Requests, found: Sequence[Source | Compared]) -> list[Compared]:
    """All of them, in their order."""
    return [each if isinstance(each, Compared) else _Comparison(requests, each).kept() for each in found]


def worst(found: Sequence[Compared]) -> Parity | None:
    """Of the FeatureSet in which the largest share differs, and of equal ones that with the most rows."""
    known = [each.parity for each in found if each.parity]
    return max(known, key=lambda each: (each.mismatched / each.compared, each.compared), default=None)


@dataclass(frozen=True)
class _Comparison:
    """One FeatureSet's."""

    requests: Requests
    source: Source

    def kept(self) -> Compared:
        """What was found before, as long as there is no newer version to compare with: files of features are not read every hour."""
        requests, pointer, until = self.requests, self.source.pointer, self.source.until
        store, layout = requests.context.store, requests.context.layout
        covered = {"features": pointer.digest, "model": requests.model.digest, "since": requests.since.isoformat(), "columns": self.source.features}
        uri = layout.parity(requests.monitor, manifests.digest_of(covered | {"newest": NEWEST}))
        try:
            return Compared(pointer, Parity.model_validate_json(store.get(uri)), until=until)
        except (ObjectMissing, ValueError):
            found = self.made()
        if found.parity and until + SETTLED <= requests.log.now:
            store.put(uri, found.parity.model_dump_json(by_alias=True).encode())
        return found

    def made(self) -> Compared:
        pointer, until = self.source.pointer, self.source.until
        if remark := next((said for objection in (self._not_logged, self._not_asked, self._without_keys) if (said := objection())), ""):
            return Compared(pointer, remark=remark, until=until)
        rows = self._joined()
        if veiled := next((each for each in [*self.source.keys, *self.source.features] if is_hashed(rows[each])), ""):
            return Compared(pointer, remark=f"{veiled} is hashed in the prediction log.", until=until)
        return Compared(pointer, _parity(self.source, rows), until=until)

    def _not_logged(self) -> str:
        lost = next((each for each in self.source.features if INPUT + each not in self.requests.log.columns), "")
        return lost and f"{lost} is not in the prediction log."

    def _not_asked(self) -> str:
        version, until = self.source.pointer.version, self.source.until
        asked = self.requests.log.count(self._covered)
        return "" if asked else f"Version {version} knows the time before {until:%Y-%m-%d %H:%M} UTC; nothing was asked about it."

    def _without_keys(self) -> str:
        unsent = next((each for each in self.source.keys if not self._held(each) or not self.requests.log.count(self._with([each]))), "")
        which = f"{unsent}, by which FeatureSet {self.source.pointer.name} is joined"
        return unsent and f"{which}, is not in the prediction log; send it with each request, also where the model does not take it."

    @property
    def _covered(self) -> str:
        log = self.requests.log
        return f"{log.own()} AND {WHEN} >= {moment(self.requests.since)} AND {WHEN} < {moment(self.source.until)}"

    def _with(self, keys: Sequence[str]) -> str:
        """Covered, and these keys were sent: a row without one can be looked up by nobody."""
        sent = (f"({' OR '.join(f'{name(column)} IS NOT NULL' for column in self._held(each))})" for each in keys)
        return " AND ".join([self._covered, *sent])

    def _held(self, key: str) -> list[str]:
        """Columns of the log that have a key."""
        return [kind + key for kind in (INPUT, CONTEXT) if kind + key in self.requests.log.columns]

    def _joined(self) -> Any:
        """An arrow table: request, row and moment, keys and features as they were sent, and `<n>`: the n-th feature as it was known."""
        requests, source = self.requests, self.source
        engine = requests.log.engine
        sent = ", ".join([*self._keys(), *(f"{name(INPUT + each)} AS {name(each)}" for each in source.features)])
        engine.execute(f"""
            CREATE TABLE {ASKED} AS SELECT request_id || '/' || row AS __request, CAST({WHEN} AS TIMESTAMP) AS {MOMENT}, {sent}
            FROM answers WHERE {self._with(source.keys)} ORDER BY {WHEN} DESC, request_id, row LIMIT {NEWEST}""")
        folder = requests.context.scratch / "parity" / source.pointer.digest[:16]
        known = matched(engine, requests.context.store, source.offer, folder, rows=ASKED, timestamp=MOMENT)
        values = ", ".join(f"{known}.{name(each)} AS {name(str(n))}" for n, each in enumerate(source.features))
        rows = engine.sql(f"SELECT {ASKED}.*, {values} FROM {ASKED} POSITIONAL JOIN {known}").to_arrow_table()
        for each in (known, ASKED):
            engine.execute(f"DROP TABLE {each}")
        return rows

    def _keys(self) -> Iterator[str]:
        """SQL of each key in the type that the FeatureSet has it in, whatever the client wrote."""
        types = {column: kind for column, kind, *_ in self.requests.log.engine.execute("DESCRIBE answered").fetchall()}
        for key in self.source.keys:
            value = casting.value([(each, types[each]) for each in self._held(key)], written=INPUT + key not in types)
            yield f"{casting.as_stored(value, column_of(self.source.offer.facts, key).dtype)} AS {name(key)}"


WHEN = "coalesce(event_time, time)"
"""Of a logged row: what it is about, as `Dataset.spec.timestamp` says it of a row."""


def _parity(source: Source, rows: Any) -> Parity:
    differing = [differ(rows[each], rows[str(n)]) for n, each in enumerate(source.features)]
    wrong = np.logical_or.reduce(differing)
    found = Parity(feature_set=source.pointer.name, compared=rows.num_rows, mismatched=int(wrong.sum()))
    if not found.mismatched:
        return found
    column = int(np.argmax([each.sum() for each in differing]))
    place = int(np.flatnonzero(differing[column])[0])
    asked, sent, known = (rows[each][place].as_py() for each in ("__request", source.features[column], str(column)))
    says = f"FeatureSet {source.pointer.name} version {source.pointer.version} says {_shown(known)} of {rows[MOMENT][place].as_py():%Y-%m-%d %H:%M} UTC"
    return found.model_copy(update={"detail": f"{asked} was sent with {source.features[column]} {_shown(sent)}; {says}."})


def differ(sent: Any, known: Any) -> Any:
    """Which values of two arrow columns are not the same: numbers by more than a digit of single precision, words at all; missing is like missing.

    >>> differ(pa.chunked_array([[0.1, None, 2.0]]), pa.chunked_array([[0.10000000149, None, 2.1]])).tolist()
    [False, False, True]
    """
    if all(pa.types.is_floating(each.type) or pa.types.is_integer(each.type) for each in (sent, known)):
        ours, theirs = (each.cast(pa.float64()).to_numpy() for each in (sent, known))
        return ~np.isclose(ours, theirs, rtol=RELATIVE, atol=ABSOLUTE, equal_nan=True)
    return spelled(sent.to_pylist()) != spelled(known.to_pylist())


def _shown(value: Any) -> str:
    if value is None or value != value:  # noqa: PLR0124 (NaN)
        return "nothing"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
