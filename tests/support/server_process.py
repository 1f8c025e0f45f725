"""A server as a process of its own, on free ports: of a local folder, or of a model in an object store as a pod would be told.

`with serving(log, "--model", folder) as process:`; `Committed.of(object_store, made)` puts a model where training leaves it,
and `.pod(log)` starts its server.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx

from support import models
from support.object_store import ObjectStore
from trimtab.store import manifest as manifests
from trimtab.store.client import Store

REPOSITORY = Path(__file__).parents[2]
READY_WITHIN = 60.0
FILES = ("model.onnx", "signature.json", "golden.json")


class Process:
    """A running server; `inference` and `admin` are clients of its two ports."""

    def __init__(self, arguments: list[str], environment: dict[str, str], log: Path) -> None:
        self.port, self.admin_port = free_port(), free_port()
        self.log = log
        command = [sys.executable, "-m", "trimtab_serving", *arguments, "--port", str(self.port), "--admin-port", str(self.admin_port)]
        self.begun = time.monotonic()
        path = {"PYTHONPATH": os.pathsep.join(str(REPOSITORY / each) for each in ("operator", "serving"))}
        with log.open("wb") as out:
            self.process = subprocess.Popen(command, env=os.environ | path | environment, stdout=out, stderr=subprocess.STDOUT)
        self.inference = httpx.Client(base_url=f"http://127.0.0.1:{self.port}", timeout=60)
        self.admin = httpx.Client(base_url=f"http://127.0.0.1:{self.admin_port}", timeout=60)

    def wait_until_ready(self) -> float:
        """Seconds from its start until `/readyz` said yes."""
        while time.monotonic() < self.begun + READY_WITHIN and self.process.poll() is None:
            with contextlib.suppress(httpx.TransportError):
                if self.admin.get("/readyz").status_code == 200:
                    return time.monotonic() - self.begun
            time.sleep(0.02)
        raise TimeoutError(self.log.read_text())

    def end(self) -> None:
        self.inference.close()
        self.admin.close()
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.contextmanager
def serving(log: Path, *arguments: str, **environment: str) -> Iterator[Process]:
    process = Process(list(arguments), environment, log)
    try:
        yield process
    finally:
        process.end()


@dataclass(frozen=True)
class Committed:
    """A model as training leaves it, and what the operator tells a serving pod about it."""

    store: Store
    bucket: str
    document: dict[str, Any]
    environment: dict[str, str]

    def pod(self, log: Path, *, environment: dict[str, str] | None = None, **changes: Any) -> contextlib.AbstractContextManager[Process]:
        return serving(
            log,
            **(self.environment | {"TRIMTAB_SPOOL": str(log.parent / "spool"), "TRIMTAB_SERVING": json.dumps(self.document | changes)} | (environment or {})),
        )

    @classmethod
    def of(cls, object_store: ObjectStore, made: models.Made, **changes: Any) -> Self:
        bucket = f"b-{uuid.uuid4().hex[:12]}"
        object_store.make_bucket(bucket)
        store, root = object_store.store(bucket), f"s3://{bucket}/team/models/flights/d1"
        names = [*FILES, *(["profile.json"] if (made.folder / "profile.json").exists() else [])]
        files = [manifests.upload_file(store, root, f"pod/{name}", made.folder / name) for name in names]
        manifest = manifests.Manifest(kind="Model", name="flights", digest="d1", inputs={}, files=files, created_by=manifests.CreatedBy(verb="train"))
        artifact = {"uri": root, "manifestDigest": manifests.commit(store, root, manifest)[1], "format": "onnx"}
        document = {"deployment": "flights", "model": "flights", "version": 7, "modelVersion": "flights-v7", "artifact": artifact, "datasetDigest": "set1"}
        return cls(store, bucket, document | changes, object_store.environment(bucket))
