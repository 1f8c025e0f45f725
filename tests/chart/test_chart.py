"""What the chart renders under the values people use, without a cluster."""

import json
import re
from typing import Any

import pytest
import yaml

from support.helm import CHART, OLDEST_KUBERNETES, REPOSITORY, RefusedError, named, of_kind, render, run_helm
from trimtab.api.base import GROUP
from trimtab.api.kinds import KINDS
from trimtab.api.modelversion import ALLOW_DELETE
from trimtab.kube.settings import Settings

Rendered = list[dict[str, Any]]

TENANT = ("tenants[0].namespace=team-a", "tenants[0].create=true")
SETTINGS: dict[str, tuple[str, ...]] = {
    "as it comes": (),
    "two namespaces": ("namespaces={team-a,team-b}", "operator.replicas=2", "operator.podDisruptionBudget.enabled=true"),
    "embedded store and a tenant": ("objectStore.embedded.enabled=true", *TENANT, "networkPolicy.enabled=true"),
    "a store of one's own": ("objectStore.endpoint=https://s3.example.org", *TENANT, "tenants[0].accessKeyId=id", "tenants[0].secretAccessKey=key"),
    "only the operator": ("crds.enabled=false", "policies.enabled=false", "roles.aggregate=false"),
    "pinned down": (
        "operator.priorityClassName=high",
        "operator.nodeSelector.disk=ssd",
        "imagePullSecrets={registry}",
        "operator.tolerations[0].operator=Exists",
    ),
}


@pytest.fixture(params=SETTINGS, scope="module")
def rendered(request: pytest.FixtureRequest) -> Rendered:
    return render(*SETTINGS[request.param])


@pytest.fixture(scope="module")
def plain() -> Rendered:
    return render()


@pytest.fixture(scope="module")
def embedded() -> Rendered:
    return render(*SETTINGS["embedded store and a tenant"])


def pod_templates(rendered: Rendered) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each["spec"]["template"]["spec"] for each in of_kind(rendered, "Deployment", "Job")}


def environment(pod: dict[str, Any]) -> dict[str, Any]:
    return {each["name"]: each.get("value", each.get("valueFrom")) for each in pod["containers"][0]["env"]}


def rules_of(rendered: Rendered, *kinds: str) -> list[dict[str, Any]]:
    return [rule for role in of_kind(rendered, *kinds) for rule in role["rules"]]


def test_helm_finds_no_fault():
    assert "1 chart(s) linted, 0 chart(s) failed" in run_helm("lint", "--strict", "--kube-version", OLDEST_KUBERNETES, str(CHART))


def test_nothing_is_named_twice(rendered):
    names = [(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]) for each in rendered]
    assert len(names) == len(set(names))


def test_every_object_says_where_it_belongs(rendered):
    cluster_wide = {
        "Namespace",
        "CustomResourceDefinition",
        "ClusterRole",
        "ClusterRoleBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    for each in rendered:
        assert ("namespace" in each["metadata"]) == (each["kind"] not in cluster_wide), each["metadata"]["name"]


# rights


def test_no_right_is_a_wildcard(rendered):
    for rule in rules_of(rendered, "Role", "ClusterRole"):
        assert "*" not in json.dumps(rule)


def test_nobody_gets_a_right_on_secrets_or_to_act_as_others(rendered):
    for rule in rules_of(rendered, "Role", "ClusterRole"):
        assert not {"secrets", "serviceaccounts", "pods/exec", "roles", "clusterroles"} & set(rule["resources"])
        assert not {"escalate", "bind", "impersonate"} & set(rule["verbs"])


def test_data_are_kept_as_long_as_what_points_to_them(embedded):
    kept = [each for each in embedded if each["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep"]
    assert {each["kind"] for each in kept} >= {"CustomResourceDefinition", "PersistentVolumeClaim"}


def test_the_operator_may_do_what_it_does_and_no_more(plain):
    """A verb belongs here when code calls for it: list and watch by the informer, get by `deeds`, patch by server-side apply."""
    ours = [kind.plural for kind in KINDS]
    needed = {
        **{("trimtab.dev", plural): {"get", "list", "watch"} for plural in ours},
        **{("trimtab.dev", f"{plural}/status"): {"update"} for plural in ours},
        **{("trimtab.dev", f"{plural}/finalizers"): {"update"} for plural in ours},
        ("batch", "jobs"): {"get", "list", "watch", "create", "delete"},
        ("", "pods"): {"list", "watch", "patch"},
        ("apps", "deployments"): {"get", "list", "watch", "create", "patch", "delete"},
        ("", "services"): {"get", "list", "watch", "create", "patch", "delete"},
        ("policy", "poddisruptionbudgets"): {"get", "list", "watch", "create", "patch", "delete"},
        ("", "configmaps"): {"get"},
        ("", "events"): {"create", "list"},
    }
    needed["trimtab.dev", "modelversions"] |= {"create", "patch"}
    granted: dict[tuple[str, str], set[str]] = {}
    for rule in rules_of([named(plain, "ClusterRole", "trimtab-operator")], "ClusterRole"):
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                granted.setdefault((group, resource), set()).update(rule["verbs"])
    assert granted == needed


def test_the_operator_never_updates_what_people_wrote(plain):
    for rule in rules_of([named(plain, "ClusterRole", "trimtab-operator")], "ClusterRole"):
        if rule["apiGroups"] == [GROUP] and not any("/" in resource for resource in rule["resources"]):
            assert "update" not in rule["verbs"]
            assert "delete" not in rule["verbs"]
            assert not {"create", "patch"} & set(rule["verbs"]) or rule["resources"] == ["modelversions"]


def test_the_operator_may_write_the_status_of_every_kind(plain):
    rule = next(rule for rule in rules_of([named(plain, "ClusterRole", "trimtab-operator")], "ClusterRole") if "datasets/status" in rule["resources"])
    assert sorted(rule["resources"]) == sorted(f"{kind.plural}/status" for kind in KINDS)


def test_people_see_and_edit_every_kind(plain):
    for role in ("viewer", "editor"):
        assert sorted(rules_of([named(plain, "ClusterRole", f"trimtab-{role}")], "ClusterRole")[0]["resources"]) == sorted(kind.plural for kind in KINDS)


def test_roles_for_people_join_the_built_in_ones(plain):
    joins = {name: named(plain, "ClusterRole", f"trimtab-{name}")["metadata"]["labels"] for name in ("viewer", "editor", "approver")}
    prefix = "rbac.authorization.k8s.io/aggregate-to-"
    assert {name: [label.removeprefix(prefix) for label in labels if label.startswith(prefix)] for name, labels in joins.items()} == {
        "viewer": ["view"],
        "editor": ["edit"],
        "approver": ["admin"],
    }


def test_only_the_approver_approves(plain):
    approving = [role["metadata"]["name"] for role in of_kind(plain, "ClusterRole") if any("approve" in rule["verbs"] for rule in role["rules"])]
    assert approving == ["trimtab-approver"]


def test_with_namespaces_the_operator_has_no_right_outside_them():
    rendered = render(*SETTINGS["two namespaces"])
    assert of_kind(rendered, "ClusterRoleBinding") == []
    assert sorted(role["metadata"]["namespace"] for role in of_kind(rendered, "Role")) == ["team-a", "team-b", "trimtab-system"]
    assert environment(pod_templates(rendered)["trimtab-operator"])["TRIMTAB_NAMESPACES"] == "team-a,team-b"


def test_the_rights_in_a_namespace_are_those_in_the_cluster(plain):
    namespaced = render("namespaces={team-a}")
    assert named(namespaced, "Role", "trimtab-operator")["rules"] == named(plain, "ClusterRole", "trimtab-operator")["rules"]


# pods


def test_every_pod_meets_the_restricted_standard(rendered):
    for pod in pod_templates(rendered).values():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(pod)
        assert all(set(volume) & {"emptyDir", "persistentVolumeClaim"} for volume in pod["volumes"])
        for container in pod["containers"]:
            assert container["securityContext"] == {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}


def test_every_container_has_requests_and_a_memory_limit(rendered):
    for pod in pod_templates(rendered).values():
        assert pod["containers"][0]["resources"]["requests"]
        assert pod["containers"][0]["resources"]["limits"]["memory"]


def test_only_the_operator_has_a_token(rendered):
    assert [name for name, pod in pod_templates(rendered).items() if pod.get("automountServiceAccountToken", True)] == ["trimtab-operator"]


def test_every_pod_runs_under_an_account_of_the_chart(rendered):
    accounts = {each["metadata"]["name"] for each in of_kind(rendered, "ServiceAccount")}
    assert {pod["serviceAccountName"] for pod in pod_templates(rendered).values()} <= accounts


def test_the_operator_understands_every_variable_it_is_given(plain):
    given = {name for name in environment(pod_templates(plain)["trimtab-operator"]) if name.startswith("TRIMTAB_")}
    assert given <= {f"TRIMTAB_{field.upper()}" for field in Settings.model_fields}


def test_what_the_operator_is_given_are_settings_it_accepts(monkeypatch):
    for name, value in environment(pod_templates(render(*SETTINGS["two namespaces"]))["trimtab-operator"]).items():
        monkeypatch.setenv(name, value if isinstance(value, str) else "from-the-pod")
    settings = Settings()
    assert settings.worker_image == "trimtab/worker:dev"
    assert settings.namespaces == ("team-a", "team-b")
    assert settings.lease_name == "trimtab-operator"
    assert settings.metrics_port == 8080


def test_the_lease_it_may_renew_is_the_lease_it_is_told(plain):
    rules = named(plain, "Role", "trimtab-operator-lease")["rules"]
    assert [rule.get("resourceNames") for rule in rules] == [None, [environment(pod_templates(plain)["trimtab-operator"])["TRIMTAB_LEASE_NAME"]]]


def test_images_are_named_by_values():
    rendered = render("operator.image.repository=registry.example.org/op", "operator.image.tag=v9", "serving.image.pullPolicy=Always")
    pod = pod_templates(rendered)["trimtab-operator"]
    assert pod["containers"][0]["image"] == "registry.example.org/op:v9"
    assert environment(pod)["TRIMTAB_SERVING_IMAGE_PULL_POLICY"] == "Always"


def test_scheduling_values_reach_the_operators_pod():
    pod = pod_templates(render(*SETTINGS["pinned down"]))["trimtab-operator"]
    assert (pod["priorityClassName"], pod["nodeSelector"], pod["tolerations"]) == ("high", {"disk": "ssd"}, [{"operator": "Exists"}])
    assert pod["imagePullSecrets"] == [{"name": "registry"}]


def test_selectors_of_the_two_servers_do_not_meet(embedded):
    selectors = [each["spec"]["selector"]["matchLabels"] for each in of_kind(embedded, "Deployment")]
    assert selectors[0] != selectors[1]
    for service in of_kind(embedded, "Service"):
        assert service["spec"]["selector"] in selectors


def test_a_release_of_another_name_keeps_its_objects_apart(plain):
    other = render(release="second")
    names = [{each["metadata"]["name"] for each in of_kind(rendered, "Deployment", "ClusterRole")} for rendered in (plain, other)]
    assert not names[0] & names[1]


# CRDs


def test_the_crds_are_those_of_the_folder(plain):
    in_chart = {each["metadata"]["name"]: each["spec"] for each in of_kind(plain, "CustomResourceDefinition")}
    in_folder = [yaml.safe_load(path.read_text()) for path in (REPOSITORY / "crds").glob("*.yaml")]
    assert in_chart == {each["metadata"]["name"]: each["spec"] for each in in_folder}


def test_the_crds_outlive_the_chart_unless_told_otherwise(plain):
    for crds, kept in ((plain, True), (render("crds.keep=false"), False)):
        for each in of_kind(crds, "CustomResourceDefinition"):
            assert (each["metadata"].get("annotations", {}).get("helm.sh/resource-policy") == "keep") is kept


def test_crds_and_policies_can_be_left_to_others():
    rendered = render(*SETTINGS["only the operator"])
    assert of_kind(rendered, "CustomResourceDefinition", "ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding") == []


def test_the_policies_use_the_names_of_the_models(plain):
    text = json.dumps(of_kind(plain, "ValidatingAdmissionPolicy"))
    assert ALLOW_DELETE in text
    for policy in of_kind(plain, "ValidatingAdmissionPolicy"):
        assert policy["spec"]["matchConstraints"]["resourceRules"][0]["resources"] == ["modelversions"]
        assert policy["spec"]["failurePolicy"] == "Fail"


# tenants and the store


def test_a_tenant_gets_an_account_without_a_token_and_a_secret(embedded):
    account = named(embedded, "ServiceAccount", "trimtab-worker")
    secret = named(embedded, "Secret", "trimtab-store")
    assert (account["metadata"]["namespace"], account["automountServiceAccountToken"]) == ("team-a", False)
    assert secret["metadata"]["namespace"] == "team-a"
    assert set(secret["stringData"]) == {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_ENDPOINT_URL_S3", "TRIMTAB_BUCKET", "TRIMTAB_PREFIX"}
    assert secret["stringData"]["TRIMTAB_PREFIX"] == "team-a"


def test_a_namespace_the_chart_makes_is_restricted_and_outlives_it(embedded):
    metadata = named(embedded, "Namespace", "team-a")["metadata"]
    assert metadata["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"
    assert metadata["annotations"]["helm.sh/resource-policy"] == "keep"


def test_a_namespace_that_is_there_is_not_made():
    assert of_kind(render("tenants[0].namespace=team-a"), "Namespace") == []


def test_without_credentials_no_secret_is_made():
    rendered = render("tenants[0].namespace=team-a")
    assert of_kind(rendered, "Secret") == []
    assert named(rendered, "ServiceAccount", "trimtab-worker")


def test_a_store_of_ones_own_is_written_into_the_secret():
    data = named(render(*SETTINGS["a store of one's own"]), "Secret", "trimtab-store")["stringData"]
    assert (data["AWS_ENDPOINT_URL_S3"], data["AWS_ACCESS_KEY_ID"], data["TRIMTAB_BUCKET"]) == ("https://s3.example.org", "id", "trimtab")


def test_a_tenant_the_operator_does_not_look_after_is_refused():
    with pytest.raises(RefusedError, match="namespace team-b is not one of `namespaces`"):
        render("namespaces={team-a}", "tenants[0].namespace=team-b")


def test_the_key_in_a_tenants_secret_is_the_one_the_store_is_told(embedded):
    told = json.loads(named(embedded, "Secret", "trimtab-object-store-tenants")["stringData"]["tenants.json"])
    data = named(embedded, "Secret", "trimtab-store")["stringData"]
    assert told == [{"namespace": "team-a", "prefix": "team-a", "accessKeyId": data["AWS_ACCESS_KEY_ID"], "secretAccessKey": data["AWS_SECRET_ACCESS_KEY"]}]


def test_a_tenants_access_key_is_no_word_of_its_addresses(embedded):
    data = named(embedded, "Secret", "trimtab-store")["stringData"]
    assert re.fullmatch("TT[0-9A-F]{18}", data["AWS_ACCESS_KEY_ID"])


def test_a_given_root_key_makes_every_rendering_equal():
    settings = ("objectStore.embedded.enabled=true", "objectStore.embedded.rootSecretKey=fixed", "tenants[0].namespace=a", "tenants[1].namespace=b")
    first, second = (of_kind(render(*settings), "Secret") for _ in range(2))
    assert first == second
    keys = {each["stringData"]["AWS_SECRET_ACCESS_KEY"] for each in first if each["metadata"]["name"] == "trimtab-store"}
    assert len(keys) == 2
    assert not any("fixed" in key for key in keys)


def test_the_embedded_stores_endpoint_is_its_service(embedded):
    service = named(embedded, "Service", "trimtab-object-store")
    endpoint = named(embedded, "Secret", "trimtab-store")["stringData"]["AWS_ENDPOINT_URL_S3"]
    assert endpoint == f"http://{service['metadata']['name']}.{service['metadata']['namespace']}.svc:{service['spec']['ports'][0]['port']}"


def test_identities_are_made_after_install_and_upgrade(embedded):
    hook = named(embedded, "Job", "trimtab-object-store-identities")["metadata"]["annotations"]
    assert hook["helm.sh/hook"] == "post-install,post-upgrade"
    assert environment(pod_templates(embedded)["trimtab-object-store-identities"])["TRIMTAB_BUCKET"] == "trimtab"


def test_the_store_keeps_users_and_metadata_apart_from_buckets(embedded):
    mounts = {mount["mountPath"]: mount.get("subPath") for mount in pod_templates(embedded)["trimtab-object-store"]["containers"][0]["volumeMounts"]}
    assert mounts == {"/data/buckets": "buckets", "/data/metadata": "metadata", "/data/iam": "iam", "/tmp": None}


def test_without_a_claim_the_store_lasts_as_long_as_its_pod():
    rendered = render("objectStore.embedded.enabled=true", "objectStore.embedded.persistence.enabled=false")
    assert of_kind(rendered, "PersistentVolumeClaim") == []
    assert {"name": "data", "emptyDir": {}} in pod_templates(rendered)["trimtab-object-store"]["volumes"]


def test_metrics_are_reached_by_the_operator_and_named_namespaces_only():
    rendered = render("networkPolicy.enabled=true", "networkPolicy.scrapeFrom={monitoring}", "tenants[0].namespace=team-a")
    inference, metrics = named(rendered, "NetworkPolicy", "trimtab")["spec"]["ingress"]
    assert inference == {"ports": [{"port": 8080}]}
    sources = [each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in metrics["from"]]
    assert (metrics["ports"], sources) == ([{"port": 8081}], ["trimtab-system", "monitoring"])


# values

MISTAKES = {
    "operator.replica=2": "'replica' not allowed",
    "oprator.replicas=2": "'oprator' not allowed",
    "operator.image.pullPolicy=Sometimes": "value must be one of",
    "operator.replicas=-1": "minimum",
    "operator.replicas=many": "want integer",
    "operator.logLevel=LOUD": "value must be one of",
    "tenants[0].name=team-a": "missing property 'namespace'",
    "crds.enabled=perhaps": "want boolean",
    "objectStore.embedded.persistance.size=1Gi": "'persistance' not allowed",
}


@pytest.mark.parametrize("setting", MISTAKES)
def test_a_mistake_in_a_value_is_refused(setting):
    with pytest.raises(RefusedError, match=MISTAKES[setting]):
        render(setting)


def test_an_older_kubernetes_is_refused():
    with pytest.raises(RefusedError, match="incompatible with Kubernetes"):
        run_helm("template", "trimtab", str(CHART), "--kube-version", "1.31.0")


def test_the_values_of_the_example_render():
    rendered = render(files=(REPOSITORY / "examples" / "flights" / "values.yaml",))
    assert named(rendered, "Secret", "trimtab-store")["metadata"]["namespace"] == "flights"
