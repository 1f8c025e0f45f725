"""What a container leaves behind for the kubelet to read: its answer, and before that how much memory it has held.

A process that is killed for its memory has no time to say so. Once it holds half of what it may, it keeps a note of the most
it has held; the answer takes the note's place. Of the standard library alone: the note is kept from the first import on.
"""

import contextlib
import json
import os
import threading
from pathlib import Path

LOG = "/dev/termination-log"
LOG_VARIABLE = "TRIMTAB_TERMINATION_LOG"
LOG_BYTES = 4096
"""The kubelet cuts a termination message here."""

PEAK = "peakMemory"
EVERY_SECONDS = 0.25
STEP = 1 << 20
"""Bytes that the peak grows by before it is noted anew."""

CGROUP = Path("/sys/fs/cgroup")
LIMIT_FILES = ("memory.max", "memory/memory.limit_in_bytes")
"""Of cgroup v2 and v1."""
OWN_STATUS = Path("/proc/self/status")

_answered = threading.Event()
_writing = threading.Lock()


def leave(answer: str) -> None:
    """Write the answer, and no note after it; nothing is lost where there is no kubelet."""
    with _writing, contextlib.suppress(OSError):
        _answered.set()
        _log().write_text(answer, encoding="utf-8")


def keep_a_note_of_memory() -> None:
    """From now on, by a thread of its own; nothing is noted where no limit is set."""
    _answered.clear()
    limit = memory_limit()
    if limit is not None:
        threading.Thread(target=_keep, args=(limit,), daemon=True, name="memory").start()


def _keep(limit: int) -> None:
    noted = limit // 2
    while not _answered.wait(EVERY_SECONDS):
        peak = memory_peak()
        if peak >= noted + STEP:
            noted = peak
            _note(peak)


def _note(peak: int) -> None:
    """Over the note before, which is never the longer: a process killed in the middle leaves one that can be read.

    Only where the kubelet has made the file.
    """
    with _writing, contextlib.suppress(OSError):
        if not _answered.is_set():
            with _log().open("r+b", buffering=0) as file:
                file.write(json.dumps({PEAK: mebibytes(peak)}).encode())


def noted_peak(message: str) -> str:
    """The peak in a termination message, such as `1913Mi`; empty where it is none of our notes."""
    with contextlib.suppress(ValueError, AttributeError):
        return str(json.loads(message).get(PEAK, ""))
    return ""


def _log() -> Path:
    return Path(os.environ.get(LOG_VARIABLE, LOG))


def memory_limit(cgroup: Path = CGROUP) -> int | None:
    """Bytes that this container may use; None where nobody has set a limit."""
    return min((limit for name in LIMIT_FILES if (limit := _number(cgroup / name)) is not None), default=None)


def _number(file: Path) -> int | None:
    """None where the file is missing or says `max`."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None


def memory_peak(status: Path = OWN_STATUS) -> int:
    """Bytes: the most this process has held so far; 0 where the kernel does not say.

    Not the container's own peak: that one counts cached files too, which are given back before anything is killed.
    """
    try:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) << 10


def mebibytes(size: float) -> str:
    """Bytes as people write limits of memory.

    >>> mebibytes(2_005_925_888)
    '1913Mi'
    """
    return f"{round(size / (1 << 20))}Mi"
