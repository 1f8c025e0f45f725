"""Rows on this pod's disk until the object store has them: segments, each an Arrow stream that is appended to and then sealed.

A segment that a killed process left behind is read as far as it goes. Its number never repeats in a pod, so that an upload
that is tried again replaces itself. Over the limit the oldest segments go, and their rows are counted.
"""

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any

import pyarrow as pa

OPEN, SEALED = ".open", ".arrow"


@dataclass(frozen=True)
class Segment:
    """A sealed piece of the log. Its file's name says its number and how many rows it has."""

    path: Path
    sequence: int
    rows: int
    size: int

    def read(self) -> Any:
        """All rows, as a table."""
        with pa.memory_map(str(self.path)) as source, pa.ipc.open_stream(source) as reader:
            return pa.Table.from_batches(_batches(reader), reader.schema)


class _Open:
    """The segment that rows are being added to."""

    def __init__(self, path: Path, schema: Any) -> None:
        self.path, self.rows, self.begun = path, 0, time.monotonic()
        self._file = pa.OSFile(str(path), "wb")
        self._descriptor = os.open(path, os.O_RDONLY)
        self._stream = pa.ipc.new_stream(self._file, schema)

    def append(self, batch: Any) -> None:
        self._stream.write_batch(batch)
        self.rows += batch.num_rows

    def sync(self) -> None:
        os.fdatasync(self._descriptor)

    def size(self) -> int:
        return int(self._file.tell())

    def close(self) -> None:
        """Also after a failed write: what reached the disk can still be read."""
        with contextlib.suppress(OSError):
            self._stream.close()
        self._file.close()
        os.close(self._descriptor)


class Spool:
    """One folder of segments. One thread writes, another uploads; both may call `sealed`."""

    def __init__(self, folder: Path, limit_bytes: int, clock_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000) -> None:
        self._folder, self._limit, self._clock = folder, limit_bytes, clock_ms
        self._open: _Open | None = None
        self._lock = Lock()
        self._held: Path | None = None
        folder.mkdir(parents=True, exist_ok=True)
        self.recovered = sum(self._seal(path, _rows(path)) for path in sorted(folder.glob(f"*{OPEN}")))
        self.recovered = sum(each.rows for each in self.sealed())
        self._sequence = max((each.sequence for each in self.sealed()), default=0)

    def append(self, batch: Any) -> None:
        if self._open is None:
            self._sequence = max(self._sequence + 1, self._clock())
            self._open = _Open(self._folder / f"{self._sequence}{OPEN}", batch.schema)
        self._open.append(batch)

    def sync(self) -> None:
        """What was appended survives this process and a crash of the node's kernel."""
        if self._open:
            self._open.sync()

    def is_due(self, size: int, age_seconds: float) -> bool:
        """Whether the open segment is so large or so old that it should be sealed."""
        return self._open is not None and (self._open.size() >= size or time.monotonic() >= self._open.begun + age_seconds)

    def seal(self) -> None:
        """From now on the open segment, if there is one, may be uploaded."""
        if self._open:
            done, self._open = self._open, None
            done.close()
            self._seal(done.path, done.rows)

    def abandon(self) -> None:
        """After a failed write: keep of the open segment what can be read, and begin another one next time."""
        if self._open:
            done, self._open = self._open, None
            done.close()
            self._seal(done.path, _rows(done.path))

    def sealed(self) -> list[Segment]:
        """Oldest first."""
        found = [_segment(path) for path in self._folder.glob(f"*{SEALED}")]
        return sorted((each for each in found if each), key=lambda each: each.sequence)

    def hold(self, segment: Segment) -> bool:
        """Keep a segment from being dropped while it is uploaded; False where it is gone already."""
        with self._lock:
            self._held = segment.path if segment.path.exists() else None
            return self._held is not None

    def release(self, segment: Segment, *, delete: bool) -> None:
        with self._lock:
            self._held = None
            if delete:
                segment.path.unlink(missing_ok=True)

    def trim(self) -> int:
        """Bring the spool below its limit; how many rows that cost."""
        dropped = 0
        with self._lock:
            sealed = self.sealed()
            size = sum(each.size for each in sealed)
            for each in sealed:
                if size <= self._limit:
                    break
                if each.path != self._held:
                    each.path.unlink(missing_ok=True)
                    size, dropped = size - each.size, dropped + each.rows
        return dropped

    def _seal(self, path: Path, rows: int) -> int:
        if rows:
            path.rename(path.with_name(f"{path.stem}-{rows}{SEALED}"))
        else:
            path.unlink()
        return rows


def _segment(path: Path) -> Segment | None:
    """None where another thread has just deleted it."""
    sequence, _, rows = path.stem.partition("-")
    try:
        return Segment(path, int(sequence), int(rows), path.stat().st_size)
    except FileNotFoundError:
        return None


def _batches(reader: Any) -> list[Any]:
    """Every whole batch: the last one may have been cut off."""
    found = []
    try:
        while True:
            found.append(reader.read_next_batch())
    except (StopIteration, pa.ArrowInvalid, OSError):
        return found


def _rows(path: Path) -> int:
    try:
        return int(Segment(path, 0, 0, 0).read().num_rows)
    except (pa.ArrowInvalid, OSError):
        return 0
