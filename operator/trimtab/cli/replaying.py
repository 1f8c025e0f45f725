"""Asks a served model about rows of the past, each at its moment, and tells it every label when it had become known. Time is compressed and nothing else is.

Open loop: a slow answer delays no other request, and latency counts from when a request was due. Where that asks too much of a
machine, `hold` lets the clock stand still instead of letting requests pile up, and counts for how long.
"""

import asyncio
import contextlib
import heapq
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import duckdb

from trimtab.cli import quoting
from trimtab.cli.errors import Usage
from trimtab.cli.views import inference
from trimtab.cli.views.inference import Row
from trimtab.cli.views.listed import moment

CONNECTIONS = 32
ANSWER_SECONDS = 30.0
MOST_LABELS = 5000
"""In one request."""
TICK_SECONDS, SAY_SECONDS, HELD_SECONDS = 1.0, 5.0, 0.05
BATCH = 2048
"""Rows of the file in memory."""


@dataclass(frozen=True)
class Columns:
    """What the columns of a file mean; without `id` a row goes by its place, without `known` a label is known `delay` after its row."""

    time: str
    label: str
    id: str = ""
    known: str = ""
    delay: timedelta = timedelta()


@dataclass(frozen=True)
class Past:
    """One row: when it was asked about, and when (if ever) its label became known."""

    id: str
    moment: datetime
    values: Row
    label: Any
    known: datetime | None


def read(file: Path, columns: Columns) -> Iterator[Past]:
    """Rows in the order of their time, from CSV or Parquet; times without a zone are UTC. DuckDB sorts, on disk where it must."""
    with duckdb.connect() as table:
        try:
            names = _opened(table, file)
            _check(file, names, columns)
            found = table.execute(f"SELECT * FROM past ORDER BY {_moment(columns.time)}, row_number")
        except duckdb.Error as error:
            raise Usage(f"{file} cannot be read: {str(error).splitlines()[0]}") from error
        while batch := found.fetchmany(BATCH):
            for values in batch:
                yield _past(file, dict(zip(names, values, strict=True)), columns)


def _opened(table: duckdb.DuckDBPyConnection, file: Path) -> list[str]:
    path = quoting.text(str(file))
    scan = f"read_csv({path}, header = true, all_varchar = true)" if file.suffix == ".csv" else f"read_parquet({path})"
    table.execute(f"SET TimeZone = 'UTC'; CREATE VIEW past AS SELECT *, row_number() OVER () AS row_number FROM {scan}")
    return [str(each[0]) for each in table.execute("DESCRIBE past").fetchall()]


def _check(file: Path, names: list[str], columns: Columns) -> None:
    for option, name in (("--time", columns.time), ("--label", columns.label), ("--id", columns.id), ("--known", columns.known)):
        if name and name not in names:
            raise Usage(f"{file} has no column {name}; it has {', '.join(names[:-1])}.", f"{option} COLUMN names another")


def _moment(column: str) -> str:
    """Nothing that is no time is passed over: it comes first, and is refused."""
    return f"TRY_CAST({quoting.name(column)} AS TIMESTAMPTZ) NULLS FIRST"


def _past(file: Path, row: Row, columns: Columns) -> Past:
    number = row.pop("row_number")
    asked_at = time_of(row[columns.time])
    if asked_at is None:
        raise Usage(f"{file}, row {number}: {columns.time} is {row[columns.time]!r}, which is no time such as 2013-01-31T18:00:00Z.")
    known = time_of(row[columns.known]) if columns.known else asked_at + columns.delay
    label = None if row[columns.label] in (None, "") else row[columns.label]
    values = {name: plain(value) for name, value in row.items() if name not in (columns.label, columns.known)}
    return Past(str(row[columns.id]) if columns.id else f"{file.stem}-{number}", asked_at, values, label, known if label is not None else None)


def time_of(value: Any) -> datetime | None:
    """
    >>> time_of("2013-01-31T18:00:00Z") == time_of("2013-01-31 18:00") == time_of(datetime(2013, 1, 31, 18))
    True
    >>> time_of("soon")
    """
    if isinstance(value, str):
        return moment(value)
    if isinstance(value, date) and not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day, tzinfo=UTC)
    if not isinstance(value, datetime):
        return None
    return value if value.tzinfo else value.replace(tzinfo=UTC)


def plain(value: Any) -> Any:
    """A value of a file as JSON has it."""
    if isinstance(value, datetime | date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


@dataclass
class Clock:
    """Event time from `since` on, at `speed` seconds of it a second; `held` is for how long it stood still."""

    since: datetime
    speed: float
    began: float = field(default_factory=time.monotonic)
    held: float = 0.0

    def hold(self, seconds: float) -> None:
        self.began += seconds
        self.held += seconds

    def due(self, moment: datetime) -> float:
        """When a moment comes, on this process's own clock."""
        return self.began + (moment - self.since).total_seconds() / self.speed

    @property
    def now(self) -> datetime:
        return self.since + timedelta(seconds=(time.monotonic() - self.began) * self.speed)


@dataclass
class Tally:
    """What came of it; `latencies` in seconds, of which the last line has told the first `said`."""

    asked: int = 0
    answered: int = 0
    labels: int = 0
    failed: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    latencies: list[float] = field(default_factory=list)
    said: int = 0

    def line(self, moment: datetime, held: float) -> str:
        took, self.said = sorted(self.latencies[self.said :]), len(self.latencies)
        by = ", ".join(f"v{version} {count:,}" for version, count in sorted(self.versions.items())) or "nobody"
        rest = f"  held {held:.0f} s" if held >= 1 else ""
        return (
            f"{moment:%Y-%m-%d %H:%M}  {self.answered:8,} answers  {len(took) / SAY_SECONDS:5.0f}/s  p50 {_ms(took, 0.5)}  p99 {_ms(took, 0.99)}"
            f"  failed {self.failed.total()}  labels {self.labels:,}  by {by}{rest}"
        )

    def data(self, held: float) -> dict[str, Any]:
        took = sorted(self.latencies)
        seconds = {name: took[int(share * (len(took) - 1))] if took else None for name, share in (("p50", 0.5), ("p99", 0.99))}
        counts = {"asked": self.asked, "answered": self.answered, "labels": self.labels}
        return counts | {"failed": dict(self.failed), "versions": dict(self.versions), "seconds": seconds, "held_seconds": round(held, 1)}


def _ms(ordered: list[float], share: float) -> str:
    return f"{ordered[int(share * (len(ordered) - 1))] * 1e3:4.0f} ms" if ordered else "   -   "


class Replay:
    """One file against one model, over a session of `CONNECTIONS`. `metadata` is what the model says of its inputs and outputs."""

    def __init__(self, session: aiohttp.ClientSession, base: str, metadata: Mapping[str, Any], clock: Clock, say: Callable[[str], None]) -> None:
        self.session, self.base, self.metadata, self.clock, self.say = session, base, dict(metadata), clock, say
        self.tally = Tally()
        self._classes = any(each["name"] == "label" for each in metadata.get("outputs", []))
        self._unknown: list[tuple[datetime, str, Any]] = []
        self._stopped = asyncio.Event()
        self.complaint = ""
        """Why the labels were not taken when they were last sent; empty where they were."""

    def stop(self) -> None:
        """Ask no more; what is open is waited for."""
        self._stopped.set()

    async def run(self, past: Iterable[Past], until: datetime | None, *, hold: bool) -> Tally:
        """Up to a moment, or until the last label is told."""
        helpers = [asyncio.create_task(_every(TICK_SECONDS, self._tell)), asyncio.create_task(_every(SAY_SECONDS, self._said))]
        try:
            await self._ask_all(past, until, hold=hold)
            end = until or max((known for known, *_ in self._unknown), default=self.clock.now)
            await self._stopped_before(self.clock.due(end))
        finally:
            for each in helpers:
                each.cancel()
            await asyncio.gather(*helpers, return_exceptions=True)
        await self._tell(None if self._stopped.is_set() else end)
        self.say(self.tally.line(min(self.clock.now, end), self.clock.held))
        return self.tally

    async def _ask_all(self, past: Iterable[Past], until: datetime | None, *, hold: bool) -> None:
        open_requests: set[asyncio.Task[None]] = set()
        try:
            for each in past:
                if until and each.moment >= until:
                    break
                if each.known and each.known >= self.clock.since:
                    heapq.heappush(self._unknown, (each.known, f"{each.id}/0", each.label))
                if each.moment < self.clock.since:
                    continue  # asked about by an earlier replay; its label may be due in this one
                if await self._stopped_before(self.clock.due(each.moment)):
                    break
                while hold and len(open_requests) >= CONNECTIONS:
                    stood = time.monotonic()
                    await asyncio.sleep(HELD_SECONDS)
                    self.clock.hold(time.monotonic() - stood)
                task = asyncio.create_task(self._ask(each))
                open_requests.add(task)
                task.add_done_callback(open_requests.discard)
        finally:  # also where a row cannot be read
            await asyncio.gather(*open_requests)

    async def _stopped_before(self, due: float) -> bool:
        wait = due - time.monotonic()
        if wait > 0 and not self._stopped.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), wait)
        return self._stopped.is_set()

    async def _ask(self, row: Past) -> None:
        due = self.clock.due(row.moment)
        body = inference.request([row.values], self.metadata) | {"id": row.id, "parameters": {"event_time": row.moment.isoformat()}}
        self.tally.asked += 1
        status, version, said = await self._post("infer", body)
        if status != 200:
            self.tally.failed[f"{status or ''} {said[:200]}".strip()] += 1
            return
        self.tally.answered += 1
        self.tally.versions[version] += 1
        self.tally.latencies.append(time.monotonic() - due)

    async def _post(self, what: str, body: Any) -> tuple[int, str, str]:
        """Status, the version that answered and the text; status 0 and the error's name where nothing came."""
        try:
            async with self.session.post(f"{self.base}/{what}", json=body) as answer:
                return answer.status, answer.headers.get("x-trimtab-version", "?"), await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return 0, "?", type(error).__name__

    async def _tell(self, until: datetime | None = None) -> None:
        """Labels that have become known, oldest first; what the server does not take now is sent again at the next turn."""
        now = until or self.clock.now
        while self._unknown and self._unknown[0][0] <= now:
            due = [heapq.heappop(self._unknown) for _ in range(min(MOST_LABELS, len(self._unknown))) if self._unknown[0][0] <= now]
            taken = False
            try:
                status, _, said = await self._post("labels", [{"id": id_, "label": self._label(label), "time": known.isoformat()} for known, id_, label in due])
                taken = status == 202
            finally:  # also where the last tick is cut off in the middle
                if not taken:
                    for each in due:
                        heapq.heappush(self._unknown, each)
            if not taken:
                return self._complain(f"{status or ''} {said[:300]}".strip())
            self._complain("")
            self.tally.labels += len(due)
        return None

    def _label(self, value: Any) -> Any:
        """Text names a class; a number is a number."""
        if not self._classes:
            return float(value)
        return value if isinstance(value, str) else json.dumps(plain(value))

    def _complain(self, sentence: str) -> None:
        """Once, not once a second."""
        if sentence and sentence != self.complaint:
            self.say(f"labels: {sentence}; they are sent again")
        self.complaint = sentence

    async def _said(self) -> None:
        self.say(self.tally.line(self.clock.now, self.clock.held))


async def _every(seconds: float, do: Callable[[], Awaitable[None]]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await do()
