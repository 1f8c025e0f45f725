"""What `wait` waits for, and when there is nothing left to wait for. Pure."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from trimtab.api.base import seconds
from trimtab.cli.errors import Usage
from trimtab.cli.views.health import sentence
from trimtab.cli.views.listed import Manifest, at, condition, is_ready, is_stalled, is_unseen, is_working, ref

HOW = "ready, rest, served=<version>, deleted, or condition=<Type>[=<Status>]"


class Verdict(StrEnum):
    MET = "met"
    NEVER = "never"
    """Not by itself: a person must act."""
    NOT_YET = "not yet"


@dataclass(frozen=True)
class Judged:
    verdict: Verdict
    message: str


Judge = Callable[[Manifest | None], Judged]


def judge(goal: str) -> Judge:
    """What `--for` means; Usage where it means nothing."""
    if goal == "deleted":
        return lambda obj: Judged(Verdict.NOT_YET, "is still there.") if obj else Judged(Verdict.MET, "is gone.")
    if asked := re.fullmatch(r"condition=([A-Za-z]+)(?:=(True|False|Unknown))?", goal):
        name, status = asked[1], asked[2] or "True"
        return _existing(lambda obj: _of_condition(obj, name, status))
    if served := re.fullmatch(r"served=(?:v)?(\d+)", goal):
        number = int(served[1])
        return _existing(lambda obj: _of_served(obj, number))
    if goal == "ready":
        return _existing(_of_ready)
    if goal == "rest":
        return _existing(_of_rest)
    raise Usage(f"--for {goal} means nothing here; write {HOW}.")


def _existing(of: Callable[[Manifest], Judged]) -> Judge:
    return lambda obj: of(obj) if obj else Judged(Verdict.NOT_YET, "is not there.")


def _of_condition(obj: Manifest, name: str, status: str) -> Judged:
    found = condition(obj, name)
    if found and found.status == status and not is_unseen(obj):
        return Judged(Verdict.MET, f"{name} is {status}: {found.message}")
    return _or_never(obj, found.message if found else f"has no condition {name} yet.")


def _of_ready(obj: Manifest) -> Judged:
    """A run that was rejected after a person's change leaves its TrainingJob Stalled; so it ends here too."""
    return Judged(Verdict.MET, sentence(obj)) if is_ready(obj) and not is_stalled(obj) and not is_working(obj) else _or_never(obj, sentence(obj))


def _of_rest(obj: Manifest) -> Judged:
    going_on = is_unseen(obj) or is_working(obj) or bool(at(obj, "status.candidate"))
    return Judged(Verdict.NOT_YET if going_on else Verdict.MET, sentence(obj))


def _of_served(obj: Manifest, version: int) -> Judged:
    stable = at(obj, "status.stable.version")
    if stable == version:
        return Judged(Verdict.MET, f"serves version {version}.")
    return _or_never(obj, f"serves {f'version {stable}' if stable else 'nothing'}, not version {version}.")


def _or_never(obj: Manifest, message: str) -> Judged:
    """Stalled, of the spec as it is now: nothing more comes by itself."""
    if is_stalled(obj) and not is_unseen(obj):
        return Judged(Verdict.NEVER, f"{message} A person must act: trimtab why {ref(obj)}")
    return Judged(Verdict.NOT_YET, message)


def duration(option: str, text: str) -> float:
    """Seconds of an option that is a duration in Go's spelling.

    >>> duration("--timeout", "1h30m")
    5400.0
    """
    if not re.fullmatch(r"(\d+(\.\d+)?(ms|s|m|h))+", text):
        raise Usage(f"{option} is {text!r}, which is no duration such as 90s, 15m or 2h.")
    return seconds(text).total_seconds()
