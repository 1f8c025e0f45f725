"""What the features of `examples/flights` are worth, on real flights through the real worker; with all flights it is .65 and .76."""

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from support.featured_flights import FEATURE_SETS, Flights, landings, spec
from support.object_store import ObjectStore
from support.worker import Worker
from trimtab.api.documents import DatasetPointer, FeaturePointer
from trimtab.store import manifest as manifests

YEAR = [f"2013-{month:02d}" for month in range(1, 13)]
FROM_JULY = {"split": {"train": 42, "validation": 7, "test": 51}}
"""The test split begins on the last evening of June."""


@pytest.fixture(scope="module")
def flights() -> Iterator[Flights]:
    """A fifth of the flights of the year, and all landings."""
    with ObjectStore() as store:
        store.store("flights")._s3.create_bucket(Bucket="flights")
        it = Flights(Worker(store, "flights"), YEAR, every=5)
        it.put()
        yield it


@pytest.fixture(scope="module")
def features(flights: Flights) -> list[FeaturePointer]:
    return [flights.feature_set(name) for name in FEATURE_SETS]


def read(flights: Flights, dataset: DatasetPointer, folder: Path) -> pd.DataFrame:
    store = flights.worker.objects.store(flights.worker.bucket)
    manifest = manifests.read(store, dataset.uri, dataset.manifest_digest)
    return pd.concat(
        [pd.read_parquet(manifests.fetch(store, dataset.uri, manifest, f"{each}.parquet", folder / each)) for each in ("train", "validation", "test")]
    )


def test_features_known_at_departure_tell_much_more_than_the_schedule_does(flights: Flights, features: list[FeaturePointer], tmp_path: Path) -> None:
    _, plain = flights.dataset("dataset", **FROM_JULY)
    _, featured = flights.dataset("dataset-featured", features, **FROM_JULY)
    without, with_features = flights.auc(plain, tmp_path), flights.auc(featured, tmp_path)
    print(f"AUC of July to December after January to June: {without:.3f} without features, {with_features:.3f} with")
    assert 0.6 < without < 0.67
    assert with_features > without + 0.08


def test_no_delay_is_known_before_its_flight_has_landed(flights: Flights, features: list[FeaturePointer], tmp_path: Path) -> None:
    """Against the flights themselves: the aircraft's last landing before each departure, and nothing after it."""
    _, featured = flights.dataset("dataset-featured", features)
    rows = read(flights, featured, tmp_path).sample(100, random_state=0)
    landed = landings().dropna(subset=["tailnum"])
    landed["landed"] = landed.landed.dt.tz_localize(None)
    for row in rows.itertuples():
        before = landed[(landed.tailnum == row.tailnum) & (landed.landed <= row.sched_dep) & (landed.landed >= row.sched_dep - pd.Timedelta("24h"))]
        assert row.tail_delay == before.arr_delay.iloc[-1] if len(before) else pd.isna(row.tail_delay)


def test_every_flight_is_there_once_and_says_how_much_was_known(flights: Flights, features: list[FeaturePointer]) -> None:
    result, _ = flights.dataset("dataset-featured", features)
    plain, _ = flights.dataset("dataset")
    assert [result.facts[each] for each in ("train", "validation", "test", "unlabelled")] == [
        plain.facts[each] for each in ("train", "validation", "test", "unlabelled")
    ]
    assert '"nullPercent"' in result.facts["join"]


@pytest.mark.parametrize("name", FEATURE_SETS)
def test_the_same_landings_are_the_same_version(flights: Flights, features: list[FeaturePointer], name: str) -> None:
    again = flights.worker.materialize(flights.here(spec(f"featureset-{name}")), name=name)[1]
    assert (again.reason, again.facts["digest"]) == ("Unchanged", next(each.digest for each in features if each.name == name))
