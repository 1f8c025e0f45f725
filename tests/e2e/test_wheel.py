"""The wheel turns once, on a real cluster: flights are asked about, labels follow, new data open one incident, its run makes one version,
the version passes a canary on live traffic, takes over, and is judged on labels of its own. No client notices, and the operator is killed
on the way to each of these: the same incident, the same run, the same version.

The flights are made up, so that what is learned is sure: in February carriers change places, and a model of January cannot know.
Time is compressed: a minute is ten days. The tests of this file are one story told in order.
"""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd
import pytest

from support import replayed
from support.audit import needless, written
from support.installed import PATIENCE, Installed, Resource, condition, resource

JANUARY, AFTERWARDS = ("2013-01-21", "2013-01-31"), ("2013-01-31", "2013-07-01")
FLIGHTS_A_DAY = 240
DAYS_A_MINUTE = 10

DATASET = {
    "source": {"uri": "s3://trimtab/wheel/data/", "predictions": "flights"},
    "timestamp": "sched_dep", "id": "flight_id", "label": "late",
}  # fmt: skip
ROLLOUT = {"steps": [{"weight": 25, "duration": "2s"}, {"weight": 50, "duration": "2s"}], "analysis": {"interval": "3s"}}
SERVED = {"model": "flights", "replicas": 1, "rollout": ROLLOUT, "logging": {"uploadSeconds": 5}}
WATCHED = {
    "deployment": "flights",
    "clock": "Event",
    "triggers": [{"name": "new-data", "type": "NewData", "percent": 200}],
    "onTrigger": {"trainingJob": "flights", "cooldown": "4320h"},
}
"""A cooldown of half a year: one turn, and not the beginning of another. Twice as many new flights as January's last ten days had:
the newest flights judge a version, so that a run that comes earlier learns from January alone."""


def flights(first: str, until: str, seed: int) -> pd.DataFrame:
    """Late in the evening, and with one carrier; which one that is has changed at the end of January."""
    random = np.random.default_rng(seed)
    days = pd.date_range(first, until, inclusive="left")  # UTC, as all times of the file
    minutes = np.sort(random.integers(6 * 60, 23 * 60, (len(days), FLIGHTS_A_DAY)), axis=1)
    departs = np.repeat(days.to_numpy(), FLIGHTS_A_DAY) + minutes.reshape(-1).astype("timedelta64[m]")
    count, hour = len(departs), minutes.reshape(-1) // 60
    carrier = random.choice(["AA", "UA"], count)
    late_carrier = np.where(departs < np.datetime64("2013-01-31"), "AA", "UA")
    chance = 1 / (1 + np.exp(-((hour - 16) / 3 + np.where(carrier == late_carrier, 1.2, -1.2))))
    table = pd.DataFrame(
        {
            "flight_id": [f"{seed}-{number}" for number in range(count)], "sched_dep": departs, "carrier": carrier,
            "origin": random.choice(["EWR", "JFK"], count), "dest": random.choice(["ORD", "IAH"], count), "tailnum": random.choice(["N1", "N2"], count),
            "distance": random.integers(200, 2500, count), "hour": hour, "minute": minutes.reshape(-1) % 60,
            "weekday": pd.to_datetime(departs).day_name(), "sched_arr_time": hour * 100 + 230,
        }
    )  # fmt: skip
    table["late"] = np.where(random.random(count) < chance, "true", "false")
    table["known"] = departs + np.timedelta64(3, "h")
    return table


def csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def wheel(trimtab: Installed) -> Iterator[Installed]:
    """January learned from and served, a monitor, and the flights of February to June on their way: more than any machine needs for a turn."""
    it = Installed(trimtab.cluster, "wheel")
    it.upload_pod()
    it.put("data/january.csv", csv(flights(*JANUARY, seed=1).drop(columns="known")))
    it.put("replay/flights.csv", csv(flights(*AFTERWARDS, seed=2)))
    it.apply(resource("Dataset", "flights", DATASET), resource("TrainingJob", "flights", {"dataset": "flights"}), resource("Deployment", "flights", SERVED))
    it.wait("modeldeployments", "flights")
    span = (f"--from={AFTERWARDS[0]}", f"--until={AFTERWARDS[1]}", f"--days-a-minute={DAYS_A_MINUTE}")
    it.apply(resource("DriftMonitor", "flights", WATCHED), *replayed.manifests("flights", "s3://trimtab/wheel/replay/flights.csv", *span))
    yield it
    it.kubectl("delete", "pod", "replay", "--ignore-not-found", "--wait=false")


def test_new_labelled_flights_open_one_incident(wheel: Installed) -> None:
    incident = wheel.until("an incident", lambda: _incident(wheel))
    wheel.kill_operator()
    assert incident["cause"] == "new-data"


def test_its_run_makes_one_version_of_what_was_asked_and_labelled(wheel: Installed) -> None:
    wheel.until("version 2", lambda: wheel.get("modelversions", "flights-v2"))
    wheel.kill_operator()
    run = wheel.until("the run of the incident", lambda: _runs(wheel, _incident(wheel)["id"]))[0]
    assert (run["cause"], run["modelVersion"]) == ("Incident", "flights-v2")
    assert run["datasetVersion"] > 1
    assert condition(wheel.wait("modelversions", "flights-v2"), "GatesPassed")["status"] == "True"


def test_it_passes_a_canary_on_live_traffic_and_takes_over(wheel: Installed) -> None:
    wheel.until("version 2 is served", lambda: _stable(wheel) == 2)
    wheel.kill_operator()
    steps = {each["note"] for each in _events(wheel, "Deployment") if each["reason"] == "StepRunning"}
    print("\n".join(sorted(steps)))
    assert any("25%" in each for each in steps)


def test_it_is_judged_on_labels_of_its_own_and_found_better(wheel: Installed) -> None:
    closed = wheel.until("the incident is closed", lambda: _closed(wheel))
    print(closed[0]["message"])
    assert (len(closed), closed[0]["outcome"]) == (1, "Improved")


def test_one_incident_made_one_run_and_no_client_noticed(wheel: Installed) -> None:
    replayed.stop(wheel)
    said, asked, answered = replayed.outcome(wheel, PATIENCE)
    assert " 0 " not in said.split("answered")[0]
    assert asked == answered
    assert len(_closed(wheel)) + bool(_open(wheel)) == 1
    assert len([run for run in wheel.get("trainingjobs", "flights")["status"]["runs"] if run["cause"] == "Incident"]) == 1
    assert sorted(each["metadata"]["name"] for each in wheel.every("modelversions")) == ["flights-v1", "flights-v2"]


def _status(wheel: Installed) -> Resource:
    return (wheel.get("driftmonitors", "flights") or {}).get("status", {})


def _open(wheel: Installed) -> Resource | None:
    return _status(wheel).get("incident")


def _closed(wheel: Installed) -> list[Resource]:
    return _status(wheel).get("lastIncidents", [])


def _incident(wheel: Installed) -> Resource | None:
    return _open(wheel) or next(iter(_closed(wheel)), None)


def _runs(wheel: Installed, request: str) -> list[Resource]:
    return [run for run in wheel.get("trainingjobs", "flights")["status"]["runs"] if run.get("request") == request and run.get("modelVersion")]


def _stable(wheel: Installed) -> int | None:
    return (wheel.get("modeldeployments", "flights") or {}).get("status", {}).get("stable", {}).get("version")


def _events(wheel: Installed, kind: str) -> list[Resource]:
    return [each for each in json.loads(wheel.kubectl("get", "events.events.k8s.io", "-o", "json"))["items"] if each["regarding"]["kind"] == kind]


def test_a_status_was_written_for_news_or_for_progress_each_half_minute(wheel: Installed) -> None:
    """Counted in the API server's own audit log; only a cluster of this machine keeps one."""
    log = wheel.cluster.kubeconfig.parent / "audit.log"
    if not log.exists():
        pytest.skip("The cluster keeps no audit log.")
    writes = written(log.read_text().splitlines(), wheel.namespace)
    print(f"{len(writes)} status writes of {len({(each.kind, each.name) for each in writes})} objects")
    assert writes
    assert list(needless(writes)) == []
