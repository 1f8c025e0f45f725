"""A run's key: what is in it, what is not."""

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.api.trainingjob import TrainingJobSpec
from trimtab.plans.recipe import code_digest, recipe_digest, run_key


def digest(**spec):
    return recipe_digest(TrainingJobSpec.model_validate({"dataset": "flights"} | spec))


@pytest.mark.parametrize(
    "change",
    [
        {"dataset": "other"},
        {"datasetVersion": 1},
        {"model": "m"},
        {"seed": 1},
        {"trainer": {"estimator": "a.B"}},
        {"trainer": {"estimator": "a.B", "parameters": {"x": None}}},
        {"evaluation": {"metrics": ["f1"]}},
    ],
)
def test_what_makes_another_model_is_in_the_recipe(change):
    assert digest(**change) != digest()


@pytest.mark.parametrize(
    "change", [{"description": "d"}, {"owner": "o"}, {"objective": "o"}, {"queueName": "q"}, {"runPolicy": {"suspend": True}}, {"template": {}}]
)
def test_what_makes_no_other_model_is_not(change):
    assert digest(**change) == digest()


@pytest.mark.parametrize("default", [{"seed": 0}, {"evaluation": {}}, {"evaluation": {"metrics": []}}])
def test_a_default_that_is_written_out_is_the_same_recipe(default):
    assert digest(**default) == digest()


def test_a_parameter_that_is_null_is_not_one_that_is_absent():
    assert digest(trainer={"estimator": "a.B", "parameters": {"x": None}}) != digest(trainer={"estimator": "a.B", "parameters": {}})


parts = st.tuples(st.text(max_size=5), st.text(max_size=5), st.text(max_size=5), st.text(max_size=5))


@given(one=parts, other=parts)
def test_keys_are_equal_only_when_all_parts_are(one, other):
    assert (run_key(*one) == run_key(*other)) == (one == other)
    assert len(run_key(*one)) == 32


def test_code_is_known_by_the_sha256_of_its_source():
    assert code_digest("é") == hashlib.sha256("é".encode()).hexdigest()
