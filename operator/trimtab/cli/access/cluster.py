"""The Kubernetes API as the command uses it: one LIST a kind, few writes, each refusal as a sentence with the next command."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

from trimtab.api.kinds import KINDS, Kind
from trimtab.cli.access.kubeconfig import Access
from trimtab.cli.errors import NoCluster, NotThere, UserError
from trimtab.cli.views.listed import Listed, Manifest

REQUEST_SECONDS = 20.0
"""A slow link is waited for; a server that is not there is noticed by the connect limit."""
CONNECT_SECONDS = 6.0
PAGE = 500
FIELD_MANAGER = "trimtab-cli"

JSON = "application/json"
METADATA = "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"
MERGE, APPLY = "application/merge-patch+json", "application/apply-patch+yaml"


class Refusal(UserError):  # noqa: N818
    """The API server said no, in its own words; `status` is the HTTP code."""

    def __init__(self, sentence: str, status: int, hint: str = "") -> None:
        super().__init__(sentence, hint)
        self.status = status


class Cluster:
    """`async with Cluster(access) as cluster`; namespaced calls mean `access.namespace`."""

    def __init__(self, access: Access) -> None:
        self.access = access
        self.session: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        connector = aiohttp.TCPConnector(ssl=self.access.tls, limit=0)  # a stream keeps its connection: with a bound, the next might wait for ever
        timeout = aiohttp.ClientTimeout(REQUEST_SECONDS, sock_connect=CONNECT_SECONDS)
        self.session = aiohttp.ClientSession(connector=connector, timeout=timeout, headers=self.access.headers)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.session.close()

    @property
    def namespace(self) -> str:
        return self.access.namespace

    async def listed(self, kinds: Sequence[Kind] = KINDS) -> Listed:
        """Everything of ours in the namespace, one LIST a kind, all at once. A kind that the cluster does not have is named in `absent`."""
        answers = await asyncio.gather(*(self._or_absent(kind) for kind in kinds))
        found = {kind.kind: tuple(items) for kind, items in zip(kinds, answers, strict=True) if items is not None}
        if not found:
            raise NotThere(f"The cluster {self.access.server} has none of Trimtab's kinds.", "trimtab doctor")
        return Listed(self.namespace, found, tuple(kind.kind for kind in kinds if kind.kind not in found))

    async def _or_absent(self, kind: Kind) -> list[Manifest] | None:
        try:
            return await self.list(kind.api_version, kind.plural, kind.kind)
        except NotThere:
            return None

    async def list(self, api_version: str, plural: str, kind: str = "", **query: str) -> list[Manifest]:
        """All pages; each item with its apiVersion and kind, which a list leaves out."""
        found: list[Manifest] = []
        url, page = self.path(api_version, plural), {"limit": str(PAGE)}
        while True:
            answer = await self.request("GET", url, query={**query, **page})
            common = {"apiVersion": api_version, "kind": kind or str(answer.get("kind", "")).removesuffix("List")}
            found += [common | item for item in answer.get("items", [])]
            following = (answer.get("metadata") or {}).get("continue")
            if not following:
                return found
            page = {"limit": str(PAGE), "continue": following}

    async def get(self, api_version: str, plural: str, name: str) -> Manifest | None:
        try:
            return await self.request("GET", self.path(api_version, plural, name))
        except NotThere:
            return None

    async def named(self, api_version: str, plural: str, name: str) -> bool:
        """Whether there is one; nothing but its metadata is asked for, so that a Secret's content stays where it is."""
        try:
            await self.request("GET", self.path(api_version, plural, name), accept=METADATA)
        except NotThere:
            return False
        return True

    async def patch(self, kind: Kind, name: str, body: Manifest) -> Manifest:
        """JSON merge patch of spec or metadata; a status is the operator's."""
        return await self.request("PATCH", self.path(kind.api_version, kind.plural, name), body, MERGE, query={"fieldManager": FIELD_MANAGER})

    async def apply(self, plural: str, obj: Manifest) -> Manifest:
        """Server-side apply in this person's name; what another tool owns is refused, not taken."""
        url = self.path(obj["apiVersion"], plural, obj["metadata"]["name"], obj["metadata"].get("namespace") or "")
        return await self.request("PATCH", url, obj, APPLY, query={"fieldManager": FIELD_MANAGER})

    async def create(self, api_version: str, plural: str, obj: Manifest, namespace: str | None = "") -> Manifest:
        return await self.request("POST", self.path(api_version, plural, "", namespace), obj)

    async def delete(self, api_version: str, plural: str, name: str) -> None:
        await self.request("DELETE", self.path(api_version, plural, name), {"kind": "DeleteOptions", "apiVersion": "v1", "gracePeriodSeconds": 0})

    async def who_am_i(self) -> str:
        """The user name that the server knows this person by."""
        review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
        answer = await self.create("authentication.k8s.io/v1", "selfsubjectreviews", review, None)
        return str(answer["status"]["userInfo"].get("username", ""))

    async def may(self, verb: str, group: str, resource: str, *, subresource: str = "", namespace: str | None = None) -> bool:
        """Whether this person may do it; by default in the namespace."""
        asked = {
            "verb": verb,
            "group": group,
            "resource": resource,
            "subresource": subresource,
            "namespace": self.namespace if namespace is None else namespace,
        }
        review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SelfSubjectAccessReview", "spec": {"resourceAttributes": asked}}
        answer = await self.create("authorization.k8s.io/v1", "selfsubjectaccessreviews", review, None)
        return bool(answer["status"].get("allowed"))

    def path(self, api_version: str, plural: str, name: str = "", namespace: str | None = "") -> str:
        """A URL path; `namespace` None: of the whole cluster, empty: the one that is meant."""
        root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
        return "".join([root, "" if namespace is None else f"/namespaces/{namespace or self.namespace}", f"/{plural}", f"/{name}" if name else ""])

    async def request(
        self, method: str, path: str, body: Manifest | None = None, content_type: str = JSON, *, query: Mapping[str, str] | None = None, accept: str = JSON
    ) -> Manifest:
        headers = {"Accept": accept, "Content-Type": content_type}
        data = None if body is None else json.dumps(body)
        try:
            async with self.session.request(method, self.access.server + path, params=query, data=data, headers=headers) as answer:
                code, text = answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(self.access, error) from error
        if code >= 400:
            raise refused(code, text, self.access)
        return dict(json.loads(text))


def unreachable(access: Access, error: BaseException) -> NoCluster:
    said = str(error) or type(error).__name__
    return NoCluster(f"The cluster at {access.server} (context {access.context or 'none'}) does not answer: {said}.", "kubectl cluster-info")


def refused(code: int, text: str, access: Access) -> UserError:
    """The error for an answer: the server's own sentence where it has one."""
    try:
        status: dict[str, Any] = json.loads(text)
    except ValueError:
        status = {}
    said = str(status.get("message") or f"{access.server} answers {code}: {text[:200]}")
    match code:
        case 401:
            return NoCluster(f"The cluster at {access.server} does not know who you are (401).", "kubectl auth whoami")
        case 403 if "ValidatingAdmissionPolicy" not in said:
            return NoCluster(
                f"You may not do this: {said}", "ask for the role trimtab-viewer or trimtab-editor in this namespace; trimtab doctor says what is missing"
            )
        case 404:
            return NotThere(said)
    return Refusal(_without_preface(said), code)


def _without_preface(said: str) -> str:
    """A policy's or a schema rule's own sentence, without the server's words around it."""
    for mark in ("denied request: ", "Invalid value: "):
        if mark in said and "ValidatingAdmissionPolicy" in said:
            return said.rpartition(mark)[2]
    return said
