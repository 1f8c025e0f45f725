"""Profiles of windows, added up from what serving pods uploaded hour by hour, whichever pod it was and in however many pieces.

A pod that uploads each minute leaves thousands of small objects a day. The sum of a window is kept beside its report, with the
list of objects it was made of; the next look reads the sum, unless an object has come late.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import reduce
from typing import Any

from trimtab.jobs.evaluation.spans import HOUR, Span
from trimtab.stats.profiles import Profile
from trimtab.store.client import ObjectInfo, Store
from trimtab.store.errors import ObjectMissing
from trimtab.store.layout import Layout
from trimtab.store.manifest import digest_of

AT_ONCE = 8
"""Objects that are fetched together: they are small, and each costs a round trip."""
SUM = "profile.json"


@dataclass(frozen=True)
class Piece:
    """One pod's part of one hour. `sequence` is the pod's clock, in milliseconds, when it wrote the first row of the piece."""

    start: datetime
    pod: str
    sequence: int
    info: ObjectInfo


@dataclass(frozen=True)
class Window:
    """What was asked and answered in one stretch of time."""

    span: Span
    inputs: Profile
    outputs: Profile

    @property
    def rows(self) -> int:
        return self.inputs.rows


@dataclass
class Windows:
    """The windows of one model of one Deployment; `reports` is the folder where their sums are kept."""

    store: Store
    layout: Layout
    driftmonitor: str
    pieces: Sequence[Piece]
    _known: dict[Span, Window] = field(default_factory=dict)

    def of(self, span: Span) -> Window:
        """One window; without rows where no pod uploaded any."""
        if span not in self._known:
            self._known[span] = self._summed(span)
        return self._known[span]

    def _summed(self, span: Span) -> Window:
        pieces = [each for each in self.pieces if each.start in span]
        if not pieces:
            return Window(span, Profile(0, {}), Profile(0, {}))
        uri, sources = f"{self.layout.report(self.driftmonitor, span.start)}/{SUM}", _sources(span, pieces)
        kept = _kept(self.store, uri, sources)
        if kept is None:
            kept = _added(self.store, pieces)
            self.store.put(uri, json.dumps({"sources": sources} | kept, separators=(",", ":"), allow_nan=False).encode())
        return Window(span, Profile.decode(kept["inputs"]), Profile.decode(kept["outputs"]))


def listed(store: Store, layout: Layout, deployment: str, model_digest: str) -> list[Piece]:
    """Every piece that there is of one model's windows, in order of time."""
    folder = f"{layout.windows(deployment, model_digest)}/"
    found = (_piece(each, each.uri.removeprefix(folder)) for each in store.list(folder))
    return sorted((each for each in found if each), key=lambda each: (each.start, each.sequence))


def within(pieces: Sequence[Piece], since: datetime) -> list[Piece]:
    """Those of hours that end after a moment."""
    return [each for each in pieces if each.start + HOUR > since]


def add(one: Profile, other: Profile) -> Profile:
    """The sum of what both know: a log whose settings changed has columns at one time and not at another."""
    parts = {name: part + other.parts[name] for name, part in one.parts.items() if name in other.parts}  # type: ignore[operator]
    return Profile(one.rows + other.rows, parts)


def _piece(info: ObjectInfo, name: str) -> Piece | None:
    """None for an object that no pod of ours has put there."""
    start, _, file = name.partition("/")
    pod, _, sequence = file.removesuffix(".json").rpartition("-")
    try:
        return Piece(datetime.fromisoformat(start), pod, int(sequence), info)
    except ValueError:
        return None


def _added(store: Store, pieces: Sequence[Piece]) -> dict[str, Any]:
    with ThreadPoolExecutor(AT_ONCE) as threads:
        contents = list(threads.map(lambda each: json.loads(store.get(each.info.uri)), pieces))
    return {which: reduce(add, (Profile.decode(each[which]) for each in contents)).encode() for which in ("inputs", "outputs")}


def _sources(span: Span, pieces: Sequence[Piece]) -> str:
    return digest_of([span.length / timedelta(seconds=1), *([each.info.key, each.info.etag] for each in pieces)])


def _kept(store: Store, uri: str, sources: str) -> dict[str, Any] | None:
    try:
        kept: dict[str, Any] = json.loads(store.get(uri))
    except (ObjectMissing, ValueError):
        return None
    return kept if kept.get("sources") == sources else None
