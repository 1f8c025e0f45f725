"""The gates: what passes, what fails, what is skipped, and what each says."""

from typing import Any

import numpy as np
import pytest

from trimtab.api.modelversion import GateResult
from trimtab.api.trainingjob import Gate
from trimtab.jobs.training.evaluate import Evidence
from trimtab.jobs.training.gates import FEWEST_NEW_ROWS, Rival, Rivals, failed, judge
from trimtab.stats.metrics import Answers
from trimtab.stats.skill import blocks_of

ROWS = 1000
RNG = np.random.default_rng(0)
CHANCE = RNG.random(ROWS)
TRUTH = (RNG.random(ROWS) < CHANCE).astype(float)
ORIGIN = np.where(np.arange(ROWS) % 10 == 0, "LGA", "JFK").astype(object)
ORIGIN[:30] = "EWR"


def model(knows: float, truth: np.ndarray = TRUTH, chance: np.ndarray = CHANCE) -> Answers:
    """A model that knows this share of what can be known."""
    said = knows * chance + (1 - knows) * 0.5
    return Answers(truth, (said > 0.5).astype(float), 2, np.stack([1 - said, said], axis=1))


def rival(knows: float, rows: int = ROWS, title: str = "the simple model") -> Rival:
    newest = np.arange(ROWS) >= ROWS - rows
    return Rival(title, model(knows).take(newest), newest)


def evidence(knows: float = 0.9, train: float = 0.9) -> Evidence:
    answers = {"train": model(train), "validation": model(knows), "test": model(knows)}
    return Evidence("classification", ("false", "true"), answers, blocks_of(None, ROWS), {"origin": ORIGIN})


def judged(*gates: dict[str, Any], simple: Rival | None = None, served: dict[str, Rival] | None = None, of: Evidence | None = None) -> dict[str, GateResult]:
    made = [Gate.model_validate(gate) for gate in gates]
    return {each.name: each for each in judge(made, Rivals(simple, served or {}), of or evidence(), 0)}


def outcomes(results: dict[str, GateResult]) -> dict[str, str]:
    return {name: each.outcome for name, each in results.items()}


def test_without_any_gate_skill_must_be_above_zero():
    assert outcomes(judged()) == {"skill": "Passed"}


def test_no_skill_fails():
    result = judged(of=evidence(knows=0.0))["skill"]
    assert result.outcome == "Failed"
    assert result.message.endswith("on 1000 test rows; its lower end must be above 0.")


def test_too_few_test_rows_are_not_judged():
    small = evidence()
    few = Evidence("classification", small.classes, {name: each.take(np.arange(10)) for name, each in small.answers.items()}, blocks_of(None, 10), {})
    assert judged(of=few)["skill"] == GateResult(name="skill", outcome="Skipped", message="10 test rows are too few to judge; 20 are needed.")


def test_a_constant_label_is_not_judged():
    zeros = Answers(np.zeros(50), np.zeros(50), 2, np.tile([0.9, 0.1], (50, 1)))
    found = judged(of=Evidence("classification", ("a", "b"), {"test": zeros}, blocks_of(None, 50), {}))["skill"]
    assert (found.outcome, "constant" in found.message) == ("Skipped", True)


def test_a_trainer_is_compared_with_the_simple_model():
    assert outcomes(judged(simple=rival(0.6))) == {"skill": "Passed", "simple-model": "Passed"}
    assert outcomes(judged(simple=rival(1.0), of=evidence(knows=0.3)))["simple-model"] == "Failed"


def test_as_good_as_the_simple_model_is_not_worse():
    assert judged(simple=rival(0.9))["simple-model"].outcome == "Passed"


def test_a_comparison_says_how_much_and_on_what():
    said = judged(simple=rival(1.0), of=evidence(knows=0.3))["simple-model"].message
    assert said.startswith("Skill is 0.")
    assert "worse (gain between -0." in said
    assert said.endswith("against the simple model on the same 1000 test rows; not worse is wanted.")


def test_each_deployment_of_the_model_is_a_yardstick():
    assert set(judged(served={"production": rival(0.5)})) == {"skill", "served"}
    assert set(judged(served={"production": rival(0.5), "staging": rival(0.5)})) == {"skill", "served:production", "served:staging"}


def test_a_worse_challenger_fails_against_what_is_served():
    assert judged(served={"production": rival(1.0)}, of=evidence(knows=0.2))["served"].outcome == "Failed"


def test_the_champion_is_compared_on_its_new_rows_only():
    assert "on the same 400 test rows" in judged(served={"production": rival(0.5, rows=400)})["served"].message


def test_few_new_rows_are_no_comparison():
    found = judged(served={"production": rival(1.0, rows=FEWEST_NEW_ROWS - 1, title="flights-v1")}, of=evidence(knows=0.1))["served"]
    assert (found.outcome, found.message) == ("Skipped", "199 test rows are new to flights-v1; 200 are needed to compare.")


def test_a_champion_that_cannot_be_asked_is_skipped_with_the_reason():
    found = judged(served={"production": Rival("flights-v1", why_not="flights-v1 needs column x.")})["served"]
    assert (found.outcome, found.message) == ("Skipped", "Flights-v1 needs column x.")


@pytest.mark.parametrize("name", ["skill", "simple-model", "served"])
def test_a_gate_with_a_defaults_name_replaces_it(name):
    results = judged(
        {"name": name, "metric": "accuracy", "min": 0.99},
        simple=rival(0.5),
        served={"a": rival(0.5), "b": rival(0.5)} if name == "served" else {"a": rival(0.5)},
    )
    assert results[name].message.startswith("Accuracy is")
    assert {each.partition(":")[0] for each in results} == {"skill", "simple-model", "served"}
    assert len(results) == 3


@pytest.mark.parametrize(
    ("bounds", "outcome"),
    [({"min": 0.5}, "Passed"), ({"min": 0.99}, "Failed"), ({"max": 0.99}, "Passed"), ({"max": 0.5}, "Failed"), ({"min": 0.5, "max": 0.99}, "Passed")],
)
def test_a_metric_stays_within_its_bounds(bounds, outcome):
    assert judged({"name": "g", "metric": "roc_auc", **bounds})["g"].outcome == outcome


def test_a_bound_says_value_and_threshold():
    said = judged({"name": "g", "metric": "log_loss", "max": 0.1})["g"].message
    assert said.startswith("Log_loss is 0.")
    assert said.endswith("on 1000 test rows; at most 0.1 is wanted.")


def test_a_slice_is_judged_on_its_rows_only():
    assert (
        "on 97 test rows where origin is LGA"
        in judged({"name": "g", "metric": "accuracy", "min": 0.1, "slice": {"column": "origin", "value": "LGA"}})["g"].message
    )


def test_every_large_slice_must_hold_and_the_failing_ones_are_named():
    bad = evidence()
    said = bad.answers["test"]
    wrong = np.where(ORIGIN == "JFK", 1 - said.said, said.said)
    of = Evidence(bad.task, bad.classes, {"test": Answers(said.truth, wrong, 2, said.probability)}, bad.blocks, bad.slices)
    found = judged({"name": "g", "metric": "accuracy", "min": 0.5, "slice": {"column": "origin"}}, of=of)["g"]
    assert found.outcome == "Failed"
    assert "where origin is JFK" in found.message
    assert "EWR" not in found.message


def test_a_slice_without_rows_is_skipped():
    found = judged({"name": "g", "metric": "accuracy", "min": 0.1, "slice": {"column": "origin", "value": "XXX"}})["g"]
    assert (found.outcome, found.message) == ("Skipped", "Accuracy has no value on 0 test rows where origin is XXX.")


def test_not_worse_than_a_deployment_by_any_metric():
    gate = {"name": "g", "metric": "roc_auc", "notWorseThan": {"deployment": "production", "tolerance": 0.0}}
    assert judged(gate, served={"production": rival(0.5)})["g"].outcome == "Passed"
    noisy = Rival("v1", model(1.0), np.ones(ROWS, dtype=bool))
    coin = Answers(TRUTH, (CHANCE < 0.5).astype(float), 2, np.stack([CHANCE, 1 - CHANCE], axis=1))
    of = Evidence("classification", ("a", "b"), {"test": coin}, blocks_of(None, ROWS), {})
    assert judged(gate, served={"production": noisy}, of=of)["g"].outcome == "Failed"


def test_tolerance_is_in_the_metrics_unit():
    gate = {"name": "g", "metric": "log_loss", "notWorseThan": {"simpleModel": True, "tolerance": 0.5}}
    found = judged(gate, simple=rival(1.0), of=evidence(knows=0.3))["g"]
    assert found.outcome == "Passed"
    assert "not worse by more than 0.5 is wanted" in found.message


def test_not_worse_on_a_slice():
    gate = {"name": "g", "metric": "skill", "notWorseThan": {"simpleModel": True}, "slice": {"column": "origin", "value": "JFK"}}
    assert "on the same 873 test rows" in judged(gate, simple=rival(0.5))["g"].message


def test_a_deployment_that_serves_nothing_yet_is_skipped():
    found = judged({"name": "g", "metric": "skill", "notWorseThan": {"deployment": "production"}})["g"]
    assert (found.outcome, found.message) == ("Skipped", "Deployment production serves no version of this model yet.")


def test_the_simple_model_is_not_compared_with_itself():
    assert judged({"name": "g", "metric": "skill", "notWorseThan": {"simpleModel": True}})["g"].outcome == "Skipped"


def test_a_bound_and_a_comparison_must_both_hold():
    gate = {"name": "g", "metric": "skill", "min": 0.99, "notWorseThan": {"simpleModel": True}}
    found = judged(gate, simple=rival(0.5))["g"]
    assert found.outcome == "Failed"
    assert "at least 0.99" in found.message


@pytest.mark.parametrize(("train", "outcome"), [(0.9, "Passed"), (0.1, "Failed")])
def test_a_gap_between_splits_is_bounded(train, outcome):
    gate = {"name": "g", "maxGap": {"metric": "skill", "between": ["train", "test"], "value": 0.05}}
    found = judged(gate, of=evidence(train=train))["g"]
    assert found.outcome == outcome
    assert found.message.endswith("they may differ by 0.05.")


def test_only_failed_gates_reject():
    results = judged({"name": "a", "metric": "accuracy", "min": 0.99}, {"name": "b", "metric": "skill", "notWorseThan": {"deployment": "x"}})
    assert [each.name for each in failed(list(results.values()))] == ["a"]


def test_the_same_evidence_gives_the_same_words():
    assert judged(simple=rival(0.7)) == judged(simple=rival(0.7))
