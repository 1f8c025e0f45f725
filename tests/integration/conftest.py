"""Integration tests talk to a real API server and a real S3; they share one of each, and each test makes a namespace or bucket of its own."""

import uuid
from collections.abc import Iterator

import pytest

from support.control_plane import REPOSITORY, ControlPlane
from support.object_store import bucket, object_store, place, store  # noqa: F401 (fixtures for every test here)
from trimtab.api.kinds import KINDS


@pytest.fixture(scope="session")
def control_plane() -> Iterator[ControlPlane]:
    with ControlPlane() as it:
        yield it


@pytest.fixture(scope="session")
def kinds(control_plane: ControlPlane) -> ControlPlane:
    """The API server with our kinds."""
    control_plane.kubectl("apply", "-f", str(REPOSITORY / "crds"))
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", *(f"{kind.plural}.{kind.group}" for kind in KINDS))
    return control_plane


@pytest.fixture
def namespace(control_plane: ControlPlane) -> str:
    """A namespace of the test's own."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    control_plane.kubectl("create", "namespace", name)
    return name
