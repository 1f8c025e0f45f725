"""What counts as another status, and what only looks like one."""

from typing import Any

import pytest

from trimtab.kube.status import changed_conditions, differs


def condition(name: str = "Ready", status: str = "True", reason: str = "Ready", **rest: Any) -> dict[str, Any]:
    return {"type": name, "status": status, "reason": reason, "message": "m", "lastTransitionTime": "2026-01-01T00:00:00Z"} | rest


@pytest.mark.parametrize(
    ("wanted", "observed"),
    [
        ({"a": None}, {}),
        ({}, {"a": [], "b": {}, "c": ""}),
        ({"conditions": [condition("A"), condition("B")]}, {"conditions": [condition("B"), condition("A")]}),
        ({"conditions": [condition(lastTransitionTime="2027-01-01T00:00:00Z")]}, {"conditions": [condition()]}),
        ({"nested": {"x": None, "y": [{"z": None, "n": 1}]}}, {"nested": {"y": [{"n": 1}]}}),
        ({"conditions": None}, {}),
    ],
)
def test_these_mean_the_same(wanted: dict[str, Any], observed: dict[str, Any]) -> None:
    assert not differs(wanted, observed)


@pytest.mark.parametrize(
    ("wanted", "observed"),
    [
        ({"a": 0}, {}),
        ({"a": False}, {}),
        ({"a": [1, 2]}, {"a": [2, 1]}),
        ({"observedGeneration": 2}, {"observedGeneration": 1}),
        ({"conditions": [condition(message="other")]}, {"conditions": [condition()]}),
        ({"conditions": [condition(status="False")]}, {"conditions": [condition()]}),
        ({"conditions": []}, {"conditions": [condition()]}),
        ({}, {"a": 1}),
    ],
)
def test_these_mean_something_else(wanted: dict[str, Any], observed: dict[str, Any]) -> None:
    assert differs(wanted, observed)


def test_a_condition_changes_by_its_status_or_reason_and_not_by_its_message() -> None:
    before = {"conditions": [condition("A"), condition("B"), condition("C")]}
    after = {"conditions": [condition("A", message="other"), condition("B", "False"), condition("C", reason="Other"), condition("D")]}
    assert [c["type"] for c in changed_conditions(after, before)] == ["B", "C", "D"]
