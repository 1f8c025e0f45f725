"""Profiles of an hour of live requests, in the bins of the model's reference profile, so that they add up with it.

Any longer window is the sum of its hours, any number of pods gives the same sum as one. They are taken from the rows that
were logged: what is excluded, hashed or sampled away there is not in here either. The answers get shapes of their own, which
follow from the signature: classes by name, probabilities in equal bins, predicted numbers in the bins of the label.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from trimtab.api.documents import INPUT, OUTPUT
from trimtab.stats import profiles
from trimtab.store.model import Output, Signature

SCHEMA = 1
WINDOW_SECONDS = 3600
PROBABILITY_BINS = 32

Shape = profiles.NumericShape | profiles.CategoricalShape


class Windows:
    """Fills the bins of one model's reference profile."""

    def __init__(self, reference: profiles.Profile, signature: Signature, logged: Mapping[str, Any], facts: Mapping[str, Any]) -> None:
        self.digest = str(facts["modelDigest"])
        self._facts = facts
        inputs = {each.name: shape for each in signature.inputs if (shape := _shape(reference, each.name, logged.get(INPUT + each.name)))}
        self._columns = {INPUT + name: shape for name, shape in inputs.items()}
        self._outputs = {
            OUTPUT + each.name: shape for each in signature.outputs if OUTPUT + each.name in logged and (shape := _answered(each, reference, signature))
        }
        self._cross = [name for name in reference.cross.columns if name in inputs] if reference.cross else []

    def of(self, start: datetime, rows: Any) -> dict[str, Any]:
        """The profile of these logged rows, as it is written."""
        numbers = {name: _numbers(rows[name]) for name, shape in self._columns.items() if isinstance(shape, profiles.NumericShape)}
        parts = {name.removeprefix(INPUT): _part(shape, rows[name], numbers.get(name)) for name, shape in self._columns.items()}
        answers = {name.removeprefix(OUTPUT): _part(shape, rows[name]) for name, shape in self._outputs.items()}
        inputs, outputs = profiles.Profile(rows.num_rows, parts, self._products(numbers)), profiles.Profile(rows.num_rows, answers)
        window = {"start": start.isoformat(), "seconds": WINDOW_SECONDS}
        return {"schema": SCHEMA, **self._facts, "window": window, "inputs": inputs.encode(), "outputs": outputs.encode()}

    def _products(self, numbers: Mapping[str, Any]) -> profiles.Cross | None:
        if len(self._cross) < 2:
            return None
        with np.errstate(over="ignore"):
            columns = np.array([numbers[INPUT + name] for name in self._cross], np.float32)
        return profiles.Cross.of(self._cross, [self._columns[INPUT + name].center for name in self._cross], columns.T)  # type: ignore[union-attr]


def _shape(reference: profiles.Profile, name: str, type_: Any) -> Shape | None:
    """The reference's shape of a column, where the log has it as the reference does: a hashed column has other values."""
    part = reference.parts.get(name)
    if part is None or type_ is None:
        return None
    numeric = pa.types.is_floating(type_) or pa.types.is_integer(type_)
    fits = numeric if isinstance(part, profiles.Numeric) else pa.types.is_string(type_) or pa.types.is_boolean(type_)
    return part.shape if fits else None


def _answered(output: Output, reference: profiles.Profile, signature: Signature) -> Shape | None:
    if output.name == "probability":
        return profiles.NumericShape(np.arange(1, PROBABILITY_BINS) / PROBABILITY_BINS, 0.5)
    if output.name == "label":
        classes = next((each.classes for each in signature.outputs if each.classes), None)
        return profiles.CategoricalShape(tuple(map(str, classes))) if classes else None
    # The label is the one column of a training profile that is no input.
    known = {each.name for each in signature.inputs} | set(signature.context)
    labels = [part.shape for name, part in reference.parts.items() if name not in known and isinstance(part, profiles.Numeric)]
    return labels[0] if len(labels) == 1 else None


def _part(shape: Shape, column: Any, numbers: Any = None) -> profiles.Part:
    """`numbers` are those of the column, where they are known already."""
    if isinstance(shape, profiles.NumericShape):
        return profiles.Numeric.of(shape, _numbers(_last(column) if pa.types.is_list(column.type) else column) if numbers is None else numbers)
    encoded = (pc.if_else(column, "true", "false") if pa.types.is_boolean(column.type) else column.cast(pa.string())).combine_chunks().dictionary_encode()
    codes = pc.fill_null(encoded.indices, -1).to_numpy().astype(np.int64)
    return profiles.Categorical.of(shape, codes, encoded.dictionary.to_pylist())


def _numbers(column: Any) -> Any:
    """As they were logged, without a copy where none is missing; null is NaN."""
    return column.combine_chunks().to_numpy(zero_copy_only=False)


def _last(column: Any) -> Any:
    """The probability of the last class: with two classes it says all, with more it is one score among them."""
    return pc.list_element(column, pc.list_value_length(column)[0].as_py() - 1)
