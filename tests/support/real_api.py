"""A real API server under the names of the stand-in in memory (`fake_api.py`), so that the same stories are told on it.

The operator's own client talks HTTP; what a person, a kubelet and the Job controller do goes through a second connection.
One namespace is one cluster of a story: `default` in what a scenario gives is read as that namespace. Nothing collects
garbage on this server, so it is done here.
"""

import asyncio
import contextlib
import ssl
import time
import uuid
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, Self

import httpx
import kopf

from support.control_plane import ControlPlane, token_of
from support.fake_api import Object, Objects, ProcessDiedError, Write, plural_of
from trimtab.api.base import API_VERSION
from trimtab.kube.errors import Unreachable
from trimtab.kube.transport import HttpClient

WRITES = ("create", "apply", "patch", "delete", "put_status")
API_VERSIONS = {
    "jobs": "batch/v1",
    "deployments": "apps/v1",
    "services": "v1",
    "poddisruptionbudgets": "policy/v1",
    "pods": "v1",
    "configmaps": "v1",
    "events": "v1",
}
OURS = ("featuresets", "datasets", "trainingjobs", "modelversions", "modeldeployments", "driftmonitors")
OF_THIS_CLUSTER = ("managedFields", "clusterIP", "clusterIPs")
AT_ONCE = {"propagationPolicy": "Background", "gracePeriodSeconds": "0"}
BUSY, MOST_TRIES = 429, 30
VOLATILE = ("resourceVersion", "creationTimestamp", "generation", "uid", "managedFields", "namespace")


class RealApi(HttpClient):
    """`async with RealApi(control_plane) as api`, then `api.given(...)`, `api.all(...)`, `api.set_status(...)` as of the stand-in."""

    def __init__(self, control_plane: ControlPlane, *objects: Object) -> None:
        self.control_plane, self.namespace = control_plane, f"story-{uuid.uuid4().hex[:8]}"
        super().__init__(lambda: kopf.login_with_kubeconfig(settings=kopf.OperatorSettings()), [self.namespace])
        self.now = datetime.now(UTC)
        self.writes: list[Write] = []
        self.scrapes: dict[tuple[str, int], str] = {}
        self._last_job = float("-inf")
        self.die_after: int | None = None
        trust = ssl.create_default_context(cafile=str(control_plane.folder / "tls" / "apiserver.crt"))
        self._http = httpx.Client(base_url=control_plane.server, headers={"Authorization": f"Bearer {token_of('admin')}"}, verify=trust, timeout=30)
        self._post("/api/v1/namespaces", {"metadata": {"name": self.namespace}})
        for obj in objects:
            self.given(obj)

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        return self

    # as the operator sees it

    async def _send(self, verb: str, method: str, url: str, *args: Any, **query: str) -> Any:
        if verb == "create" and "/jobs" in url:
            await self._another_second()
        answer = await super()._send(verb, method, url, *args, **query)
        if verb in WRITES:
            parts = url.removesuffix("/status").split("/namespaces/", 1)[1].split("/")
            self.writes.append(Write(verb, parts[1], parts[0], parts[2] if len(parts) > 2 else answer["metadata"]["name"]))
            if verb == "delete":
                self.collect_garbage()
            if self.die_after is not None and len(self.writes) >= self.die_after:
                raise ProcessDiedError(self.writes[-1])
        return answer

    async def _another_second(self) -> None:
        """Two Jobs of one owner are never made within one second where Jobs take time; what tells them apart has whole seconds."""
        await asyncio.sleep(max(0.0, self._last_job + 1.01 - time.monotonic()))
        self._last_job = time.monotonic()

    async def scrape(self, pod_ip: str, port: int, path: str = "/metrics") -> str:
        if (pod_ip, port) not in self.scrapes:
            raise Unreachable(f"{pod_ip}:{port} does not answer")
        return self.scrapes[pod_ip, port]

    def forget(self) -> None:
        self.writes.clear()

    # as a person, a kubelet or a controller of Kubernetes sees it

    def given(self, obj: Object) -> Object:
        """Create or replace, then the status where there is one."""
        meta = {key: value for key, value in obj["metadata"].items() if key not in VOLATILE}
        obj = {**obj, "metadata": meta | {"namespace": self.namespace}}
        address = self._collection(obj["apiVersion"], plural_of(obj))
        before = self._found(f"{address}/{meta['name']}")
        if before is None:
            made = self._post(address, {key: value for key, value in obj.items() if key != "status"})
        elif obj["kind"] == "Pod":
            made = before  # its spec cannot change
        else:
            made = self._put(f"{address}/{meta['name']}", {**before, **obj, "metadata": before["metadata"] | meta})
        status = obj.get("status")
        return self.set_status(made, **status) if status and status != {"observedGeneration": -1} else made

    def set_status(self, obj: Object, **status: Any) -> Object:
        address = f"{self._collection(obj['apiVersion'], plural_of(obj))}/{obj['metadata']['name']}"
        live = self._found(address)
        assert live is not None
        told = {"Job": _as_the_job_controller_tells, "Pod": _as_the_kubelet_tells}.get(obj["kind"], _as_it_is)(live, status)
        if not _is_news(told, live.get("status", {})):
            return obj
        return self._put(f"{address}/status", {**live, "status": {**live.get("status", {}), **told}})

    def remove(self, api_version: str, plural: str, namespace: str, name: str) -> None:
        self._http.delete(f"{self._collection(api_version, plural)}/{name}", params=AT_ONCE).raise_for_status()
        self.collect_garbage()

    def all(self, plural: str, namespace: str | None = None, api_version: str | None = None) -> Objects:
        """In order of creation, as far as seconds tell."""
        version = api_version or API_VERSIONS.get(plural, API_VERSION)
        answer = self._get(self._collection(version, plural)).raise_for_status().json()
        kind = answer["kind"].removesuffix("List")
        found = [{"apiVersion": version, "kind": kind, **item} for item in answer["items"]]
        return sorted(found, key=lambda obj: (obj["metadata"]["creationTimestamp"], int(obj["metadata"]["resourceVersion"])))

    def one(self, plural: str, name: str, namespace: str = "default") -> Object:
        return next(obj for obj in self.all(plural) if obj["metadata"]["name"] == name)

    @property
    def objects(self) -> dict[tuple[str, str, str, str], Object]:
        """All of the story, by address; the namespace is called `default` in every story, so that two of them compare."""
        found = [(plural, obj) for plural in (*OURS, *API_VERSIONS) for obj in self.all(plural)]
        return {(obj["apiVersion"], plural, "default", obj["metadata"]["name"]): self._anywhere(obj) for plural, obj in found}

    def collect_garbage(self) -> None:
        """What has owners and none of them alive."""
        alive = {obj["metadata"]["uid"] for plural in (*OURS, "jobs", "deployments") for obj in self.all(plural)}
        for plural in ("jobs", "deployments", "services", "poddisruptionbudgets", "pods"):
            for obj in self.all(plural):
                owners = obj["metadata"].get("ownerReferences")
                if owners and not any(owner["uid"] in alive for owner in owners):
                    self._http.delete(f"{self._collection(obj['apiVersion'], plural)}/{obj['metadata']['name']}", params=AT_ONCE)

    def restored(self, plurals: Iterable[str]) -> "RealApi":
        """Another namespace with these kinds from a dump of this one: no status, new uids, no children."""
        twin = RealApi(self.control_plane)
        for plural in plurals:
            for obj in self.all(plural):
                meta = {key: value for key, value in obj["metadata"].items() if key in ("name", "labels", "annotations")}
                if obj["metadata"]["name"] != "kube-root-ca.crt":
                    twin.given({**{key: value for key, value in obj.items() if key != "status"}, "metadata": meta})
        return twin

    # inside

    def _anywhere(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {key: self._anywhere(item) for key, item in value.items() if key not in OF_THIS_CLUSTER}
        if isinstance(value, list):
            return [self._anywhere(item) for item in value]
        return value.replace(self.namespace, "default") if isinstance(value, str) else value

    def _collection(self, api_version: str, plural: str) -> str:
        root = f"/api/{api_version}" if "/" not in api_version else f"/apis/{api_version}"
        return f"{root}/namespaces/{self.namespace}/{plural}"

    def _get(self, url: str) -> httpx.Response:
        """A kind that was made just now is answered 429 for a moment."""
        for _ in range(MOST_TRIES):
            if (answer := self._http.get(url)).status_code != BUSY:
                break
            time.sleep(1)
        return answer

    def _found(self, url: str) -> Object | None:
        answer = self._get(url)
        return None if answer.status_code == 404 else dict(_well(answer).json())

    def _post(self, url: str, body: Object) -> Object:
        return dict(_well(self._http.post(url, json=body)).json())

    def _put(self, url: str, body: Object) -> Object:
        return dict(_well(self._http.put(url, json=body)).json())

    def close(self) -> None:
        with contextlib.suppress(httpx.HTTPError):
            self._http.delete(f"/api/v1/namespaces/{self.namespace}")
        self._http.close()


def _well(answer: httpx.Response) -> httpx.Response:
    assert answer.is_success, f"{answer.request.method} {answer.request.url}: {answer.text[:600]}"
    return answer


def _is_news(told: Object, known: Object) -> bool:
    """The server leaves out zeros."""
    return any(known.get(field) != value for field, value in told.items() if value != 0 or field in known)


def _as_it_is(_live: Object, status: Object) -> Object:
    return status


def _as_the_kubelet_tells(_live: Object, status: Object) -> Object:
    containers = [{"image": "worker:1", "imageID": "", **each} for each in status.get("containerStatuses", [])]
    return {**status, "containerStatuses": containers, "podIPs": [{"ip": status["podIP"]}]} if "podIP" in status else status


def _as_the_job_controller_tells(live: Object, status: Object) -> Object:
    """The server wants to be told what leads to an end before the end."""
    begun = live.get("status", {}).get("startTime") or live["metadata"]["creationTimestamp"]
    leads_to = {"Complete": "SuccessCriteriaMet", "Failed": "FailureTarget"}
    ends = status.get("conditions", [])
    conditions = [{**each, "type": leads_to[each["type"]]} for each in ends if each["type"] in leads_to] + ends
    done = {"completionTime": ends[0]["lastTransitionTime"]} if any(each["type"] == "Complete" for each in ends) else {}
    return {**status, "startTime": begun, **done} | ({"conditions": conditions} if ends else {})
