"""How much a server takes on at once, and what it does on its event loop."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from support import models
from trimtab_serving import artifact, pace
from trimtab_serving.budget import Budget, Held
from trimtab_serving.errors import Refusal
from trimtab_serving.model import INLINE_ROWS, Identity, Model, load
from trimtab_serving.tensors import Read


def test_bodies_beyond_the_budget_are_sent_away_until_others_are_answered() -> None:
    budget = Budget(100)
    first, second = Held(budget), Held(budget)
    first.take(60)
    with pytest.raises(Refusal) as refused:
        second.take(41)
    assert (refused.value.status, dict(refused.value.headers)[b"retry-after"]) == (503, b"1")
    second.take(40)
    first.release()
    second.take(60)
    second.release()
    assert budget.held == 0


def test_a_body_that_comes_alone_is_always_taken() -> None:
    alone = Held(Budget(100))
    alone.take(1000)


def test_what_was_taken_is_given_back_once() -> None:
    budget = Budget(100)
    held = Held(budget)
    held.take(10)
    held.take(20)
    held.release()
    held.release()
    assert budget.held == 0


@pytest.fixture(scope="module", params=["onnx", "skops"])
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Model:
    return load(artifact.local(models.flights(tmp_path_factory.mktemp("flights"), request.param).folder), Identity("flights", "7"))


class Clock:
    """Time that only a model's rows take."""

    now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    found = Clock()
    monkeypatch.setattr(pace, "time", found)
    return found


def slowed(model: Model, seconds_a_row: float, clock: Clock) -> Model:
    """The same answers, later."""

    def predict(inputs: Read, wanted: Any) -> Any:
        clock.now += seconds_a_row * inputs.rows
        return model.runtime.predict(inputs, wanted)

    runtime = SimpleNamespace(signature=model.signature, dtypes=model.runtime.dtypes, predict=predict)
    return Model(model.identity, model.signature, runtime, model.protocol, "d", "p", model.golden, 0)


@pytest.mark.parametrize(("seconds_a_row", "rows"), [(0.0, INLINE_ROWS), (0.006, 0), (0.004, 1), (0.001, 4), (0.0001, 16)])
def test_a_model_answers_as_many_rows_inline_as_nobody_notices(model: Model, clock: Clock, seconds_a_row: float, rows: int) -> None:
    assert pace.paced(slowed(model, seconds_a_row, clock)).inline_rows == rows


def test_measuring_a_very_slow_model_takes_a_few_rows_only(model: Model, clock: Clock) -> None:
    pace.paced(slowed(model, 1.0, clock))
    assert clock.now == pace.TRIES


@pytest.mark.usefixtures("clock")
def test_a_model_without_examples_is_measured_on_a_row_that_is_made_up(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    models.brought(tmp_path / "model").rename(tmp_path / "model/model.onnx")
    assert pace.paced(load(artifact.local(tmp_path / "model"), Identity("forest", "1"))).inline_rows == INLINE_ROWS
