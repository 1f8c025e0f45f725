"""When the windows of a Deployment are looked at: the last `evaluate` Job as it stands, and two lists of why another is due.

A look is known by its key: rules, version, windows that have closed, request and open incident; the name of its Job follows
from the key and the attempt. One look at a time; it covers every window that has closed, so that none is missed however
long the operator was away.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from trimtab.api.driftmonitor import DriftMonitorSpec
from trimtab.api.evaluation import Evaluated, unpack
from trimtab.api.monitor_memory import Clock, Evaluation
from trimtab.api.reasons import Reason
from trimtab.manifests import names
from trimtab.plans.attempts import Attempt, Trouble, blamed, tried_again_at, trouble, waits_for_another_pod
from trimtab.plans.monitor_clock import AHEAD, Closed, closed
from trimtab.plans.pods import Failed, Finished

NOT_THE_RULES = frozenset({"suspend", "triggers", "on_trigger", "template"})
"""Fields of the spec that change nothing about what is found."""


@dataclass(frozen=True)
class Scene:
    """What a look would be about now, what is remembered of the last one, and the Jobs that are there, newest first."""

    name: str
    spec: DriftMonitorSpec
    version: int
    clock: Clock
    since: datetime | None
    request: str
    incident: str
    before: Evaluation | None
    looks: tuple[Attempt, ...]
    shape: str
    now: datetime

    @cached_property
    def definition(self) -> str:
        return names.digest(self.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=set(NOT_THE_RULES)))[:32]

    @cached_property
    def closed(self) -> Closed:
        return closed(self.spec, self.clock.now, self.since)

    def look(self, job: str) -> Attempt | None:
        return next((look for look in self.looks if look.name == job), None)


def settle(before: Evaluation | None, looks: tuple[Attempt, ...], now: datetime) -> Evaluation | None:
    """The last look with its outcome so far."""
    if before is None or before.outcome != "Running":
        return before
    look = next((look for look in looks if look.name == before.job), None)
    if look is None:
        return _failed(before, now, Reason.ANSWER_LOST, Reason.ANSWER_LOST.say(job=before.job, detail="the Job was deleted"))
    return _settled(before, look, now)


def _settled(before: Evaluation, look: Attempt, now: datetime) -> Evaluation:
    at = look.finished_at or now
    match look.outcome:
        case Finished(result) if answer(look) is None:
            lost = Reason.ANSWER_LOST.say(job=before.job, detail=f"it says nothing about windows: {result.message}")
            return _failed(before, at, Reason.ANSWER_LOST, lost)
        case Finished(result):
            return before.model_copy(update={"outcome": "Answered", "finished_at": at, "reason": result.reason, "message": result.message[:1000]})
        case Failed() as failed:
            why = blamed(failed, Trouble(before.reason, before.message))
            return _failed(before, at, why.reason, why.message)
        case outcome:
            said = trouble(outcome, Trouble(before.reason, before.message))
            return before.model_copy(update={"reason": said.reason, "message": said.message})


def answer(look: Attempt | None) -> Evaluated | None:
    """What a finished Job says about the windows; None where it says nothing that can be read."""
    if look is None or not isinstance(look.outcome, Finished):
        return None
    try:
        return unpack(look.outcome.result.packed)
    except ValueError:
        return None


def _failed(before: Evaluation, at: datetime, reason: Reason, message: str) -> Evaluation:
    said: dict[str, Any] = {"reason": str(reason), "message": message}
    return before.model_copy(update={"outcome": "Failed", "finished_at": at.replace(microsecond=0), **said})


Why = Callable[[Scene, Evaluation], bool]


def due(scene: Scene, known: Evaluation | None) -> Evaluation | None:
    """The look to start now, if any."""
    if known is None:
        return _new(scene)
    if known.outcome == "Running":
        return _anew_or_once_more(scene, known, WHILE_IT_RUNS, could_start_otherwise)
    return _anew_or_once_more(scene, known, WHEN_AT_REST, may_have_healed)


def _anew_or_once_more(scene: Scene, known: Evaluation, reasons: tuple[Why, ...], again: Why) -> Evaluation | None:
    if any(why(scene, known) for why in reasons):
        return _new(scene)
    return _once_more(scene, known) if again(scene, known) else None


def rules_changed(scene: Scene, known: Evaluation) -> bool:
    return known.definition_digest != scene.definition


def another_version_serves(scene: Scene, known: Evaluation) -> bool:
    return known.version != scene.version


def a_window_closed(scene: Scene, known: Evaluation) -> bool:
    return scene.closed.inputs > closed(scene.spec, known.upto, scene.since).inputs


def labels_matured(scene: Scene, known: Evaluation) -> bool:
    return scene.closed.skill > closed(scene.spec, known.upto, scene.since).skill


def it_looked_beyond_today(scene: Scene, known: Evaluation) -> bool:
    return known.upto > scene.clock.now + AHEAD


def request_came(scene: Scene, known: Evaluation) -> bool:
    return scene.request not in ("", known.request)


def an_incident_was_opened(scene: Scene, known: Evaluation) -> bool:
    return scene.incident not in ("", known.incident)


WHILE_IT_RUNS: tuple[Why, ...] = (
    rules_changed,  # the running look would answer an old question
    another_version_serves,  # it looks at a version that serves no more
)
WHEN_AT_REST: tuple[Why, ...] = (
    rules_changed,
    another_version_serves,
    a_window_closed,  # one or many: one look covers them
    labels_matured,  # skill can be judged over another window
    it_looked_beyond_today,  # the clock was wrong then
    request_came,  # a person asks
    an_incident_was_opened,  # its report is written while its causes are fresh
)


def could_start_otherwise(scene: Scene, known: Evaluation) -> bool:
    """Its pod cannot start as it was made, and would be made differently now."""
    look = scene.look(known.job)
    return look is not None and waits_for_another_pod(look, scene.shape)


def may_have_healed(scene: Scene, known: Evaluation) -> bool:
    at = tried_again_at(known, scene.look(known.job), scene.shape, scene.now)
    return at is not None and at <= scene.now


def _new(scene: Scene) -> Evaluation:
    ends = [scene.closed.inputs.isoformat(), scene.closed.skill.isoformat()]
    key = names.digest([scene.definition, scene.version, ends, scene.request, scene.incident])[:32]
    return Evaluation(
        key=key,
        definition_digest=scene.definition,
        version=scene.version,
        upto=scene.clock.now,
        request=scene.request,
        incident=scene.incident,
        job=names.job(scene.name, key, 1),
        started_at=scene.now,
    )


def _once_more(scene: Scene, known: Evaluation) -> Evaluation:
    """The same look again; what failed is said until it ends."""
    attempt = known.attempt + 1
    again: dict[str, Any] = {"attempt": attempt, "job": names.job(scene.name, known.key, attempt), "outcome": "Running"}
    return known.model_copy(update=again | {"started_at": scene.now, "finished_at": None})
