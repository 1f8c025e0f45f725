"""The embedded SQL engine: bounded in memory, spilling to scratch, and shut off from everything but scratch.

A person's validation rule is SQL: it must not read the environment or the disk of the pod, whose credentials may be more
than that person has.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb

from trimtab.jobs import memory

OTHERS_BYTES = 400 << 20
"""Interpreter, libraries and buffers of uploads beside the engine."""
ENGINE_SHARE = 0.6
"""Of the rest: measured, the engine's peak is a third above its own limit."""
LEAST_BYTES = 128 << 20
THREADS = 2
"""Each thread sorts and writes in buffers of its own; more would need more memory than a default pod has."""

Engine = Any
"""A duckdb connection; the library has no types to check against."""


def budget(available: int) -> int:
    """Bytes the engine may use in a container of that size."""
    return max(LEAST_BYTES, int((available - OTHERS_BYTES) * ENGINE_SHARE))


@contextmanager
def opened(scratch: Path) -> Iterator[Engine]:
    """A database in the scratch folder; running out of memory in it comes out as MemoryError."""
    engine = duckdb.connect(str(scratch / "work.duckdb"), config=_configuration(scratch))
    try:
        engine.execute(f"SET allowed_directories = [{text(f'{scratch}/')}]")
        for setting in ("TimeZone = 'UTC'", "enable_progress_bar = false", "enable_external_access = false", "lock_configuration = true"):
            engine.execute(f"SET {setting}")
        yield engine
    except duckdb.OutOfMemoryException as error:
        raise MemoryError(str(error).splitlines()[0]) from error
    finally:
        engine.close()


def _configuration(scratch: Path) -> dict[str, Any]:
    return {
        "memory_limit": f"{budget(memory.available()) >> 20}MiB",
        "temp_directory": str(scratch / "spill"),
        "threads": THREADS,
        "autoinstall_known_extensions": False,
        "autoload_known_extensions": False,
        "preserve_insertion_order": True,
    }


def name(identifier: str) -> str:
    """A column's name in SQL."""
    return '"' + identifier.replace('"', '""') + '"'


def text(value: str) -> str:
    """A text value in SQL."""
    return "'" + value.replace("'", "''") + "'"


def first(engine: Engine, sql: str) -> tuple[Any, ...]:
    """The first row of an answer that has one."""
    row: tuple[Any, ...] = engine.execute(sql).fetchone()
    return row
