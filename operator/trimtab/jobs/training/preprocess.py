"""From typed columns to what an estimator can fit, where a person spelled no pipeline out.

| estimator                      | numbers                     | categories                                  |
| HistGradientBoosting*          | as they are, NaN included   | numbered by frequency; rare and unseen: -1  |
| trees and forests of trees     | median where missing        | numbered by frequency; rare and unseen: -1  |
| everything else                | median where missing, scaled | one column each; rare and unseen: all zero |

The categories are listed explicitly rather than found by the encoder: so ONNX, scikit-learn and a client that sends a
new word all agree, and a column of a million words stays bounded.
"""

from typing import Any

import numpy as np
import pandas as pd

from trimtab.jobs.training.roles import Roles

RARE_BELOW = 5
"""A word seen in fewer training rows says nothing that a new word would not."""

MOST_NUMBERED = 100
MOST_ONE_HOT = 50
WIDEST_ONE_HOT = 2000
"""All one-hot columns of a model together: beyond, each category column keeps fewer words."""

_TREES = ("sklearn.tree.", "sklearn.ensemble._forest", "sklearn.ensemble._gb", "sklearn.ensemble._bagging", "sklearn.ensemble._weight_boosting")


def transformer_for(estimator: Any, train: pd.DataFrame, roles: Roles) -> Any:
    """An unfitted ColumnTransformer that suits the estimator and these training rows."""
    module = type(estimator).__module__
    if "_hist_gradient_boosting" in module:
        return _transformer(roles, "passthrough", _numbered(train, roles))
    if module.startswith(_TREES):
        return _transformer(roles, _median(), _numbered(train, roles))
    return _transformer(roles, _scaled(), _one_hot(train, roles))


def categories_of(train: pd.DataFrame, columns: tuple[str, ...], most: int) -> dict[str, list[str]]:
    """The most frequent words of each column, most frequent first (ties by spelling); columns without any are left out."""
    found = {}
    for name in columns:
        counts = train[name].value_counts()
        frequent = counts[counts >= min(RARE_BELOW, max(1, len(train) // 20))]
        words = sorted(frequent.index, key=lambda word: (-frequent[word], word))[:most]
        if words:
            found[name] = words
    return found


def _transformer(roles: Roles, numeric: Any, categorical: tuple[Any, list[str]]) -> Any:
    from sklearn.compose import ColumnTransformer

    encoder, columns = categorical
    steps = [("numeric", numeric, list(roles.numeric))] if roles.numeric else []
    return ColumnTransformer([*steps, *([("categorical", encoder, columns)] if columns else [])], verbose_feature_names_out=False)


def _median() -> Any:
    from sklearn.impute import SimpleImputer

    return SimpleImputer(strategy="median", keep_empty_features=True)


def _scaled() -> Any:
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import StandardScaler

    return Pipeline([("missing", _median()), ("scale", StandardScaler())])


def _numbered(train: pd.DataFrame, roles: Roles) -> tuple[Any, list[str]]:
    from sklearn.preprocessing import OrdinalEncoder

    words = categories_of(train, roles.categorical, MOST_NUMBERED)
    encoder = OrdinalEncoder(categories=list(words.values()), handle_unknown="use_encoded_value", unknown_value=-1, dtype=np.float32)
    return encoder, list(words)


def _one_hot(train: pd.DataFrame, roles: Roles) -> tuple[Any, list[str]]:
    from sklearn.preprocessing import OneHotEncoder

    most = max(2, min(MOST_ONE_HOT, WIDEST_ONE_HOT // max(1, len(roles.categorical))))
    words = categories_of(train, roles.categorical, most)
    return OneHotEncoder(categories=list(words.values()), handle_unknown="ignore", sparse_output=False, dtype=np.float32), list(words)
