"""The verbs that write, against a real API server: what lands on the objects, and the sentence a person gets."""

import pytest
import yaml

from support.builders import annotated, dataset, deployment, model_version, training_job
from support.command import Command
from support.control_plane import ControlPlane
from support.played_namespace import Cluster
from support.told import ready

HISTORY = [
    {"version": 1, "since": "2026-01-01T00:00:00Z", "until": "2026-01-02T00:00:00Z", "reason": "Switched"},
    {"version": 2, "since": "2026-01-02T00:00:00Z", "reason": "Switched"},
]


@pytest.fixture
def team(kinds: ControlPlane, namespace: str) -> Cluster:
    """A namespace whose Deployment serves version 2 and tries version 3."""
    it = Cluster(kinds, namespace)
    for obj in (dataset(), training_job(), *(model_version(version=number) for number in (1, 2, 3)), deployment()):
        it.apply(obj)
    stable, candidate = {"version": 2, "name": "flights-v2"}, {"version": 3, "name": "flights-v3"}
    status = ready(deployment(), stable=stable, candidate=candidate, history=HISTORY)["status"]
    it.set_status("modeldeployments.trimtab.dev", "flights", status)
    return it


@pytest.fixture
def trimtab(kinds: ControlPlane, namespace: str) -> Command:
    return Command(kinds.kubeconfig(), namespace)


def annotations(team: Cluster, what: str, name: str = "flights") -> dict[str, str]:
    return team.read(what, name)["metadata"].get("annotations", {})


def test_a_run_is_asked_for_by_an_annotation_that_names_who_asked(team, trimtab):
    done = trimtab("run", "flights")
    request = annotations(team, "tj")["trimtab.dev/run-requested"]
    assert request.startswith("admin-20")
    assert f"its id is {request}" in done.out
    assert "trimtab.dev/run-requested" not in annotations(team, "dset")


def test_pause_and_resume(team, trimtab):
    assert "was paused: no version is made" in trimtab("pause", "dset/flights").out
    assert annotations(team, "dset")["trimtab.dev/paused"] == "true"
    assert trimtab("resume", "dset/flights").out == "dset/flights was resumed.\n"
    assert "trimtab.dev/paused" not in annotations(team, "dset")
    again = trimtab("resume", "dset/flights")
    assert (again.code, again.err.splitlines()[0]) == (1, "dset/flights is not paused.")


def test_promote_and_abort_name_the_candidate(team, trimtab):
    assert trimtab("rollout", "promote", "flights").out == "mdep/flights was told to go on with version 3.\n"
    trimtab("rollout", "abort", "flights")
    found = annotations(team, "mdep")
    assert (found["trimtab.dev/promote"], found["trimtab.dev/abort"]) == ("3", "3")


def test_undo_blocks_what_is_served_and_retry_takes_the_block_off(team, trimtab):
    assert "goes back to version 1" in trimtab("rollout", "undo", "flights").out
    assert "undone by admin at" in annotations(team, "mv", "flights-v2")["blocked.trimtab.dev/flights"]
    trimtab("rollout", "retry", "flights", "2")
    assert "blocked.trimtab.dev/flights" not in annotations(team, "mv", "flights-v2")


def test_an_approval_is_given_in_ones_own_name(team, trimtab):
    assert trimtab("approve", "mv/flights-v3").out == "mv/flights-v3 was approved by admin.\n"
    assert team.read("mv", "flights-v3")["spec"]["approvedBy"] == "admin"
    trimtab("reject", "mv/flights-v3")
    assert team.read("mv", "flights-v3")["spec"]["approval"] == "Rejected"


def test_a_patch_for_git_changes_nothing_and_can_be_applied(team, trimtab, namespace):
    done = trimtab("promote", "mv/flights-v1", "--to", "flights", "-o", "yaml")
    assert yaml.safe_load(done.out)["spec"] == {"version": 1}
    assert "version" not in team.read("mdep", "flights")["spec"]
    team.kubectl("patch", "mdep", "flights", "--type=merge", "--patch", done.out)
    assert team.read("mdep", "flights")["spec"]["version"] == 1


def test_promoting_pins_the_version(team, trimtab):
    assert trimtab("promote", "mv/flights-v1", "--to", "flights").out == "mdep/flights was told to serve mv/flights-v1.\n"
    assert team.read("mdep", "flights")["spec"]["version"] == 1


def test_a_version_is_copied_into_another_namespace_without_its_approval(kinds, team, trimtab):
    kinds.kubectl("create", "namespace", f"prod-{team.namespace}")
    team.apply(annotated(model_version(version=3, approval="Approved", approvedBy="admin")))
    assert trimtab("promote", "mv/flights-v3", "--to-namespace", f"prod-{team.namespace}").code == 0
    copied = Cluster(kinds, f"prod-{team.namespace}").read("mv", "flights-v3")
    assert "approval" not in copied["spec"]
    again = trimtab("promote", "mv/flights-v3", "--to-namespace", f"prod-{team.namespace}")
    assert (again.code, "already exists" in again.err) == (1, True)


def test_who_answered_and_history(team, trimtab):
    (row,) = trimtab("who-answered", "flights", "--at", "2026-01-01T12:00:00Z", "-o", "json").json()
    assert row["version"] == "v1"
    assert trimtab("who-answered", "flights", "-o", "name").out == "mv/flights-v2\n"
    assert [row["version"] for row in trimtab("rollout", "history", "flights", "-o", "json").json()] == ["v2", "v1"]
    assert "v3       candidate" in trimtab("rollout", "status", "flights").out


def test_who_may_look_but_not_write_is_told_so(kinds, team, namespace):
    kinds.kubectl("create", "clusterrole", f"look-{namespace}", "--verb=get,list", "--resource=*.trimtab.dev")
    kinds.kubectl("create", "rolebinding", "alice-looks", f"--clusterrole=look-{namespace}", "--user=alice", "-n", namespace)
    done = Command(kinds.kubeconfig("alice"), namespace)("pause", "dset/flights")
    assert done.code == 5
    assert "trimtab-editor" in done.err
