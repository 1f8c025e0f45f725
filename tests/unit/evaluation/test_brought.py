"""Models that people bring: one file, from which everything is read that others say beside it."""

import hashlib

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge

from support import models as made
from support.memory_store import MemoryStore
from trimtab.api.evaluation import ModelPointer
from trimtab.jobs.evaluation import brought
from trimtab.jobs.evaluation.models import opened
from trimtab.store.errors import DigestMismatch

X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)


def put(store, path, **changes):
    uri = f"s3://bucket/{path.name}"
    store.put(uri, path.read_bytes())
    found = {"name": "flights-v3", "version": 3, "uri": uri, "sha256": hashlib.sha256(path.read_bytes()).hexdigest(), "format": path.suffix[1:]}
    return ModelPointer(**(found | changes))


def test_a_graph_with_one_wide_input_is_asked_by_lists(tmp_path):
    path = made.brought(tmp_path)
    signature = brought.signature_of(path)
    assert [(each.name, each.shape) for each in signature.inputs] == [("X", [-1, 3])]
    found = brought.load(path, signature)(pd.DataFrame({"X": pd.Series(X.tolist(), dtype=object)}))
    assert found.probability.shape == (200, 2)
    assert set(np.unique(found.said)) == {0, 1}


def test_a_graph_with_a_column_an_input_takes_text_and_numbers(tmp_path):
    flights = made.flights(tmp_path / "flights")
    path = tmp_path / "flights" / "model.onnx"
    found = brought.load(path, brought.signature_of(path))(flights.frame)
    assert np.allclose(found.probability, flights.model.predict_proba(flights.frame), atol=1e-5)
    assert found.said.tolist() == flights.model.predict(flights.frame).tolist()


@pytest.mark.parametrize(("estimator", "task"), [(LogisticRegression(), "classification"), (Ridge(), "regression")])
def test_an_estimator_says_itself_what_it_takes(tmp_path, estimator, task):
    from skops import io

    frame = pd.DataFrame(X.astype(np.float64), columns=["a", "b", "c"])
    io.dump(estimator.fit(frame, X[:, 0] > 0), tmp_path / "model.skops")
    store = MemoryStore()
    model = opened(store, put(store, tmp_path / "model.skops"), tmp_path / "scratch")
    assert ([each.name for each in model.inputs], model.task) == (["a", "b", "c"], task)
    assert len(model.predict(frame).said) == 200
    assert (model.promised, model.profile, model.learned_rows) == (None, None, 0)


def test_a_file_that_is_not_the_registered_one_is_never_loaded(tmp_path):
    store = MemoryStore()
    pointer = put(store, made.brought(tmp_path), sha256="0" * 64)
    with pytest.raises(DigestMismatch):
        opened(store, pointer, tmp_path / "scratch")
