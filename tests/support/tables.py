"""Small made-up tables for training tests: numbers with gaps, words, booleans, a time, and a label that depends on them."""

from typing import Any

import numpy as np
import pandas as pd

from trimtab.jobs.training.fit import Rows
from trimtab.jobs.training.roles import Roles, frame, labels, roles_of, times

START = np.datetime64("2013-01-01", "us")


def table(rows: int = 900, seed: int = 0, days: int = 30) -> pd.DataFrame:
    """`late` (true, false) and `delay` (minutes) follow from `distance`, `hour` and `carrier`; a tenth of the hours is missing."""
    rng = np.random.default_rng(seed)
    hour = rng.integers(5, 23, rows).astype(float)
    carrier = rng.choice(["AA", "B6", "EV", "UA"], rows, p=[0.3, 0.3, 0.2, 0.2])
    delay = 3 * (hour - 14) + 15 * (carrier == "EV") + rng.normal(0, 10, rows)
    missing = rng.random(rows) < 0.1
    return pd.DataFrame(
        {
            "flight_id": [f"f{number}" for number in range(rows)],
            "sched_dep": START + np.sort(rng.integers(0, days * 86_400, rows)).astype("timedelta64[s]"),
            "carrier": pd.Series(carrier, dtype=object).mask(rng.random(rows) < 0.02, None),
            "hour": np.where(missing, np.nan, hour),
            "distance": rng.integers(80, 2500, rows),
            "weekend": rng.random(rows) < 0.3,
            "late": np.where(delay > 5, "true", "false"),
            "delay": delay,
        }
    )


def facts(data: pd.DataFrame, label: str = "late", **changes: Any) -> dict[str, Any]:
    """What a dataset version's manifest says of such a table."""
    others = {"late", "delay"} - {label}
    task = "regression" if label == "delay" else "classification"
    columns = [
        {"name": name, "type": _kind(data[name]), "dtype": str(data[name].dtype), "nulls": int(data[name].isna().sum()), "distinct": data[name].nunique()}
        for name in data
    ]
    return {
        "task": task, "label": label, "timestamp": "sched_dep", "id": "flight_id", "exclude": sorted(others & set(data)), "columns": columns,
        "split": {"method": "time", "train": 70, "validation": 15, "test": 15, "seed": 0}, "rows": {},
    } | changes  # fmt: skip


def parts(data: pd.DataFrame) -> dict[str, pd.DataFrame]:
    """By time: 70, 15, 15."""
    cut = [int(len(data) * share) for share in (0.7, 0.85)]
    return {"train": data.iloc[: cut[0]], "validation": data.iloc[cut[0] : cut[1]], "test": data.iloc[cut[1] :]}


def rows_of(data: pd.DataFrame, roles: Roles) -> Rows:
    return Rows(frame(data, roles), labels(data, roles), times(data, roles))


def learnable(data: pd.DataFrame, label: str = "late", **changes: Any) -> tuple[Roles, dict[str, Rows]]:
    """Roles, and the rows of each split."""
    split = parts(data)
    roles = roles_of(facts(data, label, **changes), split["train"])
    return roles, {name: rows_of(part, roles) for name, part in split.items()}


def _kind(values: pd.Series) -> str:
    if values.dtype == bool:
        return "boolean"
    if values.dtype.kind == "M":
        return "datetime"
    return "numeric" if pd.api.types.is_numeric_dtype(values) else "categorical"
