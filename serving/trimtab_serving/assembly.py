"""How columns become the X of a fitted scikit-learn pipeline, without a DataFrame where that says the same.

A ColumnTransformer takes four fifths of a small request's time, nearly all of it for finding columns in a DataFrame by name.
Its fitted parts do not need that: each is given its own columns as an array, and the results are put side by side, which is
what the ColumnTransformer does itself. Where a part might look at names, or mixes text and numbers, the DataFrame stays.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = Mapping[str, NDArray[Any]]
Assemble = Callable[[Columns], Any]
Part = tuple[Any, list[str]]


def split(model: Any, dtypes: Mapping[str, np.dtype[Any]]) -> tuple[Assemble, Any]:
    """What makes X of columns, and the part of the model that takes this X."""
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    if not names:
        return matrix, model
    parts = _parts(model, names)
    if parts and all(_is_plain(part, columns, dtypes) for part, columns in parts):
        return _side_by_side(parts), type(model)(model.steps[1:])
    return frame, model


def frame(columns: Columns) -> Any:
    import pandas as pd

    return pd.DataFrame({name: column[:, 0] for name, column in columns.items()}, copy=False)


def matrix(columns: Columns) -> NDArray[Any]:
    arrays = list(columns.values())
    return arrays[0] if len(arrays) == 1 else np.hstack(arrays)


def _parts(model: Any, names: list[str]) -> list[Part]:
    """The fitted parts of a leading ColumnTransformer with the names of their columns; none where there is no such thing."""
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    if not isinstance(model, Pipeline) or len(model.steps) < 2 or type(model.steps[0][1]) is not ColumnTransformer:
        return []
    fitted = [(part, columns) for _, part, columns in model.steps[0][1].transformers_ if not isinstance(part, str)]
    if not all(_names_columns(columns) for _, columns in fitted):
        return []
    return [(part, [each if isinstance(each, str) else names[each] for each in columns]) for part, columns in fitted if len(columns)]


def _names_columns(columns: Any) -> bool:
    """Columns by name or number; not a mask, a slice or a function."""
    return (
        hasattr(columns, "__len__")
        and not isinstance(columns, str)
        and all(isinstance(each, str | int | np.integer) and not isinstance(each, bool) for each in columns)
    )


def _is_plain(part: Any, columns: list[str], dtypes: Mapping[str, np.dtype[Any]]) -> bool:
    """Whether a part works on an array as it does on a DataFrame of these columns."""
    from sklearn.compose import ColumnTransformer

    return len({dtypes[name] for name in columns}) == 1 and not any(
        isinstance(each, ColumnTransformer) or not type(each).__module__.startswith("sklearn.") or _output(each) != "default" for each in _inside(part)
    )


def _inside(part: Any) -> list[Any]:
    """The part and the estimators that it is made of."""
    return [part, *(each for each in part.get_params().values() if hasattr(each, "fit") and not isinstance(each, type))]


def _output(estimator: Any) -> str:
    return str(getattr(estimator, "_sklearn_output_config", {}).get("transform", "default"))


def _side_by_side(parts: list[Part]) -> Assemble:
    for each in (inside for part, _ in parts for inside in _inside(part)):
        # Fitted on a DataFrame, it would warn about every array.
        vars(each).pop("feature_names_in_", None)

    def assemble(columns: Columns) -> NDArray[Any]:
        return np.hstack([_dense(part.transform(np.hstack([columns[name] for name in names]))) for part, names in parts])

    return assemble


def _dense(block: Any) -> NDArray[Any]:
    return np.asarray(block.toarray() if hasattr(block, "toarray") else block)
