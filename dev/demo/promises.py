"""What must hold at the end of the story, whatever was killed on the way: one incident, one run, one version; nobody was refused."""

import re
from collections import Counter
from collections.abc import Callable

from kube import Resource, every
from telling import Telling

BLOCKED = "blocked.trimtab.dev/flights"
Kept = tuple[bool, str]


class World:
    """What is there in the end."""

    def __init__(self, telling: Telling) -> None:
        self.replayed = telling.replayed
        self.runs: list[Resource] = every("trainingjobs")[0]["status"]["runs"]
        self.versions = every("modelversions")
        self.monitor: Resource = every("driftmonitors")[0]["status"]
        self.serving: Resource = every("modeldeployments")[0]["status"]

    @property
    def incidents(self) -> list[Resource]:
        return [*self.monitor.get("lastIncidents", []), *([self.monitor["incident"]] if self.monitor.get("incident") else [])]


def every_flight_was_answered(world: World) -> Kept:
    said = next((line for line in reversed(world.replayed) if line.startswith("asked about")), "")
    numbers = [int(each.replace(",", "")) for each in re.findall(r"\d[\d,]*", said)]
    return bool(said) and numbers[0] == numbers[1], said or "the replay is not over"


def one_run_for_each_incident(world: World) -> Kept:
    asked = Counter(run["request"] for run in world.runs if run.get("cause") == "Incident" and run.get("outcome") != "Superseded")
    known = {each["id"] for each in world.incidents}
    return bool(known) and known <= set(asked) and set(asked.values()) == {1}, f"{len(known)} incidents, runs {sorted(asked.values())}"


def one_version_for_each_run(world: World) -> Kept:
    made = Counter(each["spec"].get("lineage", {}).get("runKey", each["metadata"]["name"]) for each in world.versions)
    return set(made.values()) == {1}, f"{len(made)} versions, each of a run of its own"


def versions_are_numbered_without_gaps(world: World) -> Kept:
    numbers = sorted(each["spec"]["version"] for each in world.versions)
    return numbers == list(range(1, len(numbers) + 1)), ", ".join(map(str, numbers))


def a_retraining_was_judged_better(world: World) -> Kept:
    better = [each["message"] for each in world.incidents if each.get("outcome") == "Improved"]
    return bool(better), better[0] if better else f"outcomes: {[each.get('outcome') for each in world.incidents]}"


def the_impostor_was_taken_back(world: World) -> Kept:
    brought = [each for each in world.versions if "sha256" in each["spec"]["artifact"]]
    blocked = [each["metadata"].get("annotations", {}).get(BLOCKED, "") for each in brought]
    serves = world.serving["stable"]["version"]
    return bool(brought) and all(blocked) and serves not in [each["spec"]["version"] for each in brought], f"version {serves} serves; {'; '.join(blocked)}"


PROMISES: tuple[Callable[[World], Kept], ...] = (
    every_flight_was_answered,
    one_run_for_each_incident,
    one_version_for_each_run,
    versions_are_numbered_without_gaps,
    a_retraining_was_judged_better,
    the_impostor_was_taken_back,
)


def broken(telling: Telling) -> list[str]:
    """Say of each whether it was kept; those that were not."""
    world = World(telling)
    found = {promise.__name__.replace("_", " "): promise(world) for promise in PROMISES}
    for name, (kept, how) in found.items():
        print(f"  {'kept  ' if kept else 'BROKEN'} {name}: {how}")
    return [name for name, (kept, _) in found.items() if not kept]
