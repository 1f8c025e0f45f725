"""The Job of one verb: what its pod gets, what a person may override, what is tried again."""

import json

import pytest

from trimtab.api.base import PodTemplate
from trimtab.api.dataset import DatasetSpec
from trimtab.api.documents import SnapshotDocument
from trimtab.api.trainingjob import ConfigMapKey
from trimtab.manifests import jobs
from trimtab.manifests.labels import Owner

OWNER = Owner("Dataset", "team-a", "flights", "uid-1")
SPEC = {"source": {"uri": "s3://lake/flights/"}, "label": "late", "validation": [{"name": "price", "sql": "SELECT 'a$(POD_UID)'", "expect": "$"}]}
SHAPE = jobs.PodShape("registry.example/worker:1")


def document():
    return SnapshotDocument(namespace="team-a", name="flights", uid="uid-1", spec=DatasetSpec.model_validate(SPEC))


def built(template=None, **changes):
    shape = jobs.PodShape("registry.example/worker:1", template=PodTemplate.model_validate(template) if template else None, **changes)
    return jobs.job(OWNER, document(), "k" * 64, 1, shape)


def pod(job):
    return job["spec"]["template"]["spec"]


def container(job):
    return pod(job)["containers"][0]


def env(job):
    return {variable["name"]: variable.get("value") for variable in container(job)["env"]}


def test_the_document_reaches_the_worker_whole_and_unexpanded():
    text = env(built())["TRIMTAB_DOCUMENT"]
    assert "$" not in text, "the kubelet replaces $(NAME) in values of variables"
    assert SnapshotDocument.model_validate(json.loads(text)) == document()


def test_the_pod_passes_restricted_pod_security():
    assert pod(built())["securityContext"]["runAsNonRoot"] is True
    assert pod(built())["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container(built())["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_pod_has_the_stores_secret_and_no_token_for_the_cluster():
    assert container(built())["envFrom"] == [{"secretRef": {"name": "trimtab-store"}}]
    assert pod(built())["serviceAccountName"] == "trimtab-worker"
    assert pod(built())["automountServiceAccountToken"] is False


def test_a_users_fault_is_not_tried_again_and_a_disruption_does_not_count():
    fail, ignore = built()["spec"]["podFailurePolicy"]["rules"]
    assert (fail["action"], fail["onExitCodes"]["values"]) == ("FailJob", [2])
    assert (ignore["action"], ignore["onPodConditions"][0]["type"]) == ("Ignore", "DisruptionTarget")
    assert pod(built())["restartPolicy"] == "Never"


def test_pods_carry_the_labels_of_their_job():
    job = built()
    assert job["spec"]["template"]["metadata"]["labels"] == job["metadata"]["labels"]
    assert job["metadata"]["labels"]["trimtab.dev/run-key"] == "k" * 32


def test_the_templates_labels_are_added_and_never_replace_ours():
    job = built({"metadata": {"labels": {"team": "a", "trimtab.dev/owner-uid": "forged"}, "annotations": {"note": "x"}}})
    metadata = job["spec"]["template"]["metadata"]
    assert metadata["labels"]["team"] == "a"
    assert metadata["labels"]["trimtab.dev/owner-uid"] == "uid-1"
    assert metadata["annotations"] == {"note": "x"}


def test_a_persons_resources_replace_the_defaults_whole():
    limits = {"limits": {"memory": "64Mi"}}
    assert container(built())["resources"] == jobs.DEFAULT_RESOURCES
    assert container(built({"spec": {"containers": [{"name": "main", "resources": limits}]}}))["resources"] == limits


def test_a_persons_variable_is_added_and_ours_win():
    variables = [{"name": "OMP_NUM_THREADS", "value": "1"}, {"name": "TRIMTAB_IMAGE", "value": "forged"}]
    job = built({"spec": {"containers": [{"env": variables}]}})
    assert env(job)["OMP_NUM_THREADS"] == "1"
    assert env(job)["TRIMTAB_IMAGE"] == "registry.example/worker:1"
    assert [variable["name"] for variable in container(job)["env"]].count("TRIMTAB_IMAGE") == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("nodeSelector", {"disk": "ssd"}), ("tolerations", [{"operator": "Exists"}]), ("priorityClassName", "low")],
)
def test_placement_is_taken_from_the_template(field, value):
    assert field not in pod(built())
    assert pod(built({"spec": {field: value}}))[field] == value


def test_a_queue_admits_the_job_which_therefore_starts_suspended():
    job = built(queue="team-a")
    assert job["metadata"]["labels"]["kueue.x-k8s.io/queue-name"] == "team-a"
    assert job["spec"]["suspend"] is True
    assert "suspend" not in built()["spec"]


def test_deadline_backoff_and_command_are_the_shapes():
    job = built(deadline_seconds=60, backoff_limit=5, command=jobs.VERIFY_COMMAND)
    assert (job["spec"]["activeDeadlineSeconds"], job["spec"]["backoffLimit"]) == (60, 5)
    assert container(job)["command"] == ["python", "-m", "trimtab_serving.verify"]
    assert "activeDeadlineSeconds" not in built()["spec"]


def test_code_is_mounted_by_its_key():
    job = jobs.job(OWNER, document(), "k" * 64, 1, SHAPE, code=ConfigMapKey(name="code", key="train.py"))
    assert pod(job)["volumes"][1]["configMap"] == {"name": "code", "items": [{"key": "train.py", "path": "train.py"}]}
    assert container(job)["volumeMounts"][1] == {"name": "code", "mountPath": "/etc/trimtab/code", "readOnly": True}


@pytest.mark.parametrize(
    "changed",
    [
        jobs.PodShape("registry.example/worker:2"),
        jobs.PodShape("registry.example/worker:1", deadline_seconds=1),
        jobs.PodShape("registry.example/worker:1", template=PodTemplate.model_validate({"spec": {"nodeSelector": {"a": "b"}}})),
    ],
)
def test_the_shapes_digest_tells_when_another_attempt_could_go_better(changed):
    assert changed.digest != SHAPE.digest
    assert jobs.PodShape("registry.example/worker:1", template=PodTemplate()).digest == SHAPE.digest


def test_the_same_arguments_build_the_same_job():
    assert built() == built()
