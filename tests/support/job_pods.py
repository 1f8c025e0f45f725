"""What kubelet and Job controller report about the Jobs of a test: pods in every state, answers, failures."""

import base64
import zlib
from typing import Any

from support.fake_api import FakeApi
from trimtab.api.documents import Result

Object = dict[str, Any]
NOON = "2026-01-05T12:00:00Z"


def pod_of(job: Object, name: str = "", *, phase: str = "Pending", state: Object | None = None, created: str = NOON, **status: Any) -> Object:
    """A pod of a Job; `state` is that of its one container."""
    template = job["spec"]["template"]
    containers = [{"name": "worker", "ready": False, "restartCount": 0, "state": state}] if state else []
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name or f"{job['metadata']['name']}-a1b2c",
            "namespace": job["metadata"]["namespace"],
            "labels": dict(template["metadata"]["labels"]),
            "creationTimestamp": created,
            "ownerReferences": [{"apiVersion": "batch/v1", "kind": "Job", "name": job["metadata"]["name"], "uid": job["metadata"]["uid"], "controller": True}],
        },
        "spec": template["spec"],
        "status": {"phase": phase, "podIP": "10.1.1.1", "containerStatuses": containers, **status},
    }


def waiting(reason: str, message: str = "") -> Object:
    return {"waiting": {"reason": reason, "message": message}}


def running() -> Object:
    return {"running": {"startedAt": NOON}}


def terminated(code: int, message: str = "", reason: str = "") -> Object:
    return {"terminated": {"exitCode": code, "message": message, "reason": reason or ("Completed" if code == 0 else "Error")}}


def condition(name: str, reason: str = "", message: str = "", *, status: str = "True", at: str = NOON) -> Object:
    return {"type": name, "status": status, "reason": reason, "message": message, "lastTransitionTime": at}


def start(api: FakeApi, job: Object) -> None:
    """The pod runs."""
    api.given(pod_of(job, phase="Running", state=running()))
    api.set_status(job, active=1)


def answer(api: FakeApi, job: Object, result: Result) -> None:
    """The worker ends well and says `result`."""
    api.given(pod_of(job, phase="Succeeded", state=terminated(0, result.encode())))
    api.set_status(job, active=0, succeeded=1, conditions=[condition("Complete", at=_stamp(api))])


def fault(api: FakeApi, job: Object, reason: str, message: str, code: int = 2) -> None:
    """The worker ends with a failure of its own, and the Job gives up."""
    complain(api, job, Result(outcome="Failed", reason=reason, message=message), code)


def complain(api: FakeApi, job: Object, result: Result, code: int = 2) -> None:
    """The same in the worker's own words."""
    api.given(pod_of(job, phase="Failed", state=terminated(code, result.encode())))
    api.set_status(job, active=0, failed=1, conditions=[condition("Failed", "PodFailurePolicy", at=_stamp(api))])


def lose(api: FakeApi, job: Object) -> None:
    """The Job is done, and its pod is gone with the answer."""
    api.set_status(job, active=0, succeeded=1, conditions=[condition("Complete", at=_stamp(api))])


def packed(json_text: str) -> str:
    return base64.b64encode(zlib.compress(json_text.encode())).decode()


def is_over(job: Object) -> bool:
    return any(c["type"] in ("Complete", "Failed") and c["status"] == "True" for c in job.get("status", {}).get("conditions", []))


def _stamp(api: FakeApi) -> str:
    return api.now.strftime("%Y-%m-%dT%H:%M:%SZ")
