"""FeatureSet: what its looks are told and answer, who uses it, whether it is fresh, whether there is another like it.

When it looks is `looking.py`'s, as for every kind that does. A look is a `materialize` Job: it reads, transforms and checks,
makes a version or finds that nothing changed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property

from trimtab.api.base import seconds
from trimtab.api.dataset import Check
from trimtab.api.documents import MaterializeDocument, MaterializeFacts, Result
from trimtab.api.featureset import FeatureSetSpec, FeatureSetStatus, FeatureSetVersion
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import ConfigMapKey
from trimtab.plans import looking
from trimtab.plans.conditions import ConditionSet, rfc3339
from trimtab.plans.lack import Lack
from trimtab.plans.look_status import Situation, made_event, say
from trimtab.plans.looking import Told, outlook, scene_of
from trimtab.plans.looks import NOT_THE_DEFINITION, Looker, Scene, definition_digest, facts_of, settle
from trimtab.plans.plan import Event, Manifest, Plan
from trimtab.plans.versions import Held, Holdings, answer_of, take_up
from trimtab.plans.wanted import NO_CODE, Code

LOOKER = Looker("FeatureSet", "materialize", "featuresets", MaterializeDocument, MaterializeFacts, NOT_THE_DEFINITION | {"max_age"}, about_data="SchemaValid")
MOST_CONSUMERS = 32
"""The status' bound; all of them hold on to their versions, shown or not."""
LONGEST = timedelta(days=36500)
"""An age that is not reached: moments beyond the calendar cannot be computed."""


@dataclass(frozen=True)
class Seen(looking.Seen):
    """A FeatureSet with all that its plan needs to know; `others` are the other FeatureSets of the namespace."""

    code: Code = NO_CODE
    consumers: tuple[str, ...] = ()
    others: tuple[Manifest, ...] = ()

    @cached_property
    def spec(self) -> FeatureSetSpec:
        return FeatureSetSpec.model_validate(self.obj["spec"])

    @cached_property
    def status(self) -> FeatureSetStatus:
        return FeatureSetStatus.model_validate(self.obj.get("status") or {})

    @property
    def config_map(self) -> ConfigMapKey | None:
        python = self.spec.transform.python if self.spec.transform else None
        return python.config_map if python else None


def plan(seen: Seen, now: datetime) -> Plan:
    scene = scene_of(seen, seen.spec, seen.status.check, LOOKER, now.replace(microsecond=0), code=seen.code.digest)
    check = settle(scene)
    holdings = holdings_of(seen.status, scene, check, seen.held)
    told = Told(lambda upcoming: _document(seen, upcoming), seen.config_map, _lack(seen))
    found = outlook(seen, scene, check, holdings, told)
    events = (*made_event(found.situation, holdings.made.rows if holdings.made else 0), *_duplicate(seen))
    return Plan(found.deeds, _status(seen, found.situation, holdings), events, _sooner(found.again, _stale_in(seen, found.situation, holdings)))


def _document(seen: Seen, upcoming: Check) -> MaterializeDocument:
    owner = seen.owner
    return MaterializeDocument(
        namespace=owner.namespace, name=owner.name, uid=owner.uid, request=upcoming.request, named=upcoming.named, spec=seen.spec, code_digest=seen.code.digest
    )


def _lack(seen: Seen) -> Lack | None:
    problem = seen.code.problem
    return Lack(Reason.CODE_MISSING, Reason.CODE_MISSING.say(field="spec.transform", detail=problem)) if problem else None


def holdings_of(status: FeatureSetStatus, scene: Scene, check: Check | None, held: Held) -> Holdings[FeatureSetVersion]:
    return take_up(tuple(status.versions), answer_of(scene, check, _version), scene, check, held)


def _version(result: Result, check: Check) -> FeatureSetVersion | None:
    facts = facts_of(LOOKER, result)
    if not isinstance(facts, MaterializeFacts) or check.finished_at is None:
        return None
    return FeatureSetVersion(
        version=facts.version,
        digest=facts.digest,
        manifest_digest=result.manifest_digest,
        uri=result.uri,
        definition_digest=facts.definition_digest,
        source_digest=facts.source_digest,
        rows=facts.rows,
        latest_event_at=facts.latest_event_at,
        created_at=facts.created_at or check.finished_at,
    )


def _status(seen: Seen, s: Situation, holdings: Holdings[FeatureSetVersion]) -> Manifest:
    said = say(s, (Reason.SCHEMA_VALID, Reason.SCHEMA_VALID.say(count=len(seen.spec.columns))))
    active = holdings.active(seen.spec)
    _fresh(seen.spec, active, s.now, said.conditions)
    looked = s.check.finished_at if s.check and s.check.outcome in ("Created", "Unchanged") else None
    status = FeatureSetStatus(
        observed_generation=seen.obj["metadata"].get("generation", 0),
        state=said.state,
        latest_version=max((version.version for version in holdings.versions), default=None),
        active_version=active.version if active else None,
        versions=list(holdings.versions),
        check=s.check,
        last_checked_at=looked or seen.status.last_checked_at,
        consumers=sorted(seen.consumers)[:MOST_CONSUMERS],
        last_handled_request=s.check.request if s.check and s.check.request else seen.status.last_handled_request,
    )
    dumped: Manifest = status.model_dump(mode="json", by_alias=True, exclude_none=True)
    return dumped | {"conditions": said.conditions.as_list()}


def stale_at(spec: FeatureSetSpec, active: FeatureSetVersion | None) -> datetime | None:
    """When the active version breaks the promise of spec.maxAge; None where nothing is promised or known."""
    if spec.max_age is None or active is None or active.latest_event_at is None:
        return None
    return active.latest_event_at.astimezone(UTC) + min(seconds(spec.max_age), LONGEST)


def _fresh(spec: FeatureSetSpec, active: FeatureSetVersion | None, now: datetime, conditions: ConditionSet) -> None:
    at = stale_at(spec, active)
    if at is None or active is None or active.latest_event_at is None:
        return
    reason = Reason.FRESH if now <= at else Reason.STALE
    conditions.set("Fresh", now <= at, reason, reason.say(latest=rfc3339(active.latest_event_at), max_age=spec.max_age))


def _stale_in(seen: Seen, s: Situation, holdings: Holdings[FeatureSetVersion]) -> timedelta | None:
    """How long until Fresh turns False; None where it has, or never will."""
    at = stale_at(seen.spec, holdings.active(seen.spec))
    return at - s.now + timedelta(seconds=1) if at and at >= s.now else None


def _sooner(*spans: timedelta | None) -> timedelta | None:
    return min((span for span in spans if span is not None), default=None)


def _duplicate(seen: Seen) -> tuple[Event, ...]:
    """Said once for each spec, by the younger of two that would make the same."""
    if seen.status.observed_generation == seen.obj["metadata"].get("generation", 0):
        return ()
    older = [each for each in seen.others if _age(each) < _age(seen.obj)]
    twin = next(
        (each for each in older if definition_digest(FeatureSetSpec.model_validate(each["spec"]), LOOKER) == definition_digest(seen.spec, LOOKER)), None
    )
    if twin is None:
        return ()
    return (Event(str(Reason.DUPLICATE_OF), Reason.DUPLICATE_OF.say(name=twin["metadata"]["name"]), "Warning"),)


def _age(obj: Manifest) -> tuple[str, str]:
    return obj["metadata"].get("creationTimestamp", ""), obj["metadata"]["name"]
