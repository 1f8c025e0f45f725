"""What each tenant of the embedded store is allowed, before any store is asked."""

import json

from trimtab.store.identities import Tenant, account, policy, tenants

A, B = Tenant("team-a", "a", "key-a"), Tenant("team-b", "b", "key-b")


def test_tenants_are_read_from_what_the_chart_writes():
    text = json.dumps([{"namespace": "team-a", "prefix": "team-a/", "accessKeyId": "a", "secretAccessKey": "key-a"}])
    assert tenants(text) == [A]


def test_every_statement_names_one_tenant_and_its_own_prefix():
    for statement in policy("lake", [A, B])["Statement"]:
        (principal,) = statement["Principal"]["AWS"]
        prefix = {"a": "team-a", "b": "team-b"}[principal]
        assert f"{prefix}/" in json.dumps([statement["Resource"], statement.get("Condition")])
        assert statement["Effect"] == "Allow"


def test_listing_is_limited_by_a_condition_since_a_listing_names_the_bucket():
    listing = [statement for statement in policy("lake", [A])["Statement"] if statement["Action"] == ["s3:ListBucket"]]
    assert [statement["Condition"] for statement in listing] == [{"StringLike": {"s3:prefix": ["team-a/*"]}}]


def test_nobody_may_change_the_policy_or_the_bucket():
    actions = {action for statement in policy("lake", [A, B])["Statement"] for action in statement["Action"]}
    assert not any("Policy" in action or "Bucket" in action for action in actions - {"s3:ListBucket"})
    assert not any("*" in action for action in actions)


def test_a_prefix_that_begins_like_another_is_not_the_other():
    resources = [resource for statement in policy("lake", [Tenant("team", "t", "k")])["Statement"] for resource in statement["Resource"]]
    assert "arn:aws:s3:::lake/team/*" in resources
    assert "arn:aws:s3:::lake/team*" not in resources


def test_a_key_with_markup_stays_one_key():
    assert "<Secret>a&lt;b&amp;c</Secret>" in account(Tenant("p", "a", "a<b&c"))
