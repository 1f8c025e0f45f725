"""What `kubectl describe` tells at its end: bad news as Warning, everything else as Normal."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import pytest

from trimtab.kube.events import events_for, manifest
from trimtab.plans.plan import Event, Plan


def told(*found: tuple[str, str, str]) -> dict[str, str]:
    """Reason -> type of the Events of conditions, (type, status, reason), that had another reason before."""
    return events(found, {"conditions": conditions_of((type_, "Unknown", "Before") for type_, _, _ in found)})


def told_first(*found: tuple[str, str, str]) -> dict[str, str]:
    """The same, of an object that nobody has looked at before."""
    return events(found, {})


def events(found: Iterable[tuple[str, str, str]], observed: dict[str, Any]) -> dict[str, str]:
    return {event.reason: event.type for event in events_for(Plan(), {"conditions": conditions_of(found)}, observed)}


def conditions_of(found: Iterable[tuple[str, str, str]]) -> list[dict[str, str]]:
    return [{"type": type_, "status": status, "reason": reason, "message": "."} for type_, status, reason in found]


@pytest.mark.parametrize(
    ("condition", "type_"),
    [
        (("Ready", "False", "ColumnMissing"), "Warning"),
        (("Ready", "True", "Serving"), "Normal"),
        (("Ready", "False", "Paused"), "Normal"),
        (("Drifted", "True", "Drifted"), "Warning"),
        (("Drifted", "False", "NotDrifted"), "Normal"),
        (("SkewDetected", "False", "NoSkew"), "Normal"),
        (("DataInsufficient", "False", "DataSufficient"), "Normal"),
        (("Triggered", "False", "NotTriggered"), "Normal"),
        (("GatesPassed", "False", "GatesFailed"), "Warning"),
        (("PerformanceDegraded", "Unknown", "NotJudged"), "Normal"),
    ],
)
def test_only_bad_news_is_a_warning(condition, type_):
    assert told(condition) == {condition[2]: type_}


def test_what_is_under_way_is_no_warning_and_what_waits_for_a_person_is():
    assert told(("Ready", "False", "Training"), ("Reconciling", "True", "Training")) == {"Training": "Normal"}
    assert told(("Ready", "False", "CodeMissing"), ("Stalled", "True", "CodeMissing")) == {"CodeMissing": "Warning"}


def test_data_that_is_not_valid_is_a_warning_also_while_the_next_look_is_awaited():
    assert told(("Ready", "False", "ColumnMissing"), ("Reconciling", "True", "ColumnMissing"), ("Valid", "False", "ColumnMissing")) == {
        "ColumnMissing": "Warning"
    }


def test_what_seemed_to_pass_and_does_not_is_told_again_as_a_warning_and_then_no_more():
    busy = conditions_of([("Ready", "False", "OutOfMemory"), ("Reconciling", "True", "OutOfMemory")])
    stuck = (("Ready", "False", "OutOfMemory"), ("Stalled", "True", "OutOfMemory"))
    assert events(stuck, {"conditions": busy}) == {"OutOfMemory": "Warning"}
    assert events(stuck, {"conditions": conditions_of(stuck)}) == {}


def test_a_new_object_does_not_tell_what_is_not_the_matter_with_it():
    quiet = (("Deprecated", "False", "NotDeprecated"), ("Triggered", "False", "NotTriggered"), ("SkewDetected", "Unknown", "Learning"))
    assert told_first(("Ready", "True", "Verified"), *quiet) == {"Verified": "Normal"}
    assert told_first(("Drifted", "True", "Drifted")) == {"Drifted": "Warning"}


OBJECT = {"apiVersion": "trimtab.dev/v1alpha1", "kind": "Dataset", "metadata": {"name": "flights", "namespace": "a", "uid": "u"}}


def event_at(version: str, message: str = "m", second: int = 0) -> dict[str, Any]:
    seen = {**OBJECT, "metadata": {**OBJECT["metadata"], "resourceVersion": version}}
    return manifest(seen, Event("R", message), "pod", datetime(2026, 1, 5, 8, 0, second, tzinfo=UTC))


def test_describe_can_put_events_in_order():
    """kubectl sorts by lastTimestamp, which has whole seconds, and leaves the order by name within one."""
    first, second = event_at("999"), event_at("1000")
    assert first["lastTimestamp"] == "2026-01-05T08:00:00Z"
    assert first["metadata"]["name"] < second["metadata"]["name"]


def test_the_same_said_twice_of_one_state_is_one_event():
    assert event_at("7", second=1)["metadata"]["name"] == event_at("7", second=2)["metadata"]["name"]
    assert event_at("7", "other")["metadata"]["name"] != event_at("7")["metadata"]["name"]
