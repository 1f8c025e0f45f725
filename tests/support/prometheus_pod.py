"""A real Prometheus inside a cluster: Debian's program, sent into a pod that has nothing else to do."""

import base64
import json
import zlib

from support.installed import SYSTEM, Installed, Resource
from support.prometheus import binary

PORT = 9090
WAITS = f"""
import os, time
while not os.path.exists("/tmp/sent"):
    time.sleep(0.2)
os.execv("/tmp/prometheus", ["prometheus", "--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/tmp/data", "--web.listen-address=:{PORT}"])
"""
RECEIVES = """
import base64, os, sys, zlib
open("/tmp/prometheus", "wb").write(zlib.decompress(base64.b64decode(sys.stdin.read())))
os.chmod("/tmp/prometheus", 0o755)
open("/tmp/sent", "w").close()
"""


def manifests() -> list[Resource]:
    """A pod, its configuration (YAML, and so is JSON), and a Service: it scrapes the operator once in two seconds."""
    job = {"job_name": "trimtab", "honor_labels": True, "static_configs": [{"targets": [f"trimtab-operator-metrics.{SYSTEM}.svc:8080"]}]}
    configuration = {"global": {"scrape_interval": "2s"}, "scrape_configs": [job]}
    labels = {"app": "prometheus"}
    container = {
        "name": "prometheus",
        "image": "trimtab/worker:dev",
        "command": ["python", "-c", WAITS],
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {"httpGet": {"path": "/-/ready", "port": PORT}, "periodSeconds": 1},
        "securityContext": {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}},
        "volumeMounts": [{"name": "scratch", "mountPath": "/tmp"}, {"name": "configuration", "mountPath": "/etc/prometheus"}],
    }
    pod = {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": 0,
        "securityContext": {"runAsNonRoot": True, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [container],
        "volumes": [{"name": "scratch", "emptyDir": {}}, {"name": "configuration", "configMap": {"name": "prometheus"}}],
    }
    return [
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "prometheus"}, "data": {"prometheus.yml": json.dumps(configuration)}},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "prometheus"}, "spec": {"selector": labels, "ports": [{"port": PORT}]}},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "prometheus", "labels": labels}, "spec": pod},
    ]


def start(it: Installed) -> str:
    """In this namespace; its URL as the operator sees it."""
    it.apply(*manifests())
    it.until("the pod of Prometheus runs", lambda: (it.get("pods", "prometheus") or {}).get("status", {}).get("phase") == "Running", seconds=120)
    it.kubectl("exec", "-i", "prometheus", "--", "python", "-c", RECEIVES, stdin=base64.b64encode(zlib.compress(binary().read_bytes(), 1)).decode())
    it.kubectl("wait", "--for=condition=Ready", "pod/prometheus", "--timeout=60s")
    return f"http://prometheus.{it.namespace}.svc:{PORT}"
