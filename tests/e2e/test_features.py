"""Features on a real cluster: joined to what a model learns, sent by its clients, and compared with what their FeatureSet says once it knows that time.

The weather is made up: an hour's reading is known when the hour is over. First clients send what was known; later a client sends the
hour that is still going on. The tests of this file are one story told in order.
"""

import json

import numpy as np
import pandas as pd
import pytest

from support.installed import Installed, condition, resource

pytestmark = pytest.mark.long

START = pd.Timestamp("2013-01-01", tz="UTC")
LEARNED, RIGHT, WRONG = 20, 24, 28
"""Days since the start until which is learned from, sent as it was known, and sent wrongly."""
REFRESH = "trimtab.dev/run-requested"

FEATURE_SET = {
    "entities": ["origin"], "timestamp": "time", "publishDelay": "1h", "ttl": "3h", "source": {"uri": "s3://trimtab/features/weather/"},
}  # fmt: skip
DATASET = {
    "source": {"uri": "s3://trimtab/features/data/"}, "timestamp": "sched_dep", "id": "flight_id", "label": "late", "features": [{"featureSet": "weather"}],
}  # fmt: skip
SERVED = {"model": "flights", "replicas": 1, "logging": {"uploadSeconds": 1}}
WATCHED = {"deployment": "flights", "clock": "Event", "window": {"duration": "24h", "minRows": 10}, "onTrigger": {"action": "Alert"}}

ASK = """
import sys, urllib.request
for line in sys.stdin:
    request = urllib.request.Request("http://flights/v2/models/flights/infer", line.encode(), {"Content-Type": "application/json"})
    assert urllib.request.urlopen(request, timeout=30).status == 200
"""


def readings(days: int) -> pd.DataFrame:
    """One an hour at two airports."""
    hours = pd.date_range(START, periods=24 * days, freq="h")
    table = pd.DataFrame({"time": np.repeat(hours, 2), "origin": ["EWR", "JFK"] * len(hours)})
    return table.assign(temp=np.random.default_rng(0).normal(40, 15, 2 * 24 * 40).round(1)[: len(table)])


def flights(since: int, until: int) -> pd.DataFrame:
    """Every ten minutes, late in the cold."""
    departs = pd.date_range(START + pd.Timedelta(days=since), START + pd.Timedelta(days=until), freq="10min", inclusive="left")
    random = np.random.default_rng(since)
    table = pd.DataFrame({"sched_dep": departs, "origin": random.choice(["EWR", "JFK"], len(departs)), "hour": departs.hour})
    known = looked_up(table, hours_old=1)
    return table.assign(flight_id=[f"{since}-{n}" for n in range(len(table))], late=np.where(known + random.normal(0, 8, len(table)) < 35, "true", "false"))


def looked_up(rows: pd.DataFrame, hours_old: int) -> pd.Series:
    """The temperature of so many hours before the hour of each row; 1: the last that is over."""
    known = readings(40).set_index(["time", "origin"]).temp
    return pd.Series(
        [known.get((at.floor("h") - pd.Timedelta(hours=hours_old), origin), np.nan) for at, origin in zip(rows.sched_dep, rows.origin, strict=True)]
    )


def requests(rows: pd.DataFrame, hours_old: int) -> str:
    """One for each day and hour, a line each."""
    table = rows.assign(temp=looked_up(rows, hours_old).to_numpy())
    lines = []
    for at, part in table.groupby("sched_dep"):
        tensors = [
            {"name": name, "shape": [len(part)], "datatype": datatype, "data": part[name].tolist()}
            for name, datatype in (("origin", "BYTES"), ("hour", "FP32"), ("temp", "FP32"))
        ]
        lines.append(json.dumps({"parameters": {"event_time": at.isoformat()}, "inputs": tensors}))
    return "\n".join(lines)


def csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ")


@pytest.fixture(scope="module")
def served(trimtab: Installed) -> Installed:
    it = Installed(trimtab.cluster, "features")
    it.upload_pod()
    it.put("weather/readings.csv", csv(readings(LEARNED)))
    it.put("data/flights.csv", csv(flights(0, LEARNED)))
    it.apply(
        resource("FeatureSet", "weather", FEATURE_SET), resource("Dataset", "flights", DATASET), resource("TrainingJob", "flights", {"dataset": "flights"}),
        resource("Deployment", "flights", SERVED),
    )  # fmt: skip
    it.wait("modeldeployments", "flights")
    it.apply(resource("DriftMonitor", "flights", WATCHED))
    return it


def days_pass(it: Installed, since: int, until: int, hours_old: int) -> None:
    """New readings come and are taken up, and flights are asked about, the last of them an hour into the next day: so the window closes."""
    it.put("weather/readings.csv", csv(readings(until)))
    it.kubectl("annotate", "--overwrite", "featureset", "weather", f"{REFRESH}=day-{until}")
    version = it.until("a new version of the weather", lambda: _latest(it, f"day-{until}"))
    print(f"weather version {version} knows {until} days")
    rows = flights(since, until + 1)
    rows = rows[rows.sched_dep < START + pd.Timedelta(days=until, hours=2)]
    it.kubectl("exec", "-i", "upload", "--", "python", "-c", ASK, stdin=requests(rows, hours_old))


def _latest(it: Installed, request: str) -> int | None:
    status = (it.get("featuresets", "weather") or {}).get("status", {})
    check = status.get("check", {})
    return status.get("latestVersion") if (check.get("request"), check.get("outcome")) == (request, "Created") else None


def _skew(it: Installed, status: str) -> str:
    found = condition(it.get("driftmonitors", "flights"), "SkewDetected")
    return found["message"] if found.get("status") == status and "features" in found["message"] else ""


def test_features_that_were_sent_as_they_were_known_are_no_skew(served: Installed) -> None:
    days_pass(served, LEARNED, RIGHT, hours_old=1)
    said = served.until("features compared", lambda: _skew(served, "False"))
    print(said)
    assert said.endswith("and the features of 576 rows are those of their FeatureSets.")


def test_a_reading_that_nobody_could_know_yet_is_skew_and_named(served: Installed) -> None:
    days_pass(served, RIGHT, WRONG, hours_old=0)
    said = served.until("skew", lambda: _skew(served, "True"))
    print(said)
    assert "FeatureSet weather" in said
    assert "was sent with temp" in said
    assert "which a new model would have too" in said
