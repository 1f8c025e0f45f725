"""When a feature that was sent is the one that its FeatureSet has, and which of several FeatureSets is told of."""

import math

import pyarrow as pa
import pytest

from trimtab.api.documents import FeaturePointer
from trimtab.api.evaluation import Parity
from trimtab.jobs.evaluation.parity import Compared, differ, worst

WEATHER = FeaturePointer(name="weather", version=1, digest="d", manifest_digest="m", uri="s3://a/b")


def column(*values, of=None):
    return pa.chunked_array([pa.array(list(values), of)])


@pytest.mark.parametrize(
    ("sent", "known", "expected"),
    [
        (column(0.1, 1234567.0, of=pa.float32()), column(0.1, 1234567.4), [False, False]),
        (column(39.0, 0.0, of=pa.float32()), column(39.02, 1e-12), [True, False]),
        (column(7.0, None, of=pa.float32()), column(7, None, of=pa.int64()), [False, False]),
        (column(math.nan, math.nan, 1.0), column(None, 2.0, None, of=pa.float64()), [False, True, True]),
        (column(math.inf), column(math.inf), [False]),
        (column("fog", None, "fog"), column("fog", None, None, of=pa.string()), [False, False, True]),
        (column(True, False), column(True, True), [False, True]),
        (column("true", "False"), column(True, True), [False, True]),
    ],
    ids=["single precision", "numbers", "whole numbers", "missing numbers", "infinity", "words", "true and false", "true as a word"],
)
def test_what_differs(sent, known, expected):
    assert differ(sent, known).tolist() == expected


def compared(name: str, rows: int, mismatched: int) -> Compared:
    return Compared(WEATHER, Parity(feature_set=name, compared=rows, mismatched=mismatched))


def test_the_feature_set_with_the_largest_share_is_told_of():
    found = [compared("a", 1000, 20), compared("b", 100, 5), Compared(WEATHER, remark="hashed"), compared("c", 1000, 0)]
    assert worst(found).feature_set == "b"
    assert worst([compared("a", 10, 0), compared("b", 1000, 0)]).feature_set == "b"
    assert worst([Compared(WEATHER, remark="hashed")]) is None
