"""Tells a scenario from its beginning to its end against an API server in memory, and draws what is there in the end."""

import re
from datetime import timedelta
from typing import Any

from support.fake_api import FakeApi, Object
from support.scenario import Scenario
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.settings import Settings
from trimtab.plans.plan import Key

MOST_ROUNDS = 30
MOST_SCENES = 60
SETTINGS = Settings(worker_image="worker:1", serving_image="serving:1", identity="here")
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|\+00:00)")


class Story:
    """One cluster and one operator process; a new Story on the same `api` is a restarted operator."""

    def __init__(self, scenario: Scenario, api: FakeApi | None = None) -> None:
        self.scenario = scenario
        self.api = api if api is not None else beginning(scenario)
        self.controllers = {c.KIND.kind: c for c in (scenario.controller, *scenario.also)}
        self.reconciler = Reconciler(self.api, self.controllers, SETTINGS, lambda: self.api.now)

    def every_key(self) -> list[Key]:
        return [Key(kind, obj["metadata"]["namespace"], obj["metadata"]["name"]) for kind, c in self.controllers.items() for obj in self.api.all(c.KIND.plural)]

    async def round(self) -> int:
        """Every object once; how many writes that took."""
        before = len(self.api.writes)
        for key in self.every_key():
            await self.reconciler(key)
        return len(self.api.writes) - before

    async def settle(self) -> None:
        """Until a round writes nothing."""
        for _ in range(MOST_ROUNDS):
            if not await self.round():
                return
            self.api.now += timedelta(seconds=10)
        raise AssertionError(f"{self.scenario.kind} never comes to rest; the last writes: {self.api.writes[-6:]}")

    async def to_the_end(self) -> "Story":
        """Until the world stands still too."""
        for _ in range(MOST_SCENES):
            await self.settle()
            self.api.now += timedelta(seconds=10)
            if not self.scenario.play(self.api):
                return self
        raise AssertionError(f"{self.scenario.kind}: the world never comes to an end")

    def own(self) -> Object:
        return self.api.one(self.scenario.controller.KIND.plural, self.scenario.name)


def beginning(scenario: Scenario) -> FakeApi:
    api = FakeApi(*scenario.initial)
    scenario.world(api)
    return api


def picture(api: FakeApi, *, without: tuple[str, ...] = ("events",)) -> dict[str, Object]:
    """All objects, comparable between two clusters: uids are named, moments and versions left out."""
    names = {obj["metadata"]["uid"]: f"uid of {obj['kind']} {obj['metadata']['name']}" for obj in api.objects.values()}
    return {
        f"{plural}/{namespace}/{name}": _comparable({**obj, "metadata": _metadata(obj)}, names)
        for (_, plural, namespace, name), obj in sorted(api.objects.items())
        if plural not in without
    }


def _metadata(obj: Object) -> Object:
    return {key: value for key, value in obj["metadata"].items() if key not in ("resourceVersion", "creationTimestamp", "generation", "uid")}


def _comparable(value: Any, names: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _comparable(item, names) for key, item in value.items()}
    if isinstance(value, list):
        return [_comparable(item, names) for item in value]
    if isinstance(value, str):
        for uid, name in names.items():
            value = value.replace(uid, name)
        return MOMENT.sub("<moment>", value)
    return value
