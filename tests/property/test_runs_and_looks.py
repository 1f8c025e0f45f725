"""Whatever people, pods and the machine do in whatever order: one Job a verb, one version a run, and a good end."""

import asyncio
from collections import Counter
from datetime import timedelta

from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from support.answers import snapshot_answer, train_answer
from support.builders import dataset, training_job
from support.fake_api import ProcessDiedError
from support.job_pods import answer, fault, lose, start
from support.tale import Tale
from trimtab.api.base import API_VERSION, RUN_REQUESTED
from trimtab.controllers import dataset as dataset_controller
from trimtab.controllers import trainingjob as trainingjob_controller
from trimtab.manifests.labels import RUN_KEY, VERB

small = st.integers(1, 3)
edits = st.one_of(
    st.tuples(st.just("seed"), small),
    st.tuples(st.just("label"), small),
    st.tuples(st.just("request a run"), small),
    st.tuples(st.just("request a look"), small),
    st.tuples(st.just("policy"), st.sampled_from(["Finish", "Replace"])),
    st.tuples(st.just("suspend"), st.booleans()),
    st.tuples(st.just("on new data"), st.booleans()),
    st.tuples(st.just("incident"), small),
    st.tuples(st.just("incident closes"), small),
)
ends = st.tuples(st.sampled_from(["start", "answer", "reject", "fault", "store away", "lose", "delete"]), st.sampled_from(["snapshot", "train"]))
machine = st.one_of(st.tuples(st.just("minutes"), st.integers(1, 10)), st.tuples(st.just("die after write"), small))
story = st.lists(st.one_of(edits, ends, ends, machine), max_size=25)


def spec(tale, plural, **change):
    obj = tale.api.one(plural, "flights")
    tale.api.given({**obj, "spec": {**obj["spec"], **change}})


def request(tale, plural, value):
    obj = tale.api.one(plural, "flights")
    tale.api.given({**obj, "metadata": {**obj["metadata"], "annotations": {RUN_REQUESTED: f"r{value}"}}})


def incident(tale, value, outcome=""):
    asked = {"id": f"i{value}", "cause": "Performance", "openedAt": "2026-01-05T08:00:00Z", "trainingJob": "flights", "outcome": outcome}
    meta = {"name": f"monitor-{value}"}
    tale.api.given({"apiVersion": API_VERSION, "kind": "DriftMonitor", "metadata": meta, "spec": {}, "status": {"incident": asked}})


def policy(tale, **change):
    spec(tale, "trainingjobs", runPolicy=tale.api.one("trainingjobs", "flights")["spec"].get("runPolicy", {}) | change)


def said(job, *, gate="Passed"):
    """Workers answer by content: the same work has the same answer."""
    number = 1 + int(job["metadata"]["labels"][RUN_KEY][:6], 16)
    return snapshot_answer(number) if job["metadata"]["labels"][VERB] == "snapshot" else train_answer(gate=gate, digest=number)


def end(tale, how, verb):
    running = tale.running(verb)
    if not running:
        return
    job = running[0]
    match how:
        case "start":
            start(tale.api, job)
        case "answer":
            answer(tale.api, job, said(job))
        case "reject":
            answer(tale.api, job, said(job, gate="Failed"))
        case "fault":
            fault(tale.api, job, "TrainingFailed" if verb == "train" else "TooFewRows", "No.")
        case "store away":
            fault(tale.api, job, "StoreUnreachable", "It does not answer.", code=3)
        case "lose":
            lose(tale.api, job)
        case "delete":
            tale.api.remove("batch/v1", "jobs", "default", job["metadata"]["name"])


async def tell(tale, step, value):
    match step:
        case "seed":
            spec(tale, "trainingjobs", seed=value)
        case "label":
            spec(tale, "datasets", label=f"late{value}")
        case "request a run":
            request(tale, "trainingjobs", value)
        case "request a look":
            request(tale, "datasets", value)
        case "policy":
            policy(tale, concurrency=value)
        case "suspend":
            policy(tale, suspend=value)
        case "on new data":
            policy(tale, onNewData=value)
        case "incident":
            incident(tale, value)
        case "incident closes":
            incident(tale, value, "NoGain")
        case "minutes":
            tale.api.now += timedelta(minutes=value)
        case "die after write":
            tale.api.die_after = value
        case how:
            end(tale, how, value)
    tale.api.now += timedelta(seconds=1)
    try:
        await tale.settle()
    except ProcessDiedError as death:
        note(f"died after {death}")
        tale.api.die_after = None
        await tale.settle()
    if step != "die after write":
        tale.api.die_after = None


def check(tale):
    for verb in ("snapshot", "train"):
        assert len(tale.running(verb)) <= 1, f"two Jobs of {verb} at once"
    keys = Counter(version["metadata"]["labels"][RUN_KEY] for version in tale.api.all("modelversions"))
    assert all(count == 1 for count in keys.values()), "one run was registered twice"
    incidents = Counter(run["request"] for run in tale.status("TrainingJob").get("runs", []) if run["request"].startswith("i"))
    assert all(count == 1 for count in incidents.values()), "one incident has two runs"


async def come_to_the_end(tale):
    """Everything is well from now on: what runs answers, what waits is waited for."""
    policy(tale, suspend=False)
    await tale.settle()
    for _ in range(30):
        end(tale, "answer", "snapshot")
        end(tale, "answer", "train")
        tale.api.now += timedelta(minutes=5)
        await tale.settle()
        check(tale)
    assert tale.running("snapshot") == tale.running("train") == []


async def told(steps):
    tale = Tale(dataset_controller, trainingjob_controller, given=(dataset(), training_job()))
    await tale.settle()
    for step, value in steps:
        await tell(tale, step, value)
        check(tale)
    tale.api.die_after = None
    await come_to_the_end(tale)
    check_the_end(tale)


def check_the_end(tale):
    """Registered, or a person must act: nothing in between."""
    status, reason = tale.ready("TrainingJob")
    assert reason in {"Registered", "GatesFailed", "TrainingFailed", "DatasetNotReady", "NothingNew", "HeldBack", "VersionMissing"}, reason
    newest = next(iter(tale.status("TrainingJob").get("runs", [])), {})
    if newest.get("outcome") in {"Registered", "Rejected"} and newest["cause"] != "Change":
        assert tale.api.one("modelversions", newest["modelVersion"])["metadata"]["labels"][RUN_KEY] == newest["key"]
    assert status == "False" or newest["outcome"] in {"Registered", "Rejected", "Unchanged"}
    check_incidents(tale)
    assert tale.ready("Dataset")[1] in {"Ready", "TooFewRows"}
    answered = [version["version"] for version in tale.status("Dataset").get("versions", [])]
    assert len(answered) == len(set(answered))


def check_incidents(tale):
    """Each that is open has its run, unless the cap or the data keep it."""
    waits = tale.ready("TrainingJob")[1] in {"HeldBack", "DatasetNotReady"} or "held back" in tale.condition("TrainingJob", "Ready")["message"]
    asked = {monitor["status"]["incident"]["id"] for monitor in tale.api.all("driftmonitors") if not monitor["status"]["incident"]["outcome"]}
    assert waits or asked <= {run["request"] for run in tale.status("TrainingJob").get("runs", [])}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(steps=story)
def test_any_order_of_things_comes_to_a_good_end(steps):
    asyncio.run(told(steps))
