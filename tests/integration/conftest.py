"""Integration tests talk to a real API server; they share one, and each test makes a namespace of its own."""

from collections.abc import Iterator

import pytest
from support.control_plane import ControlPlane


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as it:
        yield it
