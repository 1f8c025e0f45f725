"""When applying an object would change nothing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.kube.containment import contained


@pytest.mark.parametrize(
    ("wanted", "observed"),
    [
        ({"spec": {"a": 1}}, {"spec": {"a": 1, "defaulted": True}}),
        ({"spec": {"ports": [{"port": 80}]}}, {"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}}),
        ({"env": [{"name": "A", "value": ""}]}, {"env": [{"name": "A"}]}),
        ({"nodeSelector": {}, "tolerations": []}, {}),
        ({"hostNetwork": False}, {}),
        ({"limits": {"cpu": "0.5", "memory": "1024Mi"}}, {"limits": {"cpu": "500m", "memory": "1Gi"}}),
        ({"limits": {"cpu": 2}}, {"limits": {"cpu": "2"}}),
        ({"emptyDir": {"sizeLimit": "1000Mi"}}, {"emptyDir": {"sizeLimit": "1048576000"}}),
    ],
)
def test_what_the_server_adds_drops_or_rewrites_is_no_difference(wanted: dict[str, Any], observed: dict[str, Any]) -> None:
    assert contained(wanted, observed)


@pytest.mark.parametrize(
    ("wanted", "observed"),
    [
        ({"a": 1}, {"a": 2}),
        ({"a": 1}, {}),
        ({"a": [1]}, {"a": [1, 2]}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"name": "1000m"}, {"name": "1"}),
        ({"limits": {"cpu": "2"}}, {"limits": {"cpu": "1"}}),
        ({"a": {"b": 1}}, {"a": [1]}),
        ({"replicas": 0}, {"replicas": 2}),
    ],
)
def test_what_we_want_otherwise_is_one(wanted: dict[str, Any], observed: dict[str, Any]) -> None:
    assert not contained(wanted, observed)


def applied(obj: dict[str, Any], fields: dict[str, Any], manager: str = "trimtab") -> dict[str, Any]:
    return {**obj, "metadata": {"managedFields": [{"manager": manager, "operation": "Apply", "fieldsV1": fields}]}}


def test_a_field_that_we_own_and_want_no_longer_is_a_difference() -> None:
    observed = applied({"spec": {"a": 1, "b": 2}}, {"f:spec": {"f:a": {}, "f:b": {}}})
    assert contained({"spec": {"a": 1, "b": 2}}, observed)
    assert not contained({"spec": {"a": 1}}, observed)


def test_a_field_that_another_owns_is_none() -> None:
    assert contained({"spec": {"a": 1}}, applied({"spec": {"a": 1, "b": 2}}, {"f:spec": {"f:b": {}}}, manager="kubectl"))


def test_a_list_item_that_we_own_is_found_by_its_keys_with_their_defaults() -> None:
    fields = {"f:ports": {'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}, "f:protocol": {}, "f:name": {}}}}
    observed = applied({"ports": [{"port": 80, "protocol": "TCP", "name": "http"}]}, fields)
    assert contained({"ports": [{"port": 80, "name": "http"}]}, observed)
    assert not contained({"ports": [{"port": 80}]}, observed), "its name is no longer wanted"


def test_a_value_of_a_set_that_we_own_must_still_be_wanted() -> None:
    observed = applied({"set": ["a", "b"]}, {"f:set": {'v:"a"': {}, 'v:"b"': {}}})
    assert contained({"set": ["a", "b"]}, observed)
    assert not contained({"set": ["a"]}, observed)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(max_size=3).filter(lambda key: key != "metadata"), json_values, max_size=4))
def test_every_object_is_contained_in_itself(obj: dict[str, Any]) -> None:
    assert contained(obj, obj)
