"""From a Dataset to a registered version on a real API server: only what kubelet and Job controller report is played."""

import json
from pathlib import Path
from typing import Any

from support.answers import snapshot_answer, train_answer
from support.builders import dataset, training_job
from support.control_plane import ControlPlane
from support.job_pods import pod_of, terminated
from support.operator_process import Operator
from trimtab.api.documents import Result

Object = dict[str, Any]


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


def begun(kinds: ControlPlane, namespace: str) -> Cluster:
    cluster = Cluster(kinds, namespace)
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "trimtab-worker"}})
    cluster.apply(dataset())
    cluster.apply(training_job())
    return cluster


def test_data_are_looked_at_a_recipe_is_trained_and_its_version_registered(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    cluster = begun(kinds, namespace)
    with Operator(kinds, namespace, tmp_path) as operator:
        look = operator.until(lambda: cluster.jobs("snapshot"), "snapshot Job")[0]
        operator.until(lambda: cluster.condition("trainingjob") == ("False", "DatasetNotReady"), "waiting TrainingJob")
        cluster.end(look, snapshot_answer(1))
        operator.until(lambda: cluster.condition("dataset") == ("True", "Ready"), "ready Dataset")
        run = operator.until(lambda: cluster.jobs("train"), "train Job")[0]
        cluster.end(run, train_answer())
        operator.until(lambda: cluster.condition("trainingjob") == ("True", "Registered"), "registered run")
        version = cluster.read("modelversion", "flights-v1")
        assert version["spec"]["lineage"]["runKey"] == cluster.read("trainingjob", "flights")["status"]["latestRun"]
        assert cluster.read("dataset", "flights")["status"]["versions"][0]["rows"]["train"] == 70
        assert operator.until(lambda: cluster.jobs("verify"), "verify Job")


def test_a_fault_in_the_data_is_said_and_heals_with_the_spec(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    cluster = begun(kinds, namespace)
    with Operator(kinds, namespace, tmp_path) as operator:
        look = operator.until(lambda: cluster.jobs("snapshot"), "snapshot Job")[0]
        cluster.end(look, Result(outcome="Failed", reason="ColumnMissing", message="spec.label: there is no column late; the columns are a, b."), 2)
        operator.until(lambda: cluster.condition("dataset", "Stalled") == ("True", "ColumnMissing"), "stalled Dataset")
        operator.until(lambda: "there is no column late" in cluster.read("trainingjob", "flights")["status"]["conditions"][0]["message"], "the same sentence")
        cluster.apply(dataset(label="a"))
        operator.until(lambda: len(cluster.jobs("snapshot")) == 2, "another look")
