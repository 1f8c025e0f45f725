"""kubectl and helm against the cluster that `CLUSTER` and `TRIMTAB_CLUSTER_NAME` name, and what they say of a resource."""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from terminal import say

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = ROOT / "examples" / "flights"
SYSTEM, NAMESPACE = "trimtab-system", "flights"
PATIENCE_SECONDS = 600
"""Longer than any step took on two cores; what is not there by then will not come."""

TRIES, PAUSE_SECONDS = 15, 2.0
AWAY = re.compile("connection refused|was refused|EOF|connection reset|http2: client connection lost|etcdserver|TLS handshake timeout")

Resource = dict[str, Any]
PROGRAM = [sys.executable, str(ROOT / "dev" / "cluster")]


def cluster(*words: str) -> None:
    subprocess.run([*PROGRAM, *words], check=True)


def tool(name: str, *words: str, stdin: bytes | None = None) -> str:
    """Run kubectl or helm against the cluster; what it printed. A failure shows what it said; an API server that is away is waited for."""
    for _ in range(TRIES):
        done = subprocess.run([*PROGRAM, name, *words], input=stdin, capture_output=True, check=False)
        if done.returncode == 0 or not AWAY.search(done.stderr.decode()):
            break
        time.sleep(PAUSE_SECONDS)
    if done.returncode != 0:
        sys.exit(f"{name} {' '.join(words)}\n{done.stderr.decode()}")
    return done.stdout.decode()


def kubectl(*words: str, stdin: bytes | None = None) -> str:
    return tool("kubectl", *words, stdin=stdin)


def show(*words: str, stdin: bytes | None = None) -> None:
    print(f"$ kubectl {' '.join(words)}\n{kubectl(*words, stdin=stdin)}", flush=True)


def condition(resource: Resource, name: str) -> Resource:
    return next((c for c in resource.get("status", {}).get("conditions", []) if c["type"] == name), {})


def every(plural: str) -> list[Resource]:
    listed: list[Resource] = json.loads(kubectl("get", f"{plural}.trimtab.dev", "-n", NAMESPACE, "-o", "json"))["items"]
    return listed


def read(plural: str, name: str) -> Resource | None:
    return next((item for item in every(plural) if item["metadata"]["name"] == name), None)


def news(resource: Resource) -> str:
    """What a person wants to hear about a resource now: its progress, else its Ready condition."""
    progress = resource.get("status", {}).get("progress") or {}
    ready = condition(resource, "Ready")
    if ready.get("status") != "True" and progress.get("message"):
        return f"{progress.get('percent', 0)}% {progress['message']}"
    return f"{ready.get('reason', 'Waiting')}: {ready.get('message', 'for the operator')}"


def follow(plural: str, name: str) -> Resource:
    """Print each change until the resource is Ready, as its spec is now; the resource."""
    last, deadline = "", time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        resource = read(plural, name)
        told = f"   {plural[:-1]} {name}: {news(resource) if resource else 'not there yet'}"
        if told != last:
            say(told)
        last = told
        if resource and condition(resource, "Ready").get("status") == "True" and is_current(resource):
            return resource
        if resource and condition(resource, "Stalled").get("status") == "True" and is_current(resource):
            sys.exit("Stalled: a person must act; the sentence above says on what.")
        time.sleep(1)
    sys.exit(f"{plural[:-1]} {name} was not Ready after {PATIENCE_SECONDS} s.")


def is_current(resource: Resource) -> bool:
    return bool(resource["metadata"].get("generation") == resource.get("status", {}).get("observedGeneration"))


def wait(what: str, holds: Callable[[], Any], seconds: float = PATIENCE_SECONDS, pause: float = 2.0) -> Any:
    """Until something is true; what it was."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := holds():
            return found
        time.sleep(pause)
    sys.exit(f"Not within {seconds:.0f} s: {what}.")


@contextlib.contextmanager
def upload_pod() -> Iterator[Callable[[str, bytes], None]]:
    """A pod that may use the namespace's Secret: the store has no address outside. `put(key, content)` streams through it."""
    kubectl("apply", "-f", str(EXAMPLE / "upload-pod.yaml"))
    kubectl("wait", "--for=condition=Ready", "pod/upload", "-n", NAMESPACE, "--timeout=120s")

    def put(key: str, content: bytes) -> None:
        print(kubectl("exec", "-i", "upload", "-n", NAMESPACE, "--", "python", "-m", "trimtab.store.put", f"s3://trimtab/flights/{key}", stdin=content), end="")

    yield put
    kubectl("delete", "-f", str(EXAMPLE / "upload-pod.yaml"), "--now")


@contextlib.contextmanager
def forwarded(service: str) -> Iterator[str]:
    """A local address of a Service in the cluster."""
    command = [*PROGRAM, "kubectl", "port-forward", f"service/{service}", ":80", "-n", NAMESPACE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            port = re.search(r"127\.0\.0\.1:(\d+)", line)
            if port is None:
                sys.exit(f"kubectl port-forward service/{service} said: {line}")
            yield f"http://127.0.0.1:{port[1]}"
        finally:
            os.killpg(process.pid, 15)
