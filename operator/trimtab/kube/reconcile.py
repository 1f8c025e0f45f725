"""One reconcile, the same for every kind: observe -> plan -> act -> one status write -> Events.

Level-based: nothing is remembered between two reconciles but how often we wrote. Each step may be the last one before
the process dies; the next reconcile observes what there is and goes on. A conflict means that the world moved while
we looked: look again. Deletions are decided twice, the second time on reads made just before them. The status is put
with the resourceVersion that was observed, which also fences a leader that does not know yet that it is none.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any

import structlog

from trimtab.api.reasons import Reason
from trimtab.kube import metrics
from trimtab.kube.client import Client, Manifest
from trimtab.kube.controller import Controller
from trimtab.kube.deeds import Target, do, target, to_do
from trimtab.kube.errors import ApiError, Conflict, NotFound, Stalled, Unreachable, Waiting
from trimtab.kube.events import events_for, post
from trimtab.kube.pace import HOLD, STATUS, WINDOW, Pace, allowed
from trimtab.kube.settings import Settings
from trimtab.kube.status import differs
from trimtab.kube.workqueue import Outcome
from trimtab.plans.conditions import ConditionSet, is_true
from trimtab.plans.plan import Delete, Event, Gone, Key, Plan

LOOKS = 3
"""How often a conflict is answered by looking again at once; then the queue waits a little."""
STALLED_AGAIN = timedelta(seconds=60)
"""What stalls an object may be mended elsewhere, where no event tells us."""

GENERIC = ("Ready", "Reconciling", "Stalled")

log = structlog.get_logger()


class Reconciler:
    """`await reconciler(key)`, as the queue's work."""

    def __init__(self, client: Client, controllers: Mapping[str, Controller], settings: Settings, clock: Callable[[], datetime]) -> None:
        self._client, self._controllers, self._settings, self._clock = client, controllers, settings, clock
        self._pace = Pace(lambda: clock().timestamp())

    async def __call__(self, key: Key) -> Outcome:
        """Bind the log context, look until there is no conflict, tell how it went. What raises is tried again with back-off."""
        started = perf_counter()
        with structlog.contextvars.bound_contextvars(kind=key.kind, namespace=key.namespace, name=key.name):
            word = "error"
            try:
                outcome = await self._until_it_fits(key)
                word = outcome.word
            except Exception as error:
                _tell(error)
                raise
            finally:
                took = perf_counter() - started
                metrics.RECONCILES.labels(key.kind, word).inc()
                metrics.RECONCILE_SECONDS.labels(key.kind).observe(took)
            if word != "unchanged":
                log.info("reconciled", outcome=word, took_ms=round(took * 1000))
            return outcome

    async def _until_it_fits(self, key: Key) -> Outcome:
        for _ in range(LOOKS - 1):
            try:
                return await self._once(key)
            except Conflict as error:
                log.debug("reconcile.conflict", error=str(error))
        return await self._once(key)

    async def _once(self, key: Key) -> Outcome:
        controller, now = self._controllers[key.kind], self._clock()
        try:
            seen = await controller.observe(self._client, key, self._settings, now)
        except (Stalled, Waiting) as error:
            return await self._without_a_look(controller, key, error, now)
        if is_gone(seen):
            return Outcome("gone")
        written = _Written(self._pace)
        plan = controller.plan(seen, now)
        try:
            await self._act(controller, key, plan, written)
        except (Stalled, Waiting) as error:
            plan = blocked(plan, seen.obj, error, now)
        return await self._conclude(controller, seen.obj, plan, written, now)

    async def _without_a_look(self, controller: Controller, key: Key, error: Stalled | Waiting, now: datetime) -> Outcome:
        """The look itself found what stops us; the object is there all the same, and shall say so."""
        kind = controller.KIND
        obj = await self._client.get(kind.api_version, kind.plural, key.namespace, key.name)
        if obj is None:
            return Outcome("gone")
        return await self._conclude(controller, obj, blocked(Plan(), obj, error, now), _Written(self._pace), now)

    async def _act(self, controller: Controller, key: Key, plan: Plan, written: "_Written") -> None:
        for deed in to_do(plan):
            if isinstance(deed, Delete) and not await self._still_wanted(controller, key, deed):
                raise Conflict(f"{deed.ref.plural} {deed.ref.name}: its deletion is no longer wanted")
            await do(self._client, deed)
            written.note(target(deed))
            log.info("deed.done", deed=type(deed).__name__, target="/".join(target(deed)))

    async def _still_wanted(self, controller: Controller, key: Key, deed: Delete) -> bool:
        now = self._clock()
        seen = await controller.observe(self._client, key, self._settings, now)
        return not is_gone(seen) and any(isinstance(d, Delete) and d.ref == deed.ref for d in controller.plan(seen, now).deeds)

    async def _conclude(self, controller: Controller, obj: Manifest, plan: Plan, written: "_Written", now: datetime) -> Outcome:
        kind, observed = controller.KIND, obj.get("status") or {}
        wanted = observed if plan.status is None else plan.status
        if differs(wanted, observed):
            try:
                await self._client.put_status(kind.api_version, kind.plural, {**obj, "status": wanted})
            except NotFound:
                return Outcome("gone")
            written.note((kind.plural + STATUS, obj["metadata"]["namespace"], obj["metadata"]["name"]))
        hold = written.thrashing()
        if written.targets:
            events = events_for(plan, wanted, observed) + ([_thrashing(hold)] if hold else [])
            await post(self._client, obj, events, self._settings.identity, now)
        word = "thrashing" if hold else "changed" if written.targets else "unchanged"
        return Outcome(word, plan.requeue_after, HOLD if hold else None)


class _Written:
    """What this look wrote."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self.targets: list[Target] = []

    def note(self, written: Target) -> None:
        self.targets.append(written)
        self._pace.note(written)

    def thrashing(self) -> Target | None:
        return self._pace.thrashing(self.targets)


def is_gone(seen: Any) -> bool:
    """There is nothing to look after: no object, or one whose children go with it."""
    return isinstance(seen, Gone) or bool(seen.obj["metadata"].get("deletionTimestamp"))


def pending(seen: Any, plan: Plan) -> bool:
    """Whether anything is left of a plan when what is there already is taken off."""
    return bool(to_do(plan)) or (plan.status is not None and differs(plan.status, seen.obj.get("status") or {}))


def blocked(plan: Plan, obj: Manifest, error: Stalled | Waiting, now: datetime) -> Plan:
    """The plan with a status that says what is in the way; what else the status said stays: the plan's own tells of deeds that were not done.

    What was Ready, and by the plan still is, stays so: users are served whatever stops the next version.
    """
    ready = is_true(obj, "Ready") and plan.status is not None and is_true({"status": plan.status}, "Ready")
    base = obj.get("status") or {}
    generation = obj["metadata"].get("generation", 0)
    conditions = ConditionSet(_conditions(obj.get("status") or {}), generation, now)
    if isinstance(error, Stalled):
        conditions.stalled(error.reason, error.message, ready=ready)
        again = STALLED_AGAIN
    else:
        conditions.waiting(error.reason, str(error), ready=ready)
        again = error.after
    others = [condition for condition in _conditions(base) if condition["type"] not in GENERIC]
    status = {**base, "observedGeneration": generation, "state": _state(error), "conditions": conditions.as_list() + others}
    return replace(plan, status=status, events=(), requeue_after=again)


def _state(error: Stalled | Waiting) -> str:
    return "Stalled" if isinstance(error, Stalled) else "Waiting"


def _conditions(status: Manifest) -> list[Manifest]:
    return list(status.get("conditions") or [])


def _thrashing(written: Target) -> Event:
    plural, _, name = written
    sentence = Reason.THRASHING.say(kind=plural, name=name, writes=allowed(written), seconds=round(WINDOW))
    return Event(str(Reason.THRASHING), sentence, "Warning")


def _tell(error: Exception) -> None:
    """One line for what the API server says; a trace for what nobody expected."""
    if isinstance(error, ApiError):
        log.warning("reconcile.failed", error=str(error), code=error.code, unreachable=isinstance(error, Unreachable))
    else:
        log.error("reconcile.failed", error=str(error), exc_info=error)
