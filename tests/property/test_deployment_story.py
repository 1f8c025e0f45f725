"""A Deployment in a world where everything happens at any time: versions come, go, are blocked and pinned; pods die.

Whatever the order, clients are never sent where nobody answers while somebody does, capacity does not dip when traffic
moves, nothing in use is deleted, and when the world stands still the wanted version serves, alone, and nothing is written.
"""

from collections.abc import Coroutine
from datetime import timedelta
from typing import Any

import structlog
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from support import serving_pods as world
from support.builders import deployment, model_version
from support.conditions import with_conditions
from support.fake_api import FakeApi, Object
from trimtab.controllers import deployment as controller
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.settings import Settings
from trimtab.manifests.serving import routed_version, version_of
from trimtab.plans.conditions import is_true, parse
from trimtab.plans.plan import Key
from trimtab.plans.traffic import GRACE

KEY = Key("Deployment", "default", "flights")
BLOCK = "blocked.trimtab.dev/flights"
EVER_HIGHER = st.integers(0, 99)


def run(coroutine: Coroutine[Any, Any, Any]) -> Any:
    """Nothing in the memory API ever waits."""
    try:
        coroutine.send(None)
    except StopIteration as end:
        return end.value
    raise AssertionError("it waits for something")


class DeploymentStory(RuleBasedStateMachine):
    @initialize(replicas=st.integers(1, 3), follow=st.sampled_from(["Passed", "Approved"]))
    def begin(self, replicas: int, follow: str) -> None:
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
        self.api = FakeApi(deployment("flights", follow=follow, replicas=replicas))
        self.reconcile = Reconciler(self.api, {"Deployment": controller}, Settings(serving_image="serving:1"), lambda: self.api.now)
        self.made = 0
        self.moved_at = self.api.now

    # what people and the other controllers do

    @rule(gates=st.sampled_from(["True", "True", "True", "False", "Unknown"]), approval=st.sampled_from([None, "Approved", "Rejected"]))
    def a_version_is_registered(self, gates: str, approval: str | None) -> None:
        self.made += 1
        said = {"approval": approval, "approvedBy": "eva"} if approval else {}
        reason = {"True": "Passed", "False": "GatesFailed", "Unknown": "NoGates"}[gates]
        self.api.given(with_conditions(model_version("flights", self.made, **said), Ready=("True", "Verified"), GatesPassed=(gates, reason)))

    @precondition(lambda self: self.versions())
    @rule(which=EVER_HIGHER)
    def a_version_is_blocked_or_unblocked(self, which: int) -> None:
        version = self.pick(which)
        annotations = dict(version["metadata"].get("annotations", {}))
        annotations.pop(BLOCK) if BLOCK in annotations else annotations.update({BLOCK: "slow"})
        self.api.given({**version, "metadata": {**version["metadata"], "annotations": annotations}})

    @precondition(lambda self: self.versions())
    @rule(which=EVER_HIGHER)
    def a_version_is_deleted(self, which: int) -> None:
        self.api.remove("trimtab.dev/v1alpha1", "modelversions", "default", self.pick(which)["metadata"]["name"])

    @precondition(lambda self: self.versions())
    @rule(which=EVER_HIGHER, ready=st.booleans())
    def a_version_is_verified_again(self, which: int, ready: bool) -> None:
        version = self.pick(which)
        gates = next(c for c in version["status"]["conditions"] if c["type"] == "GatesPassed")
        wanted = with_conditions(version, Ready=("True" if ready else "False", "Verified"), GatesPassed=(gates["status"], gates["reason"]))
        self.api.set_status(version, **wanted["status"])

    @rule(version=st.none() | st.integers(1, 6))
    def a_version_is_pinned_or_let_go(self, version: int | None) -> None:
        spec = {field: value for field, value in self.own()["spec"].items() if field not in ("version", "follow")}
        self.api.given({**self.own(), "spec": spec | ({"version": version} if version else {"follow": "Passed"})})

    @rule(replicas=st.integers(0, 3))
    def it_is_scaled(self, replicas: int) -> None:
        self.api.given({**self.own(), "spec": self.own()["spec"] | {"replicas": replicas}})

    @rule(seconds=st.integers(1, 15))
    def time_passes(self, seconds: int) -> None:
        self.api.now += timedelta(seconds=seconds)

    # what pods do

    @precondition(lambda self: world.children(self.api))
    @rule(which=EVER_HIGHER)
    def pods_come_or_go(self, which: int) -> None:
        world.scale(self.api, self.child(which))

    @precondition(lambda self: self.api.all("pods"))
    @rule(which=EVER_HIGHER, ready=st.sampled_from([True, True, True, False]))
    def a_pod_gets_ready_or_fails(self, which: int, ready: bool) -> None:
        pods = self.api.all("pods")
        world.get_ready(self.api, pods[which % len(pods)], ready)

    @precondition(lambda self: self.api.all("pods"))
    @rule(which=EVER_HIGHER)
    def a_pod_is_lost(self, which: int) -> None:
        pods = self.api.all("pods")
        world.remove(self.api, pods[which % len(pods)])

    @precondition(lambda self: world.children(self.api))
    @rule(which=EVER_HIGHER)
    def pods_are_counted(self, which: int) -> None:
        world.count(self.api, self.child(which))

    @precondition(lambda self: world.children(self.api))
    @rule(which=EVER_HIGHER)
    def a_child_comes_up_whole(self, which: int) -> None:
        child = self.child(which)
        while world.scale(self.api, child):
            pass
        for pod in world.pods(self.api, child):
            world.get_ready(self.api, pod)
        world.count(self.api, child)

    @precondition(lambda self: world.children(self.api))
    @rule(which=EVER_HIGHER)
    def somebody_deletes_a_child(self, which: int) -> None:
        child = self.child(which)
        self.api.remove("apps/v1", "deployments", "default", child["metadata"]["name"])

    @precondition(lambda self: any(service["metadata"]["name"] == "flights" for service in self.api.all("services")))
    @rule()
    def somebody_deletes_the_service(self) -> None:
        self.api.remove("v1", "services", "default", "flights")

    # what we do

    @rule()
    def we_look(self) -> None:
        before, children = self.routed(), {version_of(child): self.answering(version_of(child)) for child in world.children(self.api)}
        self.look()
        after = self.routed()
        if after != before:
            self.moved_at = self.api.now
            self.a_move_keeps_capacity(before, after)
        self.clients_are_answered_where_anybody_answers(after)
        self.nothing_in_use_went(children, after)
        self.status_tells_where_traffic_goes(after)

    def look(self) -> None:
        run(self.reconcile(KEY))

    @rule()
    def the_world_stands_still(self) -> None:
        self.to_the_end()
        own, routed = self.own(), self.routed()
        wanted = self.wanted_by_hand(routed)
        if own["spec"]["replicas"] or "rollout" not in own["spec"]:  # where nobody is served, nobody takes steps
            assert routed == wanted, f"{routed} serves, {wanted} is wanted"
        if routed and own["spec"]["replicas"] and self.can_run(routed):
            assert self.answering(routed) == own["spec"]["replicas"]
            assert is_true(own, "Ready")
            assert {version_of(child) for child in world.children(self.api)} == {routed}
            assert {version_of(budget) for budget in self.api.all("poddisruptionbudgets")} == {routed}

    def teardown(self) -> None:
        if hasattr(self, "api"):
            self.the_world_stands_still()

    # laws

    def a_move_keeps_capacity(self, before: int | None, after: int | None) -> None:
        assert after is not None, "traffic was taken from everybody"
        assert self.answering(after) >= self.replicas() or not self.answering(before), f"moved from {before} to {after}"

    def clients_are_answered_where_anybody_answers(self, routed: int | None) -> None:
        others = [v for v in map(version_of, world.children(self.api)) if self.answering(v) and not self.is_blocked(v)]
        assert self.answering(routed) or not others or not self.replicas(), f"{routed} does not answer, {others} would"

    def nothing_in_use_went(self, before: dict[int, int], routed: int | None) -> None:
        gone = set(before) - {version_of(child) for child in world.children(self.api)}
        assert routed not in gone
        for version in gone:
            assert not before[version] or self.api.now - self.moved_at >= GRACE, f"{version} still had requests to answer"

    def status_tells_where_traffic_goes(self, routed: int | None) -> None:
        status = self.own()["status"]
        assert status.get("stable", {}).get("version") == routed
        assert [entry["version"] for entry in status["history"] if "until" not in entry] == ([routed] if routed else [])
        if routed:
            assert parse(status["stable"]["since"]) <= self.api.now
            assert status["candidate"]["version"] != routed if "candidate" in status else True

    # what there is

    def to_the_end(self) -> None:
        for _ in range(200):
            self.api.forget()
            self.we_look()
            if not self.api.writes and not world.play(self.api):
                self.api.now += GRACE
                self.we_look()
                if not self.api.writes:
                    return
        raise AssertionError(f"never comes to rest: {self.api.writes}")

    def wanted_by_hand(self, routed: int | None) -> int | None:
        """The rule in other words: what may be served, and never a step down without a block."""
        spec = self.own()["spec"]
        by_number = {version["spec"]["version"]: version for version in self.versions()}
        if "version" in spec:
            pinned = by_number.get(spec["version"])
            return spec["version"] if pinned and is_true(pinned, "Ready") and not self.is_blocked(spec["version"]) else routed
        eligible = {n for n, v in by_number.items() if self.may_be_followed(v, spec.get("follow", "Passed"))}
        if eligible and max(eligible) >= (routed or 0):
            return max(eligible)
        return routed

    def may_be_followed(self, version: Object, follow: str) -> bool:
        approval = version["spec"].get("approval")
        passed = is_true(version, "GatesPassed") or (approval == "Approved" and version["status"]["conditions"][1]["reason"] == "NoGates")
        agreed = approval == "Approved" if follow == "Approved" else approval != "Rejected"
        return is_true(version, "Ready") and passed and agreed and not self.is_blocked(version["spec"]["version"])

    def can_run(self, version: int) -> bool:
        """Its ModelVersion or its pods say what to load."""
        return version in {v["spec"]["version"] for v in self.versions()} | {version_of(child) for child in world.children(self.api)}

    def own(self) -> Object:
        return self.api.one("modeldeployments", "flights")

    def replicas(self) -> int:
        return int(self.own()["spec"]["replicas"])

    def versions(self) -> list[Object]:
        return self.api.all("modelversions")

    def pick(self, which: int) -> Object:
        return self.versions()[which % len(self.versions())]

    def child(self, which: int) -> Object:
        return world.children(self.api)[which % len(world.children(self.api))]

    def routed(self) -> int | None:
        services = [service for service in self.api.all("services") if service["metadata"]["name"] == "flights"]
        return routed_version(services[0]) if services else self.own().get("status", {}).get("stable", {}).get("version")

    def answering(self, version: int | None) -> int:
        """Pods that answer, and that their child reports."""
        child = next((child for child in world.children(self.api) if version_of(child) == version), None)
        if child is None:
            return 0
        return min(sum(map(world.is_ready, world.pods(self.api, child))), child.get("status", {}).get("readyReplicas", 0))

    def is_blocked(self, version: int) -> bool:
        return any(BLOCK in v["metadata"].get("annotations", {}) for v in self.versions() if v["spec"]["version"] == version)


TestDeploymentStory = DeploymentStory.TestCase
TestDeploymentStory.settings = settings(max_examples=100, stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck))
