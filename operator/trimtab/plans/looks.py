"""When the source of a Dataset or FeatureSet is looked at: the last look as it stands, and two lists of why another is due.

A look is known by its key: definition, request and the moment of the schedule that asked for it; the name of its Job
follows from the key and the attempt. What is remembered in `status.check` is checked against the Jobs that are there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Literal

from cronsim import CronSim, CronSimError

from trimtab.api.dataset import Check, DatasetSpec
from trimtab.api.documents import MaterializeDocument, MaterializeFacts, Result, SnapshotDocument, SnapshotFacts
from trimtab.api.featureset import FeatureSetSpec
from trimtab.api.reasons import Reason
from trimtab.manifests import names
from trimtab.plans.attempts import Attempt, Trouble, blamed, tried_again_at, trouble, waits_for_another_pod
from trimtab.plans.pods import Failed, Finished

SECOND = timedelta(seconds=1)
"""A schedule is as fine as this: a moment has come in the second that it names."""

NOT_THE_DEFINITION = frozenset({"active_version", "retain", "refresh", "template"})
"""Fields of the spec that change no version, of whatever kind."""

ABOUT_THE_SOURCE = frozenset({Reason.NO_OBJECTS, Reason.SOURCE_UNREADABLE, Reason.BUCKET_MISSING, Reason.STORE_DENIED, Reason.STORE_UNREACHABLE})
"""What one look after the other finds until somebody mends it: said without a break, for a look takes seconds."""


@dataclass(frozen=True)
class Looker:
    """What is different between the kinds that look at a source: words, and the models of what operator and worker say."""

    kind: str
    verb: Literal["snapshot", "materialize"]
    collection: Literal["datasets", "featuresets"]
    document: type[SnapshotDocument | MaterializeDocument]
    facts: type[SnapshotFacts | MaterializeFacts]
    not_the_definition: frozenset[str] = NOT_THE_DEFINITION
    about_data: str = "Valid"
    """The condition that says how the data were found."""


@dataclass(frozen=True)
class Scene:
    """What is asked for, what is remembered, and the Jobs that looked and are there, newest first."""

    name: str
    spec: DatasetSpec | FeatureSetSpec
    request: str
    before: Check | None
    looks: tuple[Attempt, ...]
    shape: str
    born: datetime
    now: datetime
    looker: Looker
    code: str = ""
    """Digest of a person's code that the look would run, or empty."""
    named: tuple[int, ...] = ()
    """Numbers of versions that are named and not listed, such as after a restore without status."""

    @cached_property
    def definition(self) -> str:
        return definition_digest(self.spec, self.looker, self.code)

    def look(self, job: str) -> Attempt | None:
        return next((look for look in self.looks if look.name == job), None)


def definition_digest(spec: DatasetSpec | FeatureSetSpec, looker: Looker, code: str = "") -> str:
    """Of what the user wrote, less what changes no version: a default that a newer Trimtab adds makes no new version."""
    written = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude=set(looker.not_the_definition))
    return names.digest([written, code] if code else written)[:32]


def settle(scene: Scene) -> Check | None:
    """The last look with its outcome so far."""
    check = _newest(scene)
    if check is None or check.outcome != "Running":
        return check
    look = scene.look(check.job)
    if look is None:
        lost = Reason.ANSWER_LOST.say(job=check.job, detail="the Job was deleted")
        return _ended(check, scene.now, outcome="Failed", reason=str(Reason.ANSWER_LOST), message=lost)
    return _settled(scene, check, look)


def _newest(scene: Scene) -> Check | None:
    """What the status remembers, or a Job that was made after it: a process may die between Job and status."""
    before = scene.before
    if not scene.looks:
        return before
    newest = scene.looks[0]
    if before is None:
        return _remembered_by(scene.looker, newest)
    mine = scene.look(before.job)
    since = mine.created_at if mine else before.started_at
    return _remembered_by(scene.looker, newest) if since is None or newest.created_at > since else before


def _remembered_by(looker: Looker, look: Attempt) -> Check:
    document = looker.document.model_validate_json(look.document)
    code = document.code_digest if isinstance(document, MaterializeDocument) else ""
    return Check(
        definition_digest=definition_digest(document.spec, looker, code),
        request=document.request,
        started_at=look.created_at,
        attempt=look.number,
        job=look.name,
        key=look.key,
        named=document.named,
    )


def _settled(scene: Scene, check: Check, look: Attempt) -> Check:
    now = scene.now
    match look.outcome:
        case Finished(result) if facts_of(scene.looker, result) is None:
            lost = Reason.ANSWER_LOST.say(job=check.job, detail=f"it says no version: {result.message}")
            return _ended(check, look.finished_at or now, outcome="Failed", reason=str(Reason.ANSWER_LOST), message=lost)
        case Finished(result):
            return _ended(check, look.finished_at or now, outcome=_word(result), reason=result.reason, message=result.message)
        case Failed() as failed:
            why = blamed(failed, Trouble(check.reason, check.message))
            return _ended(check, look.finished_at or now, outcome="Failed", reason=str(why.reason), message=why.message)
        case outcome:
            said = trouble(outcome, Trouble(check.reason, check.message), ABOUT_THE_SOURCE)
            return check.model_copy(update={"reason": said.reason, "message": said.message})


def facts_of(looker: Looker, result: Result) -> SnapshotFacts | MaterializeFacts | None:
    """What the worker answered; None where it says no version."""
    try:
        return looker.facts.model_validate(result.facts)
    except ValueError:
        return None


def _word(result: Result) -> str:
    return "Unchanged" if result.reason == Reason.UNCHANGED else "Created"


def _ended(check: Check, at: datetime, **result: Any) -> Check:
    return check.model_copy(update={"finished_at": at.replace(microsecond=0), **result})


Why = Callable[[Scene, Check], Check | None]


def due(scene: Scene, check: Check | None) -> Check | None:
    """The look to start now, if any."""
    if check is None:
        return _new(scene, scene.request)
    reasons = AT_ANY_TIME if check.outcome == "Running" else AT_ANY_TIME + WHEN_AT_REST
    return next((upcoming for why in reasons if (upcoming := why(scene, check))), None)


def definition_changed(scene: Scene, check: Check) -> Check | None:
    return _new(scene, scene.request) if check.definition_digest != scene.definition else None


def could_start_otherwise(scene: Scene, check: Check) -> Check | None:
    """Its pod cannot start as it was made, and would be made differently now."""
    look = scene.look(check.job)
    return _once_more(scene, check) if look and check.outcome == "Running" and waits_for_another_pod(look, scene.shape) else None


def request_came(scene: Scene, check: Check) -> Check | None:
    return _new(scene, scene.request) if scene.request and scene.request != check.request else None


def schedule_came(scene: Scene, check: Check) -> Check | None:
    """A moment of the schedule has passed since the last look began; several that were missed are one."""
    slot = last_slot(scene)
    return _new(scene, check.request, slot) if slot and slot > (check.started_at or scene.born) else None


def version_is_named(scene: Scene, check: Check) -> Check | None:
    """One that no look was asked for yet: the store may know what the status does not."""
    return _new(scene, check.request) if set(scene.named) - set(check.named) else None


def may_have_healed(scene: Scene, check: Check) -> Check | None:
    at = heals_at(scene, check)
    return _once_more(scene, check) if at and at <= scene.now else None


AT_ANY_TIME: tuple[Why, ...] = (
    definition_changed,  # the running look would answer an old question
    could_start_otherwise,  # an image, a limit, a node selector was corrected
)
WHEN_AT_REST: tuple[Why, ...] = (
    request_came,  # the running look may have read the files before they were what is meant
    schedule_came,  # one look at a time
    version_is_named,  # a number that the list does not have
    may_have_healed,  # what failed heals with time, or with another pod
)


def heals_at(scene: Scene, check: Check | None) -> datetime | None:
    """When a failed look is worth another attempt; None: not before somebody changes something, or it did not fail."""
    return tried_again_at(check, scene.look(check.job) if check else None, scene.shape, scene.now)


def last_slot(scene: Scene) -> datetime | None:
    """The latest moment of the schedule that has come since the object was made."""
    slot = next(_slots(scene, scene.now + SECOND, reverse=True), None)
    return slot if slot and slot > scene.born else None


def next_slot(scene: Scene) -> datetime | None:
    return next(_slots(scene, scene.now), None)


def bad_schedule(scene: Scene) -> str:
    """What is wrong with the schedule; empty where nothing is."""
    try:
        next(CronSim(scene.spec.refresh.schedule, scene.now), None) if scene.spec.refresh else None
    except CronSimError as error:
        return str(error)
    return ""


def _slots(scene: Scene, start: datetime, *, reverse: bool = False) -> Iterator[datetime]:
    refresh = scene.spec.refresh
    if refresh is None or refresh.suspend or bad_schedule(scene):
        return iter(())
    return iter(CronSim(refresh.schedule, start.astimezone(UTC), reverse=reverse))


def _new(scene: Scene, request: str, slot: datetime | None = None) -> Check:
    """The same question asked once more, after others, is a further Job: the answer of the first is old."""
    key = _key(scene.definition, request, slot.isoformat() if slot else "")
    attempt = 1 + max((look.number for look in scene.looks if look.key == key), default=0)
    job = names.job(scene.name, key, attempt)
    return Check(definition_digest=scene.definition, request=request, key=key, attempt=attempt, job=job, started_at=scene.now, named=list(scene.named))


def _key(definition: str, request: str, slot: str) -> str:
    return names.digest([definition, request, slot])[:32]


def is_by_schedule(check: Check) -> bool:
    """Whether a moment of the schedule asked for the look, and neither a person nor a changed definition."""
    return check.key != _key(check.definition_digest, check.request, "")


def _once_more(scene: Scene, check: Check) -> Check:
    """The same look again; what failed is said until it ends."""
    attempt = check.attempt + 1
    again = {"attempt": attempt, "job": names.job(scene.name, check.key, attempt)}
    return check.model_copy(update=again | {"outcome": "Running", "started_at": scene.now, "finished_at": None})
