"""What an incident says of the version that its run made: that the Deployment will not take it up, or how it compares."""

from typing import Any

import pytest

from support.builders import Object
from support.monitoring import monitor, serving, trainer, version
from trimtab.plans.monitor_look import awaited, refusal, taken_up
from trimtab.plans.monitored import Seen

INPUTS = [{"name": "dep_delay", "datatype": "FP64"}, {"name": "carrier", "datatype": "BYTES"}]


def seen(made: Object, **spec: Any) -> Seen:
    """Version 1 serves, and an incident has brought another."""
    deployment = serving(1)
    return Seen(monitor(), "worker:1", deployment=deployment | {"spec": deployment["spec"] | spec}, versions=(version(1), made), training_job=trainer())


def unusable(number: int) -> Object:
    return version(number) | {
        "status": {"conditions": [{"type": "Stalled", "status": "True", "reason": "ArtifactUnusable", "message": "Its digest is another."}]}
    }


@pytest.mark.parametrize(
    ("made", "spec", "said"),
    [
        (version(2), {"version": 1}, "spec.version of Deployment flights names version 1; write 2 there to serve it, or follow: Passed instead."),
        (version(2, summary={"inputs": [*INPUTS, {"name": "wind", "datatype": "FP64"}]}), {}, "needs the input wind"),
        (version(2, approval="Rejected", approvedBy="eva"), {}, "It was rejected by eva."),
        (version(2, deprecated={"reason": "Bad data."}), {}, "It is deprecated: Bad data."),
        (unusable(2), {}, "It cannot be served: Its digest is another."),
    ],
    ids=["another version is named", "clients do not send what it needs", "a person rejected it", "deprecated", "not usable"],
)
def test_a_version_that_the_deployment_will_not_take_up_ends_its_incident_and_why_is_said(made, spec, said):
    assert said in refusal(seen(made, **spec), made)
    assert taken_up(seen(made, **spec), made) == "Rejected"


def test_a_version_that_may_be_taken_up_yet_is_waited_for():
    assert taken_up(seen(version(2)), version(2)) == "Running"


def test_the_version_that_is_named_is_waited_for_whatever_clients_send():
    """Who names a version has judged that."""
    made = version(2, summary={"inputs": [*INPUTS, {"name": "wind", "datatype": "FP64"}]})
    assert taken_up(seen(made, version=2), made) == "Running"


def test_a_version_that_waits_for_approval_keeps_its_incident_open_and_says_who_has_to_do_what():
    made = version(2)
    told = awaited(seen(made, follow="Approved"), made)
    assert told == (
        "flights-v2 waits for a person, for Deployment flights follows what is approved: trimtab approve mv/flights-v2, or trimtab reject mv/flights-v2."
    )
    assert taken_up(seen(made, follow="Approved"), made) == "Running"


@pytest.mark.parametrize(
    ("made", "spec"),
    [
        (version(2), {}),
        (version(2, approval="Approved", approvedBy="eva"), {"follow": "Approved"}),
        (version(2, approval="Rejected", approvedBy="eva"), {"follow": "Approved"}),
        (version(2, deprecated={"reason": "Bad data."}), {"follow": "Approved"}),
    ],
    ids=["nobody has to approve", "approved", "rejected", "approval would be in vain"],
)
def test_nobody_is_waited_for_where_that_is_not_what_is_missing(made, spec):
    assert awaited(seen(made, **spec), made) == ""
