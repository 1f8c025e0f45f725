"""What the other integration tests take for granted of their API server."""

import json
import subprocess

import pytest

POLICY = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicy",
    "metadata": {"name": "short-names"},
    "spec": {
        "matchConstraints": {
            "resourceRules": [{"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "policies"}},
        },
        "validations": [{"expression": "size(object.metadata.name) < 9", "message": "metadata.name is too long; use 8 letters."}],
    },
}
BINDING = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingAdmissionPolicyBinding",
    "metadata": {"name": "short-names"},
    "spec": {"policyName": "short-names", "validationActions": ["Deny"]},
}


def test_a_person_without_rights_is_refused_and_with_a_role_is_not(control_plane):
    question = ("auth", "can-i", "list", "secrets", "-n", "default")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        control_plane.kubectl(*question, user="alice")
    assert refused.value.stdout == "no\n"
    control_plane.kubectl("-n", "default", "create", "role", "readers", "--verb=list", "--resource=secrets")
    control_plane.kubectl("-n", "default", "create", "rolebinding", "readers", "--role=readers", "--group=data-science")
    assert control_plane.kubectl(*question, user="alice") == "yes\n"
    control_plane.kubectl("-n", "default", "delete", "role,rolebinding", "readers")


def test_an_admission_policy_refuses_with_its_own_sentence(control_plane):
    control_plane.kubectl("create", "namespace", "policies")
    for document in (POLICY, BINDING):
        control_plane.kubectl("apply", "-f", "-", stdin=json.dumps(document))
    assert "too long; use 8 letters." in first_refusal(control_plane)


def first_refusal(control_plane) -> str:
    """A policy takes effect a moment after it was accepted."""
    for number in range(50):
        try:
            control_plane.kubectl("-n", "policies", "create", "configmap", f"a-name-too-long-{number}")
        except subprocess.CalledProcessError as refused:
            return str(refused.stderr)
    raise AssertionError("Fifty long names were accepted.")
