"""What the chart makes for the Prometheus Operator, put to a real API server that has the Prometheus Operator's own definitions.

Skipped, and said so, where its Go module cannot be had. What the operator then does with the objects is not played here: which
pods they select is tests/chart/test_monitoring.py, what the rules mean tests/chart/test_alerts.py.
"""

import copy
import json
import subprocess

import pytest

from support.builders import Object
from support.control_plane import ControlPlane
from support.helm import render
from support.prometheus_operator import definition
from support.wheels import UnobtainableError

KINDS = {"ServiceMonitor": "servicemonitors", "PodMonitor": "podmonitors", "PrometheusRule": "prometheusrules"}
ON = ("monitoring.serviceMonitor.enabled=true", "monitoring.podMonitor.enabled=true", "monitoring.rules.enabled=true")
OTHERWISE = {
    "as it comes": (),
    "some namespaces, and runbooks": ("namespaces={team-a,team-b}", "monitoring.rules.runbooks=https://wiki.example.org/trimtab"),
    "labels, and another interval": (
        "monitoring.serviceMonitor.labels.release=kps",
        "monitoring.podMonitor.labels.release=kps",
        "monitoring.rules.labels.release=kps",
        "monitoring.interval=1m",
    ),
}


@pytest.fixture(scope="module")
def server(control_plane: ControlPlane) -> ControlPlane:
    try:
        files = [definition(plural) for plural in KINDS.values()]
    except UnobtainableError as why:
        pytest.skip(str(why))
    for file in files:  # by the server: a definition is larger than what kubectl keeps in an annotation
        control_plane.kubectl("apply", "--server-side", "-f", str(file))
    control_plane.kubectl("wait", "--for=condition=Established", "--timeout=30s", "crd", *(f"{plural}.monitoring.coreos.com" for plural in KINDS.values()))
    return control_plane


def rendered(namespace: str, *settings: str) -> list[Object]:
    found = [each for each in render(*ON, *settings, namespace=namespace) if each["kind"] in KINDS]
    assert {each["kind"] for each in found} == set(KINDS)
    return found


def applied(server: ControlPlane, obj: Object) -> Object:
    """As the server keeps it; CalledProcessError with its words about a field that it does not know or a value that it does not take."""
    return dict(json.loads(server.kubectl("create", "--validate=strict", "-o", "json", "-f", "-", stdin=json.dumps(obj))))


@pytest.mark.parametrize("settings", OTHERWISE.values(), ids=OTHERWISE.keys())
def test_the_server_takes_them_and_keeps_every_word(server: ControlPlane, namespace: str, settings: tuple[str, ...]) -> None:
    for each in rendered(namespace, *settings):
        assert applied(server, each)["spec"] == each["spec"], each["kind"]


@pytest.mark.parametrize(
    ("kind", "path", "value"),
    [
        ("ServiceMonitor", ("endpoints", 0, "honourLabels"), True),
        ("PodMonitor", ("podMetricsEndpoints", 0, "interval"), "often"),
        ("PrometheusRule", ("groups", 0, "rules", 0, "for"), "soon"),
    ],
    ids=lambda value: str(value) if isinstance(value, str) else "",
)
def test_a_word_that_it_does_not_know_would_be_refused(server: ControlPlane, namespace: str, kind: str, path: tuple[str | int, ...], value: object) -> None:
    """So that the test above is one."""
    wrong = copy.deepcopy(next(each for each in rendered(namespace) if each["kind"] == kind))
    place = wrong["spec"]
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    with pytest.raises(subprocess.CalledProcessError) as refused:
        applied(server, wrong)
    assert str(path[-1]) in refused.value.stderr
