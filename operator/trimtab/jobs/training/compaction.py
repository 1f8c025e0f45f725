"""Puts the index's many small files together, so that whoever searches a hundred thousand runs opens some hundred files.

Nobody coordinates it: a worker whose run has ended looks, and where enough small files lie there it writes one file of their rows and
deletes those that are still what it read. Dying in between, two workers at once, or a run that goes on and writes its own file again
leaves a run with two rows and never with none; readers take the newest (`store/run_index.py`).
"""

import io
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pyarrow as pa
import pyarrow.parquet as pq
import structlog

from trimtab.store.client import ObjectInfo, Store
from trimtab.store.errors import ObjectMissing, StoreError
from trimtab.store.run_index import compacted_file, is_compacted

LEAST = 500
"""Small files that are worth it: one reading of each, once in so many runs."""
REST = timedelta(hours=1)
"""Since its last writing a small file has been left alone for so long: the attempts of a run follow each other within it."""

structured = structlog.get_logger()


def compact(store: Store, folder: str, *, least: int = LEAST, now: datetime | None = None) -> int:
    """How many runs were put together. The index is derived from the records: where the store fails it stays as it is."""
    try:
        return _compact(store, folder, least, now or datetime.now(UTC))
    except (StoreError, pa.ArrowException) as error:
        structured.warning("index.not_compacted", detail=str(error))
        return 0


def _compact(store: Store, folder: str, least: int, now: datetime) -> int:
    resting = [each for each in store.list(f"{folder}/") if each.uri.endswith(".parquet") and not is_compacted(each.uri) and each.modified < now - REST]
    if len(resting) < least:
        return 0
    rows = {each: table for each in resting if (table := _row(store, each)) is not None}
    buffer = io.BytesIO()
    pq.write_table(pa.concat_tables(rows.values(), promote_options="default"), buffer)
    digest = sha256("\n".join(f"{each.uri} {each.etag}" for each in rows).encode()).hexdigest()
    store.put(compacted_file(folder, digest[:32]), buffer.getvalue())
    now_there = {each.uri: each.etag for each in store.list(f"{folder}/")}
    store.delete([each.uri for each in rows if now_there.get(each.uri) == each.etag])
    structured.info("index.compacted", runs=len(rows))
    return len(rows)


def _row(store: Store, file: ObjectInfo) -> pa.Table | None:
    """The row of a run; None where another worker has put it away meanwhile, or nobody can read it."""
    try:
        return pq.read_table(io.BytesIO(store.get(file.uri)))
    except (ObjectMissing, pa.ArrowInvalid):
        return None
