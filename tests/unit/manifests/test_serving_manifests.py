"""The objects that serve a model: what keeps requests from getting lost, and what makes them ours."""

import hashlib
import json

import pytest

from support.builders import model_version
from trimtab.api.documents import SPOOL_BYTES, SPOOL_PATH, PredictionLog, ServingDocument
from trimtab.api.split import SPLIT, SPLIT_PATH
from trimtab.manifests import serving
from trimtab.manifests.labels import Owner
from trimtab.manifests.serving import Image, Served, Wishes

OWNER = Owner("Deployment", "team-a", "flights", "u-1")
SERVED = Served.of_version(model_version("delays", 7, lineage={"dataset": {"name": "flights", "version": 3, "digest": "d" * 64}}))


def built(replicas=2, **spec):
    return serving.deployment(OWNER, SERVED, Image("serving:1"), replicas, Wishes.of_spec(spec))


def pod(template=None):
    return built(template=template)["spec"]["template"]


def container(template=None):
    return pod(template)["spec"]["containers"][0]


def told(child):
    return next(v["value"] for v in serving.container_of(child)["env"] if v["name"] == "TRIMTAB_SERVING")


def test_names_carry_the_version_and_only_the_service_the_plain_name():
    assert built()["metadata"]["name"] == serving.budget(OWNER, SERVED)["metadata"]["name"] == "flights-v7"
    assert serving.service(OWNER, "delays", 7)["metadata"]["name"] == "flights"


@pytest.mark.parametrize("made", [built(), serving.budget(OWNER, SERVED), serving.service(OWNER, "delays", 7)], ids=lambda m: m["kind"])
def test_every_child_says_whose_it_is(made):
    assert made["metadata"]["labels"].items() >= {"trimtab.dev/owner-uid": "u-1", "trimtab.dev/owner-name": "flights", "trimtab.dev/model": "delays"}.items()
    assert made["metadata"]["ownerReferences"][0]["uid"] == "u-1"
    assert made["metadata"]["namespace"] == "team-a"


def test_selectors_find_the_pods_of_one_version_of_one_owner():
    wanted = {"trimtab.dev/owner-uid": "u-1", "trimtab.dev/version": "7"}
    assert built()["spec"]["selector"]["matchLabels"] == wanted
    assert serving.budget(OWNER, SERVED)["spec"]["selector"]["matchLabels"] == wanted
    assert serving.service(OWNER, "delays", 7)["spec"]["selector"] == wanted
    assert pod()["metadata"]["labels"].items() >= wanted.items()


def test_a_service_without_a_version_finds_no_pod_and_is_read_as_such():
    nowhere = serving.service(OWNER, "delays", None)
    assert nowhere["spec"]["selector"]["trimtab.dev/version"] == "none"
    assert serving.routed_version(nowhere) is None
    assert serving.routed_version(serving.service(OWNER, "delays", 7)) == 7


def test_the_pod_is_told_what_to_serve_and_for_whom():
    document = ServingDocument.model_validate_json(told(built()))
    assert (document.deployment, document.model, document.version, document.model_version) == ("flights", "delays", 7, "delays-v7")
    assert document.artifact == SERVED.artifact
    assert document.dataset_digest == "d" * 64


def test_what_a_pod_was_told_is_enough_to_build_it_again():
    assert Served.of_child(built()) == SERVED


def test_a_dollar_in_a_uri_is_not_read_as_a_variable():
    odd = Served.of_version(model_version("delays", 7, artifact={"uri": "s3://lake/$(HOME)/", "manifestDigest": "a" * 64, "format": "onnx"}))
    child = serving.deployment(OWNER, odd, Image("serving:1"), 1)
    assert "$" not in told(child)
    assert Served.of_child(child) == odd


def test_a_child_whose_variable_somebody_removed_tells_nothing():
    child = built()
    serving.container_of(child)["env"] = []
    assert Served.of_child(child) is None


def test_new_pods_come_before_old_ones_go():
    assert built()["spec"]["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}


def test_a_stopping_pod_has_time_to_drain_and_to_answer_what_is_open():
    drain = ServingDocument.model_validate_json(told(built())).drain_seconds
    assert drain >= 3
    assert pod()["spec"]["terminationGracePeriodSeconds"] >= drain + 30


def test_probes_ask_the_internal_port():
    for probe, path in (("readinessProbe", "/readyz"), ("livenessProbe", "/healthz"), ("startupProbe", "/readyz")):
        assert container()[probe]["httpGet"] == {"path": path, "port": 8081}


def test_pods_are_spread_over_nodes_where_there_are_several():
    spread = pod()["spec"]["topologySpreadConstraints"][0]
    assert (spread["topologyKey"], spread["whenUnsatisfiable"]) == ("kubernetes.io/hostname", "ScheduleAnyway")


def test_node_drains_take_one_pod_at_a_time_but_never_wait_for_a_broken_one():
    assert serving.budget(OWNER, SERVED)["spec"].items() >= {"maxUnavailable": 1, "unhealthyPodEvictionPolicy": "AlwaysAllow"}.items()


def test_the_pod_is_restricted_and_knows_no_cluster():
    spec, security = pod()["spec"], container()["securityContext"]
    assert spec["automountServiceAccountToken"] is False
    assert spec["securityContext"].items() >= {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}.items()
    assert security == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def test_the_store_is_known_by_its_secret_alone():
    assert container()["envFrom"] == [{"secretRef": {"name": "trimtab-store"}}]


def test_the_service_answers_at_the_port_of_http():
    assert serving.service(OWNER, "delays", 7)["spec"]["ports"][0].items() >= {"port": 80, "targetPort": 8080}.items()
    assert serving.url(OWNER) == "http://flights.team-a.svc"


def test_the_number_of_pods_can_be_left_to_others():
    assert "replicas" not in built(replicas=None)["spec"]


def test_a_persons_template_is_heard_but_for_what_is_ours():
    template = {
        "metadata": {"labels": {"team": "ml", "trimtab.dev/version": "9"}, "annotations": {"a": "b"}},
        "spec": {
            "containers": [
                {"env": [{"name": "OMP_NUM_THREADS", "value": "1"}, {"name": "TRIMTAB_SERVING", "value": "{}"}], "resources": {"limits": {"cpu": 1}}}
            ],
            "tolerations": [{"key": "gpu"}],
            "priorityClassName": "high",
        },
    }
    made = pod(template)
    assert made["metadata"]["labels"].items() >= {"team": "ml", "trimtab.dev/version": "7"}.items()
    assert made["metadata"]["annotations"] == {"prometheus.io/scrape": "true", "prometheus.io/port": "8081", "a": "b"}
    assert made["spec"].items() >= {"tolerations": [{"key": "gpu"}], "priorityClassName": "high"}.items()
    assert {"name": "OMP_NUM_THREADS", "value": "1"} in container(template)["env"]
    assert [v["name"] for v in container(template)["env"]].count("TRIMTAB_SERVING") == 1
    assert container(template)["resources"] == {"limits": {"cpu": 1}}


@pytest.mark.parametrize("field", [{"percent": 10}, {"exclude": ["dep_time"]}, {"hash": ["tailnum"]}, {"uploadSeconds": 5}])
def test_what_a_person_says_about_logging_reaches_the_pod(field):
    said = ServingDocument.model_validate_json(told(built(logging=field))).logging
    assert said == PredictionLog.model_validate(field)
    assert said != PredictionLog()
    assert told(built(logging=field)) != told(built())


def test_without_a_word_all_is_logged_and_an_older_server_is_told_nothing_new():
    assert "logging" not in told(built())
    assert ServingDocument.model_validate_json(told(built())).logging.percent == 100


def test_a_server_passes_over_what_a_newer_operator_says_about_logging():
    assert PredictionLog.model_validate({"percent": 5, "retention": "2160h"}).percent == 5


def test_the_spool_has_room_for_more_than_a_pod_keeps_so_that_the_kubelet_never_ends_it():
    assert {"name": "spool", "mountPath": SPOOL_PATH} in container()["volumeMounts"]
    (spool,) = (volume for volume in pod()["spec"]["volumes"] if volume["name"] == "spool")
    assert int(spool["emptyDir"]["sizeLimit"].removesuffix("Mi")) * 2**20 >= 1.5 * SPOOL_BYTES


def test_the_pods_own_annotation_is_a_file_for_it_and_no_part_of_the_template():
    """Nothing is restarted when a split changes."""
    (volume,) = (volume for volume in pod()["spec"]["volumes"] if volume["name"] == "pod")
    (item,) = volume["downwardAPI"]["items"]
    (mount,) = (mount for mount in container()["volumeMounts"] if mount["name"] == "pod")
    assert f"{mount['mountPath']}/{item['path']}" == SPLIT_PATH
    assert item["fieldRef"]["fieldPath"] == f"metadata.annotations['{SPLIT}']"
    assert SPLIT not in pod()["metadata"].get("annotations", {})


def test_a_version_has_a_service_of_its_own_where_its_pods_answer():
    made = serving.version_service(OWNER, "delays", 7)
    assert made["metadata"]["name"] == "flights-v7"
    assert serving.version_of(made) == 7
    assert made["spec"]["selector"] == built()["spec"]["selector"]["matchLabels"]
    assert serving.version_url(OWNER, 7) == "http://flights-v7.team-a.svc"
    assert serving.version_of(serving.service(OWNER, "delays", 7)) == 0


def test_pods_that_do_not_come_up_are_late_when_a_rollout_says_so():
    assert "progressDeadlineSeconds" not in built()["spec"]
    assert built(rollout={"steps": [{"pause": {}}], "progressDeadlineSeconds": 90})["spec"]["progressDeadlineSeconds"] == 90


def test_a_change_of_the_pod_template_is_meant():
    """An operator with another template restarts every model of everybody who upgrades. If you mean it, write the new digest here."""
    digest = hashlib.sha256(json.dumps(pod(), sort_keys=True).encode()).hexdigest()[:16]
    assert digest == "62e83c072d0c59d3"
