"""A monitor's clock, and which windows have closed on it.

The clock is the wall's, or, with `clock: Event`, the latest event time that serving pods have written to the object store.
It never goes back (unless the wall's had been wrong by more than an hour), and what is remembered of it survives the pods. Windows of inputs stand on the clock (a window of a day is a
day in UTC); windows of skill begin when the version began to serve, as `evaluate` cuts them too.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trimtab.api.base import seconds
from trimtab.api.driftmonitor import DriftMonitorSpec
from trimtab.api.monitor_memory import Clock

AHEAD = timedelta(hours=1)
"""How far clients' clocks may be ahead of ours. An event time beyond that would stop the clock until the wall's comes there."""
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Told:
    """What the clock shows; None before the first request. `jumped`: an event time from the future, which is not believed."""

    clock: Clock | None
    jumped: datetime | None = None


def told(spec: DriftMonitorSpec, before: Clock | None, event_time: datetime | None, now: datetime) -> Told:
    jumped = event_time if spec.clock == "Event" and event_time and event_time > now + AHEAD else None
    shown = now if spec.clock == "Wall" else None if jumped else event_time
    known = before.now if before and not (spec.clock == "Wall" and before.now > now + AHEAD) else None
    moments = [moment for moment in (known, shown) if moment]
    if not moments:
        return Told(None, jumped)
    latest = max(moments).replace(microsecond=0)
    return Told(Clock(began=min(before.began, latest) if before else latest, now=latest), jumped)


def last_boundary(moment: datetime, length: timedelta) -> datetime:
    """When the last window of this length closed.

    >>> last_boundary(datetime(2013, 2, 3, 7, tzinfo=UTC), timedelta(hours=24))
    datetime.datetime(2013, 2, 3, 0, 0, tzinfo=datetime.timezone.utc)
    """
    return EPOCH + (moment - EPOCH) // length * length


@dataclass(frozen=True)
class Closed:
    """The ends of the last window of inputs, and of the last window of skill whose labels have matured."""

    inputs: datetime
    skill: datetime


def closed(spec: DriftMonitorSpec, moment: datetime, since: datetime | None) -> Closed:
    """`since`: when the version began to serve, where that is known."""
    length, maturity = seconds(spec.performance.window), seconds(spec.performance.label_maturity)
    begun = -(-((since or EPOCH) - EPOCH) // _unit(length)) * _unit(length)
    skill = EPOCH + begun + (moment - maturity - EPOCH - begun) // length * length
    return Closed(last_boundary(moment, seconds(spec.window.duration)), skill)


def _unit(length: timedelta) -> timedelta:
    """Windows of whole days begin with a day, others with an hour."""
    return HOUR if length % DAY else DAY


def next_closing(spec: DriftMonitorSpec, moment: datetime, since: datetime | None) -> datetime:
    """When the next of either closes."""
    now, maturity = closed(spec, moment, since), seconds(spec.performance.label_maturity)
    return min(now.inputs + seconds(spec.window.duration), now.skill + seconds(spec.performance.window) + maturity)
