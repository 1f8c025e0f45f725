"""What kubelet and the apps/v1 Deployment controller do for serving pods: they come, get ready, die and are counted."""

import zlib
from typing import Any

from support.fake_api import FakeApi

Object = dict[str, Any]
APPS = "apps/v1"


def pod_of(child: Object, name: str, *, ready: bool = False, created: str = "2026-01-05T08:00:00Z", **container: Any) -> Object:
    """A pod of a child Deployment; `container` is more of its one container's status."""
    meta = child["metadata"]
    template = child["spec"]["template"]
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": meta["namespace"],
            "labels": dict(template["metadata"]["labels"]),
            "creationTimestamp": created,
            "ownerReferences": [{"apiVersion": APPS, "kind": "Deployment", "name": meta["name"], "uid": meta["uid"], "controller": True}],
        },
        "spec": template["spec"],
        "status": {
            "phase": "Running",
            "podIP": address_of(name),
            "conditions": [ready_condition(ready)],
            "containerStatuses": [{"name": "serving", "ready": ready, **container}],
        },
    }


def address_of(name: str) -> str:
    """An address of its own for each pod."""
    number = zlib.crc32(name.encode())
    return f"10.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255}"


def ready_condition(ready: bool) -> Object:
    return {"type": "Ready", "status": "True" if ready else "False", "reason": "", "lastTransitionTime": "2026-01-05T08:00:00Z"}


def is_ready(pod: Object) -> bool:
    return pod["status"]["conditions"][0]["status"] == "True"


def children(api: FakeApi) -> list[Object]:
    return api.all("deployments", api_version=APPS)


def pods(api: FakeApi, child: Object) -> list[Object]:
    uid = child["metadata"]["uid"]
    return [pod for pod in api.all("pods") if any(owner["uid"] == uid for owner in pod["metadata"].get("ownerReferences", []))]


def scale(api: FakeApi, child: Object) -> bool:
    """One pod more or less, towards spec.replicas."""
    have, wanted = pods(api, child), child["spec"].get("replicas", 1)
    if len(have) < wanted:
        names = {pod["metadata"]["name"] for pod in have}
        api.given(pod_of(child, next(n for i in range(99) if (n := f"{child['metadata']['name']}-{i}") not in names)))
    if len(have) > wanted:
        remove(api, have[-1])
    return len(have) != wanted


def count(api: FakeApi, child: Object) -> bool:
    """The child's status tells the pods that there are."""
    have = pods(api, child)
    status = {"replicas": len(have), "readyReplicas": sum(is_ready(pod) for pod in have)}
    return api.set_status(child, **status) is not child


def get_ready(api: FakeApi, pod: Object, ready: bool = True) -> bool:
    return api.set_status(pod, conditions=[ready_condition(ready)]) is not pod


def remove(api: FakeApi, pod: Object) -> None:
    api.remove("v1", "pods", pod["metadata"]["namespace"], pod["metadata"]["name"])


def play(api: FakeApi, broken: frozenset[str] = frozenset()) -> bool:
    """Bring one thing forward; pods of the children named in `broken` never get ready."""
    for child in children(api):
        ready = any(not is_ready(pod) and get_ready(api, pod) for pod in pods(api, child)) if child["metadata"]["name"] not in broken else False
        if scale(api, child) or ready or count(api, child):
            return True
    return False
