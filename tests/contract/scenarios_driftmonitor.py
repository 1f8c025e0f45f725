"""Skill is lost, an incident is opened, its run registers a version that serves, and which turns out to be worse: it is blocked, and the monitor rests."""

from support.fake_api import FakeApi
from support.job_pods import is_over
from support.monitoring import DAY, FEBRUARY, LOST, answers, clock_at, document, evaluated, judged, monitor, run, serving, trainer, version
from support.scenario import Object, Scenario
from trimtab.controllers import driftmonitor as controller

BLOCK = "blocked.trimtab.dev/flights"
LAST = FEBRUARY + 3 * DAY
"""After it nothing moves any more."""


def play(api: FakeApi) -> bool:
    """Looks end, the TrainingJob answers the incident, the Deployment serves its version and then goes back, days pass."""
    job = next((job for job in api.all("jobs") if not is_over(job)), None)
    if job:
        answers(api, job, _said(document(job)))
        return True
    incident = api.one("driftmonitors", "flights")["status"].get("incident")
    served = api.one("modeldeployments", "flights")["status"]["stable"]["version"]
    if incident and not api.one("trainingjobs", "flights")["status"]["runs"]:
        api.given(trainer(run(incident["id"], "Registered", modelVersion="flights-v2")))
        return True
    if incident and served == 1:
        api.given(serving(1, 2))
        return True
    if served == 2 and BLOCK in (api.one("modelversions", "flights-v2")["metadata"].get("annotations") or {}):
        api.given(serving(1, 2, 1))
        return True
    return _day_passes(api)


def _said(told: Object) -> object:
    """What the log says of this version at this time."""
    if told["watching"]["version"] == 2:
        return evaluated(FEBRUARY + DAY, judged=judged("Worse", -0.3) if told["predecessor"] else None, performance="Alarm")
    return evaluated(FEBRUARY, **(LOST if told["now"] < "2013-02-03" else {}))


def _day_passes(api: FakeApi) -> bool:
    """With something that every observer hears of: a clock alone makes no event."""
    owner = api.one("modeldeployments", "flights")
    day = FEBRUARY + DAY * (1 + int(owner["metadata"].get("annotations", {}).get("day", "0")))
    if day > LAST:
        return False
    clock_at(api, day)
    number = (day - FEBRUARY).days
    api.given({**owner, "metadata": {**owner["metadata"], "annotations": {"day": str(number)}}})
    return True


def _world(api: FakeApi) -> None:
    """Days that have passed have passed; a Deployment that was restored serves what is not blocked, its TrainingJob has forgotten its runs."""
    owner = api.one("modeldeployments", "flights")
    if "stable" not in owner["status"]:
        api.given({**serving(1), "metadata": owner["metadata"]})
        api.given(trainer())
    clock_at(api, FEBRUARY + DAY * int(owner["metadata"].get("annotations", {}).get("day", "0")))


SCENARIO = Scenario(
    kind="DriftMonitor",
    controller=controller,
    initial=[monitor(performance={"labelMaturity": "1h"}), serving(1), version(1), version(2), trainer()],
    play=play,
    world=_world,
)
