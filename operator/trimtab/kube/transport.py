"""The client that talks HTTP to a real API server.

Every request has a time limit. Reads are tried again twice where the server is busy or away; a write is sent once, and
the reconcile that sent it looks again. Pods are scraped over a session of their own, which carries no credentials.
"""

import asyncio
import json
import ssl
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

import aiohttp

from trimtab.kube import metrics
from trimtab.kube.client import FIELD_MANAGER, Manifest, Manifests
from trimtab.kube.connection import bracketed
from trimtab.kube.errors import AlreadyExists, ApiError, Conflict, NotFound, Unreachable
from trimtab.kube.informer import kopf

REQUEST_SECONDS = 10.0
"""Longest wait for one answer: an API server that is well answers in milliseconds, a page of 500 objects in a second or two."""
SCRAPE_SECONDS = 2.0
SCRAPE_BYTES = 1_000_000
"""Of an answer, at most: what follows is not read."""
PAGE = 500
RETRY_SECONDS = (0.2, 1.0)
"""Pauses before a read is tried again."""
CREDENTIALS_SECONDS = 60.0
"""How long credentials are used before they are read from disk again."""

BUSY = (429, 500, 502, 503, 504)
EXPIRED = 410
UNAUTHORIZED = 401
OK = 200


class HttpClient:
    """`async with HttpClient(connection.find, namespaces) as client`; without namespaces a list without one covers the cluster."""

    def __init__(self, connect: Callable[[], kopf.ConnectionInfo], namespaces: Sequence[str] = ()) -> None:
        self._connect, self._namespaces = connect, namespaces
        self._server, self._headers, self._read_at = "", dict[str, str](), float("-inf")
        self._session: aiohttp.ClientSession
        self._scraper: aiohttp.ClientSession

    async def __aenter__(self) -> Self:
        connection = self._connect()
        tls: ssl.SSLContext | bool = connection.as_ssl_context() if connection.server.startswith("https:") else True
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=tls, limit=32), timeout=aiohttp.ClientTimeout(REQUEST_SECONDS))
        self._scraper = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(SCRAPE_SECONDS))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self._session.close()
        await self._scraper.close()

    async def get(self, api_version: str, plural: str, namespace: str, name: str) -> Manifest | None:
        try:
            return await self._read("get", path(api_version, plural, namespace, name))
        except NotFound:
            return None

    async def list(
        self, api_version: str, plural: str, namespace: str | None = None, label_selector: str | None = None, field_selector: str | None = None
    ) -> Manifests:
        query = {key: value for key, value in (("labelSelector", label_selector), ("fieldSelector", field_selector)) if value}
        found: Manifests = []
        for each in [namespace] if namespace else self._namespaces or [""]:
            found += await self._pages(path(api_version, plural, each), query)
        return found

    async def create(self, api_version: str, plural: str, obj: Manifest) -> Manifest:
        url = path(api_version, plural, obj["metadata"].get("namespace", ""))
        return await self._send("create", "POST", url, obj, fieldManager=FIELD_MANAGER)

    async def apply(self, api_version: str, plural: str, obj: Manifest) -> Manifest:
        url = _path_of(api_version, plural, obj)
        return await self._send("apply", "PATCH", url, obj, "application/apply-patch+yaml", fieldManager=FIELD_MANAGER, force="true")

    async def patch(self, api_version: str, plural: str, namespace: str, name: str, body: Manifest) -> Manifest:
        url = path(api_version, plural, namespace, name)
        return await self._send("patch", "PATCH", url, body, "application/merge-patch+json", fieldManager=FIELD_MANAGER)

    async def delete(self, api_version: str, plural: str, namespace: str, name: str, *, uid: str | None = None, propagation: str = "Background") -> None:
        options: Manifest = {"kind": "DeleteOptions", "apiVersion": "v1", "propagationPolicy": propagation}
        if uid:
            options["preconditions"] = {"uid": uid}
        try:
            await self._send("delete", "DELETE", path(api_version, plural, namespace, name), options)
        except NotFound:
            return

    async def put_status(self, api_version: str, plural: str, obj: Manifest) -> Manifest:
        url = _path_of(api_version, plural, obj) + "/status"
        return await self._send("put_status", "PUT", url, obj, fieldManager=FIELD_MANAGER)

    async def scrape(self, pod_ip: str, port: int, path: str = "/metrics") -> str:
        code = 0
        try:
            # No redirects: a pod must not choose where the operator goes.
            async with self._scraper.get(f"http://{bracketed(pod_ip)}:{port}{path}", allow_redirects=False) as answer:
                code = answer.status
                if code != OK:
                    raise Unreachable(f"{pod_ip}:{port}{path} answers {code}", code=code)
                return (await at_most(SCRAPE_BYTES, answer.content)).decode("utf-8", "replace")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{pod_ip}:{port}{path} does not answer: {str(error) or type(error).__name__}", code=code) from error
        finally:
            metrics.API_REQUESTS.labels("scrape", str(code)).inc()

    async def version(self) -> tuple[int, int]:
        """(major, minor) of the API server."""
        answer = await self._read("get", "/version")
        return int(answer["major"]), int(answer["minor"].rstrip("+"))

    async def _pages(self, url: str, query: dict[str, str]) -> Manifests:
        found: Manifests = []
        page: dict[str, str] = {"limit": str(PAGE)}
        while True:
            try:
                answer = await self._read("list", url, **query, **page)
            except ApiError as error:
                if error.code != EXPIRED or "continue" not in page:
                    raise
                # The server forgot the page we were at; what was read is worth nothing without the rest.
                found, page = [], {}
                continue
            common = {"apiVersion": answer["apiVersion"], "kind": answer["kind"].removesuffix("List")}
            found += [common | item for item in answer["items"]]
            following = answer.get("metadata", {}).get("continue")
            if not following:
                return found
            page = {"limit": str(PAGE), "continue": following}

    async def _read(self, verb: str, url: str, **query: str) -> Manifest:
        for pause in (*RETRY_SECONDS, None):
            try:
                return await self._send(verb, "GET", url, None, **query)
            except ApiError as error:
                if pause is None or (error.code not in BUSY and not isinstance(error, Unreachable)):
                    raise
                await asyncio.sleep(pause)
        raise AssertionError("the last pause is None")

    async def _send(self, verb: str, method: str, url: str, body: Manifest | None, content_type: str = "application/json", **query: str) -> Manifest:
        code = 0
        headers = self._credentials() | {"Accept": "application/json", "Content-Type": content_type}
        data = None if body is None else json.dumps(body)
        try:
            async with self._session.request(method, self._server + url, params=query, data=data, headers=headers) as answer:
                code, text = answer.status, await answer.text()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise Unreachable(f"{method} {url}: {str(error) or type(error).__name__}") from error
        finally:
            metrics.API_REQUESTS.labels(verb, str(code)).inc()
        if code == UNAUTHORIZED:
            self._read_at = float("-inf")  # whatever the token was, the next request reads it anew
        if code >= 400:
            raise refusal(code, text, f"{method} {url}")
        return _decoded(text, url)

    def _credentials(self) -> dict[str, str]:
        now = asyncio.get_running_loop().time()
        if now - self._read_at > CREDENTIALS_SECONDS:
            connection = self._connect()
            self._server, self._headers, self._read_at = connection.server.rstrip("/"), connection.as_http_headers(), now
        return self._headers


async def at_most(size: int, content: aiohttp.StreamReader) -> bytes:
    """All of it, or the beginning of what is too long: one read gives only what has arrived so far."""
    found = bytearray()
    while len(found) < size and (chunk := await content.read(size - len(found))):
        found += chunk
    return bytes(found)


def path(api_version: str, plural: str, namespace: str = "", name: str = "") -> str:
    """The URL path of a collection or, with a name, of an object."""
    root = f"/apis/{api_version}" if "/" in api_version else f"/api/{api_version}"
    return "".join([root, f"/namespaces/{namespace}" if namespace else "", f"/{plural}", f"/{name}" if name else ""])


def _path_of(api_version: str, plural: str, obj: Manifest) -> str:
    return path(api_version, plural, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])


def refusal(code: int, text: str, request: str) -> ApiError:
    """The error for an answer: the server's own sentence where it has one."""
    try:
        status: dict[str, Any] = json.loads(text)
    except ValueError:
        status = {}
    message, reason = status.get("message") or f"{request}: {code} {text[:200]}", status.get("reason", "")
    kinds: dict[int, type[ApiError]] = {404: NotFound, 409: AlreadyExists if reason == "AlreadyExists" else Conflict}
    # An apply that pins a uid is called invalid, not in conflict, when the object of that name is another by now.
    kind = Conflict if _is_another(status) else kinds.get(code, ApiError)
    return kind(message, code=code, reason=reason)


def _is_another(status: dict[str, Any]) -> bool:
    return any(cause.get("field") == "metadata.uid" for cause in (status.get("details") or {}).get("causes") or [])


def _decoded(text: str, url: str) -> Manifest:
    try:
        decoded: Manifest = json.loads(text)
    except ValueError as error:
        raise Unreachable(f"{url}: the answer is not JSON: {text[:100]}") from error
    return decoded
