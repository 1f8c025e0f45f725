"""The main job, as a user does it: installed by Helm, January's real flights, `kubectl apply -k`, a prediction over HTTP.

The tests of this file are one story told in order; each stands on what the one before has left.
"""

import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest

from support.installed import ROOT, SYSTEM, Installed, condition

EXAMPLE = ROOT / "examples" / "flights"
ROW = json.loads((EXAMPLE / "row.json").read_text())


@pytest.fixture(scope="module")
def flights(trimtab: Installed) -> Installed:
    """Namespace `flights` with January in its part of the bucket, and the example applied."""
    it = Installed(trimtab.cluster, "flights")
    it.upload_pod()
    table = subprocess.run([sys.executable, str(EXAMPLE / "prepare.py"), "2013-01"], capture_output=True, text=True, check=True).stdout
    it.put("data/2013-01.csv", table)
    it.kubectl("apply", "-k", str(EXAMPLE))
    return it


def test_january_becomes_a_dataset_split_by_time(flights: Installed) -> None:
    dataset = flights.wait("datasets", "flights")
    version = dataset["status"]["versions"][0]
    assert dataset["status"]["task"] == "classification"
    assert sum(version["rows"].values()) == 27004
    assert version["rows"]["unlabelled"] > 0


def test_a_training_job_trains_on_it_and_registers_a_version(flights: Installed) -> None:
    job = flights.wait("trainingjobs", "flights")
    assert job["status"]["modelVersion"] == "flights-v1"
    assert len(job["status"]["runs"]) == 1


def test_the_version_is_verified_in_the_serving_image(flights: Installed) -> None:
    version = flights.wait("modelversions", "flights-v1")
    assert condition(version, "GatesPassed")["status"] == "True"
    assert version["status"]["verifiedAt"]


def test_a_deployment_serves_it_and_a_prediction_comes_back(flights: Installed) -> None:
    deployment = flights.wait("modeldeployments", "flights")
    assert deployment["status"]["stable"]["version"] == 1
    with flights.forwarded("service/flights") as url:
        answer = httpx.post(f"{url}/v2/models/flights/infer", json=ROW, timeout=10)
    assert answer.status_code == 200, answer.text
    outputs = {output["name"]: output["data"] for output in answer.json()["outputs"]}
    assert outputs["label"][0] in ("true", "false")
    assert sum(outputs["probability"]) == pytest.approx(1)
    assert answer.json()["model_version"] == "1"
    assert answer.json()["parameters"]["model_digest"]


def test_a_version_in_use_cannot_be_deleted(flights: Installed) -> None:
    flights.until("servedBy", lambda: (flights.get("modelversions", "flights-v1") or {}).get("status", {}).get("servedBy"))
    with pytest.raises(AssertionError, match="flights"):
        flights.kubectl("delete", "modelversion", "flights-v1")


def test_applying_everything_again_trains_nothing(flights: Installed) -> None:
    flights.kubectl("delete", "trainingjob", "flights")
    flights.kubectl("apply", "-k", str(EXAMPLE))
    job = flights.wait("trainingjobs", "flights")
    assert job["status"]["modelVersion"] == "flights-v1"
    assert [each["metadata"]["name"] for each in flights.every("modelversions")] == ["flights-v1"]


def test_a_new_version_takes_over_and_no_request_is_lost(flights: Installed) -> None:
    with flights.load("http://flights/v2/models/flights/infer", json.dumps(ROW)) as load:
        flights.kubectl("apply", "-f", str(EXAMPLE / "trainingjob-challenger.yaml"))
        flights.until("version 2 is served", lambda: _stable(flights) == 2)
        time.sleep(15)  # the old pods go after a grace
    print("answers:", load)
    assert set(load["codes"]) == {"200"}
    assert set(load["versions"]) == {"1", "2"}


def test_a_model_that_fails_its_gates_is_registered_and_never_served(flights: Installed) -> None:
    flights.kubectl("apply", "-f", str(EXAMPLE / "trainingjob-boosted.yaml"))
    job = flights.wait("trainingjobs", "flights-boosted", "GatesFailed", status="False")
    print(condition(job, "Ready")["message"])
    assert condition(flights.get("modelversions", job["status"]["modelVersion"]), "GatesPassed")["status"] == "False"
    assert _stable(flights) == 2


def test_switching_back_is_one_field(flights: Installed) -> None:
    flights.kubectl("patch", "modeldeployment", "flights", "--type=merge", "-p", '{"spec":{"version":1}}')
    flights.until("version 1 is served again", lambda: _stable(flights) == 1)
    flights.kubectl("apply", "-k", str(EXAMPLE))


def test_no_secret_is_in_a_log_a_status_or_an_event(flights: Installed) -> None:
    secret = json.loads(flights.kubectl("get", "secret", "trimtab-store", "-o", "json"))["data"]["AWS_SECRET_ACCESS_KEY"]
    key = subprocess.run(["base64", "-d"], input=secret, capture_output=True, text=True, check=True).stdout
    for text in _all_that_is_written(flights):
        assert key not in text
        assert secret not in text


def test_the_table_of_all_kinds_has_what_a_person_wants(flights: Installed) -> None:
    table = flights.kubectl("get", "ml")
    print(table)
    assert re.search(r"modelversion.trimtab.dev/flights-v1\s+True", table)


def _stable(flights: Installed) -> int | None:
    deployment = flights.get("modeldeployments", "flights") or {}
    return deployment.get("status", {}).get("stable", {}).get("version")


def _all_that_is_written(flights: Installed) -> Iterator[str]:
    yield flights.kubectl("get", "ml,jobs,pods,events", "-o", "yaml")
    yield flights.cluster.kubectl("-n", SYSTEM, "logs", "deployment/trimtab-operator")
    for pod in flights.every("pods"):
        yield flights.kubectl("logs", pod["metadata"]["name"], "--all-containers")
