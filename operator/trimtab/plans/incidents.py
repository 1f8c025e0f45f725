"""The incident of a monitor as its status shows it: opened and closed by the state machine, filled in from its run.

A TrainingJob finds it there and takes its id as a request; nothing is written to the TrainingJob.
"""

from dataclasses import dataclass
from typing import Any

from trimtab.api.driftmonitor import Incident
from trimtab.api.monitor_memory import Judged
from trimtab.api.reasons import Reason
from trimtab.plans.monitor_look import View, awaited, refusal, version_of_run
from trimtab.plans.monitored import made_for, run_of
from trimtab.plans.retraining import Step

LISTED = 10
"""The status' bound."""


@dataclass(frozen=True)
class Book:
    """The open incident, those that are closed, newest first, and what has just happened."""

    open: Incident | None
    closed: tuple[Incident, ...]
    just_opened: Incident | None = None
    just_closed: Incident | None = None

    @property
    def open_id(self) -> str:
        return self.open.id if self.open else ""


def keep(view: View, steps: list[Step]) -> Book:
    """The book after these moves."""
    status = view.seen.status
    book = Book(_filled(view, status.incident), tuple(status.last_incidents))
    for done in steps:
        if "Closed" in done.announcements and book.open:
            closed = _closed(view, book.open, done)
            book = Book(None, (closed, *book.closed)[:LISTED], book.just_opened, closed)
        if "Opened" in done.announcements:
            opened = _filled(view, _opened(view, done))
            book = Book(opened, book.closed, opened, book.just_closed)
    return book


def _opened(view: View, done: Step) -> Incident:
    incident, follows = done.monitor.incident, view.seen.spec.on_trigger
    assert incident is not None, "what is opened is there"
    return Incident(
        id=incident.id,
        cause=incident.cause,
        opened_at=incident.opened_at,
        training_job=(follows.training_job if follows else "") or "",
        labelled_rows=incident.labelled_rows,
    )


def _filled(view: View, incident: Incident | None) -> Incident | None:
    """With what its run has come to, and where its report lies."""
    if incident is None:
        return None
    seen, evaluation = view.seen, view.evaluation
    run, made = run_of(seen.asked, incident.id), made_for(seen.versions, incident.id)
    version = version_of_run(seen, run, made)
    waits = awaited(seen, version) if version and version["spec"]["version"] != seen.stable else ""
    facts: dict[str, Any] = {
        "run_key": str((run or {}).get("key", "")),
        "model_version": str((run or {}).get("modelVersion", "")) or (str(made["metadata"]["name"]) if made else ""),
        "message": (waits or str((run or {}).get("message", "")))[:500],
        "report_uri": view.news.report_uri if view.news and evaluation and evaluation.incident == incident.id else "",
    }
    told = {field: value for field, value in facts.items() if value or (field == "message" and version)}
    return incident.model_copy(update=told)


def _closed(view: View, incident: Incident, done: Step) -> Incident:
    outcome = done.outcome or "Failed"
    said = _what_came(view, incident, outcome)[:1000]
    return incident.model_copy(update={"outcome": outcome, "closed_at": view.clock, "message": said})


def _what_came(view: View, incident: Incident, outcome: str) -> str:
    seen, judged = view.seen, view.judged
    version = next((each for each in seen.versions if each["metadata"]["name"] == incident.model_version), None)
    match outcome:
        case "Superseded":
            return f"{seen.name(seen.stable)} serves, which this incident did not bring."
        case "Improved" | "NoGain" | "Worse" if judged and judged.version == seen.stable:
            return comparison(view, judged)
        case "NoGain" if incident.model_version == seen.name(seen.stable) and view.current and view.current.incomparable:
            return f"{seen.name(seen.stable)} cannot be compared with what served before it. {view.current.incomparable}"
        case "NoGain" if incident.model_version:
            return f"What served before {incident.model_version} is gone, so that nothing can be said about a gain."
        case "Rejected" if version and (why := refusal(seen, version)):
            return f"{incident.model_version} is not taken up. {why}"
        case _:
            return incident.message or _WITHOUT_A_WORD.get(outcome, "The run ended without a version.")


_WITHOUT_A_WORD = {
    "NoGain": "The Dataset has nothing that the version in service did not learn from.",
    "Failed": "The run is gone: its TrainingJob was deleted, or its version was.",
}


def comparison(view: View, judged: Judged) -> str:
    """What came of comparing a version with the one before it."""
    name, before = view.seen.name(judged.version), view.seen.name(judged.predecessor)
    match judged.outcome:
        case "Improved":
            return f"{name} is better than {before}: {_difference(judged)}."
        case "Worse":
            return Reason.WORSE.say(name=name, predecessor=before, difference=_difference(judged))
        case _:
            return f"{name} is neither surely better nor surely worse than {before}: {_difference(judged)}."


def _difference(judged: Judged) -> str:
    """In the direction that it goes, so that estimate and interval have one sign.

    >>> _difference(Judged(version=2, outcome="Worse", gain="-0.03", lower="-0.04", upper="-0.02", labels=300))
    'its loss is higher by 0.03 (0.02 to 0.04) on 300 matured labels'
    >>> _difference(Judged(version=2, outcome="NoGain", gain="0.01", lower="-0.02", upper="0.04", labels=300))
    'its loss is lower by 0.01 (-0.02 to 0.04) on 300 matured labels'
    """
    ways = (judged.gain, judged.lower, judged.upper)
    less = not judged.gain.startswith("-")
    gain, lower, upper = ways if less else map(_negated, (judged.gain, judged.upper, judged.lower))
    return f"its loss is {'lower' if less else 'higher'} by {gain} ({lower} to {upper}) on {judged.labels} matured labels"


def _negated(number: str) -> str:
    return number[1:] if number.startswith("-") else f"-{number}"


def why_rolled_back(view: View, steps: list[Step]) -> str:
    """Why the version that serves is taken back now; empty where it is not.

    By the state machine, which closed an incident; or because a version that came without one has just turned out to be worse than
    the one before it.
    """
    asked = any("RollBack" in done.announcements for done in steps)
    return comparison(view, view.judged) if view.judged and view.is_worse and (asked or view.was_just_judged) else ""
