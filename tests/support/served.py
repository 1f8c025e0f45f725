"""A namespace of a real API server in which a real operator serves flights-v1: pods and their controllers are played."""

from support.answers import snapshot_answer, train_answer
from support.builders import Object, dataset, deployment, training_job
from support.operator_process import Operator
from support.played_namespace import Cluster
from support.serving_pods import ready_condition
from trimtab.api.documents import Result

VERIFIED = Result(outcome="Succeeded", reason="Verified", message="Digest verified; loads in the serving image; 32 golden examples reproduce.")


def serve(cluster: Cluster, operator: Operator) -> None:
    """From a Dataset to a Deployment that serves flights-v1."""
    cluster.apply({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "trimtab-worker"}})
    for obj in (dataset(), training_job(), deployment(replicas=1)):
        cluster.apply(obj)
    for verb, result in (("snapshot", snapshot_answer(1)), ("train", train_answer()), ("verify", VERIFIED)):
        cluster.end(operator.until(lambda verb=verb: cluster.jobs(verb), f"{verb} Job")[0], result)
    operator.until(lambda: cluster.kubectl("get", "deployment.apps", "-o", "name"), "serving pods' Deployment")
    get_ready(cluster, cluster.read("deployment.apps", "flights-v1"))
    operator.until(lambda: cluster.read("modeldeployment", "flights")["status"].get("stable"), "a stable version")


def get_ready(cluster: Cluster, child: Object) -> None:
    """What kubelet and Deployment controller report of one pod that answers."""
    meta, template = child["metadata"], child["spec"]["template"]
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": f"{meta['name']}-0", "labels": template["metadata"]["labels"]}, "spec": template["spec"]}
    owner = {"apiVersion": "apps/v1", "kind": "Deployment", "name": meta["name"], "uid": meta["uid"], "controller": True}
    cluster.apply({**pod, "metadata": {**pod["metadata"], "ownerReferences": [owner]}})
    cluster.set_status(
        "pod", f"{meta['name']}-0", {"phase": "Running", "podIP": "127.0.0.1", "podIPs": [{"ip": "127.0.0.1"}], "conditions": [ready_condition(True)]}
    )
    counts = {"replicas": 1, "readyReplicas": 1, "availableReplicas": 1, "updatedReplicas": 1, "observedGeneration": meta["generation"]}
    cluster.set_status("deployment.apps", meta["name"], counts)
