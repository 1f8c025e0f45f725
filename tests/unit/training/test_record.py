"""Evidence, record, card, hardware and answer: what is told about a run, and that it fits."""

import json
import re
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from support.pages import LEAST_CONTRAST, contrasts, is_accessible
from trimtab.api.documents import DatasetPointer, Result, TrainDocument
from trimtab.api.modelversion import GateResult
from trimtab.api.termination import LOG_BYTES
from trimtab.api.trainingjob import Evaluation, TrainingJobSpec
from trimtab.jobs.context import Context, Pod
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.answer import answer, lineage, summary_of
from trimtab.jobs.training.artifact import Model, inputs_of
from trimtab.jobs.training.card import STYLE, card, curve
from trimtab.jobs.training.evaluate import Evidence, by_slice, metrics_of, require_known, slice_columns, words
from trimtab.jobs.training.fit import Point
from trimtab.jobs.training.hardware import MOST_SAMPLES, Sampler
from trimtab.jobs.training.record import LOG_CHARACTERS, RunRecord, Tail, recipe_of
from trimtab.jobs.training.said import Said, all_classes, judged
from trimtab.stats.metrics import Answers
from trimtab.store.manifest import CreatedBy, Manifest, ManifestFile, digest_of
from trimtab.store.model import MISSING, Input, Output, Signature

HEX = "0123456789abcdef" * 4
PAGE = Path(__file__).parents[3] / "docs" / "run-record.md"


def document(**spec) -> TrainDocument:
    pointer = DatasetPointer(name="flights", version=3, digest=HEX, manifest_digest=HEX, uri="s3://b/d")
    made = TrainingJobSpec.model_validate({"dataset": "flights", **spec})
    return TrainDocument(namespace="n", name="flights", uid="u", model="flights", run_key=HEX[:32], spec=made, dataset=pointer, code_digest="")


def record(**changes) -> RunRecord:
    return RunRecord(run_key="k", training_job="flights", namespace="n", model="flights", started_at="2013-02-01T00:00:00Z", recipe={}, **changes)


def test_a_class_that_the_model_never_saw_has_no_probability():
    said = Said(np.array(["a", "b"]), np.array([[0.7, 0.3], [0.4, 0.6]]), ("a", "b"))
    answers = judged(said, np.array(["a", "c"]), ("a", "b", "c"))
    assert answers.certainty.tolist() == [[0.7, 0.3, 0.0], [0.4, 0.6, 0.0]]
    assert answers.truth.tolist() == [0, 2]


def test_classes_are_sorted_and_taken_from_everywhere():
    assert all_classes(np.array(["b", "a"], dtype=object), np.array(["c"], dtype=object)) == ("a", "b", "c")
    assert all_classes(np.array([1, 0])) == (0, 1)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([True, False], ["true", "false"]),
        ([True, None], ["true", MISSING]),
        ([1.0, 2.5, None], ["1", "2.5", MISSING]),
        (["a", None], ["a", MISSING]),
        ([7, 8], ["7", "8"]),
    ],
)
def test_values_of_a_slice_are_spelled_as_a_person_writes_them(values, expected):
    assert words(pd.Series(values)).tolist() == expected


def test_metrics_without_a_value_are_left_out():
    zeros = Answers(np.zeros(5), np.zeros(5), 2, np.tile([0.6, 0.4], (5, 1)))
    found = metrics_of(zeros, "classification", ["recall"])
    assert "roc_auc" not in found
    assert found["accuracy"] == 1
    assert "recall" in found


def test_slices_come_most_frequent_first_and_bounded():
    rows = 500
    origin = np.array([f"o{min(number // 5, 60)}" for number in range(rows)], dtype=object)
    answers = Answers(np.arange(rows) % 2.0, np.zeros(rows), 2, np.tile([0.5, 0.5], (rows, 1)))
    found = by_slice(Evidence("classification", (0, 1), {"test": answers}, np.zeros(rows, dtype=int), {"origin": origin}), ["origin"], [])
    assert (found[0].value, found[0].rows, len(found)) == ("o60", 200, 50)


@pytest.mark.parametrize(
    ("evaluation", "reason", "place"),
    [
        ({"metrics": ["auc"]}, "UnknownMetric", "spec.evaluation.metrics[0]: there is no metric auc for classification. Did you mean roc_auc?"),
        ({"gates": [{"name": "g", "metric": "rmse", "min": 1}]}, "UnknownMetric", "spec.evaluation.gates[0].metric"),
        ({"gates": [{"name": "g", "maxGap": {"metric": "skil", "value": 1}}]}, "UnknownMetric", "Did you mean skill?"),
        ({"gates": [{"name": "g", "metric": "f1", "min": 1, "slice": {"column": "nowhere"}}]}, "ColumnMissing", "there is no column nowhere"),
    ],
)
def test_what_the_evaluation_names_must_exist(evaluation, reason, place):
    with pytest.raises(UserFault) as told:
        require_known(Evaluation.model_validate(evaluation), "classification", ["origin"])
    assert told.value.result.reason == reason
    assert place in told.value.result.message


def test_a_gates_slice_is_broken_down_too():
    gates = [{"name": "g", "metric": "f1", "min": 0, "slice": {"column": "dest"}}]
    assert slice_columns(Evaluation.model_validate({"slices": ["origin"], "gates": gates})) == ("origin", "dest")


def test_the_digest_covers_trainer_and_seed_but_no_gate():
    gates = {"gates": [{"name": "g", "metric": "f1", "min": 0.1}]}
    plain, judged_otherwise, seeded, boosted = (
        digest_of(inputs_of(document(**spec)))
        for spec in ({}, {"evaluation": gates, "description": "words"}, {"seed": 1}, {"trainer": {"estimator": "sklearn.tree.DecisionTreeClassifier"}})
    )
    assert inputs_of(document())["recipe"] == {}, "a field that a newer Trimtab adds makes no other model"
    assert plain == judged_otherwise
    assert len({plain, seeded, boosted}) == 3


def test_the_page_about_the_record_names_every_field():
    page = PAGE.read_text(encoding="utf-8")
    sample = list(Sampler()._sample())
    assert [name for name in (*RunRecord.model_fields, *sample, *Point.__annotations__) if f"`{name}`" not in page] == []


def test_the_pods_variables_are_no_part_of_the_record():
    template = {"spec": {"containers": [{"env": [{"name": "TOKEN", "value": "s3cr3t"}], "resources": {"limits": {"memory": "4Gi"}}}]}}
    recipe = recipe_of(document(template=template))
    assert "s3cr3t" not in json.dumps(recipe)
    assert recipe["template"]["spec"]["containers"][0]["resources"] == {"limits": {"memory": "4Gi"}}


def test_a_record_reads_back_as_it_was_written():
    made = record(metrics={"test": {"skill": 0.2}}, warnings=["w"])
    assert RunRecord.model_validate_json(made.model_dump_json()) == made


def test_the_end_of_the_log_is_kept():
    class Sink:
        def write(self, text: str) -> None: ...

    tail = Tail(Sink())
    tail.write("x" * LOG_CHARACTERS)
    tail.write("the reason")
    assert tail.text().endswith("x" * 10 + "the reason")
    assert len(tail.text()) == LOG_CHARACTERS


def test_hardware_is_sampled_at_the_start_and_at_the_end():
    with Sampler() as sampler:
        time.sleep(0.02)
    assert len(sampler.samples) >= 2
    assert sampler.samples[-1]["seconds"] >= 0.02
    assert sampler.samples[0]["memory_bytes"] > 1e6
    sampler.finish()
    assert sampler.summary()["samples"] == len(sampler.samples)


def test_a_long_run_keeps_a_bounded_number_of_samples_with_both_ends():
    sampler = Sampler()
    sampler._sample = lambda: {"seconds": next(clock), "memory_bytes": 1}  # type: ignore[method-assign]
    clock = iter(range(10 * MOST_SAMPLES))
    for _ in range(3 * MOST_SAMPLES):
        sampler.take()
    assert len(sampler.samples) <= MOST_SAMPLES
    assert sampler.samples[0]["seconds"] == 0
    assert sampler.samples[-1]["seconds"] == 3 * MOST_SAMPLES - 1


def test_the_card_stands_alone_and_escapes_what_people_write():
    gates = [{"name": "skill", "outcome": "Passed", "message": "fine"}]
    made = record(metrics={"test": {"skill": 0.2}}, gates=gates, skill={"estimate": 0.2, "lower": 0.1, "upper": 0.3}, trainer={"parameters": {"a": "<b>"}})
    html = card(made, [Point(1, "train", "log_loss", 0.7), Point(2, "train", "log_loss", 0.5)])
    assert "<svg" in html
    assert "between 0.1 and 0.3" in html
    assert "&lt;b&gt;" in html
    is_accessible(html)


def test_the_card_is_read_on_a_phone_with_the_keyboard_and_aloud():
    made = record(metrics={"train": {"skill": 0.3}, "test": {"skill": 0.2}}, gates=[{"name": "skill", "outcome": "Passed", "message": "fine"}])
    html = card(made, [Point(1, "train", "loss", 0.7), Point(2, "train", "loss", 0.5), Point(1, "valid", "loss", 0.6)])
    is_accessible(html)
    assert "<th scope=row>skill</th>" in html
    assert "aria-label='loss by iteration: train from 0.7 to 0.5; valid from 0.6 to 0.6.'" in html
    assert html.index(">test</th>") < html.index(">train</th>"), "what is judged is in sight without moving the table"
    assert len(set(re.findall("polyline class='[^']+' stroke-dasharray='([^']+)'", html))) == 2, "nothing is told by colour alone"


def test_the_cards_text_is_read_in_the_light_and_in_the_dark():
    assert min(contrasts(STYLE).values()) >= LEAST_CONTRAST


def test_a_model_without_iterations_has_no_curve():
    assert "does not fit in iterations" in curve([])


def test_a_curve_of_one_constant_value_is_drawn():
    assert "polyline" in curve([Point(1, "train", "loss", 0.5)])


def committed(form: str = "onnx") -> Model:
    files = [ManifestFile(path=f"p/model.{form}", sha256=HEX, size=1234)]
    manifest = Manifest(schema=1, kind="Model", name="flights", digest=HEX, inputs={}, files=files, facts={"format": form}, created_by=CreatedBy(verb="train"))
    return Model("s3://bucket/prefix/models/flights/" + HEX, manifest, HEX)


def told(gates: list[GateResult], columns: int = 4) -> Result:
    names = [f"column_with_a_name_{HEX[number % 16 :][:20]}_{number}" for number in range(columns)]
    signature = Signature(inputs=[Input(name=name, datatype="FP32") for name in names], outputs=[Output(name="label", datatype="BYTES")], task="classification")
    metrics = {"skill": 0.1, "roc_auc": 0.7, "log_loss": 0.5, "brier": 0.2, "accuracy": 0.8, "f1": 0.4}
    summary = summary_of(signature, {f"parameter_{number}": HEX for number in range(30)}, metrics, gates)
    pod = Pod(uid="p", name="p", namespace="n", node="n")
    context = Context(None, None, None, None, pod, "registry/worker@sha256:" + HEX)  # type: ignore[arg-type]
    return answer(committed(), summary, lineage(document(), context, {}, "s3://bucket/prefix/runs/flights/" + HEX[:32]))


def test_a_passed_run_succeeds_with_its_first_metrics_as_facts():
    result = told([GateResult(name="skill", outcome="Passed", message="m")])
    assert (result.outcome, result.reason, result.message) == ("Succeeded", "Passed", "1 gates passed.")
    assert result.facts == {"format": "onnx", "gates": "1", "gatesPassed": "1", "skill": "0.1", "roc_auc": "0.7", "log_loss": "0.5", "brier": "0.2"}


def test_a_failed_gate_rejects_and_says_why():
    result = told([GateResult(name="auc", outcome="Failed", message="Too low."), GateResult(name="skill", outcome="Passed", message="")])
    assert (result.outcome, result.reason, result.message) == ("Rejected", "GatesFailed", "auc: Too low.")
    assert result.trained() is not None


@pytest.mark.parametrize("columns", [1, 64, 1000])
def test_the_answer_fits_whatever_it_carries(columns):
    gates = [GateResult(name=f"gate-{number}", outcome="Failed", message=f"{number}{HEX}" * 7) for number in range(32)]
    result = told(gates, columns)
    assert len(result.encode().encode()) <= LOG_BYTES
    decoded = Result.decode(result.encode())
    assert decoded is not None
    trained = decoded.trained()
    assert trained is not None
    assert trained.artifact.manifest_digest == HEX
    assert trained.lineage.run_key == HEX[:32]
    assert trained.summary.signature_digest
