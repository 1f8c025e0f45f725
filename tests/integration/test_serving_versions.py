"""A version is verified, served, and replaced by the next on a real API server: only what pods and their controllers report is played."""

import time
from pathlib import Path

from support.builders import deployment, model_version
from support.control_plane import ControlPlane
from support.operator_process import Operator
from support.played_namespace import Cluster
from support.serving_pods import pod_of
from trimtab.api.documents import Result
from trimtab.plans.traffic import GRACE

GATES = [{"name": "skill", "outcome": "Passed", "message": "0.21 is above 0."}]
VERIFIED = Result(outcome="Succeeded", reason="Verified", message="Digest verified; loads in the serving image; 32 golden examples reproduce.")
CHILDREN = "deployments.apps"


def names(cluster: Cluster, what: str) -> list[str]:
    return [item["metadata"]["name"] for item in cluster.read(what)["items"]]


def register(cluster: Cluster, operator: Operator, number: int) -> None:
    """A version comes, and its verify Job ends well."""
    cluster.apply(model_version("flights", number, summary={"gates": GATES}))
    owner = f"trimtab.dev/owner-name=flights-v{number}"
    job = operator.until(lambda: cluster.read("jobs", "-l", owner)["items"], f"verify Job of version {number}")[0]
    cluster.end(job, VERIFIED)


def come_up(cluster: Cluster, name: str) -> None:
    """All pods of a child get ready, and are counted."""
    child = cluster.read(CHILDREN, name)
    count = child["spec"]["replicas"]
    for number in range(count):
        pod = pod_of(child, f"{name}-{number}", ready=True)
        status = pod.pop("status")
        cluster.apply(pod)
        cluster.set_status("pod", f"{name}-{number}", {"phase": "Running", "conditions": status["conditions"]})
    cluster.set_status(CHILDREN, name, {"replicas": count, "readyReplicas": count, "updatedReplicas": count})


def routed(cluster: Cluster) -> str:
    return str(cluster.read("service", "flights")["spec"]["selector"]["trimtab.dev/version"])


def writes(cluster: Cluster) -> dict[str, str]:
    found = cluster.read(f"modeldeployments,modelversions,services,poddisruptionbudgets,{CHILDREN}")["items"]
    return {f"{item['kind']}/{item['metadata']['name']}": item["metadata"]["resourceVersion"] for item in found}


def test_the_next_version_takes_over_when_its_pods_answer_and_the_old_ones_go(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    cluster = Cluster(kinds, namespace)
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "trimtab-worker"}})
    cluster.apply(deployment("flights"))
    with Operator(kinds, namespace, tmp_path) as operator:
        operator.until(lambda: cluster.condition("modeldeployment") == ("False", "NoVersion"), "Deployment that waits for a version")
        register(cluster, operator, 1)
        operator.until(lambda: "flights-v1" in names(cluster, CHILDREN) and names(cluster, "services"), "pods of version 1")
        assert routed(cluster) == "none"
        come_up(cluster, "flights-v1")
        operator.until(lambda: cluster.condition("modeldeployment") == ("True", "Serving"), "version 1 that serves")
        assert routed(cluster) == "1"
        operator.until(lambda: cluster.read("modelversion", "flights-v1")["status"]["servedBy"], "version that knows who serves it")

        quiet = writes(cluster)
        time.sleep(3)
        assert writes(cluster) == quiet, "somebody writes while nothing happens"

        register(cluster, operator, 2)
        operator.until(lambda: "flights-v2" in names(cluster, CHILDREN), "pods of version 2")
        assert routed(cluster) == "1"
        come_up(cluster, "flights-v2")
        operator.until(lambda: routed(cluster) == "2", "traffic at version 2")
        moved = time.monotonic()
        operator.until(lambda: names(cluster, CHILDREN) == ["flights-v2"], "version 1's pods gone")
        assert time.monotonic() - moved > GRACE.total_seconds() - 3, "the old pods went before every node could know"
        assert names(cluster, "poddisruptionbudgets") == ["flights-v2"]
        assert cluster.condition("modeldeployment") == ("True", "Serving")
