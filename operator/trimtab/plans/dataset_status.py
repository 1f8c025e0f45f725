"""What is said about a Dataset: Ready while a version serves, Valid by the last look at the data, and the facts beside them.

Ready stays True when new data are bad; that shows as Valid=False. Nothing is decided here that changes the cluster.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trimtab.api.dataset import Check, DatasetSpec, DatasetStatus, DatasetVersion
from trimtab.api.reasons import Reason
from trimtab.plans.attempts import HEALS_WITH_ANOTHER_POD, HEALS_WITH_TIME
from trimtab.plans.conditions import ConditionSet, find
from trimtab.plans.dataset_versions import Holdings
from trimtab.plans.plan import Event, Manifest
from trimtab.plans.pods import reason_named


@dataclass(frozen=True)
class Situation:
    """All that the sentences are made from."""

    obj: Manifest
    spec: DatasetSpec
    before: DatasetStatus
    check: Check | None
    holdings: Holdings
    paused: bool
    bad_schedule: str
    request: str
    now: datetime

    @property
    def active(self) -> DatasetVersion | None:
        return self.holdings.active(self.spec)

    @property
    def running(self) -> bool:
        return self.check is not None and self.check.outcome == "Running"

    @property
    def said(self) -> Reason | None:
        """What is wrong with the last look, if anything is."""
        return reason_named(self.check.reason) if self.check and self.check.outcome in ("Running", "Failed") else None

    @property
    def what_serves(self) -> str:
        return f"Version {self.active.version}" if self.active else "The Dataset"


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


def in_trouble(s: Situation) -> Verdict | None:
    """The last look failed, or cannot start; it heals by itself, or a person must act."""
    if s.said is None or s.check is None:
        return None
    by_itself = s.running or s.said in HEALS_WITH_TIME
    return Verdict("Waiting" if by_itself else "Failed", s.said, s.check.message, "Reconciling" if by_itself else "Stalled")


def looking(s: Situation) -> Verdict | None:
    if not s.running or s.check is None:
        return None
    return Verdict("Reading", Reason.PROGRESSING, Reason.PROGRESSING.say(what=f"Job {s.check.job} reads {s.spec.source.uri}"), "Reconciling")


def serving(s: Situation) -> Verdict | None:
    return Verdict("Ready", Reason.READY, Reason.READY.say(what=s.what_serves)) if s.active else None


def not_begun(s: Situation) -> Verdict | None:
    return Verdict("Pending", Reason.PROGRESSING, Reason.PROGRESSING.say(what=f"{s.spec.source.uri} is about to be read"), "Reconciling")


VERDICTS: tuple[Callable[[Situation], Verdict | None], ...] = (
    paused,  # a person wants no deeds
    active_version_missing,  # what is asked for is not there
    schedule_unreadable,  # nothing would ever come of it
    in_trouble,  # the last look failed or cannot start
    looking,  # work goes on
    serving,  # at rest
    not_begun,  # a sweep is on, or the first look is about to start
)


def next_status(s: Situation) -> Manifest:
    generation = s.obj["metadata"].get("generation", 0)
    verdict = next(verdict for say in VERDICTS if (verdict := say(s)))
    conditions = ConditionSet((s.obj.get("status") or {}).get("conditions", []), generation, s.now)
    conditions.set("Ready", s.active is not None, verdict.reason, verdict.message)
    if verdict.progress:
        conditions.set(verdict.progress, True, verdict.reason, verdict.message)
    _valid(s, conditions)
    active = s.active
    status = DatasetStatus(
        observed_generation=generation,
        state=verdict.state,
        task=s.holdings.task,
        latest_version=max((version.version for version in s.holdings.versions), default=None),
        active_version=active.version if active else None,
        versions=list(s.holdings.versions),
        check=s.check,
        last_handled_request=s.check.request if s.check and s.check.request else s.before.last_handled_request,
    )
    dumped: Manifest = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped | {"conditions": conditions.as_list()}


def _valid(s: Situation, conditions: ConditionSet) -> None:
    """What the last look that got as far as the data said of them; other looks say nothing new."""
    before = find((s.obj.get("status") or {}).get("conditions", []), "Valid")
    if s.check and s.check.outcome in ("Created", "Unchanged"):
        conditions.set("Valid", True, Reason.VALID, Reason.VALID.say(count=len(s.spec.validation)))
    elif s.check and s.check.outcome == "Failed" and s.said and s.said not in NOT_ABOUT_DATA:
        conditions.set("Valid", False, s.said, s.check.message)
    elif before:
        known: dict[str, bool | None] = {"True": True, "False": False}
        conditions.set("Valid", known.get(before["status"]), reason_named(before["reason"]) or Reason.VALID, before["message"])


NOT_ABOUT_DATA = (HEALS_WITH_TIME | HEALS_WITH_ANOTHER_POD) - {Reason.SOURCE_UNREADABLE}
"""Failures of the store, the pod or the cluster: they say nothing about the data."""


def events(s: Situation) -> tuple[Event, ...]:
    made = s.holdings.made
    if made is None or s.check is None or s.check.outcome == "Failed":
        return ()
    rows: dict[str, Any] = made.rows.model_dump()
    if any(version.version == made.version for version in s.before.versions):
        return ()
    sentence = Reason.CREATED_VERSION.say(version=made.version, rows=sum(rows.values()), digest=made.digest[:12])
    return (Event(str(Reason.CREATED_VERSION), sentence),)
