"""Whatever happens around a monitor, in whatever order, and whenever the operator dies: one incident at a time, each once, and a small status."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.fake_api import ProcessDiedError
from support.job_pods import fault
from support.monitoring import DAY, DRIFT, FEBRUARY, LOST, answers, clock_at, evaluated, judged, monitor, run, serving, trainer, version
from support.tale import Tale
from trimtab.api.evaluation import FaultReading
from trimtab.controllers import driftmonitor
from trimtab.plans.monitor_states import State

FLOOD = {"faults": [FaultReading(name="NullFlood", column="dep_delay", detail="97% of it is missing.")]}
SAID = [
    {},
    LOST,
    LOST,
    DRIFT,
    LOST | FLOOD,
    {"performance": "Unknown", "skill": None},
    {"verdict": "DataInsufficient", "drift": "Unknown"},
    {"clock_jump": True},
]
EVENTS = st.one_of(
    st.tuples(st.just("look"), st.integers(0, len(SAID) - 1)),
    st.tuples(st.just("look"), st.integers(0, len(SAID) - 1)),
    st.tuples(st.just("judge"), st.sampled_from(["Improved", "NoGain", "Worse"])),
    st.tuples(st.just("run"), st.sampled_from(["Running", "Rejected", "Unchanged", "Failed", "Registered"])),
    st.tuples(st.just("serve"), st.sampled_from([(1,), (1, 2), (1, 2, 1), (1, 2, 3)])),
    st.tuples(st.just("retrain"), st.sampled_from(["Improved", "NoGain", "Worse"])),
    st.tuples(st.just("fail"), st.just(0)),
    st.tuples(st.just("days"), st.integers(1, 9)),
    st.tuples(st.just("pause"), st.sampled_from(["true", "false"])),
)
STORIES = st.lists(EVENTS, min_size=3, max_size=14)


class Watched(Tale):
    """A monitor that dies after some writes; what it has told of is remembered here, not by it."""

    def __init__(self, dies: frozenset[int]) -> None:
        versions = [version(number) for number in (1, 2, 3)]
        super().__init__(driftmonitor, given=(monitor(performance={"labelMaturity": "24h"}), serving(1), trainer(), *versions))
        self.day, self.said, self.dies, self.lives = FEBRUARY + timedelta(hours=1), evaluated(), set(dies), 0
        self.opened: list[str] = []

    async def reconcile(self, kind: str, name: str = "flights") -> Any:
        """The process may die after a write, and another begins."""
        self.lives += 1
        if self.lives in self.dies:
            self.api.die_after = len(self.api.writes) + 1
        try:
            return await super().reconcile(kind, name)
        except ProcessDiedError:
            return None
        finally:
            self.api.die_after = None
            self.remember()

    def remember(self) -> None:
        incident = self.api.one("driftmonitors", "flights")["status"].get("incident")
        if incident and incident["id"] not in self.opened[-1:]:
            self.opened.append(incident["id"])

    async def happens(self, what: str, how: Any) -> None:
        clock_at(self.api, self.day)
        await self.settle()
        await getattr(self, what)(how)
        await self.settle()

    async def look(self, how: int) -> None:
        await self.say(**SAID[how])

    async def judge(self, how: str) -> None:
        await self.say(judged=judged(how, {"Improved": 0.1, "NoGain": 0.0, "Worse": -0.1}[how]))

    async def say(self, **said: Any) -> None:
        self.day += DAY
        clock_at(self.api, self.day)
        await self.settle()
        for job in self.running("evaluate"):
            answers(self.api, job, evaluated(self.day.replace(hour=0), **said))

    async def run(self, how: str) -> None:
        incident = self.api.one("driftmonitors", "flights")["status"].get("incident")
        if incident:
            self.api.given(trainer(run(incident["id"], how, modelVersion="flights-v2" if how == "Registered" else "")))

    async def retrain(self, how: str) -> None:
        """The whole way: skill is lost, a run registers a version, it serves, and is judged."""
        await self.say(**LOST)
        await self.settle()
        await self.run("Registered")
        await self.serve((1, 2))
        await self.settle()
        for _ in range(2):
            await self.judge(how)
            await self.settle()

    async def serve(self, how: tuple[int, ...]) -> None:
        self.api.given(serving(*how))

    async def fail(self, _: int) -> None:
        for job in self.running("evaluate"):
            fault(self.api, job, "StoreUnreachable", "The object store does not answer.", 3)

    async def days(self, how: int) -> None:
        self.day += how * DAY
        self.api.now += timedelta(minutes=10)
        clock_at(self.api, self.day)

    async def pause(self, how: str) -> None:
        self.api.given(self.api.one("modeldeployments", "flights") | {"metadata": {"name": "flights", "annotations": {"trimtab.dev/paused": how}}})


async def tell(story: list[tuple[str, Any]], dies: frozenset[int] = frozenset()) -> Watched:
    tale = Watched(dies)
    for what, how in story:
        await tale.happens(what, how)
        status = tale.status("DriftMonitor")
        assert (status.get("incident") is not None) == (status["standing"]["state"] in {State.RETRAINING, State.VALIDATING}), status
        assert len(json.dumps(status)) < 16_000
    return tale


@settings(max_examples=40, deadline=None)
@given(STORIES)
def test_an_incident_is_never_opened_twice_and_one_comes_to_rest_before_the_next(story):
    tale = asyncio.run(tell(story))
    assert len(tale.opened) == len(set(tale.opened))
    closed = [incident["id"] for incident in tale.status("DriftMonitor").get("lastIncidents", [])]
    assert len(closed) == len(set(closed))
    open_ = (tale.status("DriftMonitor").get("incident") or {}).get("id")
    assert closed == [each for each in reversed(tale.opened) if each != open_][: len(closed)]


@settings(max_examples=25, deadline=None)
@given(STORIES, st.frozensets(st.integers(1, 60), max_size=6))
def test_whenever_it_dies_the_same_incidents_are_opened_and_end_the_same(story, dies):
    whole, torn = asyncio.run(tell(story)), asyncio.run(tell(story, dies))
    assert torn.opened == whole.opened
    for field in ("standing", "lastIncidents", "judged", "watching", "readings"):
        assert torn.status("DriftMonitor").get(field) == whole.status("DriftMonitor").get(field), field
    for number in (1, 2, 3):
        assert _annotations(torn, number) == _annotations(whole, number)


def _annotations(tale: Watched, number: int) -> set[str]:
    return set(tale.api.one("modelversions", f"flights-v{number}")["metadata"].get("annotations") or {})


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundred thousand lines of log are no use to anybody."""
    monkeypatch.setattr("trimtab.kube.reconcile.log.info", lambda *_args, **_more: None)
