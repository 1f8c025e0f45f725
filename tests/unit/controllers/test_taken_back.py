"""A monitor and the Deployment it watches together: a version that a person named is taken back when its own labels have matured."""

from datetime import timedelta

from support import serving_pods
from support.builders import deployment
from support.conditions import verified
from support.monitoring import DAY, FEBRUARY, answers, document, evaluated, judged, monitor, trainer, version
from support.serving_pods import address_of
from support.tale import Tale
from trimtab.controllers import deployment as deployments
from trimtab.controllers import driftmonitor

BLOCK = "blocked.trimtab.dev/flights"
GATES = [{"name": "skill", "outcome": "Passed", "message": "0.06 is above 0."}]


class Watched(Tale):
    """Serving pods that come, get ready and tell the time of the requests."""

    def __init__(self) -> None:
        versions = [verified(version(number, summary={"gates": GATES})) for number in (1, 2)]
        super().__init__(deployments, driftmonitor, given=(deployment(version=1, replicas=1), monitor(), trainer(), *versions))
        self.day = FEBRUARY + timedelta(hours=1)

    async def plays(self) -> None:
        """Until pods and controllers have nothing more to do."""
        for _ in range(40):
            for pod in self.api.all("pods"):
                text = f'trimtab_event_time_uploaded_seconds{{model="flights"}} {self.day.timestamp()}\n'
                self.api.scrapes[address_of(pod["metadata"]["name"]), 8081] = text
            await self.settle()
            if not serving_pods.play(self.api):
                return
        raise AssertionError("never comes to rest")

    async def day_passes(self, **said: object) -> None:
        self.day += DAY
        for _ in range(3):
            await self.plays()
            if not self.running("evaluate"):
                return
            answers(self.api, self.job("evaluate"), evaluated(self.day.replace(hour=0), **said))
        await self.plays()

    @property
    def stable(self) -> int:
        return int(self.status("Deployment")["stable"]["version"])


async def test_a_version_that_a_person_named_and_that_is_worse_is_taken_back():
    tale = Watched()
    await tale.plays()
    await tale.day_passes()
    assert tale.stable == 1
    await tale.edited("Deployment", version=2)
    await tale.day_passes()
    assert tale.stable == 2
    assert document(tale.jobs("evaluate")[-1])["predecessor"]["name"] == "flights-v1"
    await tale.day_passes(judged=judged("Worse", -0.3), performance="Alarm")
    assert BLOCK in tale.api.one("modelversions", "flights-v2")["metadata"]["annotations"]
    await tale.day_passes()
    assert tale.stable == 1
    assert tale.status("DriftMonitor")["watching"]["version"] == 1
    assert tale.status("DriftMonitor").get("lastIncidents", []) == []
    assert tale.api.one("modeldeployments", "flights")["spec"]["version"] == 2, "what a person wrote stays"
