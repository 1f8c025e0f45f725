"""How much memory this container may use, so that engines spill to disk instead of being killed."""

from pathlib import Path

import psutil

CGROUP = Path("/sys/fs/cgroup")
LIMIT_FILES = ("memory.max", "memory/memory.limit_in_bytes")
"""Of cgroup v2 and v1."""


def available(cgroup: Path = CGROUP) -> int:
    """Bytes: the container's limit where it has one, else the machine's memory."""
    machine = int(psutil.virtual_memory().total)
    return min([machine, *(limit for name in LIMIT_FILES if (limit := _limit(cgroup / name)))])


def _limit(file: Path) -> int | None:
    """None where the file is missing or says `max`; version 1 spells `no limit` as a huge number, which loses to the machine's."""
    try:
        return int(file.read_text())
    except (OSError, ValueError):
        return None
