"""The flights of `examples/flights` with their features, through the real worker: every FeatureSet materialized, the Dataset made, a model trained."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from support.training import Trainer
from support.worker import Worker
from trimtab.api.documents import DONE, DatasetPointer, FeaturePointer, Result
from trimtab.store.layout import Layout

EXAMPLES = Path(__file__).parents[2] / "examples" / "flights"
FEATURE_SETS = ("weather", "carrier-delays", "origin-delays", "tail-delays")
sys.path.append(str(EXAMPLES))


def spec(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLES / f"{name}.yaml").read_text())["spec"]
    return found


@cache
def published() -> pd.DataFrame:
    import prepare

    return prepare.flights()


def landings() -> pd.DataFrame:
    """Of the whole year."""
    import prepare_landings

    return prepare_landings.landings(published())


@dataclass(frozen=True)
class Flights:
    """Some months in a store, as the examples' scripts write them."""

    worker: Worker
    months: Sequence[str]
    every: int = 1
    """Of so many flights to learn from, one; every landing is there."""

    def put(self) -> None:
        import prepare
        import prepare_weather

        table = published()
        rows = pd.concat([prepare.month(table, each) for each in self.months])
        self._put("data/flights.csv", rows.iloc[:: self.every][prepare.COLUMNS])
        self._put("landings/landings.csv", landings())
        self._put("weather/weather.csv", pd.read_csv(prepare_weather.published()))

    def _put(self, name: str, table: pd.DataFrame) -> None:
        content = table.to_csv(index=False, date_format="%Y-%m-%dT%H:%M:%SZ").encode()
        self.worker.objects.store(self.worker.bucket).put(f"s3://{self.worker.bucket}/flights/{name}", content)

    def here(self, wanted: dict[str, Any]) -> dict[str, Any]:
        """A spec whose source lies in this bucket."""
        return wanted | {"source": {"uri": wanted["source"]["uri"].replace("s3://trimtab/", f"s3://{self.worker.bucket}/")}}

    def feature_set(self, name: str) -> FeaturePointer:
        code, result = self.worker.materialize(self.here(spec(f"featureset-{name}")), name=name)
        assert code == DONE, result.message
        facts = result.facts
        return FeaturePointer(name=name, version=int(facts["version"]), digest=facts["digest"], manifest_digest=result.manifest_digest, uri=result.uri)

    def dataset(self, manifest: str, features: Sequence[FeaturePointer] = (), **changes: Any) -> tuple[Result, DatasetPointer]:
        code, result = self.worker.snapshot(self.here(spec(manifest)) | changes, name=manifest, features=features)
        assert code == DONE, result.message
        facts = result.facts
        pointer = DatasetPointer(name=manifest, version=1, digest=facts["digest"], manifest_digest=result.manifest_digest, uri=result.uri)
        return result, pointer

    def auc(self, dataset: DatasetPointer, scratch: Path) -> float:
        """On the test split, of the example's recipe."""
        trainer = Trainer(self.worker.objects.store(self.worker.bucket), Layout(self.worker.bucket, self.worker.prefix), scratch)
        result = trainer.run(trainer.document(dataset, **{name: each for name, each in spec("trainingjob-featured").items() if name != "dataset"}))
        return float(result.facts["roc_auc"])
