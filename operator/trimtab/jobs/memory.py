"""How much memory this container may use, so that engines spill to disk instead of being killed."""

import psutil

from trimtab.api.termination import memory_limit


def available() -> int:
    """Bytes: the container's limit where it has one, else the machine's memory.

    Version 1 of cgroups spells `no limit` as a huge number, which loses to the machine's.
    """
    machine = int(psutil.virtual_memory().total)
    return min(machine, memory_limit() or machine)
