"""From typed columns to what an estimator can fit."""

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from support.tables import learnable, table
from trimtab.jobs.training.preprocess import MOST_ONE_HOT, RARE_BELOW, WIDEST_ONE_HOT, categories_of, transformer_for
from trimtab.jobs.training.roles import Roles

ROLES, ROWS = learnable(table(600))
TRAIN = ROWS["train"].X


def transformed(estimator, extra: pd.DataFrame = TRAIN) -> np.ndarray:
    return np.asarray(transformer_for(estimator, TRAIN, ROLES).fit(TRAIN).transform(extra), dtype=float)


def words(*counts: tuple[str, int]) -> pd.DataFrame:
    return pd.DataFrame({"word": [word for word, count in counts for _ in range(count)]})


def test_gradient_boosting_gets_missing_numbers_as_they_are():
    assert np.isnan(transformed(HistGradientBoostingClassifier())[:, 0]).mean() == pytest.approx(TRAIN["hour"].isna().mean())


def test_forests_get_the_median_where_a_number_is_missing():
    found = transformed(RandomForestClassifier())[TRAIN["hour"].isna(), 0]
    assert np.unique(found) == pytest.approx(np.nanmedian(TRAIN["hour"]))


def test_linear_models_get_scaled_numbers():
    found = transformed(LogisticRegression())[:, :2]
    assert found.mean(axis=0) == pytest.approx([0, 0], abs=1e-4)
    assert found.std(axis=0) == pytest.approx([1, 1], abs=1e-3)


@pytest.mark.parametrize(("estimator", "expected"), [(LogisticRegression(), 0), (RandomForestClassifier(), -1), (HistGradientBoostingClassifier(), -1)])
def test_a_word_never_seen_is_like_no_other(estimator, expected):
    strange = TRAIN.iloc[:1].assign(carrier="ZZ", weekend="ZZ")
    assert set(transformed(estimator, strange)[0, 2:]) == {expected}


def test_words_are_ordered_by_frequency_then_by_spelling():
    assert categories_of(words(("b", 9), ("a", 9), ("c", 20)), ("word",), 10) == {"word": ["c", "a", "b"]}


def test_rare_words_are_left_to_the_unseen():
    assert categories_of(words(("often", 200), ("rare", RARE_BELOW - 1)), ("word",), 10) == {"word": ["often"]}


def test_in_a_small_table_fewer_rows_are_enough():
    assert categories_of(words(("a", 15), ("b", 3)), ("word",), 10) == {"word": ["a", "b"]}


def test_a_column_of_many_words_stays_bounded():
    many = words(*((f"w{number:03}", 1000 - number) for number in range(80)))
    columns = transformer_for(LogisticRegression(), many, of_words("word")).fit_transform(many)
    assert columns.shape[1] == MOST_ONE_HOT


def test_many_columns_of_words_share_a_bound():
    wide = pd.DataFrame({f"c{number}": [f"v{row % 40}" for row in range(400)] for number in range(500)})
    columns = transformer_for(LogisticRegression(), wide, of_words(*wide.columns)).fit_transform(wide)
    assert columns.shape[1] <= WIDEST_ONE_HOT


def test_a_column_with_nothing_but_rare_words_is_not_used():
    ids = pd.DataFrame({"word": [f"id{row}" for row in range(300)]})
    assert transformer_for(LogisticRegression(), ids, of_words("word")).transformers == []


def of_words(*names: str) -> Roles:
    return Roles("classification", "late", "boolean", None, names, (), names)
