"""A kind of four lines, for testing what is common to all: one Job for its spec, one Service, no policy to speak of.

A Toy wants one finished Job for its words. Changed words are a new Job; the old one goes when the new one is done.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from support.fake_api import FakeApi, Object
from support.scenario import Scenario
from trimtab.api.base import Spec, Status
from trimtab.api.kinds import Kind
from trimtab.api.reasons import Reason
from trimtab.kube.client import Reader
from trimtab.kube.controller import ChildKind
from trimtab.kube.settings import Settings
from trimtab.plans.conditions import ConditionSet
from trimtab.plans.plan import Apply, Create, Deed, Delete, Gone, Key, Plan, Ref

KIND = Kind("Toy", "toys", "toy", "toy", Spec, Status, [], "For tests.")
CHILDREN = (ChildKind("batch/v1", "jobs"), ChildKind("v1", "services"))


def RELATED(obj: Object) -> list[Key]:  # noqa: N802
    return []


@dataclass(frozen=True)
class Seen:
    obj: Object
    jobs: list[Object] = field(default_factory=list)
    service: Object | None = None


async def observe(client: Reader, key: Key, settings: Settings, now: datetime) -> Seen | Gone:
    obj = await client.get(KIND.api_version, KIND.plural, key.namespace, key.name)
    if obj is None:
        return Gone()
    jobs = await client.list("batch/v1", "jobs", key.namespace, label_selector=f"trimtab.dev/owner-uid={obj['metadata']['uid']}")
    return Seen(obj, jobs, await client.get("v1", "services", key.namespace, key.name))


def plan(seen: Seen, now: datetime) -> Plan:
    wanted = f"{seen.obj['metadata']['name']}-{hashlib.sha256(str(seen.obj['spec']['words']).encode()).hexdigest()[:8]}"
    job = next((job for job in seen.jobs if job["metadata"]["name"] == wanted), None)
    deeds: list[Deed] = [Apply("services", child(seen.obj, "v1", "Service", seen.obj["metadata"]["name"], words=seen.obj["spec"]["words"]), seen.service)]
    if job is None:
        deeds.append(Create("jobs", child(seen.obj, "batch/v1", "Job", wanted)))
    done = bool(job and job.get("status", {}).get("succeeded"))
    if done:
        deeds += [Delete(ref_of(old)) for old in seen.jobs if old["metadata"]["name"] != wanted]
    return Plan(tuple(deeds), _status(seen.obj, wanted, done, now))


def _status(obj: Object, job: str, done: bool, now: datetime) -> Object:
    conditions = ConditionSet(obj.get("status", {}).get("conditions", []), obj["metadata"]["generation"], now)
    if done:
        conditions.ready(Reason.READY, Reason.READY.say(what=job))
    else:
        conditions.reconciling(Reason.PROGRESSING, Reason.PROGRESSING.say(what=f"{job} is going"))
    return {"observedGeneration": obj["metadata"]["generation"], "job": job, "conditions": conditions.as_list()}


def child(owner: Object, api_version: str, kind: str, name: str, **spec: Any) -> Object:
    meta = owner["metadata"]
    labels = {"trimtab.dev/owner-uid": meta["uid"], "trimtab.dev/owner-kind": owner["kind"], "trimtab.dev/owner-name": meta["name"]}
    reference = {"apiVersion": owner["apiVersion"], "kind": owner["kind"], "name": meta["name"], "uid": meta["uid"], "controller": True}
    return {
        "apiVersion": api_version,
        "kind": kind,
        "metadata": {"name": name, "namespace": meta["namespace"], "labels": labels, "ownerReferences": [reference]},
        "spec": spec,
    }


def ref_of(obj: Object) -> Ref:
    meta = obj["metadata"]
    return Ref(obj["apiVersion"], "jobs", meta["namespace"], meta["name"], meta["uid"])


def toy(name: str = "flights", words: str = "hello") -> Object:
    return {"apiVersion": KIND.api_version, "kind": "Toy", "metadata": {"name": name, "namespace": "default"}, "spec": {"words": words}}


def finish_a_job(api: FakeApi) -> bool:
    """One Job that was going is done; after the first, a person changes the words once."""
    for job in api.all("jobs"):
        if not job.get("status", {}).get("succeeded"):
            api.set_status(job, succeeded=1)
            return True
    changed = api.one("toys", "flights")
    if changed["spec"]["words"] == "hello":
        api.given(toy(words="goodbye"))
        return True
    return False


class Controller:
    """The module's names as an object, so that a test can replace one of them."""

    KIND, CHILDREN, RELATED, observe, plan = KIND, CHILDREN, staticmethod(RELATED), staticmethod(observe), staticmethod(plan)


SCENARIO = Scenario("Toy", Controller(), [toy()], finish_a_job)
