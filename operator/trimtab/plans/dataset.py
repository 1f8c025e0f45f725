"""Dataset: what its looks are told and answer, and what its status says. When it looks is `looking.py`'s, as for every kind that does.

A look is a `snapshot` Job: it reads, validates and splits, makes a version or finds that nothing changed.
"""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

from trimtab.api.base import RUN_REQUESTED
from trimtab.api.dataset import Check, DatasetSpec, DatasetStatus, DatasetVersion, RowsBySplit, Task
from trimtab.api.documents import Result, SnapshotDocument, SnapshotFacts
from trimtab.api.reasons import Reason
from trimtab.plans import looking
from trimtab.plans.feature_pointers import lack_of, pointers
from trimtab.plans.look_status import Situation, made_event, say
from trimtab.plans.looking import Told, outlook, scene_of
from trimtab.plans.looks import Looker, Scene, facts_of, is_by_schedule, settle
from trimtab.plans.plan import Manifest, Plan
from trimtab.plans.versions import Held, Holdings, answer_of, news, take_up

LOOKER = Looker("Dataset", "snapshot", "datasets", SnapshotDocument, SnapshotFacts)


@dataclass(frozen=True)
class Seen(looking.Seen):
    """A Dataset with all that its plan needs to know; `feature_sets` are those it names and that are there, by name.

    `asks`: ids of runs for which TrainingJobs that learn from here want it to look first.
    """

    feature_sets: tuple[Manifest, ...] = ()
    asks: tuple[str, ...] = ()

    @cached_property
    def spec(self) -> DatasetSpec:
        return DatasetSpec.model_validate(self.obj["spec"])

    @cached_property
    def status(self) -> DatasetStatus:
        return DatasetStatus.model_validate(self.obj.get("status") or {})

    @cached_property
    def by_name(self) -> dict[str, Manifest]:
        return {each["metadata"]["name"]: each for each in self.feature_sets}


def plan(seen: Seen, now: datetime) -> Plan:
    scene = scene_of(seen, seen.spec, seen.status.check, LOOKER, now.replace(microsecond=0), request=request_of(seen))
    check = settle(scene)
    holdings = holdings_of(seen.status, scene, check, seen.held)
    found = outlook(seen, scene, check, holdings, Told(lambda upcoming: _document(seen, upcoming, holdings), lack=lack_of(seen.spec, seen.by_name)))
    status = _status(seen, found.situation, holdings, _task(scene, check) or seen.status.task)
    rows = sum(holdings.made.rows.model_dump().values()) if holdings.made else 0
    return Plan(found.deeds, status, made_event(found.situation, rows), found.again)


def request_of(seen: Seen) -> str:
    """Whose look is next: a person's at this Dataset, then that of a run it was not looked for yet; else that of the last look."""
    own, status = seen.annotations.get(RUN_REQUESTED, ""), seen.status
    before = status.check.request if status.check else ""
    unanswered = [own] if own not in ("", status.last_handled_request) else [ask for ask in seen.asks if ask not in answered(seen, before)]
    return next(iter(unanswered), before)


def answered(seen: Seen, look: str) -> list[str]:
    """The asks for which a look was begun, `look` being the request of the last one; those of earlier times are forgotten."""
    known = {look, *seen.status.answered_requests, seen.status.last_handled_request}
    return [ask for ask in seen.asks if ask in known]


def _document(seen: Seen, upcoming: Check, holdings: Holdings[DatasetVersion]) -> SnapshotDocument:
    """A look by schedule takes up new versions of FeatureSets only together with new rows."""
    owner, versions = seen.owner, holdings.versions
    return SnapshotDocument(
        namespace=owner.namespace,
        name=owner.name,
        uid=owner.uid,
        request=upcoming.request,
        named=upcoming.named,
        spec=seen.spec,
        features=pointers(seen.spec, seen.by_name),
        newest=versions[0].digest if versions and seen.spec.features and is_by_schedule(upcoming) else "",
    )


def holdings_of(status: DatasetStatus, scene: Scene, check: Check | None, held: Held) -> Holdings[DatasetVersion]:
    return take_up(tuple(status.versions), answer_of(scene, check, _version), scene, check, held)


def _version(result: Result, check: Check) -> DatasetVersion | None:
    facts = facts_of(LOOKER, result)
    if not isinstance(facts, SnapshotFacts) or check.finished_at is None:
        return None
    return DatasetVersion(
        version=facts.version,
        digest=facts.digest,
        manifest_digest=result.manifest_digest,
        uri=result.uri,
        rows=RowsBySplit(train=facts.train, validation=facts.validation, test=facts.test, unlabelled=facts.unlabelled),
        join=facts.join,
        feature_versions=facts.feature_versions or [],
        remark=facts.remark or None,
        created_at=facts.created_at or check.finished_at,
    )


def _task(scene: Scene, check: Check | None) -> Task | None:
    """What the answer that has just come says of the label."""
    result = news(scene, check)
    facts = facts_of(LOOKER, result) if result else None
    return facts.task if isinstance(facts, SnapshotFacts) else None


def _status(seen: Seen, s: Situation, holdings: Holdings[DatasetVersion], task: Task | None) -> Manifest:
    active = holdings.active(seen.spec)
    remark = f" {active.remark}" if active and active.remark else ""
    said = say(s, (Reason.VALID, f"{Reason.VALID.say(count=len(seen.spec.validation))}{remark}"))
    status = DatasetStatus(
        observed_generation=seen.obj["metadata"].get("generation", 0),
        state=said.state,
        task=task,
        latest_version=max((version.version for version in holdings.versions), default=None),
        active_version=active.version if active else None,
        versions=list(holdings.versions),
        check=s.check,
        last_handled_request=_handled(seen, s.check),
        answered_requests=answered(seen, s.check.request if s.check else ""),
    )
    dumped: Manifest = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped | {"conditions": said.conditions.as_list()}


def _handled(seen: Seen, check: Check | None) -> str:
    """The annotation's value once a look was begun for it; ids of runs are not its values."""
    own = seen.annotations.get(RUN_REQUESTED, "")
    return own if own and check and check.request == own else seen.status.last_handled_request
