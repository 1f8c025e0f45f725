"""A sealed segment becomes objects: one Parquet file for each hour it touches, and the profiles of the windows in it.

Tried again it writes the same objects again, so a segment may be given up only when all of them are there.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from trimtab.store.client import Store
from trimtab.store.layout import Layout
from trimtab_serving.trail import arrays
from trimtab_serving.trail.rows import EPOCH, complete
from trimtab_serving.trail.spool import Segment
from trimtab_serving.trail.windows import Windows

HOUR_SECONDS = 3600
ROW_GROUP = 16384
"""Rows compressed at a time: small slices, so that requests get the processor in between."""

SOUGHT = ["time", "event_time", "request_id"]
"""What readers look for: least and greatest values of other columns help nobody, and cost a quarter of the file."""


@dataclass(frozen=True)
class Place:
    """Where in the store this pod writes."""

    store: Store
    layout: Layout
    deployment: str
    pod: str


def upload(segment: Segment, place: Place, windows: Windows | None) -> float:
    """Write everything that is in the segment; the latest event time that a client sent in it, in seconds, 0 where none did.

    One request without an event time must not set the event clock to today.
    """
    rows = segment.read()
    event_times = pc.coalesce(rows["event_time"], rows["time"])
    table = complete(rows)
    for hour, part in by_hour(table, table["time"]):
        place.store.put(place.layout.prediction_file(place.deployment, hour, place.pod, segment.sequence), parquet(part))
    if windows:
        for start, part in by_hour(rows, event_times):
            uri = place.layout.window_file(place.deployment, windows.digest, start, place.pod, segment.sequence)
            place.store.put(uri, json.dumps(windows.of(start, part), separators=(",", ":"), allow_nan=False).encode())
    latest = pc.max(rows["event_time"]).cast(pa.int64()).as_py() or 0
    del rows, table
    pa.default_memory_pool().release_unused()
    return latest / 1e6


def by_hour(table: Any, times: Any) -> Iterator[tuple[datetime, Any]]:
    """The rows of each hour, and its start."""
    hours = times.cast(pa.int64()).to_numpy() // (HOUR_SECONDS * 1_000_000)
    found = np.unique(hours).tolist()
    for hour in found:
        part = table if len(found) == 1 else table.filter(arrays.numbers(hours == hour, pa.bool_()))
        yield EPOCH + timedelta(seconds=hour * HOUR_SECONDS), part


def parquet(table: Any) -> bytes:
    """Dictionaries for words alone: of numbers and ids they cost three times as much to write, and a third more bytes."""
    words = [field.name for field in table.schema if field.name != "request_id" and (pa.types.is_string(field.type) or pa.types.is_dictionary(field.type))]
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=ROW_GROUP, use_dictionary=words, write_statistics=SOUGHT)
    content: bytes = sink.getvalue().to_pybytes()
    return content
