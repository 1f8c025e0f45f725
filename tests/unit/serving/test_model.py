"""A model is ready when its golden examples come out again; otherwise the sentence says which row differs and how."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from support import models
from trimtab.api.reasons import Reason
from trimtab_serving import artifact, openapi
from trimtab_serving.errors import GoldenMismatch, ModelFault
from trimtab_serving.model import Identity, Model, load, warm_up

WHO = Identity("flights", "7", "flights-prod", "d1")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> models.Made:
    return models.flights(tmp_path_factory.mktemp("flights"))


@pytest.fixture
def with_golden(made: models.Made, tmp_path: Path) -> Callable[[Callable[[dict[str, Any]], None]], Model]:
    """The model, with its golden examples changed."""

    def build(change: Callable[[dict[str, Any]], None]) -> Model:
        golden = json.loads((made.folder / "golden.json").read_text())
        change(golden)
        for name in ("model.onnx", "signature.json"):
            (tmp_path / name).write_bytes((made.folder / name).read_bytes())
        (tmp_path / "golden.json").write_text(json.dumps(golden))
        return load(artifact.local(tmp_path), WHO)

    return build


def test_golden_examples_come_out_again(made: models.Made) -> None:
    assert warm_up(load(artifact.local(made.folder), WHO)) == models.GOLDEN


def test_a_probability_beyond_the_tolerance_is_said_with_both_values(with_golden: Any) -> None:
    model = with_golden(lambda golden: golden["outputs"]["probability"].__setitem__(3, [0.25, 0.75]))
    with pytest.raises(GoldenMismatch, match=r"probability of row 3 is .*, in training it was \[0.25 0.75\]; 1 of 32 rows differ") as caught:
        warm_up(model)
    assert caught.value.reason is Reason.GOLDEN_MISMATCH


def test_a_probability_within_the_tolerance_passes(with_golden: Any) -> None:
    def shift(golden: dict[str, Any]) -> None:
        golden["outputs"]["probability"] = [[a + 4e-6, b - 4e-6] for a, b in golden["outputs"]["probability"]]

    assert warm_up(with_golden(shift)) == models.GOLDEN


def test_another_label_is_said(with_golden: Any) -> None:
    with pytest.raises(GoldenMismatch, match=r"label of row 0 is \w+, in training it was neither"):
        warm_up(with_golden(lambda golden: golden["outputs"]["label"].__setitem__(0, "neither")))


def test_another_number_of_rows_is_said(with_golden: Any) -> None:
    with pytest.raises(GoldenMismatch, match="label has 32 rows, in training it had 31"):
        warm_up(with_golden(lambda golden: golden["outputs"]["label"].pop()))


def test_golden_examples_that_the_signature_refuses_make_the_model_unusable(with_golden: Any) -> None:
    with pytest.raises(ModelFault, match="its own examples are refused: tensor distance"):
        warm_up(with_golden(lambda golden: golden["inputs"].pop("distance")))


def test_a_regression_is_compared_at_its_own_scale(tmp_path: Path) -> None:
    models.numbers(tmp_path)
    golden = json.loads((tmp_path / "golden.json").read_text())
    factor = 1 + 5e-6
    golden["outputs"]["prediction"] = [value * factor for value in golden["outputs"]["prediction"]]
    (tmp_path / "golden.json").write_text(json.dumps(golden))
    assert warm_up(load(artifact.local(tmp_path), WHO)) == models.GOLDEN


def test_a_model_without_examples_must_at_least_answer_a_row(tmp_path: Path) -> None:
    path = models.brought(tmp_path)
    path.rename(tmp_path / "model.onnx")
    assert warm_up(load(artifact.local(tmp_path), WHO)) == 0


def test_the_openapi_example_is_a_request_that_the_model_answers(made: models.Made) -> None:
    model = load(artifact.local(made.folder), WHO)
    example = openapi.document(model)["paths"]["/v2/models/flights/infer"]["post"]["requestBody"]["content"]["application/json"]["example"]
    assert model.protocol.decode(json.dumps(example).encode()).rows == 1


def test_the_openapi_schema_admits_what_the_model_answers_and_no_other_tensor(made: models.Made) -> None:
    content = openapi.document(load(artifact.local(made.folder), WHO))["paths"]["/v2/models/flights/infer"]["post"]["requestBody"]["content"]
    schema, example = (content["application/json"][each] for each in ("schema", "example"))
    jsonschema.validate(example, schema)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({"inputs": [example["inputs"][0] | {"name": "distanse"}]}, schema)


def test_the_openapi_document_names_every_input_and_what_it_accepts(made: models.Made) -> None:
    document = openapi.document(load(artifact.local(made.folder), WHO))
    schema = document["paths"]["/v2/models/flights/infer"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    tensors = {each["title"]: each["properties"] for each in schema["properties"]["inputs"]["items"]["anyOf"]}
    assert list(tensors) == [each["name"] for each in made.signature["inputs"]]
    assert tensors["carrier"]["datatype"]["enum"] == ["BYTES"]
    assert "INT64" in tensors["distance"]["datatype"]["enum"]
