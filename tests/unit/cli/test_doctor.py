"""What the doctor says of what was found."""

from support.builders import dataset
from support.told import ready, stalled
from trimtab.cli.views.doctor import Found, table
from trimtab.cli.views.health import Mark
from trimtab.cli.views.listed import Listed

OPERATOR = {
    "metadata": {"name": "trimtab-operator", "namespace": "trimtab-system"},
    "spec": {
        "template": {
            "spec": {"containers": [{"env": [{"name": "TRIMTAB_WORKER_IMAGE", "value": "w"}, {"name": "TRIMTAB_PROMETHEUS_URL", "value": "http://p"}]}]}
        }
    },
    "status": {"readyReplicas": 1},
}
ALL = {"get": True, "list": True, "patch": True, "create": True, "approve": True, "pods": True, "exec": True, "portforward": True}


def found(**changes):
    well = {"listed": Listed.of_all(ready(dataset())), "may": ALL, "deployments": [OPERATOR], "secret": True, "account": True}
    return table(Found("https://x", "alice", **{"version": (1, 33), **well, **changes}))


def marks(seen):
    return {name: mark for mark, name, *_ in seen.rows}


def test_where_all_is_well_every_check_is_ok():
    assert set(marks(found()).values()) == {Mark.OK}


def test_an_old_cluster_fails():
    assert marks(found(version=(1, 31)))["cluster"] == Mark.FAILED


def test_without_the_kinds_helm_is_named():
    seen = found(listed=None)
    assert "kinds" in seen.names
    assert any("helm install" in row[3] for row in seen.rows)


def test_what_a_person_may_not_do_is_a_warning_with_the_role():
    seen = found(may=ALL | {"patch": False, "approve": False, "exec": False})
    assert [marks(seen)[name] for name in ("permissions", "approvals", "store and predict")] == [Mark.WARNING] * 3


def test_an_operator_without_a_ready_pod_fails():
    assert marks(found(deployments=[OPERATOR | {"status": {}}]))["operator"] == Mark.FAILED
    assert marks(found(deployments=[]))["operator"] == Mark.FAILED
    assert marks(found(deployments=None))["operator"] == Mark.WARNING


def test_a_missing_secret_fails_and_one_that_cannot_be_seen_is_told_by_the_objects():
    assert marks(found(secret=False))["store"] == Mark.FAILED
    assert marks(found(secret=None))["store"] == Mark.WARNING
    told = Listed.of_all(stalled(dataset(), "StoreNotConfigured", "Secret trimtab-store is missing."))
    assert marks(found(secret=None, listed=told))["store"] == Mark.FAILED


def test_an_object_in_trouble_names_the_next_command():
    seen = found(listed=Listed.of_all(stalled(dataset(), "ColumnMissing", "there is no column lat.")))
    assert (Mark.WARNING, "dset/flights", "there is no column lat.", "trimtab why dset/flights") in seen.rows
