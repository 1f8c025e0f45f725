"""One namespace of a real API server as a person and a kubelet see it: what pods and their controllers report is played."""

import json

from support.builders import Object
from support.control_plane import ControlPlane
from support.job_pods import pod_of, terminated
from trimtab.api.documents import Result


class Cluster:
    """One namespace as a person and a kubelet see it."""

    def __init__(self, kinds: ControlPlane, namespace: str) -> None:
        self.kinds, self.namespace = kinds, namespace

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self.kinds.kubectl(*words, "-n", self.namespace, **({"stdin": stdin} if stdin else {}))

    def apply(self, obj: Object) -> None:
        self.kubectl("apply", "-f", "-", stdin=json.dumps({**obj, "metadata": {**obj["metadata"], "namespace": self.namespace}}))

    def read(self, *what: str) -> Object:
        return dict(json.loads(self.kubectl("get", *what, "-o", "json")))

    def jobs(self, verb: str) -> list[Object]:
        return list(self.read("jobs", "-l", f"trimtab.dev/verb={verb}")["items"])

    def condition(self, what: str, name: str = "Ready") -> tuple[str, str]:
        found = {c["type"]: (c["status"], c["reason"]) for c in self.read(what, "flights").get("status", {}).get("conditions", [])}
        return found.get(name, ("absent", ""))

    def set_status(self, what: str, name: str, status: Object) -> None:
        self.kubectl("patch", what, name, "--subresource=status", "--type=merge", "-p", json.dumps({"status": status}))

    def end(self, job: Object, result: Result, code: int = 0) -> None:
        """The pod of a Job ends with an answer, and the Job controller takes note."""
        pod = pod_of(job, phase="Succeeded" if code == 0 else "Failed", state=terminated(code, result.encode()))
        status, name = pod.pop("status"), job["metadata"]["name"]
        ended = {"image": "worker:1", "imageID": "", **status["containerStatuses"][0]}
        self.apply(pod)
        self.set_status("pod", pod["metadata"]["name"], {"phase": status["phase"], "containerStatuses": [ended]})
        at = "2026-01-05T12:00:00Z"
        words = (
            (("SuccessCriteriaMet", "CompletionsReached"), ("Complete", "CompletionsReached"))
            if code == 0
            else (("FailureTarget", "PodFailurePolicy"), ("Failed", "PodFailurePolicy"))
        )
        conditions = [{"type": word, "status": "True", "reason": why, "lastTransitionTime": at, "lastProbeTime": at} for word, why in words]
        outcome = {"succeeded": 1, "completionTime": at} if code == 0 else {"failed": 1}
        self.set_status("job", name, {"startTime": at, "conditions": conditions, **outcome})
