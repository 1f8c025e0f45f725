"""The rights that the chart gives the operator are enough for every kind's story, and no wider where it would matter."""

import subprocess

import pytest
import yaml

from contract.laws import ready
from contract.test_laws import scenarios
from support.control_plane import ControlPlane
from support.helm import named, of_kind, render
from support.real_api import RealApi
from support.scenario import Scenario
from support.story import Story
from trimtab.api.kinds import BY_KIND

SCENARIOS = [scenario for scenario in scenarios() if scenario.kind in BY_KIND]
ROLE = "trimtab-operator"


@pytest.fixture(scope="module")
def rights(kinds: ControlPlane) -> ControlPlane:
    """The API server with the chart's ClusterRole, and the user `operator` bound to it."""
    kinds.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all([named(of_kind(render(), "ClusterRole"), "ClusterRole", ROLE)]))
    kinds.kubectl("create", "clusterrolebinding", "rights-of-the-operator", f"--clusterrole={ROLE}", "--user=operator")
    return kinds


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.kind)
async def test_every_story_is_told_with_the_rights_of_the_chart(rights: ControlPlane, scenario: Scenario, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(rights.kubeconfig("operator")))
    async with RealApi(rights, *scenario.initial) as api:
        scenario.world(api)
        story = await Story(scenario, api).to_the_end()
        assert ready(story.own()) == "True", story.own()["status"]
        assert api.writes


@pytest.mark.parametrize(
    ("verb", "what"),
    [
        ("get", "secrets"),
        ("list", "secrets"),
        ("create", "pods"),
        ("update", "modelversions.trimtab.dev"),
        ("update", "modeldeployments.trimtab.dev"),
        ("patch", "trainingjobs.trimtab.dev"),
        ("patch", "driftmonitors.trimtab.dev"),
        ("approve", "modelversions.trimtab.dev"),
        ("list", "nodes"),
    ],
)
def test_what_it_does_not_need_it_may_not(rights: ControlPlane, verb: str, what: str) -> None:
    with pytest.raises(subprocess.CalledProcessError) as refused:
        rights.kubectl("auth", "can-i", verb, what, "-n", "default", user="operator")
    assert refused.value.stdout.startswith("no")
