"""The verb `train` against a real object store: from a dataset version to a judged, committed, recorded model."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from support.tables import table
from support.training import Trainer, champion
from trimtab.api.documents import Result
from trimtab.api.modelversion import Artifact
from trimtab.api.termination import LOG_BYTES
from trimtab.jobs.errors import TryAgain, UserFault
from trimtab.jobs.run import answer
from trimtab.jobs.training import usercode
from trimtab.jobs.training.record import Recorder
from trimtab.store import manifest
from trimtab.store.client import Store
from trimtab.store.errors import StoreUnreachable
from trimtab.store.layout import Layout
from trimtab_serving import artifact as served
from trimtab_serving.model import Identity, load, warm_up

FLIGHTS = table(1500, seed=1)
HGB = "sklearn.ensemble.HistGradientBoostingClassifier"


@pytest.fixture
def trainer(store: Store, bucket: str, tmp_path: Path) -> Trainer:
    return Trainer(store, Layout(bucket, "team"), tmp_path)


def serve(trainer: Trainer, result: Result, tmp_path: Path) -> int:
    """Load the model as the serving image does; how many golden examples came out again."""
    trained = result.trained()
    assert trained is not None
    folder = tmp_path / "served"
    folder.mkdir()
    return warm_up(load(served.download(Artifact.model_validate(trained.artifact.model_dump()), trainer.store, folder), Identity("flights", "1")))


def test_the_simple_model_is_trained_where_no_trainer_is_named(trainer, tmp_path):
    document = trainer.document(trainer.dataset(FLIGHTS))
    result = trainer.run(document)
    assert (result.outcome, result.reason) == ("Succeeded", "Passed")
    assert float(result.facts["skill"]) > 0.3
    made = result.trained()
    assert made is not None
    assert made.artifact.format == "onnx"
    assert [gate.name for gate in made.summary.gates] == ["skill"]
    assert made.lineage.run_key == document.run_key
    assert made.lineage.dataset is not None
    assert made.lineage.dataset.digest == document.dataset.digest
    assert serve(trainer, result, tmp_path) == 32


def test_a_trainer_is_held_against_the_simple_model(trainer, tmp_path):
    result = trainer.run(trainer.document(trainer.dataset(FLIGHTS), trainer={"estimator": HGB, "parameters": {"max_iter": 30}}))
    made = result.trained()
    assert made is not None
    assert [gate.name for gate in made.summary.gates] == ["skill", "simple-model"]
    assert [(each.name, each.value) for each in made.summary.parameters] == [("max_iter", "30")]
    assert serve(trainer, result, tmp_path) == 32


def test_a_model_that_onnx_cannot_carry_is_served_by_skops(trainer, tmp_path):
    result = trainer.run(trainer.document(trainer.dataset(FLIGHTS), trainer={"estimator": "sklearn.svm.LinearSVC"}))
    assert result.facts["format"] == "skops"
    assert serve(trainer, result, tmp_path) == 32


def test_a_value_is_predicted_as_well(trainer, tmp_path):
    document = trainer.document(trainer.dataset(FLIGHTS, label="delay"), trainer={"estimator": "sklearn.ensemble.HistGradientBoostingRegressor"})
    result = trainer.run(document)
    made = result.trained()
    assert made is not None
    assert made.summary.task == "regression"
    assert [each.name for each in made.summary.outputs] == ["prediction"]
    assert float(result.facts["r2"]) > 0.3
    assert serve(trainer, result, tmp_path) == 32


def test_the_record_tells_the_whole_run(trainer):
    document = trainer.document(
        trainer.dataset(FLIGHTS), seed=7, trainer={"estimator": HGB, "parameters": {"learning_rate": 0.2}, "earlyStopping": {"patience": 3}},
        evaluation={"slices": ["carrier"], "metrics": ["recall"]},
    )  # fmt: skip
    trainer.run(document)
    record = trainer.record(document)
    assert record.outcome == "Succeeded"
    assert record.started_at < (record.finished_at or "")
    assert record.dataset["rows"] == {"train": 1050, "validation": 225, "test": 225}
    assert record.dataset["split"]["seed"] == 0
    assert record.trainer["seed"] == record.trainer["parameters"]["random_state"] == 7
    assert record.trainer["given"] == {"learning_rate": 0.2}
    assert record.trainer["parameters"]["l2_regularization"] == 0.0
    assert record.trainer["validation"] == "chose the iteration"
    assert record.trainer["rows"] == 1050
    assert set(record.metrics) == {"train", "validation", "test"}
    assert {"skill", "roc_auc", "log_loss", "recall"} <= set(record.metrics["test"])
    assert record.skill["lower"] < record.skill["estimate"] < record.skill["upper"]
    assert {each["value"] for each in record.slices} >= {"AA", "B6", "EV", "UA"}
    assert "skill" in record.baseline["metrics"]
    assert record.git == {"commit": "abc123"}
    assert record.surroundings["image"] == "worker:test"
    assert record.surroundings["libraries"]["scikit-learn"]
    assert record.hardware["peak_memory_bytes"] > 1e7
    uri = trainer.layout.run("flights", document.run_key)
    curves = trainer.parquet(f"{uri}/curves.parquet")
    assert set(curves["split"]) == {"train", "validation"}
    best = record.trainer["bestIteration"]
    validation = curves[curves["split"] == "validation"]
    assert int(validation.loc[validation["value"].idxmin(), "iteration"]) == best
    assert curves["iteration"].max() == best + 3
    hardware = trainer.parquet(f"{uri}/hardware.parquet")
    assert len(hardware) >= 2
    index = trainer.parquet(f"{trainer.layout.run_index()}/flights-{document.run_key}.parquet")
    assert index.loc[0, "test_skill"] == pytest.approx(record.metrics["test"]["skill"])
    assert dict(index.loc[0, "parameters"])["learning_rate"] == "0.2"
    assert index.loc[0, "peak_memory_bytes"] == record.hardware["peak_memory_bytes"]


def test_the_model_folder_is_complete_and_verified(trainer):
    result = trainer.run(trainer.document(trainer.dataset(FLIGHTS)))
    committed = manifest.read(trainer.store, result.uri, result.manifest_digest)
    names = {each.path.rpartition("/")[2] for each in committed.files}
    assert names == {"model.onnx", "signature.json", "golden.json", "profile.json", "card.html"}
    assert committed.facts["referenceSkill"] == pytest.approx(float(result.facts["skill"]), abs=1e-5)
    assert committed.facts["trainedUntil"].endswith("Z")
    assert committed.facts["inputs"] == ["carrier", "hour", "distance", "weekend"]


def test_the_same_document_is_answered_from_its_record(trainer):
    document = trainer.document(trainer.dataset(FLIGHTS), trainer={"estimator": HGB})
    first = trainer.run(document)
    written = trainer.record(document).finished_at
    assert trainer.run(document) == first
    assert trainer.record(document).finished_at == written


def test_a_run_whose_model_is_gone_is_done_again(trainer):
    document = trainer.document(trainer.dataset(FLIGHTS))
    first = trainer.run(document)
    trainer.store.delete_prefix(first.uri)
    assert trainer.run(document).outcome == "Succeeded"
    assert manifest.find(trainer.store, first.uri)


def test_a_pod_that_died_before_its_record_was_finished_only_judges_again(trainer):
    document = trainer.document(trainer.dataset(FLIGHTS))
    first = trainer.run(document)
    trainer.store.delete_prefix(trainer.layout.run("flights", document.run_key))
    again = trainer.run(document)
    assert (again.uri, again.manifest_digest, again.facts) == (first.uri, first.manifest_digest, first.facts)


def test_other_gates_judge_the_same_model(trainer):
    dataset = trainer.dataset(FLIGHTS)
    first = trainer.run(trainer.document(dataset))
    document = trainer.document(dataset, evaluation={"gates": [{"name": "auc", "metric": "roc_auc", "min": 0.999}]})
    second = trainer.run(document)
    assert (second.outcome, second.reason) == ("Rejected", "GatesFailed")
    assert (second.uri, second.manifest_digest) == (first.uri, first.manifest_digest)
    assert "at least 0.999 is wanted" in second.message
    record = trainer.record(document)
    assert "only judged" in record.artifact["note"]
    assert record.trainer["estimator"] == "sklearn.linear_model.LogisticRegression"
    assert record.metrics["test"]["roc_auc"] < 0.999


def test_another_seed_or_dataset_is_another_model(trainer):
    dataset = trainer.dataset(FLIGHTS)
    uris = {trainer.run(trainer.document(each, seed=seed)).uri for each, seed in ((dataset, 0), (dataset, 1), (trainer.dataset(FLIGHTS), 0))}
    assert len(uris) == 3


def test_noise_is_registered_as_rejected(trainer):
    noise = FLIGHTS.assign(late=np.random.default_rng(0).choice(["true", "false"], len(FLIGHTS)))
    result = trainer.run(trainer.document(trainer.dataset(noise)))
    assert result.outcome == "Rejected"
    assert result.trained() is not None
    assert "must be above 0" in result.message


def test_a_worse_model_does_not_take_the_champions_place(trainer):
    dataset = trainer.dataset(FLIGHTS)
    best = trainer.run(trainer.document(dataset, trainer={"estimator": HGB}))
    poor = {"estimator": "sklearn.dummy.DummyClassifier"}
    result = trainer.run(
        trainer.document(dataset, trainer=poor, champions=(champion(best),), evaluation={"gates": [{"name": "skill", "metric": "skill", "min": -1}]})
    )
    made = result.trained()
    assert made is not None
    assert {gate.name: gate.outcome for gate in made.summary.gates} == {"simple-model": "Failed", "served": "Failed", "skill": "Passed"}


def test_a_champion_of_older_data_is_asked_about_newer_rows_only(trainer):
    older = trainer.run(trainer.document(trainer.dataset(table(900, seed=1, days=20))))
    document = trainer.document(trainer.dataset(table(3000, seed=2, days=40)), champions=(champion(older),))
    trainer.run(document)
    gate = {each["name"]: each for each in trainer.record(document).gates}["served"]
    assert gate["outcome"] == "Passed"
    assert "on the same 450 test rows" in gate["message"]


def test_where_the_champion_knows_the_rows_nothing_is_compared(trainer):
    newer = trainer.run(trainer.document(trainer.dataset(table(900, seed=1, days=60))))
    document = trainer.document(trainer.dataset(table(900, seed=2, days=20)), champions=(champion(newer),))
    assert trainer.run(document).outcome == "Succeeded"
    gate = {each["name"]: each for each in trainer.record(document).gates}["served"]
    assert gate["outcome"] == "Skipped"
    assert "no test row is newer" in gate["message"].lower()


def test_a_champion_that_was_tampered_with_is_not_loaded(trainer):
    dataset = trainer.dataset(FLIGHTS)
    first = trainer.run(trainer.document(dataset))
    path = manifest.read(trainer.store, first.uri).file("model.onnx").path
    trainer.store.put(f"{first.uri}/{path}", b"something else")
    document = trainer.document(dataset, seed=1, champions=(champion(first),))
    trainer.run(document)
    gate = {each["name"]: each for each in trainer.record(document).gates}["served"]
    assert gate["outcome"] == "Skipped"
    assert "has sha256" in gate["message"]


CODE = """
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.pipeline import Pipeline


def train(context):
    print("hello from the code")
    for number, depth in enumerate((1, 3), start=1):
        model = HistGradientBoostingClassifier(max_depth=depth, max_iter=20, random_state=context.seed)
        pipeline = Pipeline([("columns", context.columns_for(model)), ("model", model)]).fit(context.train.X, context.train.y)
        accuracy = pipeline.score(context.validation.X, context.validation.y)
        context.log_metric("accuracy", accuracy, number)
        context.checkpoint(pipeline, {1: 0.9, 3: 0.8}[depth])
"""


@pytest.fixture
def mounted(tmp_path, monkeypatch):
    """Write code where the ConfigMap would be mounted."""
    folder = tmp_path / "code"
    folder.mkdir()
    read = usercode.read_code
    monkeypatch.setattr(usercode, "read_code", lambda trainer, expected: read(trainer, expected, folder))
    return lambda code: (folder / "train.py").write_text(code) and code


PYTHON = {"python": {"configMap": {"name": "code", "key": "train.py"}}}


def test_code_of_ones_own_registers_its_best_checkpoint(trainer, mounted, tmp_path):
    document = trainer.document(trainer.dataset(FLIGHTS), code=mounted(CODE), trainer=PYTHON)
    result = trainer.run(document)
    record = trainer.record(document)
    assert record.trainer["parameters"]["max_depth"] == 1
    assert record.trainer["bestIteration"] == 1
    uri = trainer.layout.run("flights", document.run_key)
    assert set(trainer.parquet(f"{uri}/curves.parquet")["metric"]) == {"accuracy", "checkpoint_score"}
    assert b"hello from the code" in trainer.store.get(f"{uri}/log.txt")
    assert trainer.store.get(f"{uri}/code.tar.gz")
    assert serve(trainer, result, tmp_path) == 32


def test_an_error_in_the_code_is_told_with_its_line_and_recorded(trainer, mounted):
    document = trainer.document(trainer.dataset(FLIGHTS), code=mounted("def train(context):\n    return 1 / 0\n"), trainer=PYTHON)
    with pytest.raises(UserFault, match=r"train\.py, line 2, in train: ZeroDivisionError: division by zero") as told:
        trainer.run(document)
    record = trainer.record(document)
    assert (record.outcome, record.reason) == ("Failed", "TrainingFailed")
    assert record.finished_at
    uri = trainer.layout.run("flights", document.run_key)
    assert told.value.result.uri == uri
    assert b"Traceback" in trainer.store.get(f"{uri}/log.txt")
    assert len(trainer.parquet(f"{uri}/hardware.parquet")) >= 2
    assert trainer.parquet(f"{trainer.layout.run_index()}/flights-{document.run_key}.parquet").loc[0, "outcome"] == "Failed"


def test_code_that_changed_since_the_run_was_started_does_not_run(trainer, mounted):
    document = trainer.document(trainer.dataset(FLIGHTS), code="def train(context): ...", trainer=PYTHON)
    mounted(CODE)
    with pytest.raises(TryAgain) as told:
        trainer.run(document)
    assert (told.value.exit_code, told.value.result.reason) == (3, "CodeChanged")


def test_what_is_wrong_with_a_recipe_is_said_before_anything_is_fitted(trainer):
    dataset = trainer.dataset(FLIGHTS)
    wrong = {
        "Did you mean sklearn.ensemble.HistGradientBoostingClassifier": {"trainer": {"estimator": "sklearn.ensemble.HistGradientBoostingClasifier"}},
        "Did you mean learning_rate": {"trainer": {"estimator": HGB, "parameters": {"learning_rat": 1}}},
        "Did you mean roc_auc": {"evaluation": {"gates": [{"name": "g", "metric": "auc", "min": 0.5}]}},
        "no column airline": {"evaluation": {"slices": ["airline"]}},
        "does not fit in iterations": {"trainer": {"estimator": "sklearn.naive_bayes.GaussianNB", "earlyStopping": {}}},
    }
    for sentence, spec in wrong.items():
        with pytest.raises(UserFault, match=sentence) as told:
            trainer.run(trainer.document(dataset, **spec))
        assert told.value.exit_code == 2


def test_a_file_of_the_dataset_that_was_changed_is_not_trained_on(trainer):
    dataset = trainer.dataset(FLIGHTS)
    trainer.store.put(f"{dataset.uri}/pod/train.parquet", b"something else")
    with pytest.raises(Exception, match="sha256"):
        trainer.run(trainer.document(dataset))


def test_a_thousand_columns_fit_into_the_answer(trainer, tmp_path):
    rng = np.random.default_rng(0)
    wide = pd.DataFrame(rng.normal(size=(400, 1000)), columns=[f"a_rather_long_column_name_{number}" for number in range(1000)])
    data = pd.concat([table(400)[["flight_id", "sched_dep", "late"]], wide], axis=1)
    data["late"] = np.where(wide.iloc[:, 0] > 0, "true", "false")
    result = trainer.run(trainer.document(trainer.dataset(data)))
    assert len(result.encode().encode()) <= LOG_BYTES
    decoded = Result.decode(result.encode())
    assert decoded is not None
    trained = decoded.trained()
    assert trained is not None
    assert trained.summary.input_count == 1000
    assert trained.lineage.dataset is not None
    assert serve(trainer, result, tmp_path) == 32


def test_progress_reaches_the_end(trainer):
    trainer.run(trainer.document(trainer.dataset(FLIGHTS), trainer={"estimator": HGB, "earlyStopping": {"patience": 5}}))
    assert trainer.progress.registry.get_sample_value("trimtab_progress_percent") == 100
    assert trainer.progress.registry.get_sample_value("trimtab_progress_metric", {"name": "validation_log_loss"})


def test_a_pipeline_spelled_out_is_fitted_and_served(trainer, tmp_path):
    steps = [
        {"estimator": "sklearn.impute.SimpleImputer", "columns": ["numeric"], "parameters": {"strategy": "mean"}},
        {"estimator": "sklearn.preprocessing.OneHotEncoder", "columns": ["carrier"], "parameters": {"handle_unknown": "ignore", "sparse_output": False}},
        {"estimator": "sklearn.ensemble.ExtraTreesClassifier", "parameters": {"n_estimators": 20, "min_samples_leaf": 5}},
    ]
    document = trainer.document(trainer.dataset(FLIGHTS), trainer={"pipeline": steps})
    result = trainer.run(document)
    made = result.trained()
    assert made is not None
    assert {each.name for each in made.summary.parameters} == {"0.strategy", "1.handle_unknown", "1.sparse_output", "2.n_estimators", "2.min_samples_leaf"}
    assert trainer.record(document).trainer["kind"] == "pipeline"
    assert serve(trainer, result, tmp_path) == 32


def test_the_metrics_of_the_record_are_those_of_the_file_that_is_served(trainer):
    document = trainer.document(trainer.dataset(FLIGHTS), trainer={"estimator": HGB, "earlyStopping": {"patience": 3}})
    result = trainer.run(document)
    again = trainer.document(document.dataset, trainer={"estimator": HGB, "earlyStopping": {"patience": 3}}, evaluation={"metrics": ["recall"]})
    assert trainer.run(again).uri == result.uri
    first, second = (trainer.record(each).metrics["test"] for each in (document, again))
    assert {name: second[name] for name in first} == first


def test_a_store_that_fails_in_the_middle_is_told_as_itself(trainer, monkeypatch):
    document = trainer.document(trainer.dataset(FLIGHTS))
    put = Store.put

    def failing(self, uri, content):
        if b'"metrics": {\n  "train"' in content:
            raise StoreUnreachable("connection refused.")
        put(self, uri, content)

    monkeypatch.setattr(Store, "put", failing)
    with pytest.raises(StoreUnreachable):
        trainer.run(document)
    monkeypatch.undo()
    assert trainer.run(document).outcome == "Succeeded"


def test_the_workers_shell_runs_it_and_keeps_credentials_out_of_the_record(trainer, object_store, bucket, monkeypatch, capsys):
    environment = object_store.environment(bucket)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    document = trainer.document(trainer.dataset(FLIGHTS))
    secret = environment["AWS_SECRET_ACCESS_KEY"]
    monkeypatch.setattr(Recorder, "warn", lambda self, _: Recorder.note(self, warnings=[f"leaked {secret}"]))
    result, code = answer({**environment, "TRIMTAB_DOCUMENT": document.model_dump_json(by_alias=True), "TRIMTAB_METRICS_PORT": "0"})
    assert (result.outcome, code) == ("Succeeded", 0)
    assert trainer.record(document).warnings == ["leaked ***"]
    assert secret not in capsys.readouterr().out
