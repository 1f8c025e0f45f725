"""What an incident says of the version that its run made: that the Deployment will not take it up, or how it compares."""

from typing import Any

import pytest

from support.builders import Object
from support.monitoring import monitor, serving, trainer, version
from trimtab.plans.monitor_look import refusal, taken_up
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
