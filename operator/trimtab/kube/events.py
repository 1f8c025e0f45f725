"""Events: one for each reason that changed, with the sentence of the condition, each at most once.

Posted after the status is written and only then: an Event that tells of what was not recorded would be told again. A
lost one is not made up for; the status says it all. The name is a digest of what is said about which state of the
object, so that the same thing said twice is one object.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import structlog

from trimtab.kube.client import Client, Manifest
from trimtab.kube.errors import AlreadyExists, ApiError
from trimtab.kube.status import changed_conditions
from trimtab.plans.conditions import is_bad_news
from trimtab.plans.plan import Event, Plan

API_VERSION = "events.k8s.io/v1"
NOTE_CHARACTERS = 1024
CONTROLLER = "trimtab.dev/operator"

log = structlog.get_logger()


def events_for(plan: Plan, wanted: Manifest, observed: Manifest) -> list[Event]:
    """The plan's own, then one for each reason that is new among the conditions."""
    told = {event.reason: event for event in plan.events}
    abnormal = {c["reason"]: c["type"] for c in wanted.get("conditions") or [] if c["type"] in ("Reconciling", "Stalled") and c["status"] == "True"}
    for condition in changed_conditions(wanted, observed):
        if not _says_nothing_new(condition, observed):
            told.setdefault(condition["reason"], Event(condition["reason"], condition["message"], _type(condition, abnormal)))
    return list(told.values())


async def post(client: Client, obj: Manifest, events: Iterable[Event], instance: str, now: datetime) -> None:
    """Never fails: an Event is a courtesy, the status is the promise."""
    for event in events:
        try:
            await client.create(API_VERSION, "events", manifest(obj, event, instance, now))
        except AlreadyExists:
            continue
        except ApiError as error:
            log.warning("event.not_posted", reason=event.reason, error=str(error))


def manifest(obj: Manifest, event: Event, instance: str, now: datetime) -> Manifest:
    meta = obj["metadata"]
    said = "\n".join([meta["uid"], meta["resourceVersion"], event.reason, event.message])
    return {
        "apiVersion": API_VERSION,
        "kind": "Event",
        "metadata": {"name": f"{meta['name']}.{hashlib.sha256(said.encode()).hexdigest()[:16]}", "namespace": meta["namespace"]},
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "reportingController": CONTROLLER,
        "reportingInstance": instance[:128],
        "action": "Reconcile",
        "reason": event.reason,
        "type": event.type,
        "note": event.message[:NOTE_CHARACTERS],
        "regarding": {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
    }


def _says_nothing_new(condition: Manifest, observed: Manifest) -> bool:
    return any(condition["reason"] == before["reason"] for before in observed.get("conditions") or [])


def _type(condition: Manifest, abnormal: dict[str, str]) -> str:
    if condition["reason"] in abnormal:
        return "Warning" if abnormal[condition["reason"]] == "Stalled" else "Normal"
    return "Warning" if is_bad_news(condition) else "Normal"
