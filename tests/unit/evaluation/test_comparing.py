"""When the watched version is said to be better or worse than the one before it: not by a day, however clear that day is."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import numpy as np
import pyarrow as pa
import pytest

from trimtab.jobs.evaluation.comparing import compare
from trimtab.jobs.training.said import Said
from trimtab.store.model import Input

SINCE = datetime(2013, 7, 4, tzinfo=UTC)
WEEK, DAY = timedelta(days=7), timedelta(days=1)
A_DAY = 300


def log(days: float) -> SimpleNamespace:
    """So many days of labels, a fifth of them late, all matured."""
    count = int(days * A_DAY)
    moments = [SINCE + DAY * number / A_DAY for number in range(count)]
    labels = ["true" if late else "false" for late in np.random.default_rng(0).random(count) < 0.2]
    rows = pa.table({"moment": pa.array(moments, pa.timestamp("us", tz="UTC")), "in_hour": pa.array([9.0] * count), "label": labels})
    return SimpleNamespace(
        columns=("in_hour",), matured_until=SINCE + DAY * days, matured_since=lambda since: "", count=lambda condition: count,
        rows=lambda columns, condition, most: rows,
    )  # fmt: skip


def says(probability: float) -> SimpleNamespace:
    """A model that gives every flight the same chance of being late."""
    answer = "true" if probability > 0.5 else "false"
    said = lambda frame: Said(np.array([answer] * len(frame)), np.tile([1 - probability, probability], (len(frame), 1)), ("false", "true"))  # noqa: E731
    return SimpleNamespace(inputs=[Input(name="hour", datatype="FP32")], predict=said, task="classification", classes=("false", "true"))


def compared(days: float, mine: float, theirs: float):
    return compare(log(days), says(mine), says(theirs), since=SINCE, window=WEEK, min_labels=200)


@pytest.mark.parametrize(("mine", "theirs", "outcome"), [(0.2, 0.45, "Improved"), (0.45, 0.2, "Worse")])
def test_what_is_very_clear_is_told_from_five_days_on_and_not_before(mine, theirs, outcome):
    assert compared(3.9, mine, theirs).decided is None
    assert compared(5.0, mine, theirs).decided.outcome == outcome


def test_that_there_is_no_gain_is_told_after_a_whole_window():
    assert compared(6.0, 0.2, 0.2).decided is None
    assert compared(7.0, 0.2, 0.2).decided.outcome == "NoGain"


def test_fewer_labels_than_asked_for_decide_nothing():
    assert compared(0.5, 0.2, 0.9).remark.startswith("150 labels have matured")
