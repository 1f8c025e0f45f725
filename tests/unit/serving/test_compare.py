"""When two versions say something else about a row."""

import json
from typing import Any

import pytest

from trimtab_serving.split.compare import TOLERANCE, Compared, compare


def said(*tensors: tuple[str, str, list[Any], int]) -> bytes:
    """(name, datatype, data, values a row) each; a width of 0 is a flat tensor."""
    outputs = [
        {"name": name, "datatype": kind, "shape": [len(data)] if not wide else [len(data) // wide, wide], "data": data} for name, kind, data, wide in tensors
    ]
    return json.dumps({"outputs": outputs}).encode()


def labels(*data: Any, kind: str = "BYTES") -> tuple[str, str, list[Any], int]:
    return "label", kind, list(data), 0


def scores(*data: Any) -> tuple[str, str, list[Any], int]:
    return "probability", "FP32", list(data), 2


def numbers(*data: Any) -> tuple[str, str, list[Any], int]:
    return "prediction", "FP64", list(data), 0


@pytest.mark.parametrize(
    ("ours", "theirs", "expected"),
    [
        (said(labels("a", "b")), said(labels("a", "a")), Compared(2, 1)),
        (said(labels(1, 0, 1, kind="INT64")), said(labels(1, 0, 1, kind="INT32")), Compared(3, 0)),
        # the label decides, however far apart the probabilities are
        (said(scores(0.9, 0.1), labels("a")), said(scores(0.6, 0.4), labels("a")), Compared(1, 0)),
        # without a label, the largest score is one
        (said(scores(0.9, 0.1, 0.4, 0.6)), said(scores(0.6, 0.4, 0.6, 0.4)), Compared(2, 1)),
        (said(scores(None, 0.1)), said(scores(0.2, 0.1)), Compared(1, 1)),
        (said(numbers(100.0, 100.0)), said(numbers(100.0 + 100 * TOLERANCE * 0.9, 100.0 + 100 * TOLERANCE * 1.2)), Compared(2, 1)),
        (said(numbers(0.0, 0.0, -1.0)), said(numbers(0.0, 1e-9, 1.0)), Compared(3, 2)),
        (said(numbers(None, None, 1)), said(numbers(None, 1.0, None)), Compared(3, 2)),
    ],
)
def test_rows_are_compared_by_what_tells_them_apart_best(ours: bytes, theirs: bytes, expected: Compared) -> None:
    assert compare(ours, theirs) == expected
    assert compare(theirs, ours) == expected


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (said(labels("a")), said(numbers(1.0))),
        (said(labels("a", "b")), said(labels("a"))),
        (said(labels("a")), said(("label", "FP64", [1.0], 0))),
        (said(scores(0.1, 0.9)), said(("probability", "FP32", [0.1, 0.2, 0.7], 3))),
    ],
)
def test_what_has_nothing_in_common_is_not_compared(ours: bytes, theirs: bytes) -> None:
    assert compare(ours, theirs) is None


def test_an_output_that_only_one_gives_is_passed_over() -> None:
    assert compare(said(labels("a"), scores(0.9, 0.1)), said(scores(0.1, 0.9))) == Compared(1, 1)
