"""The contract of a runtime, which every format keeps, and what each format refuses."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from support import models
from trimtab_serving import artifact
from trimtab_serving.errors import ModelFault
from trimtab_serving.model import Identity, load
from trimtab_serving.runtimes import OnnxRuntime, SkopsRuntime
from trimtab_serving.tensors import Read, Reader


@pytest.fixture(scope="class")
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> models.Made:
    return models.flights(tmp_path_factory.mktemp(request.cls.format), request.cls.format)


@pytest.fixture(scope="class")
def served(made: models.Made) -> Any:
    return load(artifact.local(made.folder), Identity("flights", "7"))


class RuntimeContract:
    """Inherited once a format; a subclass makes the models."""

    format = ""

    @staticmethod
    def answer(served: Any, request: dict[str, Any]) -> dict[str, np.ndarray]:
        decoded = served.protocol.decode(json.dumps(request).encode())
        return dict(zip(decoded.wanted, served.protocol.select(decoded.wanted, served.predict(decoded)), strict=True))

    def test_it_answers_as_the_fitted_model_does(self, made: models.Made, served: Any) -> None:
        rows = models.table(200, seed=9)
        found = self.answer(served, models.request(rows, made.signature))
        assert found["label"].tolist() == made.model.predict(rows).tolist()
        assert np.allclose(found["probability"], made.model.predict_proba(rows), atol=1e-5)

    def test_one_row_answers_as_it_does_among_many(self, made: models.Made, served: Any) -> None:
        rows = models.table(20, seed=11)
        many = self.answer(served, models.request(rows, made.signature))["probability"]
        ones = [self.answer(served, models.request(rows.iloc[[i]], made.signature))["probability"][0] for i in range(20)]
        assert np.allclose(many, ones, atol=1e-6)

    def test_a_category_never_seen_and_values_missing_are_answered_as_in_training(self, made: models.Made, served: Any) -> None:
        rows = models.table(3, seed=12).assign(carrier=["ZZ", models.MISSING, "UA"], temperature=np.array([np.nan] * 3, dtype=np.float32))
        assert np.allclose(self.answer(served, models.request(rows, made.signature))["probability"], made.model.predict_proba(rows), atol=1e-5)

    def test_only_the_outputs_asked_for_are_given(self, made: models.Made, served: Any) -> None:
        request = models.request(made.frame.head(2), made.signature) | {"outputs": [{"name": "probability"}]}
        assert list(self.answer(served, request)) == ["probability"]

    def test_a_regression_answers_numbers(self, tmp_path: Path) -> None:
        made = models.numbers(tmp_path, self.format)
        found = self.answer(load(artifact.local(tmp_path), Identity("m", "1")), models.request(made.frame.head(50), made.signature))
        assert np.allclose(found["prediction"].reshape(-1), made.model.predict(made.frame.head(50)), atol=1e-4)

    def test_a_damaged_file_is_said_to_be_unreadable(self, tmp_path: Path) -> None:
        path = tmp_path / f"model.{self.format}"
        path.write_bytes(b"not a model")
        with pytest.raises(ModelFault, match=rf"model\.{self.format} (is not a model that ONNX Runtime .* reads|cannot be read by skops)"):
            load(artifact.local(tmp_path), Identity("m", "1"))

    def test_a_signature_that_names_outputs_the_model_lacks_is_refused(self, made: models.Made, tmp_path: Path) -> None:
        (tmp_path / f"model.{self.format}").write_bytes((made.folder / f"model.{self.format}").read_bytes())
        outputs = [{"name": "score", "datatype": "FP64"}]
        (tmp_path / "signature.json").write_text(json.dumps(made.signature | {"outputs": outputs}))
        with pytest.raises(ModelFault, match="the signature names outputs that the model does not have: score"):
            load(artifact.local(tmp_path), Identity("m", "1"))


class TestOnnx(RuntimeContract):
    format = "onnx"

    def test_a_model_that_was_brought_is_read_by_its_own_graph(self, tmp_path: Path) -> None:
        signature = OnnxRuntime(models.brought(tmp_path, width=3), None).signature
        assert [(each.name, each.datatype, each.shape) for each in signature.inputs] == [("X", "FP32", [-1, 3])]
        assert [each.datatype for each in signature.outputs] == ["INT64", "FP32"]

    @pytest.mark.parametrize("classes", [(0, 1), ("late", "punctual")])
    def test_one_row_of_numbers_is_answered_as_among_many_by_any_thread(self, tmp_path: Path, classes: tuple[Any, Any]) -> None:
        served = load(artifact.local(_numbers_of_both_kinds(tmp_path, classes)), Identity("m", "1"))
        rows = pd.DataFrame({"a": np.arange(40) % 7 - 3.0, "b": 0.5, "whole": np.arange(40) % 5 - 2})
        body = {
            "inputs": [{"name": each.name, "shape": [40, 1], "datatype": each.datatype, "data": rows[each.name].tolist()} for each in served.signature.inputs]
        }
        many = self.answer(served, body)
        ones = [{"inputs": [each | {"shape": [1], "data": [each["data"][i]]} for each in body["inputs"]]} for i in range(40)] * 5
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda one: self.answer(served, one), ones))
        assert len(set(many["label"].tolist())) == 2
        assert [each["label"][0] for each in found] == many["label"].tolist() * 5
        assert np.allclose(np.concatenate([each["probabilities"] for each in found[:40]]), many["probabilities"], atol=1e-6)

    @pytest.mark.parametrize("width", [1, 3])
    @pytest.mark.parametrize("type_", ["FLOAT", "DOUBLE", "FLOAT16", "INT8", "INT16", "INT32", "INT64", "UINT8", "UINT16", "UINT32", "UINT64", "BOOL"])
    def test_one_row_of_every_type_of_number_is_answered_anew(self, tmp_path: Path, type_: str, width: int) -> None:
        runtime = _identity(tmp_path / "m.onnx", type_, width)
        reader = Reader(runtime.signature, runtime.dtypes)
        ones = [[{"name": "x", "shape": [1, width], "datatype": runtime.signature.inputs[0].datatype, "data": [type_ == "BOOL" or 1] * width}]]
        noughts = [ones[0][0] | {"data": [type_ != "BOOL" and 0] * width}]
        found = [runtime.predict(reader.read(each), ["y"])[0] for each in (*ones, noughts, *ones)]
        assert [each.tolist() for each in found] == [[[1] * width], [[0] * width], [[1] * width]]
        assert found[0].dtype == runtime.dtypes["x"]

    def test_one_row_may_be_as_wide_as_it_likes_where_the_model_leaves_that_open(self, tmp_path: Path) -> None:
        runtime = _identity(tmp_path / "m.onnx", "FLOAT", None)
        reader = Reader(runtime.signature, runtime.dtypes)
        for width in (1, 3, 5, 2, 3):
            row = [float(i) for i in range(width)]
            assert runtime.predict(reader.read([{"name": "x", "shape": [1, width], "datatype": "FP32", "data": row}]), ["y"])[0].tolist() == [row]

    def test_a_graph_with_outputs_the_protocol_cannot_carry_is_refused(self, tmp_path: Path) -> None:
        from skl2onnx import to_onnx

        X = np.zeros((4, 2), dtype=np.float32)
        (tmp_path / "m.onnx").write_bytes(to_onnx(RandomForestClassifier(2).fit(X, [0, 1, 0, 1]), X).SerializeToString())
        with pytest.raises(ModelFault, match="which the protocol cannot carry; export plain tensors"):
            OnnxRuntime(tmp_path / "m.onnx", None)

    def test_a_graph_input_that_the_signature_does_not_name_is_refused(self, tmp_path: Path) -> None:
        made = models.flights(tmp_path)
        (tmp_path / "signature.json").write_text(json.dumps(made.signature | {"inputs": made.signature["inputs"][1:]}))
        with pytest.raises(ModelFault, match="inputs that the signature does not name: distance"):
            load(artifact.local(tmp_path), Identity("m", "1"))


def _identity(path: Path, type_: str, width: int | None) -> OnnxRuntime:
    import onnx
    from onnx import helper

    x, y = (helper.make_tensor_value_info(name, getattr(onnx.TensorProto, type_), [None, width]) for name in "xy")
    graph = helper.make_graph([helper.make_node("Identity", ["x"], ["y"])], "g", [x], [y])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return OnnxRuntime(path, None)


def _numbers_of_both_kinds(folder: Path, classes: tuple[Any, Any]) -> Path:
    """A model of two real numbers and a whole one, as other tools export it."""
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType, Int64TensorType

    X = np.random.default_rng(7).integers(-3, 4, size=(200, 3))
    frame = pd.DataFrame({"a": X[:, 0].astype(float), "b": X[:, 1].astype(float), "whole": X[:, 2]})
    columns = ColumnTransformer([("real", StandardScaler(), ["a", "b"]), ("whole", StandardScaler(), ["whole"])])
    model = Pipeline([("columns", columns), ("model", RandomForestClassifier(5, random_state=0))])
    model.fit(frame, np.array(classes)[(frame["a"] + frame["whole"] > 0).astype(int)])
    types = [(name, Int64TensorType([None, 1]) if name == "whole" else FloatTensorType([None, 1])) for name in frame]
    path = folder / "model.onnx"
    path.write_bytes(to_onnx(model, initial_types=types, options={"zipmap": False}).SerializeToString())
    return folder


class TestSkops(RuntimeContract):
    format = "skops"

    def test_types_that_are_not_on_our_list_never_come_to_life(self, tmp_path: Path) -> None:
        from skops import io

        io.dump(Pipeline([("f", FunctionTransformer(np.save))]).fit([[0.0]]), tmp_path / "model.skops")
        with pytest.raises(ModelFault, match=r"contains types that are not allowed: numpy\.save"):
            SkopsRuntime(tmp_path / "model.skops", None)

    def test_gradient_boosting_with_missing_numbers_is_served(self, tmp_path: Path) -> None:
        made = models.boosted(tmp_path)
        rows = models.table(100, seed=4)
        found = self.answer(load(artifact.local(tmp_path), Identity("m", "1")), models.request(rows, made.signature))
        assert np.array_equal(found["probability"], made.model.predict_proba(rows))

    @pytest.mark.parametrize("estimator", [KNeighborsRegressor(n_jobs=-1), RandomForestClassifier(5, n_jobs=-1)])
    def test_no_pool_of_workers_is_started_for_a_row(self, tmp_path: Path, estimator: Any) -> None:
        from skops import io

        io.dump(estimator.fit(np.eye(6), [0, 1, 0, 1, 0, 1]), tmp_path / "model.skops")
        assert SkopsRuntime(tmp_path / "model.skops", None)._model.n_jobs == 1

    def test_a_model_that_was_brought_is_read_by_its_estimator(self, tmp_path: Path) -> None:
        from skops import io

        io.dump(RandomForestClassifier(3, random_state=0).fit(np.eye(4), ["a", "b", "a", "b"]), tmp_path / "model.skops")
        runtime = SkopsRuntime(tmp_path / "model.skops", None)
        assert [(each.name, each.datatype, each.shape) for each in runtime.signature.inputs] == [("x", "FP64", [-1, 4])]
        label, probability = runtime.predict(Read(4, ["x"], [], [], {"x": np.eye(4)}, {}), ["label", "probability"])
        assert label.tolist() == np.array(["a", "b"])[probability.argmax(axis=1)].tolist()

    def test_a_classifier_without_probabilities_answers_labels(self, tmp_path: Path) -> None:
        from skops import io

        io.dump(LinearSVC().fit(np.eye(4), ["a", "b", "a", "b"]), tmp_path / "model.skops")
        runtime = SkopsRuntime(tmp_path / "model.skops", None)
        assert [each.name for each in runtime.signature.outputs] == ["label"]
        assert runtime.predict(Read(4, ["x"], [], [], {"x": np.eye(4)}, {}), ["label"])[0].tolist() == ["a", "b", "a", "b"]
