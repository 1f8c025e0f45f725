"""Asks a Deployment about past flights as if they were about to depart, and tells it later how late each one was.

    python replay.py http://flights flights.csv --from 2013-02-01 --until 2013-07-01 --days-a-minute 16

Time is compressed and nothing else is: every flight is asked about once, in order and at its moment, with that moment as
`event_time`; its label is sent when it had become known (see `prepare.py --replay`). Flights that never arrived get none.

Open loop: a slow answer delays no other request, and latency counts from when a request was due, not from when it could be
sent. Where requests wait for seconds until they can be sent at all, the machine is too slow for the speed asked for: then the
flights' clock is held until it has caught up, and each line says for how long. Only the standard library is used, so that this runs wherever Python does; a file in S3 is read as the worker reads it.
"""

import argparse
import asyncio
import csv
import heapq
import itertools
import json
import signal
import sys
import tempfile
import time
import zlib
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

LONGEST_FLIGHT = timedelta(days=2)
"""Flights that departed before the span but land in it are due a label."""
CONNECTIONS = 32
MOST_BEHIND = 2.0
"""Seconds that a request waits for a connection before the clock is held: all are busy, and that for long."""
CATCH_UP_SECONDS = 0.05
MOST_LABELS = 5000
TICK_SECONDS = 1.0
"""Labels that have become known are sent together, once a second."""
SAY_SECONDS = 5.0
ANSWER_SECONDS = 30.0


@dataclass(frozen=True)
class Columns:
    """What of the file is sent: `id` is context, which is logged and not fed to the model. `numeric`: the label is a number."""

    id: str = "flight_id"
    time: str = "sched_dep"
    label: str = "late"
    text: tuple[str, ...] = ("carrier", "origin", "dest", "tailnum", "weekday")
    numbers: tuple[str, ...] = ("distance", "hour", "minute", "sched_arr_time")
    numeric: bool = False


FLIGHTS = Columns()


@dataclass(frozen=True)
class Flight:
    """One line of the file; `known` is None where the label never became known."""

    id: str
    departs: datetime
    values: dict[str, str]
    known: datetime | None


@dataclass
class Span:
    """Event time from `since` up to `until`, at `speed` seconds of it a second; `held` is for how long it stood still."""

    since: datetime
    until: datetime
    speed: float
    began: float = field(default_factory=time.monotonic)
    held: float = 0.0

    def hold(self, seconds: float) -> None:
        """It stood still for so long."""
        self.began += seconds
        self.held += seconds

    def due(self, moment: datetime) -> float:
        """When a moment comes, on this process's own clock."""
        return self.began + (moment - self.since).total_seconds() / self.speed

    @property
    def now(self) -> datetime:
        return min(self.until, self.since + timedelta(seconds=(time.monotonic() - self.began) * self.speed))


def read(file: Iterable[str], since: datetime, until: datetime, every: int, columns: Columns = FLIGHTS) -> Iterator[Flight]:
    """The flights of a span and those that may still land in it, from a file in order of departure; of every so many ids, one."""
    for row in csv.DictReader(file):
        id_, departs = row[columns.id], datetime.fromisoformat(row[columns.time])
        if departs >= until:
            return
        if departs >= since - LONGEST_FLIGHT and zlib.crc32(id_.encode()) % every == 0:
            yield Flight(id_, departs, row, datetime.fromisoformat(row["known"]) if row["known"] else None)


def together(flights: Iterable[Flight], most: int) -> Iterator[list[Flight]]:
    """Flights that are asked about in one request: scheduled for the same minute, and not more than so many."""
    for _, group in itertools.groupby(flights, key=lambda each: each.departs):
        while batch := list(itertools.islice(group, most)):
            yield batch


def question(batch: list[Flight], columns: Columns) -> bytes:
    """The request, under the id of its first flight."""
    tensors = [
        *(
            {"name": name, "shape": [len(batch)], "datatype": "BYTES", "data": [each.values[name] or None for each in batch]}
            for name in (columns.id, *columns.text)
        ),
        *({"name": name, "shape": [len(batch)], "datatype": "FP32", "data": [_number(each.values[name]) for each in batch]} for name in columns.numbers),
    ]
    return json.dumps({"id": batch[0].id, "parameters": {"event_time": batch[0].departs.isoformat()}, "inputs": tensors}).encode()


def _number(text: str) -> float | None:
    return float(text) if text else None


class Connections:
    """HTTP/1.1 over a few connections that are kept; the one that has rested longest is used first, so that all pods are asked."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        self.host, self.port = parts.hostname or "", parts.port or 80
        self.reopened = 0
        self._resting: deque[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = deque()
        self._free = asyncio.Semaphore(CONNECTIONS)
        self._waiting: dict[object, float] = {}

    @property
    def behind(self) -> float:
        """For how long the request that waits longest has waited for a connection."""
        return time.monotonic() - next(iter(self._waiting.values())) if self._waiting else 0.0

    async def post(self, path: str, body: bytes) -> tuple[int, str, bytes]:
        """Status, the version that answered, and the body. A kept connection that the server has closed meanwhile is replaced once."""
        head = f"POST {path} HTTP/1.1\r\nHost: {self.host}\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        turn = object()
        self._waiting[turn] = time.monotonic()
        async with self._free, asyncio.timeout(ANSWER_SECONDS):
            del self._waiting[turn]
            if self._resting:
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    return await self._exchange(*self._resting.popleft(), head + body)
                self.reopened += 1
            return await self._exchange(*await asyncio.open_connection(self.host, self.port), head + body)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, message: bytes) -> tuple[int, str, bytes]:
        kept = False
        try:
            writer.write(message)
            status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            kept = headers.get("connection", "").lower() != "close"
        finally:
            self._resting.append((reader, writer)) if kept else writer.close()
        return int(status.split()[1]), headers.get("x-trimtab-version", "?"), body


@dataclass
class Tally:
    """What came of it so far; `recent` are latencies since the last line was printed."""

    asked: int = 0
    answered: int = 0
    labels: int = 0
    refused: Counter[str] = field(default_factory=Counter)
    versions: Counter[str] = field(default_factory=Counter)
    recent: list[float] = field(default_factory=list)

    def line(self, moment: datetime, seconds: float, held: float) -> str:
        took = sorted(self.recent)
        self.recent, versions = [], ", ".join(f"v{version} {count}" for version, count in sorted(self.versions.items()))
        self.versions = Counter()
        return (
            f"{moment:%Y-%m-%d %H:%M}  {self.answered:7,} answers  {len(took) / seconds:4.0f}/s  p50 {_quantile(took, 0.5)}  p99 {_quantile(took, 0.99)}"
            f"  failed {self.refused.total()}  labels {self.labels:,}  by {versions or 'none'}{f'  held {held:.0f} s' if held else ''}"
        )


def _quantile(ordered: list[float], share: float) -> str:
    return f"{ordered[int(share * (len(ordered) - 1))] * 1e3:.0f} ms" if ordered else "-"


class Replay:
    """One span of flights against one model."""

    def __init__(self, connections: Connections, model: str, span: Span, columns: Columns = FLIGHTS) -> None:
        self.connections, self.span, self.columns, self.tally = connections, span, columns, Tally()
        self.path = f"/v2/models/{model}"
        self._unknown: list[tuple[datetime, str, str]] = []
        self._stopped = asyncio.Event()
        self._complaint = ""

    def stop(self) -> None:
        self._stopped.set()

    async def run(self, flights: Iterable[Flight], rows: int) -> Tally:
        """Until the span is over and everything is answered."""
        helpers = [asyncio.create_task(self._every(TICK_SECONDS, self._send_labels)), asyncio.create_task(self._every(SAY_SECONDS, self._say))]
        open_requests: set[asyncio.Task[None]] = set()
        for batch in together(flights, rows):
            self._remember(batch)
            if batch[0].departs < self.span.since:
                continue
            if await self._stopped_before(self.span.due(batch[0].departs)):
                break
            while self.connections.behind > MOST_BEHIND:
                stopped = time.monotonic()
                await asyncio.sleep(CATCH_UP_SECONDS)
                self.span.hold(time.monotonic() - stopped)
            task = asyncio.create_task(self._ask(batch))
            open_requests.add(task)
            task.add_done_callback(open_requests.discard)
        await self._stopped_before(self.span.due(self.span.until))
        await asyncio.gather(*open_requests)
        for each in helpers:
            each.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
        await self._send_labels()
        await self._say()
        return self.tally

    async def _stopped_before(self, due: float) -> bool:
        wait = due - time.monotonic()
        if wait > 0 and not self._stopped.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopped.wait(), wait)
        return self._stopped.is_set()

    async def _ask(self, batch: list[Flight]) -> None:
        due, outcome, version = self.span.due(batch[0].departs), "", "?"
        self.tally.asked += len(batch)
        try:
            status, version, body = await self.connections.post(f"{self.path}/infer", question(batch, self.columns))
            outcome = "" if status == 200 else f"{status} {body[:200].decode('utf-8', 'replace')}"
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            outcome = type(error).__name__
        if outcome:
            self.tally.refused[outcome] += 1
            return
        self.tally.answered += len(batch)
        self.tally.versions[version] += len(batch)
        self.tally.recent.append(time.monotonic() - due)

    def _remember(self, batch: list[Flight]) -> None:
        for row, flight in enumerate(batch):
            if flight.known and flight.known >= self.span.since:
                heapq.heappush(self._unknown, (flight.known, f"{batch[0].id}/{row}", flight.values[self.columns.label]))

    async def _send_labels(self) -> None:
        """What has become known, oldest first; what the server does not take now is sent again at the next turn."""
        now = self.span.now
        while self._unknown and self._unknown[0][0] <= now:
            due = [heapq.heappop(self._unknown) for _ in range(min(MOST_LABELS, len(self._unknown))) if self._unknown[0][0] <= now]
            body = json.dumps(
                [{"id": id_, "label": float(label) if self.columns.numeric else label, "time": known.isoformat()} for known, id_, label in due]
            ).encode()
            try:
                status, _, said = await self.connections.post(f"{self.path}/labels", body)
            except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
                status, said = 0, type(error).__name__.encode()
            except asyncio.CancelledError:  # the span is over in the middle of this: they are sent with the last ones
                self._put_back(due)
                raise
            if status != 202:
                self._complain(f"labels: {status} {said[:300].decode('utf-8', 'replace')}; they are sent again")
                self._put_back(due)
                return
            self._complain("")
            self.tally.labels += len(due)

    def _put_back(self, labels: Iterable[tuple[datetime, str, str]]) -> None:
        for each in labels:
            heapq.heappush(self._unknown, each)

    def _complain(self, sentence: str) -> None:
        """Once, not once a second."""
        if sentence and sentence != self._complaint:
            print(sentence, flush=True)
        self._complaint = sentence

    async def _say(self) -> None:
        print(self.tally.line(self.span.now, SAY_SECONDS, self.span.held), flush=True)

    async def _every(self, seconds: float, do: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            await do()


def local(path: str) -> Path:
    """The file, fetched first where it is in the object store."""
    if not path.startswith("s3://"):
        return Path(path)
    from trimtab.store.client import Store
    from trimtab.store.settings import StoreSettings

    to = Path(tempfile.mkdtemp()) / "flights.csv"
    Store(StoreSettings.from_environment()).download(path, to)
    return to


def columns_of(text: str) -> Columns:
    """From JSON such as {"id": "hour_id", "time": "ts", "label": "count", "text": ["weekday"], "numbers": ["hour"], "numeric": true}."""
    return Columns(**{name: tuple(value) if isinstance(value, list) else value for name, value in json.loads(text).items()})


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", help="where the Deployment answers")
    parser.add_argument("flights", help="what `prepare.py --replay` wrote; a path or s3://bucket/key")
    parser.add_argument("--model", default="flights")
    parser.add_argument("--from", dest="since", type=day, required=True, help="first day, UTC")
    parser.add_argument("--until", type=day, required=True, help="day after the last")
    parser.add_argument("--days-a-minute", type=float, default=16.0, help="days of flights in a minute (16)")
    parser.add_argument("--rows", type=int, default=1, help="flights of one minute in one request, at most (1)")
    parser.add_argument("--one-of", type=int, default=1, help="ask about one flight of so many (1: about all)")
    parser.add_argument(
        "--columns", type=columns_of, default=FLIGHTS, metavar="JSON", help="of another table than the flights': id, time, label, text, numbers"
    )
    wanted = parser.parse_args()
    with local(wanted.flights).open() as file:
        flights = read(file, wanted.since, wanted.until, wanted.one_of, wanted.columns)
        first = list(itertools.islice(flights, 1))  # the file is read up to the span before the clock starts
        span = Span(wanted.since, wanted.until, wanted.days_a_minute * timedelta(days=1).total_seconds() / 60)
        replay = Replay(Connections(wanted.url), wanted.model, span, wanted.columns)
        for each in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(each, replay.stop)
        tally = await replay.run(itertools.chain(first, flights), wanted.rows)
    print(
        f"asked about {tally.asked:,} flights, {tally.answered:,} answered, {tally.labels:,} labels taken, {replay.connections.reopened} connections reopened"
    )
    for what, count in tally.refused.most_common(20):
        print(f"  {count:6} {what}")
    return 0 if not tally.refused else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
