"""How much memory this container may use, so that engines spill to disk instead of being killed; and the most it has used."""

from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
LIMIT_FILES = ("memory.max", "memory/memory.limit_in_bytes")
"""Of cgroup v2 and v1."""

OWN_STATUS = Path("/proc/self/status")


def available(cgroup: Path = CGROUP) -> int:
    """Bytes: the container's limit where it has one, else the machine's memory."""
    machine = int(psutil.virtual_memory().total)
    return min([machine, *(limit for name in LIMIT_FILES if (limit := _limit(cgroup / name)))])


def peak(status: Path = OWN_STATUS) -> int:
    """Bytes: the most this process has held so far; 0 where the kernel does not say.

    Not the container's own peak: that one counts cached files too, which are given back before anything is killed.
    """
    try:
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
    except (OSError, StopIteration):
        return 0
    return int(line.split()[1]) << 10


def _limit(file: Path) -> int | None:
    """None where the file is missing or says `max`; version 1 spells `no limit` as a huge number, which loses to the machine's."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
