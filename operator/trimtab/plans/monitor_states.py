"""The states of a monitor and every way from one to another; the documentation's diagram is drawn from this table.

    Learning -> Healthy <-> Suspect -> Drifted, Degraded -> Retraining -> Validating -> Cooldown -> Learning

Entering and leaving have different thresholds: one strange window makes a model Suspect, but only a calm one, not one that
is merely less strange, makes it Healthy again. Which signal a look gives is decided in `retraining.py`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Self


class State(StrEnum):
    """What a monitor knows of its model, in one word; the second is what the word means."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    LEARNING = "Learning", "Too few windows or labels to judge by; drift is silent, lost skill is not."
    HEALTHY = "Healthy", "Inputs look like the reference's, skill is where it was."
    SUSPECT = "Suspect", "A window was strange; it takes more of them for a decision."
    DRIFTED = "Drifted", "Inputs have changed for several windows; somebody is told."
    DEGRADED = "Degraded", "Skill is lost, in two matured windows."
    RETRAINING = "Retraining", "An incident is open and its run is under way."
    VALIDATING = "Validating", "The run's version serves, and its own labels are awaited."
    COOLDOWN = "Cooldown", "The incident is closed; nothing is decided until new labels can have matured."


class Signal(StrEnum):
    """What a look at the world says, as far as states are concerned; the second is when it is given."""

    meaning: str

    def __new__(cls, value: str, meaning: str) -> Self:
        member = str.__new__(cls, value)
        member._value_ = value
        member.meaning = meaning
        return member

    REPLACED = "Replaced", "another version serves, and the open incident did not bring it"
    LEARNED = "Learned", "there is enough to judge by"
    LOST_SKILL = "LostSkill", "two matured windows are below the line"
    DRIFT_ALARM = "DriftAlarm", "k of the last n windows have drifted"
    STRANGE = "Strange", "the last window has drifted, or is below the line"
    CALM = "Calm", "clearly back: skill at the line by its estimate, drift below half its thresholds"
    OPENED = "Opened", "a trigger fired and nothing speaks against a retraining"
    PROMOTED = "Promoted", "the version of the incident's run serves"
    FRUITLESS = "Fruitless", "the run ended without a version that serves"
    JUDGED = "Judged", "new version and old were compared on matured labels"
    RESTED = "Rested", "the cooldown is over"


_ANOTHER_VERSION: Mapping[Signal, State] = {Signal.REPLACED: State.LEARNING}

NEXT: Mapping[State, Mapping[Signal, State]] = {
    State.LEARNING: {
        Signal.LOST_SKILL: State.DEGRADED,
        Signal.LEARNED: State.HEALTHY,
        Signal.OPENED: State.RETRAINING,
    },
    State.HEALTHY: {
        **_ANOTHER_VERSION,
        Signal.LOST_SKILL: State.DEGRADED,
        Signal.DRIFT_ALARM: State.DRIFTED,
        Signal.STRANGE: State.SUSPECT,
        Signal.OPENED: State.RETRAINING,
    },
    State.SUSPECT: {
        **_ANOTHER_VERSION,
        Signal.LOST_SKILL: State.DEGRADED,
        Signal.DRIFT_ALARM: State.DRIFTED,
        Signal.OPENED: State.RETRAINING,
        Signal.CALM: State.HEALTHY,
    },
    State.DRIFTED: {
        **_ANOTHER_VERSION,
        Signal.LOST_SKILL: State.DEGRADED,
        Signal.OPENED: State.RETRAINING,
        Signal.CALM: State.HEALTHY,
    },
    State.DEGRADED: {
        **_ANOTHER_VERSION,
        Signal.OPENED: State.RETRAINING,
        Signal.CALM: State.HEALTHY,
    },
    State.RETRAINING: {
        **_ANOTHER_VERSION,
        Signal.PROMOTED: State.VALIDATING,
        Signal.FRUITLESS: State.COOLDOWN,
    },
    State.VALIDATING: {
        **_ANOTHER_VERSION,
        Signal.JUDGED: State.COOLDOWN,
    },
    State.COOLDOWN: {
        Signal.RESTED: State.LEARNING,
    },
}
"""Signals stand in the order in which they are heard: of several at once, the first decides.

A cooldown is not cut short by another version: the rollback of a bad one is the last act of its incident.
"""
