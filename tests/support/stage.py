"""A Deployment that takes steps, on a cluster in memory: pods come up and follow their split by themselves, requests come when a test says so."""

from datetime import timedelta
from typing import Any

from support import serving_pods, sharing
from support.builders import deployment, model_version
from support.conditions import verified
from support.fake_api import FakeApi, Object
from trimtab.controllers import deployment as controller
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.settings import Settings
from trimtab.manifests.serving import INTERNAL_PORT, routed_version, version_of
from trimtab.plans.conditions import find
from trimtab.plans.plan import Key
from trimtab.plans.splits import split_on, text_on

KEY = Key("Deployment", "default", "flights")
STEPS = [{"weight": 20, "duration": "30s"}, {"weight": 50, "duration": "30s"}]
ROUNDS = 60


class Stage:
    """`await stage.settle()` until nothing moves by itself; time stands still unless a test lets it pass."""

    def __init__(self, **spec: Any) -> None:
        rollout = {"steps": STEPS, "rollbackWindow": "5m"} | spec.pop("rollout", {})
        self.api = FakeApi(deployment("flights", **({"rollout": rollout} if rollout["steps"] else {}), **spec))
        self.broken: set[str] = set()
        self.rehearsal = ""
        """What pods of versions that clients do not reach say of theirs."""
        self.reconcile = Reconciler(self.api, {"Deployment": controller}, Settings(serving_image="serving:1", identity="here"), lambda: self.api.now)

    async def settle(self) -> "Stage":
        for _ in range(ROUNDS):
            before = len(self.api.writes)
            if self.rehearsal:
                self._pods_rehearse()
            await self.reconcile(KEY)
            moved = serving_pods.play(self.api, frozenset(self.broken)) or sharing.pods_follow(self.api)
            if not moved and len(self.api.writes) == before:
                return self
        raise AssertionError(f"never comes to rest: {self.api.writes[-5:]}")

    def _pods_rehearse(self) -> None:
        routed = self.routed() if self.api.all("services") else None
        for pod in (each for each in sharing.that_serve(self.api) if version_of(each) != routed):
            address = pod["status"]["podIP"], INTERNAL_PORT
            kept = [line for line in self.api.scrapes.get(address, "").splitlines() if "rehearsal" not in line]
            self.api.scrapes[address] = "\n".join([*kept, self.rehearsal, ""])

    async def version(self, number: int, **spec: Any) -> "Stage":
        """Registered, verified, passed."""
        self.api.given(verified(model_version("flights", number, **spec)))
        return await self.settle()

    async def two(self) -> "Stage":
        """Version 1 serves, version 2 is at its first step."""
        await self.version(1)
        await self.after(seconds=11)
        return await self.version(2)

    async def asked(self, requests: int = 5000, **how: Any) -> "Stage":
        """So many requests for each stable pod."""
        for pod in self.pods(self.routed()):
            sharing.ask(self.api, pod, requests, **how)
        return await self.settle()

    async def after(self, **span: float) -> "Stage":
        self.api.now += timedelta(**span)
        return await self.settle()

    async def passed(self, **how: Any) -> "Stage":
        """One step: requests, and its time."""
        await self.asked(**how)
        return await self.after(seconds=31)

    async def edited(self, **spec: Any) -> "Stage":
        """Fields of the spec replaced, or with None taken away."""
        own = self.own()
        wanted = {key: value for key, value in (own["spec"] | spec).items() if value is not None}
        self.api.given({**own, "spec": wanted})
        return await self.settle()

    async def annotated(self, annotations: dict[str, str], plural: str = "modeldeployments", name: str = "flights") -> "Stage":
        obj = self.api.one(plural, name)
        self.api.given({**obj, "metadata": {**obj["metadata"], "annotations": obj["metadata"].get("annotations", {}) | annotations}})
        return await self.settle()

    def own(self) -> Object:
        return self.api.one("modeldeployments", "flights")

    @property
    def status(self) -> Object:
        return dict(self.own()["status"])

    @property
    def candidate(self) -> Object:
        return dict(self.status.get("candidate", {}))

    def condition(self, name: str = "Ready") -> Object:
        return find(self.status["conditions"], name) or {}

    def routed(self) -> int | None:
        return routed_version(self.api.one("services", "flights"))

    def pods(self, version: int | None) -> list[Object]:
        return [pod for pod in sharing.that_serve(self.api) if version_of(pod) == version]

    def told(self, version: int = 1) -> list[tuple[int, float] | None]:
        """(candidate, percent) on each pod of a version."""
        found = [split_on(pod).candidate for pod in self.pods(version)]
        return [share and (share.version, share.percent) for share in found]

    def texts(self, version: int = 1) -> list[str]:
        return [text_on(pod) for pod in self.pods(version)]

    def running(self) -> dict[int, int]:
        """Version -> pods wanted."""
        return {version_of(child): child["spec"]["replicas"] for child in serving_pods.children(self.api)}

    def blocks(self) -> dict[int, str]:
        found = {each["spec"]["version"]: each["metadata"].get("annotations", {}).get("blocked.trimtab.dev/flights") for each in self.api.all("modelversions")}
        return {version: why for version, why in found.items() if why}

    def events(self, reason: str) -> list[str]:
        return [event["message"] for event in self.api.all("events") if event["reason"] == reason]
