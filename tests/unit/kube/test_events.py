"""What `kubectl describe` tells at its end: bad news as Warning, everything else as Normal."""

import doctest

import pytest

from trimtab.kube.events import events_for
from trimtab.plans import conditions
from trimtab.plans.plan import Plan


def told(*found: tuple[str, str, str]) -> dict[str, str]:
    """Reason -> type of the Events of conditions that are new: (type, status, reason)."""
    wanted = {"conditions": [{"type": type_, "status": status, "reason": reason, "message": "."} for type_, status, reason in found]}
    return {event.reason: event.type for event in events_for(Plan(), wanted, {})}


@pytest.mark.parametrize(
    ("condition", "type_"),
    [
        (("Ready", "False", "ColumnMissing"), "Warning"),
        (("Ready", "True", "Serving"), "Normal"),
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


def test_the_polarity_of_conditions_stands_once():
    assert doctest.testmod(conditions).failed == 0
