"""Trimtab as a user has it: installed by Helm on a real cluster, driven with kubectl.

Everything is said through kubectl and read from what it prints; nothing is mocked, and nothing of the product is imported.
"""

import contextlib
import json
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

Resource = dict[str, Any]
ROOT = Path(__file__).parents[2]
SYSTEM = "trimtab-system"
POLL_SECONDS = 0.5
PATIENCE = 420.0  # seconds; what is waited for takes up to a hundred on a quiet machine

UPLOAD_POD = {
    "apiVersion": "v1",
    "kind": "Pod",
    "metadata": {"name": "upload"},
    "spec": {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [
            {
                "name": "upload",
                "image": "trimtab/worker:dev",
                "command": ["sleep", "86400"],
                "envFrom": [{"secretRef": {"name": "trimtab-store"}}],
                "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
                "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}],
            }
        ],
        "volumes": [{"name": "scratch", "emptyDir": {}}],
    },
}


STOP = """
import os, signal, sys
for process in filter(str.isdigit, os.listdir("/proc")):
    words = open(f"/proc/{process}/cmdline").read().split(chr(0))
    if sys.argv[1] in words and int(process) != os.getpid():
        os.kill(int(process), signal.SIGKILL)
"""
"""Ends the clients of a URL: what runs in a pod goes on when the kubectl that started it is gone."""


class Cluster(Protocol):
    name: str

    @property
    def kubeconfig(self) -> Path: ...

    def kubectl(self, *arguments: str, input: str | None = None) -> str: ...  # noqa: A002

    def running(self, *arguments: str) -> contextlib.AbstractContextManager["subprocess.Popen[str]"]:
        """kubectl beside the block, with pipes; terminated at its end."""
        ...

    def helm(self, *arguments: str) -> str: ...


def condition(resource: Resource | None, name: str) -> Resource:
    """A condition of an object, or an empty one."""
    return next((c for c in (resource or {}).get("status", {}).get("conditions", []) if c["type"] == name), {})


@dataclass
class Installed:
    """One installation, seen from one namespace."""

    cluster: Cluster
    namespace: str

    def kubectl(self, *words: str, stdin: str | None = None) -> str:
        return self.cluster.kubectl("-n", self.namespace, *words, input=stdin)

    def apply(self, *manifests: Resource) -> None:
        self.kubectl("apply", "-f", "-", stdin=json.dumps({"apiVersion": "v1", "kind": "List", "items": list(manifests)}))

    def every(self, plural: str, selector: str = "") -> list[Resource]:
        chosen = ["-l", selector] if selector else []
        return json.loads(self.kubectl("get", plural, *chosen, "-o", "json"))["items"]

    def get(self, plural: str, name: str) -> Resource | None:
        found = self.kubectl("get", plural, name, "--ignore-not-found", "-o", "json")
        return json.loads(found) if found else None

    def kill_operator(self) -> None:
        """Without grace; Kubernetes starts another one."""
        self.cluster.kubectl("-n", SYSTEM, "delete", "pods", "-l", "app.kubernetes.io/name=operator", "--grace-period=0", "--force")

    def until(self, what: str, holds: Callable[[], Any], seconds: float = PATIENCE) -> Any:
        """Poll until `holds` returns something true; what it returned. On time-out, what is there is shown."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            if answer := holds():
                return answer
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"not within {seconds:.0f} s: {what}\n{self.picture()}")

    def wait(
        self, plural: str, name: str, reason: str | None = None, *, condition_type: str = "Ready", status: str = "True", seconds: float = PATIENCE
    ) -> Resource:
        """Until a condition has this status (and reason); the object."""

        def holds() -> Resource | None:
            seen = self.get(plural, name)
            found = condition(seen, condition_type)
            return seen if found.get("status") == status and reason in (None, found.get("reason")) else None

        return self.until(f"{plural}/{name} {condition_type}={status} {reason or ''}", holds, seconds)

    def picture(self) -> str:
        """What a person would look at: resources, pods, the operator's last lines."""
        kinds = "featuresets.trimtab.dev,datasets.trimtab.dev,trainingjobs.trimtab.dev,modelversions.trimtab.dev,modeldeployments.trimtab.dev,driftmonitors.trimtab.dev"
        commands = [
            ["-n", self.namespace, "get", kinds, "-o", "wide"],
            ["-n", self.namespace, "get", "jobs,pods", "-o", "wide"],
            ["-n", SYSTEM, "logs", "deployment/trimtab-operator", "--tail=15"],
        ]
        return "\n".join(self._try(command) for command in commands)

    def _try(self, command: list[str]) -> str:
        try:
            return self.cluster.kubectl(*command)
        except AssertionError as error:
            return str(error)

    def upload_pod(self) -> None:
        self.apply(UPLOAD_POD)
        self.kubectl("wait", "--for=condition=Ready", "pod/upload", "--timeout=120s")

    def put(self, path: str, content: str) -> str:
        """Text into the namespace's part of the bucket; the URI. Needs `upload_pod`."""
        uri = f"s3://trimtab/{self.namespace}/{path}"
        self.kubectl("exec", "-i", "upload", "--", "python", "-m", "trimtab.store.put", uri, stdin=content)
        return uri

    @contextlib.contextmanager
    def forwarded(self, target: str, port: int = 80) -> Iterator[str]:
        """A local address of a Service or pod."""
        with self.cluster.running("-n", self.namespace, "port-forward", target, f":{port}") as process:
            assert process.stdout is not None
            line = process.stdout.readline()
            found = re.search(r"127\.0\.0\.1:(\d+)", line)
            assert found, line
            yield f"http://127.0.0.1:{found[1]}"

    @contextlib.contextmanager
    def load(self, url: str, body: str) -> Iterator[dict[str, dict[str, int]]]:
        """Constant requests from the upload pod while the block runs; afterwards the dict holds counts of codes and versions."""
        script = (ROOT / "tests" / "support" / "load.py").read_text()
        counts: dict[str, dict[str, int]] = {}
        with self.cluster.running("-n", self.namespace, "exec", "-i", "upload", "--", "python", "-c", script, url) as process:
            assert process.stdin is not None
            process.stdin.write(body)
            process.stdin.close()
            process.stdin = None
            try:
                yield counts
                time.sleep(1.5)  # the last line covers the whole block
            finally:
                process.terminate()
                lines = process.communicate()[0].strip().splitlines()
                self._try(["-n", self.namespace, "exec", "upload", "--", "python", "-c", STOP, url])
        counts.update(json.loads(lines[-1]))


def resource(kind: str, name: str, spec: Resource, **annotations: str) -> Resource:
    """A manifest of ours as people write it."""
    return {"apiVersion": "trimtab.dev/v1alpha1", "kind": kind, "metadata": {"name": name, "annotations": annotations}, "spec": spec}
