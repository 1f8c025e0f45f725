"""Profiles of live windows: in the reference's bins, so that parts add up, to each other and to training."""

from datetime import UTC, datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.predictions import NOON, SIGNATURE, prediction, rows
from trimtab.stats.profiles import Categorical, Numeric, Profile, categorical_shape, numeric_shape
from trimtab.store.model import Signature
from trimtab_serving.trail.windows import Windows

DISTANCE, TEMPERATURE = np.linspace(100, 3000, 200), np.linspace(-10, 30, 200)
CARRIERS = ["UA", "DL", "AA"]
CODES = np.arange(200) % 3


def reference() -> Profile:
    """Of a training split of 200 rows, with the label as its last column."""
    words = categorical_shape(CODES, CARRIERS)
    truths, label = categorical_shape(CODES % 2, ["false", "true"]), categorical_shape(CODES % 2, ["late", "punctual"])
    distance, temperature = numeric_shape(DISTANCE), numeric_shape(TEMPERATURE)
    parts = {
        "distance": Numeric.of(distance, DISTANCE), "temperature": Numeric.of(temperature, TEMPERATURE), "carrier": Categorical.of(words, CODES, CARRIERS),
        "weekend": Categorical.of(truths, CODES % 2, ["false", "true"]), "late": Categorical.of(label, CODES % 2, ["late", "punctual"]),
    }  # fmt: skip
    from trimtab.stats.profiles import Cross

    return Profile(200, parts, Cross.of(["distance", "temperature"], [distance.center, temperature.center], np.column_stack([DISTANCE, TEMPERATURE])))


REFERENCE = reference()


def windows(signature: Signature = SIGNATURE, **log: Any) -> Windows:
    return Windows(REFERENCE, signature, rows(**log).plain, {"deployment": "prod", "modelDigest": "m" * 64})


def table(*predictions: Any, **log: Any) -> Any:
    return pa.Table.from_batches([rows(**log).batch(predictions)])


def read(content: dict[str, Any], part: str = "inputs") -> Profile:
    return Profile.decode(content[part])


def test_a_window_says_which_model_and_which_hour() -> None:
    found = windows().of(NOON, table(prediction()))
    assert (
        found.items() >= {"schema": 1, "deployment": "prod", "modelDigest": "m" * 64, "window": {"start": "2026-11-24T12:00:00+00:00", "seconds": 3600}}.items()
    )


def test_live_values_fall_into_the_bins_of_training() -> None:
    given = prediction(distance=[100.0, 3000.0, 1e9], temperature=[None, 0.0, 0.0], carrier=["UA", "ZZ", None], weekend=[True, False, None])
    found = read(windows().of(NOON, table(given)))
    assert found.rows == 3
    distance, carrier, weekend = found.parts["distance"], found.parts["carrier"], found.parts["weekend"]
    assert isinstance(distance, Numeric)
    assert isinstance(carrier, Categorical)
    assert isinstance(weekend, Categorical)
    assert (int(distance.bins[0]), int(distance.bins[-1])) == (1, 2)
    assert found.parts["temperature"].missing == 1
    assert (int(carrier.counts[carrier.shape.categories.index("UA")]), int(carrier.counts.sum()), carrier.other, carrier.missing) == (1, 1, 1, 1)
    assert (weekend.counts.sum(), weekend.missing) == (2, 1)


def test_the_inputs_of_a_window_add_up_with_the_training_profile() -> None:
    found = read(windows().of(NOON, table(prediction(distance=[500.0, 700.0]))))
    for name, part in found.parts.items():
        together = part + REFERENCE.parts[name]  # type: ignore[operator]
        assert together.missing == part.missing + REFERENCE.parts[name].missing
    assert list(found.parts) == ["distance", "temperature", "carrier", "weekend"]
    assert found.cross is not None
    assert REFERENCE.cross is not None
    assert (found.cross + REFERENCE.cross).products.shape == (2, 2)


def test_answers_are_profiled_by_class_and_by_probability() -> None:
    found = read(windows().of(NOON, table(prediction(distance=[1.0, 2.0, 3.0]))), "outputs")
    label, probability = found.parts["label"], found.parts["probability"]
    assert isinstance(label, Categorical)
    assert isinstance(probability, Numeric)
    assert (label.shape.categories, label.counts.tolist()) == (("late", "punctual"), [2, 1])
    assert np.flatnonzero(probability.bins).tolist() == [8, 16, 24]


def test_a_predicted_number_falls_into_the_bins_of_the_label() -> None:
    signature = Signature.model_validate(
        {"inputs": [{"name": "distance", "datatype": "FP32"}], "outputs": [{"name": "prediction", "datatype": "FP64"}], "task": "regression"}
    )
    profile = Profile(200, {name: REFERENCE.parts[name] for name in ("distance", "temperature")})
    found = Windows(profile, signature, {"in_distance": pa.float32(), "out_prediction": pa.float64()}, {"modelDigest": "m"})
    logged = pa.table({"in_distance": np.array([1.0]), "out_prediction": np.array([12.5])})
    part = read(found.of(NOON, logged), "outputs").parts["prediction"]
    assert part + REFERENCE.parts["temperature"]  # type: ignore[operator]
    assert part.count == 1


@pytest.mark.parametrize(("log", "left"), [({"exclude": ["distance"]}, "distance"), ({"hash": ["carrier"]}, "carrier"), ({"exclude": ["label"]}, "label")])
def test_what_is_not_logged_as_it_came_is_not_profiled(log: dict[str, Any], left: str) -> None:
    found = windows(**log).of(NOON, table(prediction(), **log))
    assert left not in read(found).parts
    assert left not in read(found, "outputs").parts


VALUE = st.one_of(st.none(), st.floats(-1e6, 1e6, width=32))
ROW = st.tuples(VALUE, VALUE, st.sampled_from([*CARRIERS, "ZZ", None]), st.sampled_from([True, False, None]))


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(ROW, min_size=1, max_size=6), min_size=1, max_size=4))
def test_the_parts_of_pods_add_up_to_the_whole(pods: list[list[Any]]) -> None:
    def profile(given: list[Any]) -> Profile:
        distance, temperature, carrier, weekend = (list(each) for each in zip(*given, strict=True))
        return read(windows().of(NOON, table(prediction(distance=distance, temperature=temperature, carrier=carrier, weekend=weekend))))

    parts = [profile(each) for each in pods]
    together, whole = parts[0], profile([row for each in pods for row in each])
    for each in parts[1:]:
        together += each
    assert together.rows == whole.rows
    for name, part in whole.parts.items():
        other = together.parts[name]
        if isinstance(part, Numeric):
            assert isinstance(other, Numeric)
            assert other.bins.tolist() == part.bins.tolist()
            assert np.isclose(other.total, part.total, rtol=1e-9, atol=1e-6)
        else:
            assert isinstance(other, Categorical)
            assert (other.counts.tolist(), other.other, other.missing) == (part.counts.tolist(), part.other, part.missing)


def test_a_segment_uploads_one_profile_for_each_hour_of_event_time(tmp_path: Any) -> None:
    import json

    from support.memory_store import MemoryStore
    from trimtab.store.layout import Layout
    from trimtab_serving.trail.spool import Spool
    from trimtab_serving.trail.upload import Place, upload

    spool, store = Spool(tmp_path, 1 << 20, lambda: 7), MemoryStore()
    spool.append(rows().batch([prediction("a", event_time="2013-01-31T18:59:59Z"), prediction("b", event_time="1969-12-31T23:30:00Z"), prediction("c")]))
    spool.seal()
    upload(spool.sealed()[0], Place(store, Layout("lake", "team"), "prod", "pod-1"), windows())
    folder = f"s3://lake/team/windows/prod/{'m' * 64}"
    found = {uri: json.loads(content) for uri, content in store.objects.items() if uri.startswith(folder)}
    starts = ("1969-12-31T23:00:00Z", "2013-01-31T18:00:00Z", "2026-11-24T12:00:00Z")
    assert sorted(found) == [f"{folder}/{start}/pod-1-7.json" for start in starts]
    assert [datetime.fromisoformat(found[f"{folder}/{start}/pod-1-7.json"]["window"]["start"]) for start in starts] == [
        datetime.fromisoformat(start).astimezone(UTC) for start in starts
    ]
