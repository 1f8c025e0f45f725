"""The bench's join as Feast's file store does it, for `join.py`: run by a Python that has Feast, which is none of our dependencies.

    python3 -m venv /tmp/feast && /tmp/feast/bin/pip install 'feast[duckdb]'
    FEAST_PYTHON=/tmp/feast/bin/python python tests/bench/join.py 100000 500000

`python feast_join.py <dask|duckdb> <folder>` reads the two Parquet files there and writes `feast.parquet` with number and value. Feast
knows no publish delay: the events are moved an hour on and the ttl is an hour less, which asks for the same values.
"""

import json
import resource
import sys
from datetime import timedelta
from pathlib import Path

import pandas as pd
from feast import Entity, FeatureStore, FeatureView, Field, FileSource, ValueType
from feast.types import Float64

DELAY, TTL = timedelta(hours=1), timedelta(days=3, hours=1)
"""As in `join.py`. The ttl less the delay is whole days, because the DuckDB engine fails on days and hours together."""
STORES = {"dask": "dask", "duckdb": "duckdb"}


def store_of(folder: Path, engine: str) -> FeatureStore:
    repository = folder / f"feast-{engine}"
    repository.mkdir(exist_ok=True)
    (repository / "feature_store.yaml").write_text(
        f"project: bench\nregistry: {repository}/registry.db\nprovider: local\noffline_store: {{type: {STORES[engine]}}}\nonline_store: {{type: sqlite, path: {repository}/online.db}}\n"
        "entity_key_serialization_version: 3\n"
    )
    return FeatureStore(repo_path=str(repository))


def shifted(folder: Path) -> Path:
    offered = pd.read_parquet(folder / "features.parquet")
    offered["event"] = (offered["event"] + DELAY).dt.tz_localize("UTC")
    offered["created"] = offered["created"].dt.tz_localize("UTC")
    to = folder / "shifted.parquet"
    offered.to_parquet(to, index=False)
    return to


def joined(folder: Path, engine: str) -> pd.DataFrame:
    source = FileSource(path=str(shifted(folder)), timestamp_field="event", created_timestamp_column="created")
    entities = [Entity(name="a", join_keys=["a"], value_type=ValueType.INT64), Entity(name="b", join_keys=["b"], value_type=ValueType.STRING)]
    view = FeatureView(name="values", entities=entities, ttl=TTL - DELAY, schema=[Field(name="value", dtype=Float64)], source=source)
    store = store_of(folder, engine)
    store.apply([*entities, view])
    rows = pd.read_parquet(folder / "rows.parquet").rename(columns={"ts": "event_timestamp"})
    rows["event_timestamp"] = rows["event_timestamp"].dt.tz_localize("UTC")
    return store.get_historical_features(entity_df=rows, features=["values:value"]).to_df()


if __name__ == "__main__":
    found = joined(Path(sys.argv[2]), sys.argv[1])
    found[["number", "value"]].to_parquet(Path(sys.argv[2]) / "feast.parquet", index=False)
    used = resource.getrusage(resource.RUSAGE_SELF)
    peak = int(next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM")).split()[1]) >> 10
    print(json.dumps({"cpu": used.ru_utime + used.ru_stime, "peak": peak}))
