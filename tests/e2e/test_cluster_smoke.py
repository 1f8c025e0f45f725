"""What every other end-to-end test takes for granted of the cluster it runs on."""

import json
import os
import signal
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

PYTHON = "docker.io/library/python:3.11-slim-bookworm"
STORE = "docker.io/versity/versitygw:v1.8.0"
NAMESPACE = "smoke"
TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount"
ASK_THE_API = (
    "import ssl, urllib.request as u;"
    f"r = u.Request('https://kubernetes.default.svc/version', headers={{'Authorization': 'Bearer ' + open('{TOKEN}/token').read()}});"
    f"print(u.urlopen(r, context=ssl.create_default_context(cafile='{TOKEN}/ca.crt')).read().decode())"
)


def objects() -> str:
    """A claim, a pod that is not root and serves a folder of it, and a Service in front, also on a port of the node."""
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Mi"}}}
    container = {
        "name": "web",
        "image": PYTHON,
        "command": ["sh", "-c", "echo from-the-claim > /data/page; echo started; exec python3 -m http.server 8000 -d /data"],
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
        "readinessProbe": {"tcpSocket": {"port": 8000}, "periodSeconds": 1},
    }
    pod = {
        "containers": [container],
        "volumes": [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}],
        "securityContext": {"runAsUser": 65532, "runAsNonRoot": True},
        "terminationGracePeriodSeconds": 0,
    }
    service = {"type": "NodePort", "selector": {"app": "web"}, "ports": [{"port": 80, "targetPort": 8000}]}
    items = [
        {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": claim},
        {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "server", "labels": {"app": "web"}}, "spec": pod},
        {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web"}, "spec": service},
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})


@pytest.fixture(scope="module")
def pod(cluster) -> Iterator[object]:  # type: ignore[no-untyped-def]
    cluster.tool("load", PYTHON)
    cluster.kubectl("delete", "namespace", NAMESPACE, "--ignore-not-found")
    cluster.kubectl("create", "namespace", NAMESPACE)
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=create", "serviceaccount/default", "--timeout=60s")
    cluster.kubectl("-n", NAMESPACE, "apply", "-f", "-", input=objects())
    cluster.kubectl("-n", NAMESPACE, "wait", "--for=condition=Ready", "pod/server", "--timeout=90s")
    yield lambda *command: cluster.kubectl("-n", NAMESPACE, "exec", "server", "--", *command)
    cluster.kubectl("delete", "namespace", NAMESPACE, "--wait=false")


def fetch(url: str) -> str:
    """A pod is Ready a second or two before kube-proxy lets its Service reach it: a refusal is asked again."""
    return f"""
import time, urllib.request
for attempt in range(20):
    try:
        print(urllib.request.urlopen('{url}', timeout=5).read().decode())
        break
    except OSError:
        time.sleep(0.5)
"""


def test_a_pod_reaches_a_service_by_its_name_and_by_its_address(cluster, pod):
    address = cluster.kubectl("-n", NAMESPACE, "get", "service", "web", "-o", "jsonpath={.spec.clusterIP}")
    for host in ("web", "web.smoke.svc.cluster.local", address):
        assert "from-the-claim" in pod("python3", "-c", fetch(f"http://{host}/page"))


def test_a_node_port_answers_this_machine(cluster, pod):
    port = cluster.kubectl("-n", NAMESPACE, "get", "service", "web", "-o", "jsonpath={.spec.ports[0].nodePort}")
    with urllib.request.urlopen(f"http://{cluster.node_ip}:{port}/page", timeout=5) as answer:
        assert answer.read() == b"from-the-claim\n"


def test_a_pod_may_ask_the_api_server_with_its_own_token(pod):
    assert json.loads(pod("python3", "-c", ASK_THE_API))["major"] == "1"


def test_a_pod_writes_to_its_claim_though_it_is_not_root(pod):
    assert pod("sh", "-c", "id -u; cat /data/page").split() == ["65532", "from-the-claim"]


def test_a_name_outside_the_cluster_is_refused_at_once(pod):
    assert "not known" in pod("python3", "-c", "import socket\ntry: socket.getaddrinfo('example.com', 80)\nexcept OSError as e: print(e)")


def test_logs_are_there_to_read(cluster, pod):
    assert "started" in cluster.kubectl("-n", NAMESPACE, "logs", "server")


def test_the_object_store_image_is_there_to_run(cluster, pod):
    cluster.kubectl("-n", NAMESPACE, "run", "store", f"--image={STORE}", "--restart=Never", "--", "--version")
    cluster.kubectl("-n", NAMESPACE, "wait", "pod/store", "--for=jsonpath={.status.phase}=Succeeded", "--timeout=30s")


def test_up_on_a_running_cluster_changes_nothing(cluster):
    before = cluster.kubectl("get", "node", "-o", "jsonpath={.items[0].metadata.uid}")
    cluster.tool("up")
    assert cluster.kubectl("get", "node", "-o", "jsonpath={.items[0].metadata.uid}") == before


@pytest.mark.skipif(os.environ.get("CLUSTER", "auto") in ("kind", "none"), reason="only a cluster in namespaces of this machine is ours to kill")
def test_a_cluster_that_was_killed_comes_up_with_what_it_knew_and_down_leaves_nothing(cluster):
    if not (cluster.kubeconfig.parent / "pid").exists():
        pytest.skip("kind runs this cluster")
    killed = replace(cluster, name="trimtab-killed")
    killed.tool("up")
    killed.kubectl("create", "configmap", "remembered")
    os.kill(int((killed.kubeconfig.parent / "pid").read_text()), signal.SIGKILL)
    killed.tool("up")
    assert "remembered" in killed.kubectl("get", "configmap", "remembered", "-o", "name")
    killed.tool("down")
    assert not killed.kubeconfig.parent.exists()
    assert not list(Path("/sys/fs/cgroup").rglob("trimtab-trimtab-killed"))
    assert "trimtab-killed" not in Path("/proc/mounts").read_text()
