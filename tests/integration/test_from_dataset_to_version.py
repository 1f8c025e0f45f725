"""From a Dataset to a registered version on a real API server: only what kubelet and Job controller report is played."""

from pathlib import Path

from support.answers import snapshot_answer, train_answer
from support.builders import dataset, training_job
from support.control_plane import ControlPlane
from support.operator_process import Operator
from support.played_namespace import Cluster
from trimtab.api.documents import Result


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
