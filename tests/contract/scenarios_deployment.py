"""The first version is started and served; a second one is registered, verified, takes over, and the first one's pods go."""

from datetime import timedelta

from contract import scenarios_modelversion
from support.builders import deployment, model_version
from support.conditions import verified
from support.fake_api import FakeApi
from support.scenario import Scenario
from support.serving_pods import children, play
from trimtab.controllers import deployment as controller
from trimtab.controllers import modelversion

FIRST, SECOND = (model_version("flights", n, summary={"gates": scenarios_modelversion.GATES}) for n in (1, 2))


def all_are_verified(api: FakeApi) -> None:
    for version in api.all("modelversions"):
        api.set_status(version, **verified(version)["status"])


def then_the_second(api: FakeApi) -> bool:
    """Verify Jobs and pods first; when they are at rest the next version comes; when they are again, the grace passes."""
    if scenarios_modelversion.play(api) or play(api):
        return True
    if len(api.all("modelversions")) == 1:
        api.given(SECOND)
        return True
    api.now += timedelta(seconds=15)
    return len(children(api)) > 1


SCENARIOS = [
    Scenario("Deployment", controller, [FIRST, deployment("flights")], play, world=all_are_verified),
    Scenario("Deployment", controller, [FIRST, deployment("flights")], then_the_second, also=(modelversion,)),
]
