"""Who may approve, and what may be deleted: the chart's policies and roles on a real API server, asked by real users.

alice approves, bob edits, carol may do both in another namespace only.
"""

import json
import subprocess
import time
from typing import Any

import pytest
import yaml

from support.control_plane import ControlPlane
from support.helm import named, of_kind, render
from trimtab.api.base import API_VERSION
from trimtab.api.modelversion import ALLOW_DELETE

POLICY_KINDS = ("ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding")
VERSION = "flights-v7"
SPEC = {"model": "flights", "version": 7, "artifact": {"uri": "s3://lake/m/", "manifestDigest": "0" * 64, "format": "onnx"}}


def manifest(**spec: Any) -> str:
    return json.dumps({"apiVersion": API_VERSION, "kind": "ModelVersion", "metadata": {"name": VERSION}, "spec": SPEC | spec})


@pytest.fixture(scope="session")
def policies(kinds: ControlPlane) -> ControlPlane:
    """The API server with our policies in force."""
    rendered = render()
    kinds.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(of_kind(rendered, "ClusterRole", *POLICY_KINDS)))
    wait_until_in_force(kinds)
    return kinds


def wait_until_in_force(kinds: ControlPlane) -> None:
    """The server takes up a policy some time after it was stored; ask as the administrator, who may approve but not sign for another."""
    end = time.monotonic() + 30
    while time.monotonic() < end:
        try:
            kinds.kubectl("create", "--dry-run=server", "-f", "-", stdin=manifest(approval="Approved", approvedBy="somebody-else"))
        except subprocess.CalledProcessError:
            return
        time.sleep(0.3)
    raise TimeoutError("The policies were not in force after 30 s.")


@pytest.fixture
def team(policies: ControlPlane, namespace: str) -> str:
    """A namespace in which alice may edit and approve and bob may edit; carol may approve in `default`."""
    for user, role, where in (
        ("alice", "editor", namespace),
        ("alice", "approver", namespace),
        ("bob", "editor", namespace),
        ("carol", "editor", namespace),
    ):
        policies.kubectl("create", "rolebinding", f"{user}-{role}", f"--clusterrole=trimtab-{role}", f"--user={user}", "-n", where)
    policies.kubectl("create", "rolebinding", f"carol-{namespace}", "--clusterrole=trimtab-approver", "--user=carol", "-n", "default")
    return namespace


def apply(plane: ControlPlane, namespace: str, user: str, **spec: Any) -> str:
    return plane.kubectl("apply", "-n", namespace, "-f", "-", user=user, stdin=manifest(**spec))


def refusal(plane: ControlPlane, namespace: str, user: str, **spec: Any) -> str:
    with pytest.raises(subprocess.CalledProcessError) as error:
        apply(plane, namespace, user, **spec)
    return error.value.stderr


def test_anyone_who_edits_may_register_a_model(policies, team):
    assert "created" in apply(policies, team, "bob")


def test_an_approver_approves_in_their_own_name(policies, team):
    apply(policies, team, "bob")
    assert "configured" in apply(policies, team, "alice", approval="Approved", approvedBy="alice")


def test_an_approver_cannot_sign_for_somebody_else(policies, team):
    apply(policies, team, "bob")
    said = refusal(policies, team, "alice", approval="Approved", approvedBy="bob")
    assert "spec.approvedBy: write your own user name, alice, when you change spec.approval." in said


def test_an_editor_cannot_approve(policies, team):
    apply(policies, team, "bob")
    said = refusal(policies, team, "bob", approval="Approved", approvedBy="bob")
    assert "spec.approval: bob may not change it from Pending to Approved" in said
    assert "trimtab-approver" in said


def test_an_editor_cannot_bring_an_approved_model(policies, team):
    assert "bob may not change it" in refusal(policies, team, "bob", approval="Approved", approvedBy="bob")


def test_an_editor_may_say_that_nobody_has_spoken(policies, team):
    apply(policies, team, "bob")
    assert "configured" in apply(policies, team, "bob", approval="Pending")


@pytest.mark.parametrize("after", [{}, {"approval": "Pending"}, {"approval": "Rejected", "approvedBy": "bob"}], ids=["removed", "pending", "rejected"])
def test_an_editor_cannot_take_an_approval_back(policies, team, after):
    apply(policies, team, "alice", approval="Approved", approvedBy="alice")
    assert "bob may not change it from Approved" in refusal(policies, team, "bob", **after)


def test_an_editor_cannot_put_another_name_under_an_approval(policies, team):
    apply(policies, team, "alice", approval="Approved", approvedBy="alice")
    assert "bob may not change it" in refusal(policies, team, "bob", approval="Approved", approvedBy="bob")


def test_an_approver_may_change_their_mind(policies, team):
    apply(policies, team, "alice", approval="Approved", approvedBy="alice")
    assert "configured" in apply(policies, team, "alice", approval="Rejected", approvedBy="alice")
    assert "configured" in apply(policies, team, "alice")


def test_an_approver_of_one_namespace_is_none_in_another(policies, team):
    apply(policies, team, "bob")
    assert "carol may not change it" in refusal(policies, team, "carol", approval="Approved", approvedBy="carol")


def test_what_an_approval_does_not_touch_stays_open_to_editors(policies, team):
    apply(policies, team, "alice", approval="Approved", approvedBy="alice")
    policies.kubectl("annotate", f"mv/{VERSION}", "note=checked", "-n", team, user="bob")
    assert "configured" in apply(policies, team, "bob", approval="Approved", approvedBy="alice", description="good")


def test_an_approver_alone_can_approve(policies, team):
    apply(policies, team, "bob")
    policies.kubectl("create", "rolebinding", "only", "--clusterrole=trimtab-approver", "--user=nobody", "-n", team)
    change = json.dumps({"spec": {"approval": "Approved", "approvedBy": "nobody"}})
    assert "patched" in policies.kubectl("patch", f"mv/{VERSION}", "--type=merge", "-p", change, "-n", team, user="nobody")


def serve(plane: ControlPlane, namespace: str, *deployments: str) -> None:
    apply(plane, namespace, "bob")
    served = [{"deployment": name, "role": "Stable", "percent": 100, "url": "http://x"} for name in deployments]
    patch = json.dumps({"status": {"servedBy": served}})
    plane.kubectl("patch", f"mv/{VERSION}", "--subresource=status", "--type=merge", "-p", patch, "-n", namespace)


def test_a_version_that_nobody_serves_is_deleted(policies, team):
    serve(policies, team)
    assert "deleted" in policies.kubectl("delete", f"mv/{VERSION}", "-n", team, user="bob")


def test_a_version_in_use_is_not_deleted_not_even_by_an_administrator(policies, team):
    serve(policies, team, "flights")
    with pytest.raises(subprocess.CalledProcessError) as error:
        policies.kubectl("delete", f"mv/{VERSION}", "-n", team)
    assert f"{VERSION} is served by Deployment flights; let it serve another version or delete it first." in error.value.stderr
    assert ALLOW_DELETE in error.value.stderr


def test_the_refusal_counts_the_other_deployments(policies, team):
    serve(policies, team, "staging", "production")
    with pytest.raises(subprocess.CalledProcessError) as error:
        policies.kubectl("delete", "mv", "--all", "-n", team, user="bob")
    assert "is served by Deployment staging and 1 more;" in error.value.stderr


def test_breaking_the_glass_lets_a_version_in_use_be_deleted(policies, team):
    serve(policies, team, "flights")
    policies.kubectl("annotate", f"mv/{VERSION}", f"{ALLOW_DELETE}=true", "-n", team, user="bob")
    assert "deleted" in policies.kubectl("delete", f"mv/{VERSION}", "-n", team, user="bob")


def test_a_version_in_use_goes_with_its_namespace(policies, team):
    serve(policies, team, "flights")
    policies.kubectl("delete", "namespace", team, "--wait=false")
    assert "deleted" in policies.kubectl("delete", f"mv/{VERSION}", "-n", team)


OPERATOR_MAY = [
    ("get", "datasets.trimtab.dev"),
    ("update", "modeldeployments.trimtab.dev/status"),
    ("create", "modelversions.trimtab.dev"),
    ("create", "jobs.batch"),
    ("delete", "jobs.batch"),
    ("list", "pods"),
    ("patch", "deployments.apps"),
    ("create", "poddisruptionbudgets.policy"),
    ("get", "configmaps"),
    ("create", "events"),
    ("list", "events"),
]
OPERATOR_MAY_NOT = [
    ("update", "modelversions.trimtab.dev"),
    ("deletecollection", "services"),
    ("get", "secrets"),
    ("list", "secrets"),
    ("list", "configmaps"),
    ("update", "datasets.trimtab.dev"),
    ("patch", "trainingjobs.trimtab.dev"),
    ("patch", "modeldeployments.trimtab.dev"),
    ("delete", "modelversions.trimtab.dev"),
    ("approve", "modelversions.trimtab.dev"),
    ("create", "pods"),
    ("create", "pods/exec"),
    ("update", "jobs.batch"),
    ("create", "serviceaccounts/token"),
    ("list", "nodes"),
]


@pytest.fixture(scope="module")
def operator(policies: ControlPlane) -> str:
    """The operator's ServiceAccount with the chart's binding."""
    binding = named(render(), "ClusterRoleBinding", "trimtab-operator")
    policies.kubectl("apply", "-f", "-", stdin=yaml.safe_dump(binding))
    return "system:serviceaccount:trimtab-system:trimtab-operator"


def may(plane: ControlPlane, user: str, verb: str, resource: str) -> str:
    command = ["auth", "can-i", verb, *resource.split("/")[:1], f"--as={user}", "-n", "default"]
    if "/" in resource:
        command.append(f"--subresource={resource.partition('/')[2]}")
    try:
        return plane.kubectl(*command).strip()
    except subprocess.CalledProcessError as error:
        return error.stdout.strip()


@pytest.mark.parametrize(("verb", "resource"), OPERATOR_MAY, ids=" ".join)
def test_the_operator_may(policies, operator, verb, resource):
    assert may(policies, operator, verb, resource) == "yes"


@pytest.mark.parametrize(("verb", "resource"), OPERATOR_MAY_NOT, ids=" ".join)
def test_the_operator_may_not(policies, operator, verb, resource):
    assert may(policies, operator, verb, resource) == "no"
