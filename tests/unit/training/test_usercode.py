"""Training code of a person's own."""

import hashlib

import numpy as np
import pytest

from support.tables import learnable, table
from trimtab.api.trainingjob import PythonTrainer
from trimtab.jobs.errors import TryAgain, UserFault
from trimtab.jobs.training.fit import Fitted, Point
from trimtab.jobs.training.usercode import context, read_code, run

ROLES, ROWS = learnable(table(300))
TRAINER = PythonTrainer.model_validate({"configMap": {"name": "code", "key": "fit.py"}})
HEAD = "from sklearn.linear_model import LogisticRegression\nfrom sklearn.dummy import DummyClassifier\n"


def ran(body: str, heard: list[Point] | None = None) -> Fitted:
    made = context(ROLES, ROWS["train"], ROWS["validation"], 5, (heard if heard is not None else []).append)
    return run(TRAINER, HEAD + body, made)


def refused(body: str) -> str:
    with pytest.raises(UserFault) as told:
        ran(body)
    return str(told.value)


def test_what_the_function_returns_is_the_model():
    found = ran("def train(c):\n    return DummyClassifier().fit(c.train.X, c.train.y)")
    assert type(found.estimator).__name__ == "DummyClassifier"
    assert found.best_iteration is None


def test_the_context_says_what_there_is_to_learn_from():
    body = """
def train(c):
    assert c.features == ("carrier", "hour", "distance", "weekend")
    assert (c.numeric, c.categorical) == (("hour", "distance"), ("carrier", "weekend"))
    assert (c.task, c.classes, c.seed) == ("classification", ("false", "true"), 5)
    assert len(c.train.X) == 210 and len(c.validation.y) == 45 and len(c.train.times) == 210
    return DummyClassifier().fit(c.train.X, c.train.y)
"""
    assert ran(body)


def test_the_checkpoint_with_the_highest_score_wins_over_what_is_returned():
    body = """
def train(c):
    model = DummyClassifier(strategy="constant", constant="true").fit(c.train.X, c.train.y)
    c.checkpoint(model, 0.5)
    c.checkpoint(DummyClassifier(strategy="constant", constant="false").fit(c.train.X, c.train.y), 0.9)
    c.checkpoint(model, 0.7)
    return model
"""
    found = ran(body)
    assert (found.estimator.constant, found.best_iteration) == ("false", 2)


def test_a_checkpoint_is_a_copy():
    body = """
def train(c):
    model = DummyClassifier(strategy="prior").fit(c.train.X, c.train.y)
    c.checkpoint(model, 1)
    model.classes_ = None
"""
    assert ran(body).estimator.classes_ is not None


def test_metrics_are_heard_and_count_their_own_steps():
    heard: list[Point] = []
    ran("def train(c):\n    [c.log_metric('a', v) for v in (1, 2)]\n    c.log_metric('b', 3, 7)\n    return DummyClassifier().fit(c.train.X, c.train.y)", heard)
    assert [(point.metric, point.iteration, point.value) for point in heard] == [("a", 1, 1.0), ("a", 2, 2.0), ("b", 7, 3.0)]


def test_the_default_preprocessing_is_at_hand():
    body = """
from sklearn.pipeline import make_pipeline
def train(c):
    model = LogisticRegression()
    return make_pipeline(c.columns_for(model), model).fit(c.train.X, c.train.y)
"""
    assert ran(body).estimator.score(ROWS["test"].X, ROWS["test"].y) > 0.6


@pytest.mark.parametrize(
    ("body", "sentence"),
    [
        ("def train(c):\n    x = {}\n    return x['a']", "spec.trainer.python: fit.py, line 5, in train: KeyError: 'a'"),
        ("def train(c:\n    pass", "fit.py, line 3: SyntaxError"),
        ("import nothing_of_the_kind\n", "fit.py, line 3, in <module>: ModuleNotFoundError"),
        ("def fit(c): pass\ndef other(c): pass", "spec.trainer.python.function: fit.py has no function train; it has fit, other."),
        ("def train(c): return None", "train returned NoneType; return a fitted scikit-learn estimator, or call context.checkpoint."),
        ("def train(c): return LogisticRegression()", "not fitted on named columns"),
        ("def train(c):\n    return LogisticRegression().fit(c.train.X[['distance']].to_numpy(), c.train.y)", "not fitted on named columns"),
        ("def train(c):\n    return LogisticRegression().fit(c.train.X[['distance']].assign(twice=1), c.train.y)", "the Dataset does not have: twice"),
        ("def train(c): raise SystemExit(1)", "the code called exit(1)"),
    ],
)
def test_what_is_wrong_with_the_code_is_told_with_its_place(body, sentence):
    assert sentence in refused(body)


def test_code_that_runs_out_of_memory_is_no_fault_in_its_line():
    with pytest.raises(MemoryError):
        ran("def train(c):\n    raise MemoryError")


def test_an_error_inside_a_library_names_the_persons_own_line():
    assert "fit.py, line 4, in train: ValueError" in refused("def train(c):\n    LogisticRegression().fit(c.train.X, c.train.y)")


def test_the_traceback_is_printed_for_the_log(capsys):
    refused("def train(c):\n    return 1 / 0")
    assert "Traceback" in capsys.readouterr().err


def test_the_code_that_runs_is_the_code_the_run_was_started_for(tmp_path):
    (tmp_path / "fit.py").write_text("x = 1")
    assert read_code(TRAINER, hashlib.sha256(b"x = 1").hexdigest(), tmp_path) == "x = 1"
    with pytest.raises(TryAgain) as told:
        read_code(TRAINER, hashlib.sha256(b"x = 2").hexdigest(), tmp_path)
    assert told.value.result.reason == "CodeChanged"


def test_code_that_is_not_mounted_is_tried_again(tmp_path):
    with pytest.raises(TryAgain):
        read_code(TRAINER, "", tmp_path)


def test_rows_are_float32_and_text_to_the_code():
    dtypes = ROWS["train"].X.dtypes
    assert (dtypes["hour"], dtypes["carrier"]) == (np.float32, object)
