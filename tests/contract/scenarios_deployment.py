"""The first version is started and served; a second one is registered, verified, takes over, and the first one's pods go.

Once more by steps: the second gets half of the requests, then all, and the first is kept for a minute. And once with a second
that fails: it gets nothing any more, is blocked, and goes. A shadow is asked beside all of them.
"""

from datetime import timedelta
from functools import partial
from typing import Any

from contract import scenarios_modelversion
from support import sharing
from support.builders import deployment, model_version
from support.conditions import verified
from support.fake_api import FakeApi
from support.scenario import Scenario
from support.serving_pods import children, play
from trimtab.controllers import deployment as controller
from trimtab.controllers import modelversion
from trimtab.plans.splits import split_on

Object = dict[str, Any]
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


ROLLOUT = {"steps": [{"weight": 50, "duration": "20s"}, {"pause": {"duration": "20s"}}], "analysis": {"minRequests": 100}, "rollbackWindow": "60s"}
ENOUGH = 400
SHADOW = model_version("flights", 9, summary={"gates": [{"name": "skill", "outcome": "Failed", "message": "0.1 is below 0."}]})


def by_steps(api: FakeApi, errors: float) -> bool:
    """As above; and stable pods follow their split, and answer some requests by it."""
    if scenarios_modelversion.play(api) or play(api) or sharing.pods_follow(api) or answer_some(api, errors):
        return True
    if len(api.all("modelversions")) == 1:
        api.given(SECOND)
        return True
    api.now += timedelta(seconds=25)
    status = api.one("modeldeployments", "flights")["status"]
    return "candidate" in status or "warm" in status or len(children(api)) > 1


def answer_some(api: FakeApi, errors: float) -> bool:
    return sum(_answer(api, pod, errors) for pod in sharing.that_serve(api)) > 0


def _answer(api: FakeApi, pod: Object, errors: float) -> bool:
    """Once at each weight: what was counted is not counted again."""
    share, counts = split_on(pod).candidate, sharing.said(api, pod)
    counted = share and counts and counts.weights.get((share.version, share.percent))
    return bool(share and not counted) and sharing.ask(api, pod, ENOUGH, errors=errors)


def asked_unseen(api: FakeApi) -> bool:
    """The shadow's pods come up and are asked once."""
    return scenarios_modelversion.play(api) or play(api) or sharing.pods_follow(api) or compare_some(api)


def compare_some(api: FakeApi) -> bool:
    waiting = [pod for pod in sharing.that_serve(api) if split_on(pod).shadow and (counts := sharing.said(api, pod)) and not counts.compared]
    for pod in waiting:
        sharing.ask(api, pod, ENOUGH, disagree=0.05)
    return bool(waiting)


SCENARIOS = [
    Scenario("Deployment", controller, [FIRST, deployment("flights")], play, world=all_are_verified),
    Scenario("Deployment", controller, [FIRST, deployment("flights")], then_the_second, also=(modelversion,)),
    Scenario("Deployment", controller, [FIRST, deployment("flights", rollout=ROLLOUT)], partial(by_steps, errors=0.0), also=(modelversion,)),
    Scenario("Deployment", controller, [FIRST, deployment("flights", rollout=ROLLOUT)], partial(by_steps, errors=1.0), also=(modelversion,)),
    Scenario("Deployment", controller, [FIRST, SHADOW, deployment("flights", shadow={"version": 9, "percent": 50})], asked_unseen, also=(modelversion,)),
]
