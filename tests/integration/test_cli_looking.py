"""The verbs that look, against a real API server; what the operator would say is written into the statuses."""

import subprocess
import sys
import threading
import time

import pytest

from support.builders import dataset, deployment, model_version, training_job
from support.command import Command, alone, environment
from support.control_plane import ControlPlane
from support.played_namespace import Cluster
from support.told import ready, stalled, working


@pytest.fixture
def team(kinds: ControlPlane, namespace: str) -> Cluster:
    return Cluster(kinds, namespace)


@pytest.fixture
def trimtab(kinds: ControlPlane, namespace: str) -> Command:
    return Command(kinds.kubeconfig(), namespace)


def given(team: Cluster, obj: dict) -> None:
    """The object as a person applied it, with what the operator says of it."""
    status = obj.pop("status", None)
    obj["metadata"] = {"name": obj["metadata"]["name"]}
    team.apply(obj)
    if status:
        plural = {"Deployment": "modeldeployments"}.get(obj["kind"], f"{obj['kind'].lower()}s")
        team.set_status(f"{plural}.trimtab.dev", obj["metadata"]["name"], status)


def test_an_empty_namespace_says_how_to_begin(trimtab):
    done = trimtab("status")
    assert done.code == 0
    assert "trimtab init" in done.err


def test_the_tree_and_the_reason_of_a_model_that_is_not_ready(team, trimtab):
    given(team, stalled(dataset(), "ColumnMissing", "spec.label: there is no column lat."))
    given(team, working(training_job(), "Dataset flights has no version yet.", "DatasetNotReady"))
    assert "✖ dset/flights  ColumnMissing" in trimtab("status", "flights").out
    first, second = trimtab("why", "flights").out.splitlines()
    assert first == "dset/flights  ColumnMissing since 2026-01-05 12:00:00: spec.label: there is no column lat."
    assert second == "  so tj/flights  DatasetNotReady since 2026-01-05 12:00:00: Dataset flights has no version yet."


def test_every_form_of_answer(team, trimtab):
    given(team, ready(dataset()))
    given(team, ready(training_job()))
    assert trimtab("status", "-o", "json").json()[0]["model"] == "flights"
    assert "model: flights" in trimtab("status", "-o", "yaml").out
    assert trimtab("status", "flights", "-o", "name").out == "dset/flights\ntj/flights\n"


def test_explain_tells_what_the_server_filled_in_from_what_a_person_wrote(team, trimtab):
    given(team, ready(dataset(split={"seed": 3}), task="classification"))
    rows = {row["field"]: (row["value"], row["from"]) for row in trimtab("explain", "dset/flights", "-o", "json").json()}
    assert rows["spec.split.seed"] == ("3", "written")
    assert rows["spec.split.train"] == ("70", "default")
    assert rows["spec.task"] == ("classification", "found")


def test_watch_ends_at_rest_and_tells_each_change_once(team, trimtab):
    given(team, working(dataset(), "Job reads."))
    changed = threading.Timer(15, team.set_status, ("datasets.trimtab.dev", "flights", ready(dataset(), "Version 1 is ready.")["status"]))
    changed.start()
    done = trimtab("watch", "flights", "--timeout", "60s")
    assert done.code == 0
    assert [line for line in done.out.splitlines() if "dset/flights" in line] == [
        "dset/flights: Progressing: Job reads.",
        "dset/flights: Ready: Version 1 is ready.",
    ]


def test_watch_of_what_failed_ends_with_1_and_the_next_command(team, trimtab):
    given(team, stalled(dataset(), "ColumnMissing", "there is no column lat."))
    done = trimtab("watch", "flights")
    assert done.code == 1
    assert "Next: trimtab why flights" in done.err


def test_wait_tells_by_its_exit_code(team, trimtab):
    given(team, ready(dataset(), "Version 1 is ready."))
    given(team, stalled(training_job(), "GatesFailed", "flights-v2 did not pass."))
    given(team, working(deployment(), "is starting"))
    assert trimtab("wait", "dset/flights").code == 0
    assert trimtab("wait", "tj/flights").code == 1
    assert trimtab("wait", "dset/flights", "--for", "redy").code == 2
    assert trimtab("wait", "dset/fligths").code == 3
    assert trimtab("wait", "mdep/flights", "--timeout", "1s").code == 4


def test_wait_for_deletion_ends_when_it_is_gone(team, trimtab):
    given(team, ready(dataset()))
    threading.Thread(target=lambda: (time.sleep(2), team.kubectl("delete", "dset", "flights"))).start()
    assert trimtab("wait", "dset/flights", "--for", "deleted", "--timeout", "30s").code == 0


def test_a_cluster_that_is_not_there_is_a_sentence(tmp_path):
    config = tmp_path / "config"
    config.write_text(
        '{"current-context": "x", "clusters": [{"name": "x", "cluster": {"server": "http://127.0.0.1:1"}}], "contexts": [{"name": "x", "context": {"cluster": "x"}}]}'
    )
    done = alone("status", "--kubeconfig", str(config))
    assert done.code == 5
    assert "The cluster at http://127.0.0.1:1 (context x) does not answer" in done.err
    assert "Traceback" not in done.err


def test_no_kubeconfig_is_a_sentence(tmp_path):
    done = alone("status", "--kubeconfig", str(tmp_path / "none"))
    assert (done.code, done.err.splitlines()[0]) == (5, f"There is no kubeconfig at {tmp_path / 'none'}.")


def test_who_may_not_look_is_told_which_role_to_ask_for(kinds, namespace):
    done = Command(kinds.kubeconfig("nobody"), namespace)("status")
    assert done.code == 5
    assert "trimtab-viewer" in done.err


def test_a_kubeconfig_as_yaml_with_a_context_of_its_own(kinds, namespace, tmp_path):
    config = tmp_path / "config.yaml"
    text = kinds.kubectl("config", "view", "--raw", "-o", "yaml")
    config.write_text(text)
    assert Command(config, namespace)("status", "--context", "it").code == 0
    refused = Command(config, namespace)("status", "--context", "other")
    assert (refused.code, refused.err.splitlines()[0]) == (2, "The kubeconfig has no context 'other'; it has it.")


def test_versions_of_a_large_namespace_come_in_pages(team, trimtab):
    objects = [model_version(version=number) for number in range(1, 13)]
    for obj in objects:
        team.apply(obj)
    assert "flights-v12" in trimtab("status").out


@pytest.mark.parametrize("name", ["trimtab", "kubectl-trimtab"])
def test_help_names_the_program_as_it_was_called(name, tmp_path):
    program = tmp_path / name
    program.write_text(f"#!{sys.executable}\nfrom trimtab.cli.main import main\nmain()\n")
    program.chmod(0o755)
    done = subprocess.run([str(program), "--help"], capture_output=True, text=True, check=True, env=environment())
    assert f"Usage: {'kubectl trimtab' if name.startswith('kubectl') else 'trimtab'} " in done.stdout


def test_the_doctor_names_what_is_missing_and_ends_with_1(trimtab, team):
    done = trimtab("doctor", "-o", "json")
    checks = {row["check"]: (row["mark"], row["found"]) for row in done.json()}
    assert checks["kinds"][0] == "Ok"
    assert checks["operator"] == ("Failed", "it is not installed")
    assert checks["store"] == ("Failed", "there is no Secret trimtab-store")
    assert done.code == 1


def test_the_doctor_sees_a_secret_without_reading_it_and_tells_who_may_not_look(kinds, namespace, team):
    team.kubectl("create", "secret", "generic", "trimtab-store", "--from-literal=AWS_SECRET_ACCESS_KEY=x")
    assert {row["check"]: row["mark"] for row in Command(kinds.kubeconfig(), namespace)("doctor", "-o", "json").json()}["store"] == "Ok"
    seen = {row["check"]: row for row in Command(kinds.kubeconfig("nobody"), namespace)("doctor", "-o", "json").json()}
    assert seen["store"]["mark"] == "Warning"
    assert seen["permissions"]["mark"] == "Warning"
    assert seen["kinds"]["mark"] == "Failed"


def test_lint_asks_the_server_for_what_only_it_can_check(kinds, namespace, tmp_path, trimtab):
    """A rule about a change: only the server knows what is there."""
    file = tmp_path / "a.yaml"
    file.write_text("apiVersion: trimtab.dev/v1alpha1\nkind: DriftMonitor\nmetadata: {name: flights}\nspec: {deployment: flights}\n")
    kinds.kubectl("apply", "-n", namespace, "-f", str(file))
    file.write_text(file.read_text().replace("deployment: flights", "deployment: trains"))
    assert trimtab("lint", str(file)).code == 0
    done = trimtab("lint", str(file), "--server")
    assert done.code == 1
    assert "spec.deployment cannot be changed" in done.out
    file.write_text(file.read_text().replace("deployment: trains", "deployment: flights") + "  # nothing new\n")
    assert trimtab("lint", str(file), "--server").code == 0
    file.write_text(file.read_text().replace("name: flights", "name: another"))
    assert trimtab("lint", str(file), "--server").code == 0
    assert kinds.kubectl("get", "dm", "-n", namespace, "-o", "name") == "driftmonitor.trimtab.dev/flights\n", "nothing was written"
