"""What a person would see on a cluster in memory: settle, play what pods do, edit, let time pass, look at the status."""

from datetime import timedelta
from typing import Any

from support.fake_api import FakeApi
from support.job_pods import answer, fault, is_over
from trimtab.api.documents import Result
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.settings import Settings
from trimtab.manifests.labels import VERB
from trimtab.plans.plan import Key

Object = dict[str, Any]
SETTINGS = Settings(worker_image="worker:1", serving_image="serving:1", identity="test")
TURNS = 10
"""No kind needs more reconciles than this to come to rest."""


class Tale:
    """`controllers` are modules of trimtab.controllers; every kind's first object is called flights."""

    def __init__(self, *controllers: Any, given: tuple[Object, ...] = ()) -> None:
        self.api = FakeApi(*given)
        self.settings = SETTINGS
        self.controllers = {controller.KIND.kind: controller for controller in controllers}

    async def settle(self) -> None:
        """Reconcile every object of every kind until none writes."""
        for _ in range(TURNS):
            self.api.forget()
            for kind, controller in self.controllers.items():
                for obj in list(self.api.all(controller.KIND.plural)):
                    await self.reconcile(kind, obj["metadata"]["name"])
            if not self.api.writes:
                return
        raise AssertionError(f"still writing after {TURNS} turns: {self.api.writes}")

    async def reconcile(self, kind: str, name: str = "flights") -> Any:
        return await Reconciler(self.api, self.controllers, self.settings, lambda: self.api.now)(Key(kind, "default", name))

    async def after(self, **span: float) -> None:
        self.api.now += timedelta(**span)
        await self.settle()

    async def answered(self, verb: str, result: Result) -> None:
        """The running Job of a verb answers."""
        answer(self.api, self.job(verb), result)
        await self.settle()

    async def failed(self, verb: str, reason: str, message: str = "It failed.", code: int = 2) -> None:
        fault(self.api, self.job(verb), reason, message, code)
        await self.settle()

    async def edited(self, kind: str, name: str = "flights", **spec: Any) -> None:
        obj = self.api.one(self.controllers[kind].KIND.plural, name)
        self.api.given({**obj, "spec": {**obj["spec"], **spec}})
        await self.settle()

    async def annotated(self, kind: str, annotations: dict[str, str], name: str = "flights") -> None:
        obj = self.api.one(self.controllers[kind].KIND.plural, name)
        self.api.given({**obj, "metadata": {**obj["metadata"], "annotations": obj["metadata"].get("annotations", {}) | annotations}})
        await self.settle()

    def jobs(self, verb: str = "") -> list[Object]:
        return [job for job in self.api.all("jobs") if not verb or job["metadata"]["labels"][VERB] == verb]

    def running(self, verb: str) -> list[Object]:
        return [job for job in self.jobs(verb) if not is_over(job)]

    def job(self, verb: str) -> Object:
        """The one that runs."""
        found = self.running(verb)
        assert len(found) == 1, f"{len(found)} Jobs of {verb} run"
        return found[0]

    def status(self, kind: str, name: str = "flights") -> Object:
        return self.api.one(self.controllers[kind].KIND.plural, name)["status"]

    def condition(self, kind: str, type_: str, name: str = "flights") -> Object:
        found = {condition["type"]: condition for condition in self.status(kind, name).get("conditions", [])}
        return found.get(type_, {"status": "absent", "reason": "", "message": ""})

    def ready(self, kind: str, name: str = "flights") -> tuple[str, str]:
        found = self.condition(kind, "Ready", name)
        return found["status"], found["reason"]

    def events(self) -> list[str]:
        return [event["reason"] for event in self.api.all("events")]
