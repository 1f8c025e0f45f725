"""How an object is, in one mark and one sentence: what a person wants to hear of it first."""

from enum import StrEnum

from trimtab.cli.views.listed import Condition, Manifest, at, conditions, is_paused, is_ready, is_stalled, is_unseen, is_working


class Mark(StrEnum):
    """Names are words for scripts; the sign and the colour are the renderer's."""

    OK = "Ok"
    WARNING = "Warning"
    WORKING = "Working"
    FAILED = "Failed"
    PAUSED = "Paused"
    WAITING = "Waiting"


GOOD_WHEN_TRUE = ("SchemaValid", "Valid", "Fresh", "GatesPassed", "Progressing", "SplitHealthy")
BAD_WHEN_TRUE = ("Drifted", "PerformanceDegraded", "SkewDetected", "DataInsufficient", "Deprecated", "DuplicateOf")
"""Conditions beside Ready, Reconciling and Stalled, by which of their values a person must hear of."""

REST = (Mark.OK, Mark.WARNING, Mark.FAILED, Mark.PAUSED)
"""Marks after which nothing more happens by itself."""


def mark(obj: Manifest) -> Mark:
    if is_paused(obj):
        return Mark.PAUSED
    if is_stalled(obj):
        return Mark.FAILED
    if is_working(obj):
        return Mark.WORKING
    if is_unseen(obj):
        return Mark.WAITING
    if is_ready(obj):
        return Mark.WARNING if warnings(obj) else Mark.OK
    return Mark.FAILED if "Ready" in conditions(obj) else Mark.WAITING


def warnings(obj: Manifest) -> list[Condition]:
    """Conditions that are wrong although the object may be Ready."""
    found = conditions(obj).values()
    return [each for each in found if (each.type in BAD_WHEN_TRUE and each.holds) or (each.type in GOOD_WHEN_TRUE and each.status == "False")]


def sentence(obj: Manifest) -> str:
    """The one thing to know: what is wrong, else how far the work is, else what is."""
    if is_unseen(obj):
        return "The operator has not looked at it yet."
    found, progress = conditions(obj), at(obj, "status.progress", {})
    ready = found.get("Ready")
    if is_working(obj) and progress.get("message"):
        return f"{progress.get('percent', 0)}% {progress['message']}"
    if ready and not ready.holds:
        return ready.message
    wrong = warnings(obj)
    return wrong[0].message if wrong else ready.message if ready else ""


def word(obj: Manifest) -> str:
    """One word: the operator's own, else the mark."""
    if is_paused(obj):
        return "Paused"
    ready = conditions(obj).get("Ready")
    return at(obj, "status.state") or (ready.reason if ready else "") or str(mark(obj))
