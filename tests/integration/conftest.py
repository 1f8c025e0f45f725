"""Integration tests talk to a real API server and a real S3; they share one of each, and each test makes a namespace or bucket of its own."""

from collections.abc import Iterator

import pytest

from support.control_plane import ControlPlane
from support.object_store import bucket, object_store, store  # noqa: F401 (fixtures for every test here)


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as it:
        yield it
