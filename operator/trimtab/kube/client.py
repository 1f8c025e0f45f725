"""The Kubernetes API as the operator uses it: few verbs over plain dicts, the same for every kind.

A protocol, so that the real one (`transport`), the one that answers from lists (`resync`) and the tests' stand-in are
interchangeable. Decided elsewhere: what to read (controllers), what to write (plans), in which order (`reconcile`).
"""

from typing import Any, Protocol

Manifest = dict[str, Any]
Manifests = list[Manifest]

FIELD_MANAGER = "trimtab"


class Reader(Protocol):
    """What an observe needs. Every call may raise `errors.ApiError`; none waits for ever."""

    async def get(self, api_version: str, plural: str, namespace: str, name: str) -> Manifest | None:
        """The object, or None where there is none."""

    async def list(
        self, api_version: str, plural: str, namespace: str | None = None, label_selector: str | None = None, field_selector: str | None = None
    ) -> Manifests:
        """All that match, read in pages; each with its apiVersion and kind. Without a namespace: of all that the operator looks after."""

    async def scrape(self, pod_ip: str, port: int, path: str = "/metrics") -> str:
        """The text at a pod's own address, within two seconds, or Unreachable."""


class Client(Reader, Protocol):
    """What reconciling needs."""

    async def create(self, api_version: str, plural: str, obj: Manifest) -> Manifest:
        """POST; raises AlreadyExists."""

    async def apply(self, api_version: str, plural: str, obj: Manifest) -> Manifest:
        """Server-side apply as the field manager `trimtab`, by force: only for objects that are ours alone."""

    async def patch(self, api_version: str, plural: str, namespace: str, name: str, body: Manifest) -> Manifest:
        """JSON merge patch; raises NotFound."""

    async def delete(self, api_version: str, plural: str, namespace: str, name: str, *, uid: str | None = None, propagation: str = "Background") -> None:
        """DELETE; that it is gone already is success, that `uid` is not its uid is a Conflict."""

    async def put_status(self, api_version: str, plural: str, obj: Manifest) -> Manifest:
        """PUT of the status subresource with the object's resourceVersion; raises Conflict and NotFound."""
