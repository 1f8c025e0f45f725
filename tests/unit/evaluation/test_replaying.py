"""What counts as a mismatch when a logged prediction is computed again."""

import numpy as np
import pyarrow as pa

from trimtab.jobs.evaluation.replaying import differ, hashed
from trimtab.jobs.training.said import Said
from trimtab.store.model import Input


def probabilities(*rows):
    return Said(np.array(["a"] * len(rows), dtype=object), np.array(rows), ("a", "b"))


def test_probabilities_may_differ_by_what_float32_leaves():
    assert differ(probabilities([0.3, 0.7], [0.3, 0.7]), probabilities([0.300001, 0.699999], [0.31, 0.69]), 1e-5).tolist() == [False, True]


def test_the_tolerance_of_values_grows_with_them():
    logged, again = Said(np.array([1000.0, 1.0])), Said(np.array([1000.005, 1.02]))
    assert differ(logged, again, 1e-5).tolist() == [False, True]


def test_missing_answers_match():
    assert not differ(Said(np.array([np.nan])), Said(np.array([np.nan])), 1e-5).any()


def test_classes_match_however_they_are_written():
    logged, again = Said(np.array([1, 0])), Said(np.array(["1", "1"], dtype=object))
    assert differ(logged, again, 1e-5).tolist() == [False, True]


def test_an_input_that_was_hashed_is_known_by_its_looks():
    inputs = [Input(name="carrier", datatype="BYTES"), Input(name="distance", datatype="FP32")]
    plain = pa.table({"in_carrier": ["UA", None], "in_distance": [1.0, 2.0]})
    veiled = pa.table({"in_carrier": ["0" * 32, None], "in_distance": [1.0, 2.0]})
    assert (hashed(plain, inputs), hashed(veiled, inputs)) == ("", "carrier")
