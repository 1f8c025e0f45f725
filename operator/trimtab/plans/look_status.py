"""What is said about whatever looks at a source: Ready while a version serves, and how the last look found the data.

Ready stays True when new data are bad; that shows in a condition of its own (Valid, SchemaValid). The facts beside the
conditions are each kind's own. Nothing is decided here that changes the cluster.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trimtab.api.dataset import Check, DatasetSpec, DatasetVersion
from trimtab.api.featureset import FeatureSetSpec, FeatureSetVersion
from trimtab.api.reasons import Reason
from trimtab.plans.attempts import HEALS_WITH_ANOTHER_POD, HEALS_WITH_TIME
from trimtab.plans.conditions import ConditionSet, find
from trimtab.plans.lack import Lack
from trimtab.plans.looks import Looker
from trimtab.plans.plan import Event, Manifest
from trimtab.plans.pods import reason_named
from trimtab.plans.versions import Holdings


@dataclass(frozen=True)
class Situation:
    """All that the sentences are made from."""

    looker: Looker
    obj: Manifest
    spec: DatasetSpec | FeatureSetSpec
    check: Check | None
    holdings: Holdings[Any]
    paused: bool
    bad_schedule: str
    lack: Lack | None
    now: datetime
    unswept: Lack | None = None
    """What became of the data of versions that left the list, where they could not be deleted."""

    @property
    def active(self) -> DatasetVersion | FeatureSetVersion | None:
        active: DatasetVersion | FeatureSetVersion | None = self.holdings.active(self.spec)
        return active

    @property
    def running(self) -> bool:
        return self.check is not None and self.check.outcome == "Running"

    @property
    def said(self) -> Reason | None:
        """What is wrong with the last look, if anything is."""
        return reason_named(self.check.reason) if self.check and self.check.outcome in ("Running", "Failed") else None

    @property
    def what_serves(self) -> str:
        return f"Version {self.active.version}" if self.active else f"The {self.looker.kind}"


@dataclass(frozen=True)
class Verdict:
    """`progress`: whether it goes on by itself (Reconciling) or a person must act (Stalled); at rest neither."""

    state: str
    reason: Reason
    message: str
    progress: str = ""


def paused(s: Situation) -> Verdict | None:
    return Verdict("Paused", Reason.PAUSED, Reason.PAUSED.say()) if s.paused else None


def active_version_missing(s: Situation) -> Verdict | None:
    if s.spec.active_version is None or s.active or s.running or not s.holdings.versions:
        return None
    versions = ", ".join(str(version.version) for version in s.holdings.versions)
    sentence = Reason.VERSION_MISSING.say(field="spec.activeVersion", version=s.spec.active_version, versions=versions)
    return Verdict("Failed", Reason.VERSION_MISSING, sentence, "Stalled")


def schedule_unreadable(s: Situation) -> Verdict | None:
    return Verdict("Failed", Reason.BAD_SCHEDULE, Reason.BAD_SCHEDULE.say(detail=s.bad_schedule), "Stalled") if s.bad_schedule else None


def lacking(s: Situation) -> Verdict | None:
    """A look is due, and cannot begin without something that another makes."""
    return Verdict("Waiting", s.lack.reason, s.lack.message, "Reconciling") if s.lack else None


def in_trouble(s: Situation) -> Verdict | None:
    """The last look failed, or cannot start; it heals by itself, or a person must act."""
    if s.said is None or s.check is None:
        return None
    by_itself = s.running or s.said in HEALS_WITH_TIME
    return Verdict("Waiting" if by_itself else "Failed", s.said, s.check.message, "Reconciling" if by_itself else "Stalled")


def looking(s: Situation) -> Verdict | None:
    if not s.running or s.check is None:
        return None
    return Verdict("Reading", Reason.PROGRESSING, Reason.PROGRESSING.say(what=f"Job {s.check.job} reads {s.spec.source.said}"), "Reconciling")


def littered(s: Situation) -> Verdict | None:
    """A version serves all the same."""
    if s.unswept is None or not s.active:
        return None
    return Verdict("Ready", s.unswept.reason, f"{s.what_serves} is ready. {s.unswept.message}", "Reconciling" if s.unswept.by_itself else "Stalled")


def serving(s: Situation) -> Verdict | None:
    return Verdict("Ready", Reason.READY, Reason.READY.say(what=s.what_serves)) if s.active else None


def not_begun(s: Situation) -> Verdict | None:
    return Verdict("Pending", Reason.PROGRESSING, Reason.PROGRESSING.say(what=f"{s.spec.source.said} is about to be read"), "Reconciling")


VERDICTS: tuple[Callable[[Situation], Verdict | None], ...] = (
    paused,  # a person wants no deeds
    active_version_missing,  # what is asked for is not there
    schedule_unreadable,  # nothing would ever come of it
    lacking,  # what the next look needs is not there
    in_trouble,  # the last look failed or cannot start
    looking,  # work goes on
    littered,  # at rest, and something was left behind
    serving,  # at rest
    not_begun,  # a sweep is on, or the first look is about to start
)


@dataclass(frozen=True)
class Said:
    """The word for `kubectl get` and the conditions."""

    state: str
    conditions: ConditionSet


def say(s: Situation, valid: tuple[Reason, str]) -> Said:
    """`valid`: reason and sentence of data that were found well."""
    verdict = next(verdict for judge in VERDICTS if (verdict := judge(s)))
    conditions = ConditionSet((s.obj.get("status") or {}).get("conditions", []), s.obj["metadata"].get("generation", 0), s.now)
    conditions.set("Ready", s.active is not None, verdict.reason, verdict.message)
    if verdict.progress:
        conditions.set(verdict.progress, True, verdict.reason, verdict.message)
    _about_data(s, conditions, valid)
    return Said(verdict.state, conditions)


def _about_data(s: Situation, conditions: ConditionSet, valid: tuple[Reason, str]) -> None:
    """What the last look that got as far as the data said of them; other looks say nothing new."""
    before = find((s.obj.get("status") or {}).get("conditions", []), s.looker.about_data)
    if s.check and s.check.outcome in ("Created", "Unchanged"):
        conditions.set(s.looker.about_data, True, *valid)
    elif s.check and s.check.outcome == "Failed" and s.said and s.said not in NOT_ABOUT_DATA:
        conditions.set(s.looker.about_data, False, s.said, s.check.message)
    elif before:
        known: dict[str, bool | None] = {"True": True, "False": False}
        conditions.set(s.looker.about_data, known.get(before["status"]), reason_named(before["reason"]) or valid[0], before["message"])


NOT_ABOUT_DATA = (HEALS_WITH_TIME | HEALS_WITH_ANOTHER_POD) - {Reason.SOURCE_UNREADABLE}
"""Failures of the store, the pod or the cluster: they say nothing about the data."""


def made_event(s: Situation, rows: int) -> tuple[Event, ...]:
    """Of a version that the status did not list before."""
    made = s.holdings.made
    listed = (s.obj.get("status") or {}).get("versions", [])
    if made is None or s.check is None or s.check.outcome == "Failed" or any(version["version"] == made.version for version in listed):
        return ()
    sentence = Reason.CREATED_VERSION.say(version=made.version, rows=rows, digest=made.digest[:12])
    return (Event(str(Reason.CREATED_VERSION), sentence),)
