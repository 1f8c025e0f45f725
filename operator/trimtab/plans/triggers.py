"""Which triggers fire: NewData by what `evaluate` counted, Schedule by the monitor's clock, Prometheus by a query's answer.

Performance and Drift are not asked here: they follow from the monitor's state (`retraining.py`). A moment of a schedule that
came while something spoke against a retraining is not lost; it fires until an incident was opened after it.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cronsim import CronSim, CronSimError

from trimtab.api.base import seconds
from trimtab.api.driftmonitor import DriftMonitorSpec, DriftMonitorStatus, Trigger
from trimtab.api.monitor_memory import Readings, TriggerReading
from trimtab.plans.monitored import Answer

NEW_DATA_PERCENT = 20.0
"""Where a trigger NewData says no other: a fifth more rows may teach something."""
SECOND = timedelta(seconds=1)
"""A schedule is as fine as this: a moment has come in the second that it names."""


@dataclass(frozen=True)
class Times:
    """What triggers are read by. `since`: when the monitor began, or last opened an incident, on its clock, whose moment is `clock`."""

    since: datetime
    clock: datetime
    wall: datetime


def fired(spec: DriftMonitorSpec, readings: Readings | None, tested: tuple[TriggerReading, ...], times: Times) -> tuple[str, ...]:
    """Names of the triggers that fire, in the order of the spec."""
    standing = {each.name: each for each in tested}
    fires: Mapping[str, Callable[[Trigger], bool]] = {
        "NewData": lambda trigger: has_new_data(trigger, readings),
        "Schedule": lambda trigger: has_come(trigger, times),
        "Prometheus": lambda trigger: has_lasted(trigger, standing.get(trigger.name), times.wall),
    }
    return tuple(trigger.name for trigger in spec.triggers if trigger.type in fires and fires[trigger.type](trigger))


def has_new_data(trigger: Trigger, readings: Readings | None) -> bool:
    """Never for a model that a person brought: of what it learned from nobody knows how much a fifth more would be."""
    if readings is None:
        return False
    learned = readings.labelled_rows - readings.new_rows
    return readings.new_rows > 0 and learned > 0 and readings.new_rows >= learned * (trigger.percent or NEW_DATA_PERCENT) / 100


def has_come(trigger: Trigger, times: Times) -> bool:
    """Several moments that were missed are one."""
    if bad_schedule(trigger):
        return False
    slot = next(iter(CronSim(str(trigger.schedule), (times.clock + SECOND).astimezone(UTC), reverse=True)), None)
    return slot is not None and slot > times.since


def next_moment(spec: DriftMonitorSpec, clock: datetime) -> datetime | None:
    """The next moment of any schedule."""
    schedules = [trigger for trigger in spec.triggers if trigger.type == "Schedule" and not bad_schedule(trigger)]
    moments = [next(iter(CronSim(str(trigger.schedule), clock.astimezone(UTC))), None) for trigger in schedules]
    return min((moment for moment in moments if moment), default=None)


def bad_schedule(trigger: Trigger) -> str:
    """What is wrong with a schedule; empty where nothing is."""
    try:
        CronSim(str(trigger.schedule), datetime(2026, 1, 1, tzinfo=UTC))
    except CronSimError as error:
        return f"{error}; write five fields of `schedule`, for example `0 3 * * 1`."
    return ""


def has_lasted(trigger: Trigger, standing: TriggerReading | None, now: datetime) -> bool:
    """Whether the query has been beyond its bound for as long as `for` says."""
    if standing is None or standing.true_since is None:
        return False
    return now - standing.true_since >= (seconds(trigger.for_) if trigger.for_ else timedelta(0))


def lasts_until(spec: DriftMonitorSpec, tested: Iterable[TriggerReading]) -> list[datetime]:
    """When triggers that are beyond their bound will have been so for long enough."""
    waits = {trigger.name: seconds(trigger.for_) for trigger in spec.triggers if trigger.for_}
    return [each.true_since + waits[each.name] for each in tested if each.true_since and each.name in waits]


def with_answers(spec: DriftMonitorSpec, status: DriftMonitorStatus, answers: tuple[Answer, ...], now: datetime) -> tuple[TriggerReading, ...]:
    """Prometheus triggers with their answers taken in; one that has none keeps neither its bound nor its time."""
    before = {each.name: each for each in status.triggers}
    said = {answer.trigger: answer for answer in answers}
    wanted = [trigger for trigger in spec.triggers if trigger.type == "Prometheus" and trigger.name in said]
    return tuple(_tested(trigger, before.get(trigger.name), said[trigger.name], now) for trigger in wanted)


def _tested(trigger: Trigger, before: TriggerReading | None, answer: Answer, now: datetime) -> TriggerReading:
    """While Prometheus is away nothing is known: what was true is not counted on."""
    if answer.problem:
        return TriggerReading(name=trigger.name, problem=answer.problem)
    since = (before.true_since if before else None) or now
    return TriggerReading(name=trigger.name, true_since=since if is_beyond(trigger, answer.values) else None)


def is_beyond(trigger: Trigger, values: Iterable[float]) -> bool:
    """Any series will do; NaN is beyond nothing."""
    above, below = trigger.above, trigger.below
    known = [value for value in values if not math.isnan(value)]
    return any((above is not None and value > above) or (below is not None and value < below) for value in known)
