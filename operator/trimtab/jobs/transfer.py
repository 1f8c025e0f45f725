"""What the `trimtab` command runs in a pod that may use the namespace's store: a store inside the cluster has no address for a laptop.

    python -m trimtab.jobs.transfer where                     bucket and prefix, as JSON
    python -m trimtab.jobs.transfer list s3://bucket/folder/  one object a line, as JSON
    python -m trimtab.jobs.transfer tar < addresses           the objects of those addresses, one a line, as one tar
    python -m trimtab.jobs.transfer sha256 < objects          lines {uri, etag} -> lines {uri, sha256}; none where the object is another by now
    python -m trimtab.jobs.transfer prediction ID NAME ...    logged rows of one request of these Deployments, as JSON

Answers go to standard output, sentences about what went wrong to standard error. Nothing is written to the store.
"""

import io
import json
import sys
import tarfile
import tempfile
import uuid
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, BinaryIO

from trimtab.jobs.predictions import files
from trimtab.store.client import ObjectInfo, Store, split_uri
from trimtab.store.errors import StoreError
from trimtab.store.layout import Layout
from trimtab.store.settings import StoreSettings

AT_ONCE = 16
"""Objects that are fetched together: most are small, and each costs a round trip."""
SMALL = 16 << 20
"""What is larger is not held in memory but goes over a file."""
NEAR = timedelta(days=1)
"""How far from the time in its id a request may have been logged."""


def where(layout: Layout) -> dict[str, str]:
    return {"bucket": layout.bucket, "prefix": layout.prefix}


def listed(store: Store, uri: str) -> Iterator[dict[str, Any]]:
    for each in store.list(uri):
        yield {"uri": each.uri, "etag": each.etag, "size": each.size, "modified": each.modified.isoformat()}


def tar(store: Store, uris: Sequence[str], out: BinaryIO) -> None:
    """Members are called `bucket/key`, in the order of the addresses."""
    with tarfile.open(fileobj=out, mode="w|") as archive, ThreadPoolExecutor(AT_ONCE) as threads:
        # In batches, so that what is fetched ahead stays bounded.
        for start in range(0, len(uris), AT_ONCE):
            batch = uris[start : start + AT_ONCE]
            for uri, content in zip(batch, threads.map(lambda each: _fetched(store, each), batch), strict=True):
                with content:
                    _add(archive, uri, content)


def _fetched(store: Store, uri: str) -> BinaryIO:
    """The object in a file that is in memory while it is small."""
    spooled: Any = tempfile.SpooledTemporaryFile(SMALL)  # noqa: SIM115 - closed by whoever adds it
    with tempfile.NamedTemporaryFile() as file:
        store.download(uri, Path(file.name))
        file.seek(0)
        while chunk := file.read(1 << 20):
            spooled.write(chunk)
    return spooled  # type: ignore[no-any-return]


def _add(archive: tarfile.TarFile, uri: str, content: BinaryIO) -> None:
    entry = tarfile.TarInfo("/".join(split_uri(uri)))
    entry.size = content.seek(0, io.SEEK_END)
    content.seek(0)
    archive.addfile(entry, content)


def hashed(store: Store, objects: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """An object that is not the one of that ETag any more is left out: its sha256 would be another file's."""
    for each in objects:
        with tempfile.NamedTemporaryFile() as file:
            try:
                yield {"uri": each["uri"], "sha256": store.download(each["uri"], Path(file.name), etag=each["etag"])}
            except StoreError as error:
                print(str(error), file=sys.stderr)


def prediction(store: Store, layout: Layout, request: str, deployments: Sequence[str]) -> list[dict[str, Any]]:
    """All rows of one request, each with the Deployment that answered it; the id tells the day where we gave it."""
    moment = time_of(request)
    span = {"since": moment - NEAR, "until": moment + NEAR} if moment else {}
    found: list[dict[str, Any]] = []
    for deployment in deployments:
        found += _rows(store, files.find(store, layout, deployment, **span).predictions, request, deployment)
    return found


def _rows(store: Store, objects: Sequence[ObjectInfo], request: str, deployment: str) -> list[dict[str, Any]]:
    """Newest first: people ask about what was just said. A request is answered by one pod, so its rows lie in one object."""
    for each in sorted(objects, key=lambda one: one.modified, reverse=True):
        with tempfile.TemporaryDirectory() as folder:
            (path,) = files.fetch(store, [each], Path(folder))
            if rows := _of_request(path, request):
                return [{"deployment": deployment, "file": each.uri, **row} for row in rows]
    return []


def _of_request(path: Path, request: str) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    return list(pq.read_table(path, filters=[("request_id", "=", request)]).to_pylist())


def time_of(request: str) -> datetime | None:
    """When a request came, where its id is one that the server gave (a UUID of version 7).

    >>> time_of("019b8e2c-8c00-7000-8000-000000000000").isoformat()
    '2026-01-05T12:40:42.752000+00:00'
    >>> time_of("a-friday-evening-flight")
    """
    try:
        found = uuid.UUID(request)
    except ValueError:
        return None
    return datetime.fromtimestamp((found.int >> 80) / 1000, UTC) if found.version == 7 else None


def main(words: Sequence[str]) -> int:
    settings = StoreSettings.from_environment()
    store, layout = Store(settings), Layout.of(settings)
    match list(words):
        case ["where"]:
            tell([where(layout)])
        case ["list", uri]:
            tell(listed(store, uri))
        case ["tar"]:
            tar(store, [line.strip() for line in sys.stdin if line.strip()], sys.stdout.buffer)
        case ["sha256"]:
            tell(hashed(store, [json.loads(line) for line in sys.stdin if line.strip()]))
        case ["prediction", request, *deployments]:
            tell(prediction(store, layout, request, deployments))
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


def tell(rows: Iterable[dict[str, Any]]) -> None:
    for row in rows:
        print(json.dumps(row, default=str))


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except (StoreError, ValueError) as error:
        print(str(error), file=sys.stderr)
        sys.exit(1)
