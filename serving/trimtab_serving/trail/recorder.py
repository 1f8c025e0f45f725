"""The prediction log of one server: takes predictions on the way of their answers, and two threads do all the rest.

The writer turns what was taken into rows on disk, every half second and in slices, so that a killed process loses
less than the last second and no request waits long for the interpreter. The uploader carries sealed segments to the store,
oldest first, and comes back later where the store is away. Neither ever blocks or fails a request.
"""

import sys
import time
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from threading import Event, Thread
from typing import Any

import structlog
from numpy.typing import NDArray

from trimtab.api.documents import SPOOL_BYTES, PredictionLog
from trimtab.store.errors import StoreError
from trimtab_serving.calls import STABLE
from trimtab_serving.protocol import Request
from trimtab_serving.trail.rows import Prediction, Rows
from trimtab_serving.trail.spool import Segment, Spool
from trimtab_serving.trail.tally import Tally

WRITE_SECONDS = 0.5
"""Twice in the second that a killed process may lose."""
SLICE_ROWS = 16384
"""Encoded at a time: what a column costs beside its values is spread over so many, and no step holds the interpreter for long."""
REQUEST_BYTES = 4096
"""What a request weighs while it waits, beside its values: some thirty small objects."""
VALUE_BYTES = 16
EARLY_BYTES = 32 * 1024 * 1024
"""So much waiting is written before its half second is over: many small pieces cost more than few."""
MOST_WAITING_BYTES = 64 * 1024 * 1024
"""More than this is not kept in memory: a second of more than one process can answer, should the disk stand still."""
SWITCH_SECONDS = 0.0005
"""After which a thread gives up the interpreter; the default of 5 ms would be added to the answers that wait for it."""
SEGMENT_BYTES = 8 * 1024 * 1024
FIRST_WAIT, LONGEST_WAIT = 1.0, 60.0
"""Seconds until an upload that failed is tried again; doubled each time."""
HASHES = 1 << 32

log = structlog.get_logger()

Upload = Callable[[Segment], float]


class Recorder:
    """`start` when the model is known, `take` for each answer, `close` at the end."""

    def __init__(self, rows: Rows, folder: Path, settings: PredictionLog, upload: Upload, tally: Tally, *, spool_bytes: int = SPOOL_BYTES) -> None:
        self._rows, self._settings, self._upload, self.tally = rows, settings, upload, tally
        self._spool = Spool(folder, spool_bytes)
        self._waiting: deque[Prediction] = deque()
        self._threshold = settings.percent * HASHES // 100
        self._row_bytes = VALUE_BYTES * len(rows.schema)
        self._taken_bytes = self._written_bytes = 0  # each written by one thread alone
        self._early, self._wake, self._closing, self._written_all = Event(), Event(), Event(), Event()
        self._deadline = float("inf")
        tally.recovered = self._spool.recovered
        self._threads = [Thread(target=each, name=each.__name__.strip("_"), daemon=True) for each in (self._write_on, self._upload_on)]

    def start(self) -> None:
        if self._rows.unknown:
            log.warning("prediction_log.unknown_columns", columns=self._rows.unknown)
        sys.setswitchinterval(SWITCH_SECONDS)
        for each in self._threads:
            each.start()

    def take(self, request_id: str, request: Request, outputs: Sequence[NDArray[Any]], seconds: float, *, role: str = STABLE, user: str = "") -> None:
        """Keep an answered request. All rows of a request or none, and the same ones in every pod."""
        tally = self.tally
        if self._threshold < HASHES and zlib.crc32(request_id.encode("utf-8", "replace")) >= self._threshold:
            tally.sampled_out += request.rows
            return
        waiting = self._taken_bytes - self._written_bytes
        tally.taken += request.rows
        if waiting > MOST_WAITING_BYTES:
            tally.refused += request.rows
            return
        self._taken_bytes += self._weight(request)
        self._waiting.append(Prediction(time.time_ns(), request_id, request, outputs, int(seconds * 1e6), role, user))
        if waiting > EARLY_BYTES and not self._early.is_set():
            self._early.set()

    def _weight(self, request: Request) -> int:
        return REQUEST_BYTES + request.rows * self._row_bytes

    def close(self, seconds: float) -> None:
        """Write what waits, and upload as much as these seconds allow."""
        self._deadline = time.monotonic() + seconds
        self._closing.set()
        self._early.set()
        self._wake.set()
        for each in self._threads:
            each.join(max(0.0, self._deadline - time.monotonic()))
        left = sum(each.rows for each in self._spool.sealed())
        log.info("prediction_log.closed", left_behind=left, **self.tally.states())

    # the writer

    def _write_on(self) -> None:
        while not self._closing.is_set():
            self._early.wait(WRITE_SECONDS)
            self._early.clear()
            self._guarded(self._write)
        self._guarded(self._write)
        self._guarded(self._spool.seal)
        self._written_all.set()
        self._wake.set()

    def _write(self) -> None:
        for taken in self._slices():
            rows = sum(each.request.rows for each in taken)
            self._written_bytes += sum(self._weight(each.request) for each in taken)
            try:
                self._spool.append(self._rows.batch(taken))
            except Exception as error:  # noqa: BLE001 (a full disk or a bug here costs rows of the log, never an answer)
                self._fail(rows, error)
            else:
                self.tally.spooled += rows
        self._spool.sync()
        if self._spool.is_due(SEGMENT_BYTES, self._settings.upload_seconds):
            self._spool.seal()
            self._wake.set()
        if dropped := self._spool.trim():
            self.tally.lost += dropped
            log.warning("prediction_log.dropped", rows=dropped, reason="the spool is full")

    def _slices(self) -> Iterator[list[Prediction]]:
        """What waits now, in pieces. What comes meanwhile waits for the next turn: few at a time cost ten times as much."""
        taken: list[Prediction] = []
        rows = 0
        for _ in range(len(self._waiting)):
            taken.append(self._waiting.popleft())
            rows += taken[-1].request.rows
            if rows >= SLICE_ROWS:
                yield taken
                taken, rows = [], 0
        if taken:
            yield taken

    def _fail(self, rows: int, error: Exception) -> None:
        self.tally.lost += rows
        log.warning("prediction_log.dropped", rows=rows, reason=f"{type(error).__name__}: {error}")
        self._spool.abandon()

    def _guarded(self, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 (the thread must live on: the next turn may find a disk that works)
            log.warning("prediction_log.failed", reason=f"{type(error).__name__}: {error}")

    # the uploader

    def _upload_on(self) -> None:
        wait = FIRST_WAIT
        while True:
            self._wake.clear()
            failed = self._upload_all()
            if self._written_all.is_set() and (not self._spool.sealed() or time.monotonic() + wait > self._deadline):
                return
            self._wake.wait(wait if failed else self._settings.upload_seconds)
            wait = min(wait * 2, LONGEST_WAIT) if failed else FIRST_WAIT

    def _upload_all(self) -> bool:
        """Whether the store was away. A segment that nobody can read is given up, or it would stand before all others."""
        for segment in self._spool.sealed():
            if not self._spool.hold(segment):
                continue
            done = False
            try:
                event_seconds = self._upload(segment)
                done = True
            except StoreError as error:
                log.warning("prediction_log.store_away", reason=error.reason, message=error.message, sequence=segment.sequence)
                return True
            except Exception:
                log.exception("prediction_log.unreadable", sequence=segment.sequence, rows=segment.rows)
                self.tally.unreadable += segment.rows
                done = True
            else:
                self.tally.uploaded += segment.rows
                self.tally.event_seconds = max(self.tally.event_seconds, event_seconds)
            finally:
                self._spool.release(segment, delete=done)
        return False
