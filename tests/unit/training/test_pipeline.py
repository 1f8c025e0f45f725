"""A pipeline spelled out in the recipe."""

import pytest

from support.tables import learnable, table
from trimtab.api.trainingjob import Step
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.pipeline import spelled_out

ROLES, ROWS = learnable(table(300))
IMPUTE = {"estimator": "sklearn.impute.SimpleImputer"}
SCALE = {"estimator": "sklearn.preprocessing.StandardScaler"}
ENCODE = {"estimator": "sklearn.preprocessing.OneHotEncoder", "parameters": {"handle_unknown": "ignore"}}
MODEL = {"estimator": "sklearn.linear_model.LogisticRegression"}


def made(*steps: dict):
    return spelled_out([Step.model_validate(step) for step in steps], ROLES, 3)


def refused(*steps: dict) -> str:
    with pytest.raises(UserFault) as told:
        made(*steps)
    return str(told.value)


def test_steps_with_equal_columns_follow_each_other_and_others_stand_beside_them():
    pipeline = made(IMPUTE | {"columns": ["numeric"]}, ENCODE | {"columns": ["categorical"]}, SCALE | {"columns": ["numeric"]}, MODEL)
    branches = pipeline.named_steps["columns"].transformers
    assert [columns for _, _, columns in branches] == [["hour", "distance"], ["carrier", "weekend"]]
    assert [type(step).__name__ for _, step in branches[0][1].steps] == ["SimpleImputer", "StandardScaler"]
    assert type(branches[1][1]).__name__ == "OneHotEncoder"
    pipeline.fit(ROWS["train"].X, ROWS["train"].y)
    assert pipeline.score(ROWS["test"].X, ROWS["test"].y) > 0.6


def test_steps_without_columns_work_on_all_that_came_out():
    pipeline = made(IMPUTE | {"columns": ["hour", "distance"]}, SCALE, MODEL)
    assert [type(step).__name__ for _, step in pipeline.steps] == ["ColumnTransformer", "StandardScaler", "LogisticRegression"]


def test_columns_can_be_named_one_by_one():
    assert made(IMPUTE | {"columns": ["hour"]}, MODEL).named_steps["columns"].transformers[0][2] == ["hour"]


def test_the_seed_reaches_every_step():
    assert made({"estimator": "sklearn.decomposition.PCA"}, MODEL)[0].random_state == 3


def test_an_unknown_column_is_answered_with_the_nearest():
    said = refused(IMPUTE | {"columns": ["hours"]}, MODEL)
    assert said.startswith("spec.trainer.pipeline[0].columns: there is no column hours")
    assert said.endswith("Did you mean hour?")


def test_an_unknown_parameter_is_named_with_its_step():
    assert refused(IMPUTE | {"columns": ["hour"]}, {**MODEL, "parameters": {"c": 1}}).startswith("spec.trainer.pipeline[1].parameters.c")


def test_columns_after_a_step_without_them_are_refused():
    assert "steps with columns come first" in refused(SCALE, IMPUTE | {"columns": ["hour"]}, MODEL)


def test_a_pipeline_without_a_last_estimator_is_refused():
    assert "the last step must be an estimator" in refused(IMPUTE | {"columns": ["hour"]})
