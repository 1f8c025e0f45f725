"""When a model is retrained, and when it had better not be: one step of a monitor, decided from what is seen.

`step(monitor, seen, policy) -> Step` makes at most one transition of `monitor_states.NEXT`. What it returns is written into
the monitor's status and is all that is remembered; a process that dies decides the same again.

Three rules keep retraining from flapping: one incident at a time, until its version is judged on labels of its own; no next
one before those labels can have matured; and after a run that gained nothing, none until there is more to learn from.

Leaves to others: the statistics (`stats`, in a Job), the run itself and its daily cap (the TrainingJob), moving traffic.
"""

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal, Self

from trimtab.plans.monitor_states import NEXT, Signal, State

Reading = Literal["Alarm", "Strange", "Unclear", "Calm", "Unknown"]
"""How a measure stands: decided, one window, in between, clearly well, cannot be judged."""
Run = Literal["Running", "Promoted", "Rejected", "Unchanged", "Failed"]
"""What became of the incident's run; Unchanged: there is no other data than the champion's."""
Outcome = Literal["Improved", "NoGain", "Worse", "Rejected", "Failed", "Superseded"]
Verdict = Literal["Improved", "NoGain", "Worse"]
"""A new version against the one before it, paired, on matured labels."""
Announcement = Literal["Opened", "Closed", "Alert", "RollBack", "Deprecate"]

MORE_ROWS = 1.2
"""After a run without gain: a fifth more labelled rows may teach something that the last did not."""
RETRAINS_BEFORE_DEPRECATION = 2


class Hindrance(StrEnum):
    """What a retraining must never follow from, or run into; the second is the sentence for a person."""

    sentence: str

    def __new__(cls, value: str, sentence: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.sentence = sentence
        return member

    PAUSED = "Paused", "Retraining is paused."
    CLOCK_JUMP = "ClockJump", "Event times jumped; windows before and after do not compare."
    STORE_UNREACHABLE = "StoreUnreachable", "The object store does not answer."
    PROMETHEUS_UNREACHABLE = "PrometheusUnreachable", "Prometheus does not answer."
    SCHEMA_CHANGED = "SchemaChanged", "A column is gone or has another type; mend what feeds it."
    NULL_FLOOD = "NullFlood", "A column is suddenly empty; mend what feeds it."
    SKEW = "SkewDetected", "Serving and offline differ: that is a bug, and a new model would have it too."
    DATASET_INVALID = "DatasetInvalid", "The Dataset does not pass its validation."
    FEW_LABELS = "FewLabels", "Too few labels have matured since the version learned."
    ROLLOUT = "RolloutInFlight", "A version is being rolled out; it is judged first."
    TRAINING_JOB_MISSING = "TrainingJobMissing", "There is no TrainingJob of the name in spec.onTrigger.trainingJob."
    PROVISIONAL_WORSE = "ProvisionalWorse", "The version that serves is worse than its predecessor; it is rolled back instead."


@dataclass(frozen=True)
class Policy:
    """What a person asked for. `causes` are the triggers by which a state alone opens an incident."""

    action: Literal["Retrain", "Rollback", "Alert"] = "Retrain"
    causes: frozenset[str] = frozenset({"Performance"})
    cooldown: timedelta = timedelta(hours=24)
    label_maturity: timedelta = timedelta(hours=24)
    floor: float | None = None
    on_no_gain: Literal["Alert", "Deprecate"] = "Alert"

    @property
    def rest(self) -> timedelta:
        """Before the next incident; never shorter than it takes to know what the last one brought."""
        return max(self.cooldown, self.label_maturity)


@dataclass(frozen=True)
class Incident:
    """Its id is the request of its run: one incident, one run, whatever is killed when."""

    id: str
    cause: str
    opened_at: datetime
    labelled_rows: int


@dataclass(frozen=True)
class BackOff:
    """Why the last run is not repeated yet: it was made of so many labelled rows."""

    outcome: Outcome
    labelled_rows: int


@dataclass(frozen=True)
class Monitor:
    """What is remembered between two looks.

    `uid` tells it from other monitors. `version` is the one watched, `newest` the highest that was: to an older one people
    only go back. `lifts` counts retrains that left skill below the floor.
    """

    uid: str
    version: int
    newest: int
    state: State
    since: datetime
    incident: Incident | None = None
    back_off: BackOff | None = None
    lifts: int = 0


@dataclass(frozen=True)
class Seen:
    """One look. Times are on the monitor's clock; `run` and `judged` are those of the open incident.

    `fired` are other triggers that fired (Schedule, NewData, Prometheus). `judged` compares new version and old, paired, on
    matured labels. `known` are the ids of incidents that are closed: one cause in one window is one incident.
    """

    now: datetime
    window_start: datetime
    version: int
    drift: Reading = "Unknown"
    performance: Reading = "Unknown"
    skill: float | None = None
    labelled_rows: int = 0
    fired: tuple[str, ...] = ()
    hindrances: frozenset[Hindrance] = field(default_factory=frozenset)
    run: Run | None = None
    judged: Verdict | None = None
    known: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Step:
    """The monitor after a look, what is to be done about it, and the outcome where an incident was closed."""

    monitor: Monitor
    announcements: tuple[Announcement, ...] = ()
    outcome: Outcome | None = None


def step(monitor: Monitor, seen: Seen, policy: Policy) -> Step:
    """At most one transition: the first signal that the state hears and the look gives."""
    look = Look(monitor, seen, policy)
    signal = next((signal for signal in NEXT[monitor.state] if GIVEN[signal](look)), None)
    if signal is None:
        return Step(monitor if monitor.incident else _following(monitor, seen))
    moved = replace(monitor, state=NEXT[monitor.state][signal], since=seen.now)
    return CONSEQUENCES.get(signal, _only_moved)(look, moved)


def hindrances(monitor: Monitor, seen: Seen, policy: Policy) -> tuple[str, ...]:
    """Why no incident is opened now, in sentences; empty where one may be."""
    found = [hindrance.sentence for hindrance in Hindrance if hindrance in seen.hindrances]
    return (*found, *([_waiting(monitor.back_off)] if monitor.back_off and not _lifted(monitor.back_off, seen, policy) else []))


def incident_id(uid: str, cause: str, window_start: datetime) -> str:
    """The same for whoever opens it, and however often."""
    return hashlib.sha256(f"{uid}\n{cause}\n{window_start.isoformat()}".encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Look:
    """What signals are read from."""

    monitor: Monitor
    seen: Seen
    policy: Policy

    @property
    def causes(self) -> tuple[str, ...]:
        """What fires: what the state says by itself, then what was seen to fire."""
        own = {State.DEGRADED: "Performance", State.DRIFTED: "Drift"}.get(self.monitor.state, "")
        return ((own,) if own in self.policy.causes else ()) + self.seen.fired

    @property
    def cause(self) -> str:
        """The first of them; empty where none fires."""
        return next(iter(self.causes), "")

    @property
    def incident(self) -> str:
        """Id of the one that would be opened now."""
        return incident_id(self.monitor.uid, self.cause, self.seen.window_start)

    @property
    def below_floor(self) -> bool:
        return _below_floor(self.seen, self.policy)


def replaced(look: Look) -> bool:
    brought = look.monitor.state is State.RETRAINING and look.seen.run == "Promoted"
    return look.seen.version != look.monitor.version and not brought


def learned(look: Look) -> bool:
    return {look.seen.drift, look.seen.performance} != {"Unknown"}


def calm(look: Look) -> bool:
    """What made the state is well again; where that is not known, everything that can be judged is."""
    readings = (look.seen.drift, look.seen.performance)
    made_by = {State.DEGRADED: look.seen.performance, State.DRIFTED: look.seen.drift}.get(look.monitor.state)
    return made_by == "Calm" if made_by else "Calm" in readings and not {"Alarm", "Strange", "Unclear"} & set(readings)


def opened(look: Look) -> bool:
    return (
        look.policy.action == "Retrain" and bool(look.cause) and look.incident not in look.seen.known and not hindrances(look.monitor, look.seen, look.policy)
    )


GIVEN: Mapping[Signal, Callable[[Look], bool]] = {
    Signal.REPLACED: replaced,
    Signal.LEARNED: learned,
    Signal.LOST_SKILL: lambda look: look.seen.performance == "Alarm",
    Signal.DRIFT_ALARM: lambda look: look.seen.drift == "Alarm",
    Signal.STRANGE: lambda look: bool({"Strange", "Alarm"} & {look.seen.drift, look.seen.performance}),
    Signal.CALM: calm,
    Signal.OPENED: opened,
    Signal.PROMOTED: lambda look: look.seen.run == "Promoted",
    Signal.FRUITLESS: lambda look: look.seen.run in FRUITLESS,
    Signal.JUDGED: lambda look: look.seen.judged is not None,
    Signal.RESTED: lambda look: look.seen.now - look.monitor.since >= look.policy.rest,
}

FRUITLESS: Mapping[Run, Outcome] = {"Rejected": "Rejected", "Unchanged": "NoGain", "Failed": "Failed"}

BACKS_OFF: frozenset[Outcome] = frozenset({"NoGain", "Worse", "Rejected"})
"""A run that failed for want of a node has taught nothing; it may be tried again after the cooldown."""


def _only_moved(_: Look, moved: Monitor) -> Step:
    return Step(moved)


def _alert(_: Look, moved: Monitor) -> Step:
    """Entering Drifted or Degraded is told once."""
    return Step(moved, ("Alert",))


def _open(look: Look, moved: Monitor) -> Step:
    incident = Incident(look.incident, look.cause, look.seen.now, look.seen.labelled_rows)
    return Step(replace(moved, incident=incident, back_off=None), ("Opened",))


def _watch_new(look: Look, moved: Monitor) -> Step:
    return Step(_watching(moved, look.seen.version))


def _begin_anew(look: Look, moved: Monitor) -> Step:
    """Another version came without an incident: by a person, by another run, or back after a rollback."""
    fresh = _following(replace(moved, incident=None), look.seen)
    return Step(fresh, ("Closed",), "Superseded") if moved.incident else Step(fresh)


def _following(monitor: Monitor, seen: Seen) -> Monitor:
    """A version that is new lifts back-offs: it is not what they were about. An older one does not: its faults are known."""
    known = seen.version <= monitor.newest
    return _watching(monitor if known else replace(monitor, back_off=None, lifts=0), seen.version)


def _watching(monitor: Monitor, version: int) -> Monitor:
    return replace(monitor, version=version, newest=max(monitor.newest, version))


def _close(look: Look, moved: Monitor) -> Step:
    outcome = look.seen.judged or FRUITLESS.get(look.seen.run or "Running", "Failed")
    lifts = 0 if not look.below_floor else moved.lifts + (outcome != "Failed")
    learned_from = moved.incident.labelled_rows if moved.incident else look.seen.labelled_rows
    back_off = BackOff(outcome, learned_from) if outcome in BACKS_OFF else None
    closed = replace(_watching(moved, look.seen.version), incident=None, back_off=back_off, lifts=lifts)
    return Step(closed, ("Closed", *_afterwards(outcome, lifts, look)), outcome)


def _afterwards(outcome: Outcome, lifts: int, look: Look) -> tuple[Announcement, ...]:
    deprecates = look.policy.on_no_gain == "Deprecate" and look.below_floor and lifts >= RETRAINS_BEFORE_DEPRECATION
    worse: tuple[Announcement, ...] = ("RollBack", "Alert") if outcome == "Worse" else ()
    fruitless: tuple[Announcement, ...] = ("Alert",) if outcome in BACKS_OFF - {"Worse"} else ()
    return (*worse, *fruitless, *(("Deprecate",) if deprecates else ()))


CONSEQUENCES: Mapping[Signal, Callable[[Look, Monitor], Step]] = {
    Signal.REPLACED: _begin_anew,
    Signal.LOST_SKILL: _alert,
    Signal.DRIFT_ALARM: _alert,
    Signal.OPENED: _open,
    Signal.PROMOTED: _watch_new,
    Signal.FRUITLESS: _close,
    Signal.JUDGED: _close,
}


def _lifted(back_off: BackOff, seen: Seen, policy: Policy) -> bool:
    """More to learn from, or no worse left to be; the latter not after a run that made things worse."""
    more = seen.labelled_rows >= MORE_ROWS * back_off.labelled_rows
    return more or (back_off.outcome != "Worse" and _below_floor(seen, policy))


def _waiting(back_off: BackOff) -> str:
    rows = math.ceil(MORE_ROWS * back_off.labelled_rows)
    return f"The last run ended {back_off.outcome}; the next is worth its while from {rows} labelled rows on."


def _below_floor(seen: Seen, policy: Policy) -> bool:
    return policy.floor is not None and seen.skill is not None and seen.skill < policy.floor
