"""An API server in memory, with the methods of the operator's client: what unit and contract tests reconcile against.

It keeps to the rules that the core's correctness hangs on: resourceVersions and their conflicts, uids, generations,
the status subresource, deletion with a uid as precondition, collection of orphaned children, selectors. It can die
after the k-th write (`die_after`), refuse (`refuse`), and be photographed (`snapshot`, `restored`). It has no schema, no
defaulting and no admission: those are the integration tests' business.
"""

import copy
import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from trimtab.api.base import API_VERSION
from trimtab.kube.errors import AlreadyExists, ApiError, Conflict, NotFound, Unreachable
from trimtab.kube.matching import fields_match, labels_match

Object = dict[str, Any]
Objects = list[Object]
Address = tuple[str, str, str, str]
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)

# The plural that goes with a kind, for objects that a test hands over; what is not here is the kind in lower case with an s.
PLURALS = {"Deployment" + API_VERSION: "modeldeployments", "NetworkPolicyv1": "networkpolicies"}


class ProcessDiedError(BaseException):
    """The operator's process ended here; not an Exception, so that nothing in between can make it good."""


@dataclass(frozen=True)
class Write:
    """One write that the server accepted."""

    verb: str
    plural: str
    namespace: str
    name: str
    at: datetime = field(default=START, compare=False)
    status: Object | None = field(default=None, compare=False)
    """What was written, where that was a status."""


def plural_of(obj: Object) -> str:
    return PLURALS.get(obj["kind"] + obj["apiVersion"], obj["kind"].lower() + "s")


class FakeApi:
    """`given(...)` puts objects there as a person would; `writes` tells what the operator did since `forget()`."""

    def __init__(self, *objects: Object, now: datetime = START) -> None:
        self.now = now
        self.objects: dict[Address, Object] = {}
        self.applied: dict[Address, Object] = {}
        self.writes: list[Write] = []
        self.reads = 0
        self.scrapes: dict[tuple[str, int], str] = {}
        self.die_after: int | None = None
        self._count = itertools.count(1)
        self._uids = itertools.count(1)
        self._refusals: list[tuple[str, str, ApiError, int]] = []
        self._listeners: list[Callable[[str, Object], None]] = []
        for obj in objects:
            self.given(obj)

    # as a client sees it

    async def get(self, api_version: str, plural: str, namespace: str, name: str) -> Object | None:
        self._read("get", plural)
        return copy.deepcopy(self.objects.get((api_version, plural, namespace, name)))

    async def list(
        self, api_version: str, plural: str, namespace: str | None = None, label_selector: str | None = None, field_selector: str | None = None
    ) -> Objects:
        self._read("list", plural)
        return [
            copy.deepcopy(obj)
            for obj in self.all(plural, namespace, api_version)
            if labels_match(label_selector, obj["metadata"].get("labels", {})) and fields_match(field_selector, obj)
        ]

    async def create(self, api_version: str, plural: str, obj: Object) -> Object:
        self._check("create", plural)
        if obj.get("status"):
            obj = {key: value for key, value in obj.items() if key != "status"}
        made = self._insert(plural, obj)
        self._wrote("create", plural, made)
        return copy.deepcopy(made)

    async def apply(self, api_version: str, plural: str, obj: Object) -> Object:
        self._check("apply", plural)
        address = (api_version, plural, obj["metadata"].get("namespace", ""), obj["metadata"]["name"])
        before = self.objects.get(address)
        if before is None:
            after = self._insert(plural, obj)
        else:
            _same_version(before, obj)
            after = _merge(_without(before, self.applied.get(address, {}), obj), obj)
            after = self._replace(address, {**after, "metadata": {**after["metadata"], "uid": before["metadata"]["uid"]}})
        self.applied[address] = copy.deepcopy(obj)
        self._wrote("apply", plural, after)
        return copy.deepcopy(after)

    async def patch(self, api_version: str, plural: str, namespace: str, name: str, body: Object) -> Object:
        self._check("patch", plural)
        address = (api_version, plural, namespace, name)
        before = self._existing(address)
        _same_version(before, body)
        after = self._replace(address, {**_merge_patch(before, body), "status": before.get("status", {})})
        self._wrote("patch", plural, after)
        return copy.deepcopy(after)

    async def delete(self, api_version: str, plural: str, namespace: str, name: str, *, uid: str | None = None, propagation: str = "Background") -> None:
        self._check("delete", plural)
        obj = self.objects.get((api_version, plural, namespace, name))
        if obj is None:
            return
        if uid and obj["metadata"]["uid"] != uid:
            raise Conflict(f"{plural} {name}: the uid is {obj['metadata']['uid']}, not {uid}", code=409)
        self.remove(api_version, plural, namespace, name, orphan=propagation == "Orphan")
        self._wrote("delete", plural, obj)

    async def put_status(self, api_version: str, plural: str, obj: Object) -> Object:
        self._check("put_status", plural)
        meta = obj["metadata"]
        address = (api_version, plural, meta.get("namespace", ""), meta["name"])
        before = self._existing(address)
        if not meta.get("resourceVersion"):
            raise ApiError("metadata.resourceVersion: must be specified for an update", code=422)
        _same_version(before, obj)
        after = self._replace(address, {**before, "status": copy.deepcopy(obj.get("status", {}))})
        self._wrote("put_status", plural, after)
        return copy.deepcopy(after)

    async def scrape(self, pod_ip: str, port: int, path: str = "/metrics") -> str:
        if (pod_ip, port) not in self.scrapes:
            raise Unreachable(f"{pod_ip}:{port} does not answer")
        return self.scrapes[pod_ip, port]

    # as a person, a kubelet or a controller of Kubernetes sees it; these are never counted as writes

    def given(self, obj: Object) -> Object:
        """Create or replace as `kubectl apply` does, status included where there is one."""
        obj = copy.deepcopy(obj)
        obj["metadata"].setdefault("namespace", "default")
        plural = plural_of(obj)
        address = (obj["apiVersion"], plural, obj["metadata"]["namespace"], obj["metadata"]["name"])
        if address not in self.objects:
            return self._insert(plural, obj)
        before = self.objects[address]
        merged = {**before, **obj, "metadata": {**before["metadata"], **obj["metadata"]}}
        return self._replace(address, merged)

    def set_status(self, obj: Object, **status: Any) -> Object:
        """What the component that runs this object reports next: the given fields replace those of the status."""
        address = self._address(obj)
        before = self._existing(address)
        return self._replace(address, {**before, "status": {**before.get("status", {}), **copy.deepcopy(status)}})

    def remove(self, api_version: str, plural: str, namespace: str, name: str, *, orphan: bool = False) -> None:
        """Away with an object and, unless it orphans them, with all that it owned."""
        gone = self.objects.pop((api_version, plural, namespace, name))
        self.applied.pop((api_version, plural, namespace, name), None)
        self._tell("DELETED", gone)
        if orphan:
            for child in self._children(gone["metadata"]["uid"]):
                child["metadata"]["ownerReferences"] = [o for o in child["metadata"]["ownerReferences"] if o["uid"] != gone["metadata"]["uid"]]
        self.collect_garbage()

    def collect_garbage(self) -> None:
        """Remove what has owners and none of them alive, until nothing has."""
        alive = {obj["metadata"]["uid"] for obj in self.objects.values()}
        dead = [
            address
            for address, obj in self.objects.items()
            if (owners := obj["metadata"].get("ownerReferences")) and not any(owner["uid"] in alive for owner in owners)
        ]
        for address in dead:
            self._tell("DELETED", self.objects.pop(address))
            self.applied.pop(address, None)
        if dead:
            self.collect_garbage()

    def all(self, plural: str, namespace: str | None = None, api_version: str | None = None) -> Objects:
        """The stored objects themselves, in order of creation."""
        return [obj for (version, p, ns, _), obj in self.objects.items() if p == plural and namespace in (None, ns) and api_version in (None, version)]

    def one(self, plural: str, name: str, namespace: str = "default") -> Object:
        found = [obj for obj in self.all(plural, namespace) if obj["metadata"]["name"] == name]
        assert found, f"no {plural} {namespace}/{name}; there are {[obj['metadata']['name'] for obj in self.all(plural)]}"
        return copy.deepcopy(found[0])

    # what tests do to it

    def forget(self) -> None:
        """Start counting writes anew."""
        self.writes.clear()
        self.reads = 0

    def refuse(self, verb: str, plural: str, error: ApiError, times: int = 1) -> None:
        """The next `times` calls of `verb` on `plural` (`*`: any) fail with `error` and change nothing."""
        self._refusals.append((verb, plural, error, times))

    def on_change(self, listener: Callable[[str, Object], None]) -> None:
        """Call with (ADDED | MODIFIED | DELETED, object) on every change: a watch."""
        self._listeners.append(listener)

    def snapshot(self) -> "FakeApi":
        """The same cluster, apart from this one: resourceVersions and uids are kept."""
        twin = FakeApi(now=self.now)
        twin.objects, twin.applied = copy.deepcopy(self.objects), copy.deepcopy(self.applied)
        twin.scrapes = dict(self.scrapes)
        last = max((int(obj["metadata"]["resourceVersion"]) for obj in self.objects.values()), default=0)
        twin._count, twin._uids = itertools.count(last + 1), itertools.count(last + 100_000)
        return twin

    def restored(self, plurals: Iterable[str]) -> "FakeApi":
        """A new cluster with these kinds from a dump of this one: no status, new uids, no owners, no children."""
        twin = FakeApi(now=self.now)
        twin._count, twin._uids = itertools.count(1_000_000), itertools.count(1_000_000)
        for plural in plurals:
            for obj in self.all(plural):
                meta = {k: v for k, v in obj["metadata"].items() if k in ("name", "namespace", "labels", "annotations")}
                twin.given({**{k: v for k, v in obj.items() if k != "status"}, "metadata": meta})
        return twin

    # inside

    def _read(self, verb: str, plural: str) -> None:
        self._refuse(verb, plural)
        self.reads += 1

    def _check(self, verb: str, plural: str) -> None:
        self._refuse(verb, plural)

    def _refuse(self, verb: str, plural: str) -> None:
        for index, (v, p, error, times) in enumerate(self._refusals):
            if v in (verb, "*") and p in (plural, "*"):
                self._refusals[index] = (v, p, error, times - 1)
                if times <= 1:
                    del self._refusals[index]
                raise error

    def _wrote(self, verb: str, plural: str, obj: Object) -> None:
        status = copy.deepcopy(obj["status"]) if verb == "put_status" else None
        self.writes.append(Write(verb, plural, obj["metadata"].get("namespace", ""), obj["metadata"]["name"], self.now, status))
        if self.die_after is not None and len(self.writes) >= self.die_after:
            raise ProcessDiedError(self.writes[-1])

    def _insert(self, plural: str, obj: Object) -> Object:
        made = copy.deepcopy(obj)
        meta = made["metadata"]
        meta.setdefault("namespace", "")
        address = (made["apiVersion"], plural, meta["namespace"], meta["name"])
        if address in self.objects:
            raise AlreadyExists(f'{plural} "{meta["name"]}" already exists', code=409)
        meta |= {
            "uid": f"00000000-0000-4000-8000-{next(self._uids):012d}",
            "resourceVersion": str(next(self._count)),
            "generation": 1,
            "creationTimestamp": self.now.strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        if made["apiVersion"] == API_VERSION:
            made.setdefault("status", {"observedGeneration": -1})
        self.objects[address] = made
        self._tell("ADDED", made)
        return made

    def _replace(self, address: Address, after: Object) -> Object:
        before = self.objects[address]
        if after == before:
            return before
        after = copy.deepcopy(after)
        meta = after["metadata"]
        meta |= {key: before["metadata"][key] for key in ("uid", "creationTimestamp", "generation") if key in before["metadata"]}
        if after.get("spec") != before.get("spec"):
            meta["generation"] += 1
        meta["resourceVersion"] = str(next(self._count))
        self.objects[address] = after
        self._tell("MODIFIED", after)
        return after

    def _existing(self, address: Address) -> Object:
        if address not in self.objects:
            raise NotFound(f'{address[1]} "{address[3]}" not found', code=404)
        return self.objects[address]

    def _address(self, obj: Object) -> Address:
        return obj["apiVersion"], plural_of(obj), obj["metadata"].get("namespace", ""), obj["metadata"]["name"]

    def _children(self, uid: str) -> Iterable[Object]:
        return [o for o in self.objects.values() if any(r["uid"] == uid for r in o["metadata"].get("ownerReferences", []))]

    def _tell(self, kind: str, obj: Object) -> None:
        for listener in self._listeners:
            listener(kind, copy.deepcopy(obj))


def _same_version(before: Object, wanted: Object) -> None:
    for part in ("resourceVersion", "uid"):
        given = wanted.get("metadata", {}).get(part)
        if given and given != before["metadata"][part]:
            raise Conflict(f"{before['metadata']['name']}: {part} is {before['metadata'][part]}, not {given}", code=409)


def _merge(base: Any, over: Any) -> Any:
    """Fields of `over` win; what only `base` has stays. Lists are replaced whole."""
    if isinstance(base, dict) and isinstance(over, dict):
        return {**base, **{key: _merge(base.get(key), value) for key, value in over.items()}}
    return copy.deepcopy(over)


def _without(obj: Any, last: Any, wanted: Any) -> Any:
    """`obj` less the fields that we applied last time and no longer want."""
    if not (isinstance(obj, dict) and isinstance(last, dict)):
        return obj
    wanted = wanted if isinstance(wanted, dict) else {}
    kept = {key: value for key, value in obj.items() if key not in last or key in wanted}
    return {key: _without(value, last.get(key), wanted.get(key)) for key, value in kept.items()}


def _merge_patch(base: Any, patch: Any) -> Any:
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(base) if isinstance(base, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = _merge_patch(result.get(key), value)
    return result
