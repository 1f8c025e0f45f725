"""Versions that come by steps, in the world of `test_deployment_story`, where also weights, counts, pods' ears and people change at any time.

Whatever the order, and wherever the operator dies: no request reaches pods that are not there yet, a share never falls but to
nothing, stable keeps its pods until another has taken over, nobody who may still be asked is removed, and a version that fails
ends with no share and a block, without ever having had all traffic.
"""

import asyncio
from datetime import timedelta

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from property.test_deployment_story import EVER_HIGHER, KEY, DeploymentStory
from support import serving_pods as world
from support import sharing
from support.builders import deployment
from support.fake_api import FakeApi, Object, ProcessDiedError
from trimtab.api.rollout import ABORT, PROMOTE
from trimtab.api.split import CandidateShare
from trimtab.controllers import deployment as controller
from trimtab.kube.reconcile import Reconciler
from trimtab.kube.settings import Settings
from trimtab.manifests.serving import version_of
from trimtab.plans.splits import split_on

ENOUGH = 40
"""Requests that decide a step; ten times as many are proof of anything."""
GRACE_AND_MORE, WINDOW = timedelta(seconds=11), timedelta(seconds=61)
STEPS = st.sampled_from(
    [
        [{"weight": 10, "duration": "10s"}, {"weight": 50, "duration": "20s"}],
        [{"weight": 50, "duration": "5s"}, {"pause": {"duration": "30s"}}],
        [{"pause": {}}],
        [{"weight": 5, "duration": "1s"}, {"pause": {}}, {"weight": 100, "duration": "5s"}],
    ]
)


class RolloutStory(DeploymentStory):
    @initialize(replicas=st.integers(1, 4), steps=STEPS, on_inconclusive=st.sampled_from(["Wait", "Wait", "Rollback"]), sticky=st.booleans())
    def begin(self, replicas: int, steps: list[Object], on_inconclusive: str, sticky: bool) -> None:
        super().begin(replicas, "Passed")
        rollout = {
            "steps": steps,
            "analysis": {"minRequests": ENOUGH},
            "rollbackWindow": "60s",
            "onInconclusive": on_inconclusive,
            "progressDeadlineSeconds": 3600,
        }
        spec = {"follow": "Passed", "replicas": replicas, "rollout": rollout} | ({"sticky": {"header": "X-User"}} if sticky else {})
        self.api = FakeApi(deployment("flights", **spec))
        self.restart()
        self.bad: set[int] = set()
        self.shares: dict[int, CandidateShare] = {}
        self.served: set[int] = set()
        self.steps_changed = False
        self.a_good_or_bad_version_is_registered(bad=False)
        self.all_goes_its_way(10)

    def restart(self) -> None:
        self.reconcile = Reconciler(self.api, {"Deployment": controller}, Settings(serving_image="serving:1"), lambda: self.api.now)

    # more that people do

    @rule(bad=st.booleans())
    def a_good_or_bad_version_is_registered(self, bad: bool) -> None:
        self.a_version_is_registered("True", None)
        if bad:
            self.bad.add(self.made)

    @precondition(lambda self: self.versions())
    @rule(word=st.sampled_from([PROMOTE, PROMOTE, ABORT]), which=EVER_HIGHER)
    def somebody_promotes_or_aborts(self, word: str, which: int) -> None:
        self.annotate({word: str(self.pick(which)["spec"]["version"])})

    @rule(paused=st.booleans())
    def it_is_paused_or_goes_on(self, paused: bool) -> None:
        self.annotate({"trimtab.dev/paused": "true" if paused else "false"})

    @rule(steps=STEPS)
    def the_steps_are_changed(self, steps: list[Object]) -> None:
        spec = self.own()["spec"]
        if "rollout" in spec:
            self.steps_changed = True
            self.api.given({**self.own(), "spec": spec | {"rollout": spec["rollout"] | {"steps": steps}}})

    # what stable pods do

    @precondition(lambda self: self.api.all("pods"))
    @rule(which=EVER_HIGHER)
    def a_pod_hears_of_its_split(self, which: int) -> None:
        pods = self.api.all("pods")
        sharing.follow(self.api, pods[which % len(pods)])

    @rule()
    def all_pods_hear_of_their_split(self) -> None:
        sharing.pods_follow(self.api)

    @precondition(lambda self: self.api.scrapes)
    @rule(which=EVER_HIGHER)
    def a_pod_falls_silent(self, which: int) -> None:
        del self.api.scrapes[sorted(self.api.scrapes)[which % len(self.api.scrapes)]]

    @rule(requests=st.sampled_from([3, 400, 4000]))
    def requests_come(self, requests: int) -> None:
        for pod in self.api.all("pods"):
            self.ask(pod, requests)

    @rule(rounds=st.integers(1, 15))
    def all_goes_its_way(self, rounds: int) -> None:
        """For a while nothing odd happens."""
        for _ in range(rounds):
            self.we_look()
            world.play(self.api)
            sharing.pods_follow(self.api)
            self.requests_come(400)
            self.api.now += timedelta(seconds=3)

    # what we do

    @rule(writes=st.integers(1, 6))
    def we_die_in_the_middle(self, writes: int) -> None:
        self.api.forget()
        self.api.die_after = writes
        try:
            self.we_look()
        except ProcessDiedError:
            self.restart()
        finally:
            self.api.die_after = None
        self.api.forget()
        self.after_a_look()

    def look(self) -> None:
        answering = {version_of(child): self.answering(version_of(child)) for child in world.children(self.api)}
        stable, acting = self.routed(), self.acting_upon()
        asyncio.run(self.reconcile(KEY))
        self.after_a_look()
        if self.routed() == stable:
            self.stable_keeps_its_pods()
        gone = set(answering) - {version_of(child) for child in world.children(self.api)}
        assert not gone & acting, f"{gone & acting} went while pods of {stable} asked it"
        if self.routed() != stable:
            self.a_move_is_earned(stable, answering.get(stable, 0))

    @rule()
    def the_world_stands_still(self) -> None:
        self.annotate({"trimtab.dev/paused": "false"})
        super().the_world_stands_still()
        assert all(split_on(pod).candidate is None for pod in self.api.all("pods"))
        if "rollout" not in self.own()["spec"] or not self.replicas():
            return
        assert {version_of(service) for service in self.api.all("services") if version_of(service)} <= {self.routed()}

    # laws

    def after_a_look(self) -> None:
        told = [share for pod in self.pods_of(self.routed()) if (share := split_on(pod).candidate)]
        for share in told:
            self.a_share_is_one_that_may_be(share)
        self.shares = {share.version: max((each for each in told if each.version == share.version), key=lambda each: each.percent) for share in told}
        if self.routed():
            self.served.add(self.routed())

    def a_share_is_one_that_may_be(self, share: CandidateShare) -> None:
        before = self.shares.get(share.version)
        assert share.version != self.routed(), "clients' pods ask themselves"
        if share.percent and (before is None or before.percent < share.percent) and share.step >= 0:
            child = next((child for child in world.children(self.api) if version_of(child) == share.version), None)
            assert child, f"{share.version} has a share and no pods"
        if before and before.percent > share.percent > 0 and not self.steps_changed:
            raise AssertionError(f"the share of {share.version} fell from {before.percent} to {share.percent}")
        if before and before.step < 0:
            assert share.percent == 0, f"{share.version} was taken back and came again"

    def stable_keeps_its_pods(self) -> None:
        child = next((child for child in world.children(self.api) if version_of(child) == self.routed()), None)
        if child and not self.paused() and "deletionTimestamp" not in child["metadata"] and self.looked_whole():
            assert child["spec"]["replicas"] >= self.replicas()

    def looked_whole(self) -> bool:
        """The operator has seen the spec as it is."""
        return self.own()["status"].get("observedGeneration") == self.own()["metadata"]["generation"] and self.api.die_after is None

    def a_move_is_earned(self, before: int | None, answering: int) -> None:
        """A bad version gets all traffic only where nobody else answers, or where a person wants it back."""
        now = self.routed()
        if now in self.bad and before and answering and self.replicas() and not self.steps_changed and self.gives_requests():
            assert self.is_blocked(before) or (now < before and now in self.served), f"{now} fails, and got all traffic"

    def clients_are_answered_where_anybody_answers(self, routed: int | None) -> None:
        if not self.paused():
            super().clients_are_answered_where_anybody_answers(routed)

    def paused(self) -> bool:
        return bool(self.own()["metadata"].get("annotations", {}).get("trimtab.dev/paused") == "true")

    def gives_requests(self) -> bool:
        """Some step has a weight: with pauses alone nothing is known of a version before it gets all traffic."""
        return any("weight" in step for step in self.own()["spec"].get("rollout", {"steps": []})["steps"])

    # what there is

    def acting_upon(self) -> set[int]:
        """Versions that ready pods of stable say they forward to, by what they follow."""
        found = set()
        for pod in self.pods_of(self.routed()):
            counts = sharing.said(self.api, pod)
            if counts and counts.percent and world.is_ready(pod):
                found |= {candidate for candidate, percent in counts.weights if percent == counts.percent}
        return found - {self.routed()}

    def ask(self, pod: Object, requests: int) -> bool:
        share = split_on(pod).candidate
        failing = share is not None and share.version in self.bad
        return sharing.ask(self.api, pod, requests, errors=1.0 if failing else 0.0)

    def to_the_end(self) -> None:
        """Everything that may happen by itself, until nothing does any more."""
        for _ in range(400):
            self.api.forget()
            self.promote_what_rests()
            self.we_look()
            wrote = bool(self.api.writes)
            moved = world.play(self.api) or sharing.pods_follow(self.api)
            asked = sum(self.ask(pod, 400) for pod in self.api.all("pods"))
            self.api.now += GRACE_AND_MORE
            if not (wrote or moved or asked):
                self.api.now += WINDOW
                self.we_look()
                if not self.api.writes:
                    return
        raise AssertionError(f"never comes to rest: {self.api.writes}, {self.own()['status']}")

    def promote_what_rests(self) -> None:
        candidate = self.own()["status"].get("candidate", {})
        if "promote" in candidate.get("message", ""):
            self.annotate({PROMOTE: str(candidate["version"])})

    def pods_of(self, version: int | None) -> list[Object]:
        return [pod for pod in self.api.all("pods") if version_of(pod) == version]

    def annotate(self, annotations: dict[str, str]) -> None:
        own = self.own()
        self.api.given({**own, "metadata": {**own["metadata"], "annotations": own["metadata"].get("annotations", {}) | annotations}})


TestRolloutStory = RolloutStory.TestCase
TestRolloutStory.settings = settings(
    max_examples=int(__import__("os").environ.get("N", "100")),
    phases=[__import__("hypothesis").Phase.generate],
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
