"""Events: one for each reason that changed, with the sentence of the condition, each at most once.

Posted after the status is written and only then: an Event that tells of what was not recorded would be told again. A
lost one is not made up for; the status says it all. The name is a digest of what is said about which state of the
object, so that the same thing said twice is one object.

They are core/v1 Events, not those of events.k8s.io: `kubectl describe` puts Events in the order of `lastTimestamp`, in whole
seconds and then by name, and events.k8s.io forbids that field. Without it a story is told in the order of its digests. So the
name begins with the state's resourceVersion, in digits that sort.
"""

import hashlib
from collections.abc import Iterable
from datetime import datetime

import structlog

from trimtab.kube.client import Client, Manifest
from trimtab.kube.errors import AlreadyExists, ApiError
from trimtab.kube.status import changed_conditions
from trimtab.plans.conditions import find, is_bad_news, is_quiet, rfc3339
from trimtab.plans.plan import Event, Plan

API_VERSION = "v1"
MESSAGE_CHARACTERS = 1024
CONTROLLER = "trimtab.dev/operator"

log = structlog.get_logger()


def events_for(plan: Plan, wanted: Manifest, observed: Manifest) -> list[Event]:
    """The plan's own, then one for each reason that is new among the conditions."""
    told = {event.reason: event for event in plan.events}
    news = [each for each in changed_conditions(wanted, observed) if _is_news(each, wanted, observed)]
    for condition in sorted(news, key=lambda each: not _is_warning(each, wanted)):
        told.setdefault(condition["reason"], Event(condition["reason"], condition["message"], "Warning" if _is_warning(condition, wanted) else "Normal"))
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
    meta, at = obj["metadata"], rfc3339(now)
    said = "\n".join([meta["uid"], meta["resourceVersion"], event.reason, event.message])
    return {
        "apiVersion": API_VERSION,
        "kind": "Event",
        "metadata": {
            "name": f"{meta['name']}.{_in_order(meta['resourceVersion'])}.{hashlib.sha256(said.encode()).hexdigest()[:12]}",
            "namespace": meta["namespace"],
        },
        "eventTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "firstTimestamp": at,
        "lastTimestamp": at,
        "count": 1,
        "source": {"component": CONTROLLER},
        "reportingComponent": CONTROLLER,
        "reportingInstance": instance[:128],
        "action": "Reconcile",
        "reason": event.reason,
        "type": event.type,
        "message": event.message[:MESSAGE_CHARACTERS],
        "involvedObject": {"apiVersion": obj["apiVersion"], "kind": obj["kind"], "name": meta["name"], "namespace": meta["namespace"], "uid": meta["uid"]},
    }


def _in_order(version: str) -> str:
    """A resourceVersion so that later ones sort behind; one that is no number stands as nothing: the order is a courtesy."""
    return f"{int(version):016x}" if version.isdigit() else "0"


def _is_news(condition: Manifest, wanted: Manifest, observed: Manifest) -> bool:
    """A reason that was not told, or told as if it would pass; nothing that an object which has just come says is not the matter with it."""
    before = observed.get("conditions") or []
    told = [each for each in before if each["reason"] == condition["reason"]]
    if told:
        return _is_warning(condition, wanted) and not any(_is_warning(each, observed) for each in told)
    return find(before, condition["type"]) is not None or not is_quiet(condition)


def _is_warning(condition: Manifest, wanted: Manifest) -> bool:
    """Bad news, unless it is only that an object is not ready while work on it goes on."""
    under_way = find(wanted.get("conditions") or [], "Reconciling")
    busy = condition["type"] == "Ready" and under_way is not None and under_way["reason"] == condition["reason"]
    return is_bad_news(condition) and not busy
