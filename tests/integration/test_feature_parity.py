"""Features as clients send them beside what their FeatureSet says of that time, against a real object store: who looks up a value too young is found."""

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest

from support.watched import Place, Version, between
from trimtab.api.documents import FeaturePointer
from trimtab.jobs.evaluation.parity import NEWEST

SINCE, COVERED, UNTIL = "2013-02-11", "2013-02-21", "2013-02-23"
FEATURES = ["temp", "sky"]
JOINED = {"entities": ["origin"], "timestamp": "time", "publishDelay": "1h", "ttl": "3h"}


def weather(until: str) -> pd.DataFrame:
    """Each hour at two of the three airports; the third reports nothing."""
    hours = pd.date_range("2013-01-01", until, freq="h", inclusive="left", tz="UTC")
    random = np.random.default_rng(0)
    parts = [pd.DataFrame({"time": hours, "origin": origin}) for origin in ("JFK", "LGA")]
    table = pd.concat(parts).sort_values(["time", "origin"]).reset_index(drop=True)
    whole = random.normal(30, 12, 10_000).round(2)
    return table.assign(temp=whole[: len(table)], sky=np.where(whole[: len(table)] > 30, "clear", "fog"))


def looked_up(rows: pd.DataFrame, delay: str = "1h") -> pd.DataFrame:
    """As a client finds the features of each flight, at the full hour before it: what was published by then, and not too old."""
    asked = rows.assign(at=rows.sched_dep.dt.floor("h"), place=range(len(rows))).sort_values("at")
    known = weather(COVERED).assign(at=lambda table: table.time + pd.Timedelta(delay))
    found = pd.merge_asof(asked, known, on="at", by="origin", tolerance=pd.Timedelta("3h") - pd.Timedelta(delay)).sort_values("place")
    return found.drop(columns=["at", "place", "time"]).reset_index(drop=True)


@pytest.fixture(scope="module")
def learned(place: Place) -> FeaturePointer:
    return place.feature_set("weather", weather("2013-02-10"), **JOINED)


@pytest.fixture(scope="module")
def newest(place: Place, learned: FeaturePointer) -> FeaturePointer:
    """Ten days later."""
    found = place.feature_set("weather", weather(COVERED), **JOINED)
    assert (learned.version, found.version) == (1, 2)
    return found


def model(place: Place, learned: FeaturePointer, name: str = "featured", **spec: Any) -> Version:
    rows = between("2013-01-01", "2013-02-10", 8)
    return place.model(place.dataset(name, rows, [learned], features=[{"featureSet": "weather"}], **spec))


@pytest.fixture(scope="module")
def good(place: Place, learned: FeaturePointer) -> Version:
    return model(place, learned)


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    return looked_up(between(SINCE, UNTIL, 6))


def compared(place: Place, deployment: str, version: Version, *features: FeaturePointer, dataset: str = "featured", **spec: Any) -> tuple[Any, Any]:
    """What is answered, and what its report says of the one FeatureSet."""
    result, found = place.evaluate(deployment, version.pointer, UNTIL, SINCE, name=f"{deployment}-watched", joined=features, dataset=dataset, **spec)
    told = json.loads(place.store.get(f"{result.uri}/report.json"))
    return found, told


def test_features_that_were_known_at_that_time_match(place, good, newest, flights):
    place.pod("right", good).answers(flights)
    found, told = compared(place, "right", good, newest)
    covered = (flights.sched_dep.dt.floor("h") < pd.Timestamp(COVERED, tz="UTC")).sum()
    assert covered > NEWEST
    assert (found.parity.feature_set, found.parity.compared, found.parity.mismatched) == ("weather", NEWEST, 0)
    assert told["features"] == [
        {"featureSet": "weather", "version": 2, "until": "2013-02-21T00:00:00+00:00", "remark": "", "compared": NEWEST, "mismatched": 0, "detail": ""}
    ]
    assert flights.temp.isna().any(), "an airport without weather is like itself"


def test_a_value_that_was_not_published_yet_is_found_with_an_example(place, good, newest, flights):
    place.pod("young", good).answers(looked_up(flights.drop(columns=FEATURES), delay="0h"))
    found, told = compared(place, "young", good, newest)
    assert found.parity.mismatched > 0.5 * NEWEST
    assert found.parity.is_skew(1)
    sentence = r"2013-02-20T\d\d/\d+ was sent with temp -?[\d.]+; FeatureSet weather version 2 says -?[\d.]+ of 2013-02-20 \d\d:00 UTC\."
    assert re.fullmatch(sentence, found.parity.detail), found.parity.detail
    assert told["advice"][0]["do"].startswith("Find out where clients get these features from.")
    assert found.replay.mismatched == 0, "the model was asked with them, and answered as it does"


def test_missing_is_not_zero(place, good, newest, flights):
    place.pod("zeros", good).answers(flights.fillna({"temp": 0.0}))
    found, _ = compared(place, "zeros", good, newest)
    assert 0.2 * NEWEST < found.parity.mismatched < 0.5 * NEWEST
    assert "was sent with temp 0; FeatureSet weather version 2 says nothing of" in found.parity.detail


def test_words_are_compared_too(place, good, newest, flights):
    place.pod("words", good).answers(flights.assign(sky=flights.sky.replace("fog", "clear")))
    found, _ = compared(place, "words", good, newest)
    assert "was sent with sky clear; FeatureSet weather version 2 says fog of" in found.parity.detail


def test_only_what_the_version_can_know_is_compared(place, good, learned, flights):
    place.pod("ahead", good).answers(flights)
    found, told = compared(place, "ahead", good, learned)
    assert found.parity is None
    assert told["features"][0]["remark"] == "Version 1 knows the time before 2013-02-10 00:00 UTC; nothing was asked about it."


def test_keys_that_the_model_does_not_take_are_read_beside_its_inputs(place, learned, newest, flights):
    blind = model(place, learned, "blind", exclude=["origin"])
    place.pod("keyless", blind).answers(flights)
    _, told = compared(place, "keyless", blind, newest, dataset="blind")
    assert told["features"][0]["remark"].startswith("origin, by which FeatureSet weather is joined, is not in the prediction log; send it with each request")
    place.pod("keyed", blind).answers(flights, context=["origin"])
    found, _ = compared(place, "keyed", blind, newest, dataset="blind")
    assert (found.parity.compared, found.parity.mismatched) == (NEWEST, 0)


def test_what_is_not_logged_in_the_clear_cannot_be_compared(place, good, newest, flights):
    some = flights[:600]
    place.pod("left-out", good, exclude=["temp"]).answers(some)
    place.pod("hashed", good, hash=["origin"]).answers(some)
    remarks = [compared(place, each, good, newest)[1]["features"][0]["remark"] for each in ("left-out", "hashed")]
    assert remarks == ["temp is not in the prediction log.", "origin is hashed in the prediction log."]


def test_nothing_is_compared_where_everything_may_differ(place, good, newest, flights):
    place.pod("free", good).answers(flights[:600])
    _, told = compared(place, "free", good, newest, skew={"featureMismatchPercent": 100})
    assert told["features"] == []


def test_what_is_gone_is_said_and_stops_nothing(place, good, newest, flights):
    place.pod("gone", good).answers(flights[:600])
    gone = newest.model_copy(update={"uri": f"{newest.uri}-gone"})
    found, told = compared(place, "gone", good, gone)
    assert (found.parity, found.replay.mismatched) == (None, 0)
    assert "-gone" in told["features"][0]["remark"]
    _, told = compared(place, "gone", good, newest, dataset="another")
    assert told["features"][0]["remark"] == "The version of Dataset another that it learned from is gone."


def test_what_was_found_is_kept_until_there_is_a_newer_version(place, good, newest, flights):
    place.pod("kept", good).answers(flights)
    first, _ = compared(place, "kept", good, newest)
    assert [each.uri for each in place.store.list(place.layout.parity("kept-watched", "").rpartition("/")[0])]
    place.pod("kept", good, name="pod-2").answers(flights.assign(temp=99.0), prefix="again")
    second, _ = compared(place, "kept", good, newest)
    assert second.parity == first.parity


def test_times_without_a_zone_are_not_compared_with_times_that_have_one(place, flights):
    local = weather("2013-02-10").assign(time=lambda table: table.time.dt.strftime("%Y-%m-%d %H:%M:%S"))
    pointer = place.feature_set("local", local, **JOINED)
    rows = between("2013-01-01", "2013-02-10", 8).assign(sched_dep=lambda table: table.sched_dep.dt.strftime("%Y-%m-%d %H:%M:%S"))
    version = place.model(place.dataset("naive", rows, [pointer], features=[{"featureSet": "local"}]))
    place.pod("naive", version).answers(flights[:600])
    _, told = compared(place, "naive", version, pointer, dataset="naive")
    assert told["features"][0]["remark"] == "time says no time zone, and the times of requests do."


def test_each_feature_set_is_compared_by_its_own_keys_and_the_worse_is_told(place, learned, newest, flights):
    """The second one's keys are a word and a whole number, which the model takes as single precision."""
    hours = pd.MultiIndex.from_product([["EWR", "JFK", "LGA"], range(24)], names=["origin", "hour"]).to_frame(index=False)
    load = pd.concat([hours.assign(day=day, load=hours.hour * 3 + place) for place, day in enumerate(pd.date_range("2013-01-01", COVERED, tz="UTC"))])
    busy = place.feature_set("gate-load", load, entities=["origin", "hour"], timestamp="day")
    rows = between("2013-01-01", "2013-02-10", 8)
    dataset = place.dataset("both", rows, [learned, busy], features=[{"featureSet": "weather", "columns": ["temp"]}, {"featureSet": "gate-load"}])
    version = place.model(dataset)
    at = flights.sched_dep.dt.floor("h").dt.floor("D")
    right = flights.hour * 3 + (at - pd.Timestamp("2013-01-01", tz="UTC")).dt.days
    place.pod("both", version).answers(flights.assign(load=right.astype(float)))
    _, told = compared(place, "both", version, newest, busy, dataset="both")
    assert [(each["featureSet"], each.get("mismatched"), each["remark"]) for each in told["features"]] == [("weather", 0, ""), ("gate-load", 0, "")]
    place.pod("yesterday", version).answers(flights.assign(load=right - 1.0))
    found, _ = compared(place, "yesterday", version, newest, busy, dataset="both")
    assert (found.parity.feature_set, found.parity.mismatched) == ("gate-load", found.parity.compared)
