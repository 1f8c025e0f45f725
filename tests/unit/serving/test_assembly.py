"""Whatever way columns take into a fitted pipeline, the pipeline answers as it does for a DataFrame."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler

from support.models import BOOLEAN, NUMERIC, TEXT, table, target
from trimtab_serving import assembly

FRAME = table(200, seed=2)
DTYPES = {name: FRAME[name].to_numpy().dtype for name in FRAME.columns}
WORDS = [*TEXT, *BOOLEAN]
SCALED = make_pipeline(SimpleImputer(), StandardScaler())


def fitted(*parts: tuple[str, Any, Any], **more: Any) -> Pipeline:
    return Pipeline([("columns", ColumnTransformer(list(parts), **more)), ("model", LogisticRegression(max_iter=300))]).fit(FRAME, target(FRAME))


def columns_of(frame: pd.DataFrame) -> dict[str, np.ndarray]:
    return {name: frame[name].to_numpy().reshape(-1, 1) for name in frame.columns}


def answers(model: Pipeline) -> tuple[np.ndarray, np.ndarray, Any]:
    """The model's own answers for rows it never saw, ours for the same, and how ours were assembled."""
    rows = table(50, seed=8)
    expected = model.predict_proba(rows)
    assemble, rest = assembly.split(model, DTYPES)
    return expected, rest.predict_proba(assemble(columns_of(rows))), assemble


WITHOUT_A_FRAME = {
    "numbers scaled, text one column each": lambda: fitted(("n", SCALED, list(NUMERIC)), ("c", OneHotEncoder(handle_unknown="ignore"), WORDS)),
    "text numbered": lambda: fitted(("c", OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1), WORDS), ("n", SimpleImputer(), list(NUMERIC))),
    "a column dropped": lambda: fitted(("n", SCALED, list(NUMERIC)), ("d", "drop", ["origin"]), ("c", OneHotEncoder(), ["carrier"])),
    "columns by number": lambda: fitted(("n", SCALED, [0, 1]), ("c", OneHotEncoder(), [2])),
    "one part in two": lambda: fitted(("a", SCALED, ["distance"]), ("b", SCALED, ["temperature", "distance"])),
}

WITH_A_FRAME = {
    "a part that mixes text and numbers": lambda: fitted(("c", OneHotEncoder(handle_unknown="ignore"), ["carrier", "distance"])),
    "columns by a mask": lambda: fitted(("n", SCALED, [True, True, False, False, False])),
    "one part by a mask": lambda: fitted(("n", SCALED, [True, True, False, False, False]), ("c", OneHotEncoder(), ["carrier"])),
    "a slice": lambda: fitted(("n", SCALED, slice(0, 2)), ("c", OneHotEncoder(), ["carrier"])),
    "one column as a vector": lambda: fitted(("n", FunctionTransformer(lambda v: v.to_frame().fillna(0)), "temperature"), ("c", OneHotEncoder(), ["carrier"])),
    "columns inside columns": lambda: fitted(("n", ColumnTransformer([("d", "passthrough", ["distance"])]), list(NUMERIC))),
    "a part that wants frames out": lambda: fitted(("n", SimpleImputer().set_output(transform="pandas"), list(NUMERIC))),
}


@pytest.mark.parametrize("build", WITHOUT_A_FRAME.values(), ids=WITHOUT_A_FRAME.keys())
def test_plain_parts_take_arrays_and_answer_the_same(build: Any) -> None:
    expected, found, assemble = answers(build())
    assert assemble is not assembly.frame
    assert np.allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize("build", WITH_A_FRAME.values(), ids=WITH_A_FRAME.keys())
def test_parts_that_might_need_names_keep_the_frame(build: Any) -> None:
    expected, found, assemble = answers(build())
    assert assemble is assembly.frame
    assert np.array_equal(found, expected)


def test_the_columns_left_over_are_passed_on() -> None:
    numbers = FRAME[list(NUMERIC)].fillna(0)
    columns = ColumnTransformer([("n", StandardScaler(), ["distance"])], remainder="passthrough")
    model = Pipeline([("columns", columns), ("model", LogisticRegression())]).fit(numbers, target(FRAME))
    expected = model.predict_proba(numbers)
    assemble, rest = assembly.split(model, DTYPES)
    assert np.allclose(rest.predict_proba(assemble(columns_of(numbers))), expected, atol=1e-7)


def test_a_step_before_the_columns_keeps_the_frame() -> None:
    columns = ColumnTransformer([("n", SimpleImputer(), list(NUMERIC))])
    model = Pipeline([("as it is", FunctionTransformer()), ("columns", columns), ("model", LogisticRegression())]).fit(FRAME, target(FRAME))
    assert assembly.split(model, DTYPES) == (assembly.frame, model)


def test_a_model_that_knows_no_names_takes_one_matrix() -> None:
    model = LogisticRegression().fit(np.eye(4), [0, 1, 0, 1])
    assemble, _ = assembly.split(model, {})
    assert assemble({"a": np.ones((2, 1)), "b": np.zeros((2, 1))}).tolist() == [[1, 0], [1, 0]]
