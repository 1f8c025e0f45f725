"""A real S3 for tests: versitygw on a free loopback port, over a folder that is thrown away.

`with ObjectStore() as it:` then `it.settings(bucket)`, `it.store(bucket)`, `it.environment(bucket)`. Every integration test has
the fixtures `object_store` (one for the whole run; a test that stops a store makes its own), `bucket` and `store` (fresh for each),
and `place` (a file's own part of the store).
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import pytest
from pydantic import SecretStr

from trimtab.store.client import Store
from trimtab.store.settings import StoreSettings

if TYPE_CHECKING:
    from support.watched import Place

REPOSITORY = Path(__file__).parents[2]
ACCESS_KEY, SECRET_KEY = "trimtab-tests", "only-for-tests-0123456789"
READY_WITHIN = 60.0  # seconds; 0.2 on a quiet machine
BINARY = "TRIMTAB_VERSITYGW"
"""Names a versitygw to use instead of the one that `dev/cluster` builds."""


class ObjectStore:
    """One versitygw process."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trimtab-object-store-"))
        self.endpoint = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            raise

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()
        shutil.rmtree(self.folder, ignore_errors=True)

    def start(self) -> Self:
        port = _free_port()
        self.endpoint = f"http://127.0.0.1:{port}"
        data, log = self.folder / "data", self.folder / "log"
        data.mkdir(exist_ok=True)
        # Metadata beside the files: extended attributes do not exist on every temporary folder.
        side = self.folder / "metadata"
        side.mkdir(exist_ok=True)
        users = self.folder / "users"
        users.mkdir(exist_ok=True)
        server = [str(binary()), "--port", f"127.0.0.1:{port}", "--access", ACCESS_KEY, "--secret", SECRET_KEY, "--iam-dir", str(users)]
        command = [*server, "posix", "--sidecar", str(side), str(data)]
        if setpriv := shutil.which("setpriv"):
            command = [setpriv, "--pdeathsig", "KILL", *command]
        with log.open("wb") as out:
            self._process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, start_new_session=True)
        self._wait(port)
        return self

    def stop(self) -> None:
        if self._process:
            self._process.terminate()
            self._process.wait(timeout=10)
            self._process = None

    def settings(self, bucket: str, *, secret: str = SECRET_KEY, prefix: str = "team") -> StoreSettings:
        return StoreSettings(endpoint=self.endpoint, access_key=SecretStr(ACCESS_KEY), secret_key=SecretStr(secret), bucket=bucket, prefix=prefix)

    def store(self, bucket: str) -> Store:
        return Store(self.settings(bucket))

    def make_bucket(self, bucket: str) -> None:
        self.store(bucket)._s3.create_bucket(Bucket=bucket)

    def environment(self, bucket: str, *, prefix: str = "team") -> dict[str, str]:
        """What Secret trimtab-store puts into a pod."""
        return {
            "AWS_ENDPOINT_URL_S3": self.endpoint,
            "AWS_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "TRIMTAB_BUCKET": bucket,
            "TRIMTAB_PREFIX": prefix,
        }

    def _wait(self, port: int) -> None:
        end = time.monotonic() + READY_WITHIN
        while time.monotonic() < end:
            if self._process and self._process.poll() is not None:
                break
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.05)
        raise TimeoutError(f"versitygw did not answer:\n{(self.folder / 'log').read_text()[-2000:]}")


def binary() -> Path:
    """versitygw from `dev/cluster`, compiled first where it is missing (minutes, once)."""
    if given := os.environ.get(BINARY):
        return Path(given)
    command = [sys.executable, str(REPOSITORY / "dev" / "cluster"), "binaries", "addons"]
    return Path(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()) / "versitygw"


@pytest.fixture(scope="session")
def object_store() -> Iterator[ObjectStore]:
    with ObjectStore() as it:
        yield it


@pytest.fixture
def bucket(object_store: ObjectStore) -> str:
    name = f"b-{uuid.uuid4().hex[:12]}"
    object_store.make_bucket(name)
    return name


@pytest.fixture
def store(object_store: ObjectStore, bucket: str) -> Store:
    """A client of a fresh, empty bucket; the bucket's name is the fixture `bucket`."""
    return object_store.store(bucket)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="module")
def place(object_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory) -> "Place":
    """A file's own part of the store, for models that are trained, served and watched."""
    from support.watched import Place  # brings the worker's libraries, which most files here do without

    name = f"place-{uuid.uuid4().hex[:8]}"
    object_store.make_bucket(name)
    return Place(object_store, name, tmp_path_factory.mktemp(name))
