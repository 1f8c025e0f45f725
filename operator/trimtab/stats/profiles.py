"""Profiles: what a table's columns look like, in bounded space, so that two profiles of one shape add up exactly.

A `Shape` is frozen at training: bin edges at quantiles for numbers, the most common values for categories. A `Profile` is
counts in that shape. Adding the profiles of parts gives the profile of the whole, whatever the parts: replicas of a server,
days of a year. Numbers are taken as float32, as models see them, so that a value falls into the same bin everywhere.

Leaves to others: which columns there are, what a difference between profiles means (drift), and where profiles are kept.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]

BINS = 32
"""Bins of a numeric column, at most: fine enough for a Jensen-Shannon distance, coarse enough for 200 rows a window."""
CATEGORIES = 50
"""Categories counted by name; the rest is `other`."""
CROSS_COLUMNS = 64
"""Numeric columns whose cross-products are kept: the space is their square."""
CROSS_ROWS = 4096
"""Multiplied at a time: what lies in the processor's cache is not fetched again, half the time of all rows at once."""


@dataclass(frozen=True)
class NumericShape:
    """Inner edges of the bins, ascending; bin i holds edges[i-1] <= x < edges[i], the outer bins are open.

    `center` is subtracted before sums are taken, so that they lose no digits.
    """

    edges: Floats
    center: float


@dataclass(frozen=True)
class CategoricalShape:
    """The categories that are counted by name, the most common first."""

    categories: tuple[str, ...]


def numeric_shape(x: npt.NDArray[Any], bins: int = BINS) -> NumericShape:
    """Quantile edges of the finite values, each once.

    A value that fills several quantiles (a spike) gets a bin of its own: from itself to the next float32.

    Parameters
    ----------
    x : array of shape (n,), NaN where missing
    bins : upper bound on the number of bins

    Examples
    --------
    >>> numeric_shape(np.array([0.0] * 90 + [1.0] * 10), bins=4).edges.tolist()
    [0.0, 1.401298464324817e-45]
    """
    finite = _as_float32(x)
    finite = finite[np.isfinite(finite)]
    if finite.size == 0:
        return NumericShape(np.empty(0), 0.0)
    quantiles = np.quantile(finite, np.arange(1, bins) / bins, method="inverted_cdf").astype(np.float32)
    values, times = np.unique(quantiles, return_counts=True)
    with np.errstate(over="ignore"):
        after_spikes = np.nextafter(values[times > 1], np.float32(np.inf))
    edges = np.unique(np.concatenate([values, after_spikes[np.isfinite(after_spikes)]]))
    return NumericShape(edges.astype(np.float64), float(finite.mean()))


def categorical_shape(codes: npt.NDArray[np.integer[Any]], names: Sequence[str], limit: int = CATEGORIES) -> CategoricalShape:
    """The `limit` most common of `names`, equally common ones in the order of the alphabet. `codes` index `names`; -1 is missing."""
    counts = np.bincount(codes[codes >= 0], minlength=len(names)) if len(names) else np.empty(0, dtype=np.int64)
    ranked = sorted((index for index in range(len(names)) if counts[index]), key=lambda index: (-counts[index], names[index]))
    return CategoricalShape(tuple(names[index] for index in ranked[:limit]))


@dataclass(frozen=True)
class Numeric:
    """Counts of one numeric column; `total` and `squares` are sums of x - center and of its square over finite values."""

    shape: NumericShape
    bins: Counts
    missing: int
    nonfinite: int
    total: float
    squares: float

    @classmethod
    def of(cls, shape: NumericShape, x: npt.NDArray[Any]) -> Self:
        """NaN is missing; infinite values are counted apart and put in no bin."""
        values = _as_float32(x)
        usable = np.isfinite(values)
        whole = bool(usable.all())
        finite = values if whole else values[usable]
        missing = 0 if whole else int(np.isnan(values).sum())
        below = np.searchsorted(np.sort(finite), shape.edges, side="left")  # ten times faster than to look for each value among the edges
        bins = np.diff(below, prepend=0, append=len(finite)).astype(np.int64)
        away = finite.astype(np.float64) - shape.center
        return cls(shape, bins, missing, len(values) - missing - len(finite), float(away.sum()), float(away @ away))

    @property
    def count(self) -> int:
        return int(self.bins.sum())

    @property
    def mean(self) -> float:
        """NaN where there are no values."""
        return self.shape.center + self.total / self.count if self.count else float("nan")

    @property
    def m2(self) -> float:
        """Sum of squared distances from the mean; the variance is m2 / count."""
        return max(0.0, self.squares - self.total * self.total / self.count) if self.count else 0.0

    def __add__(self, other: Self) -> Self:
        _same(np.array_equal(self.shape.edges, other.shape.edges) and self.shape.center == other.shape.center)
        return type(self)(
            self.shape,
            self.bins + other.bins,
            self.missing + other.missing,
            self.nonfinite + other.nonfinite,
            self.total + other.total,
            self.squares + other.squares,
        )


@dataclass(frozen=True)
class Categorical:
    """Counts of one categorical column; `other` counts values that the shape does not name."""

    shape: CategoricalShape
    counts: Counts
    other: int
    missing: int

    @classmethod
    def of(cls, shape: CategoricalShape, codes: npt.NDArray[np.integer[Any]], names: Sequence[str]) -> Self:
        """`codes` index `names`; -1 is missing."""
        by_name = dict(zip(names, np.bincount(codes[codes >= 0], minlength=len(names)).tolist(), strict=True)) if len(names) else {}
        counts = np.array([by_name.get(category, 0) for category in shape.categories], dtype=np.int64)
        missing = int((codes < 0).sum())
        return cls(shape, counts, len(codes) - missing - int(counts.sum()), missing)

    def __add__(self, other: Self) -> Self:
        _same(self.shape == other.shape)
        return type(self)(self.shape, self.counts + other.counts, self.other + other.other, self.missing + other.missing)


Part = Numeric | Categorical


@dataclass(frozen=True)
class Cross:
    """Sums of (x_i - center_i)(x_j - center_j) of numeric columns; a missing or infinite value counts as its center."""

    columns: tuple[str, ...]
    products: Floats

    @classmethod
    def of(cls, columns: Sequence[str], centers: Sequence[float], X: npt.NDArray[Any]) -> Self:
        products = np.zeros((len(columns), len(columns)))
        for at in range(0, len(X), CROSS_ROWS):
            away = _as_float32(X[at : at + CROSS_ROWS]).astype(np.float64) - np.asarray(centers, dtype=np.float64)
            usable = np.isfinite(away)
            if not usable.all():
                away[~usable] = 0.0
            products += away.T @ away
        return cls(tuple(columns), products)

    def __add__(self, other: Self) -> Self:
        _same(self.columns == other.columns)
        return type(self)(self.columns, self.products + other.products)


@dataclass(frozen=True)
class Profile:
    """Counts of a table: one part a column, and cross-products of the first numeric ones."""

    rows: int
    parts: Mapping[str, Part]
    cross: Cross | None = None

    def __add__(self, other: Self) -> Self:
        _same(list(self.parts) == list(other.parts) and (self.cross is None) == (other.cross is None))
        parts = {name: part + other.parts[name] for name, part in self.parts.items()}  # type: ignore[operator]
        return type(self)(self.rows + other.rows, parts, self.cross + other.cross if self.cross and other.cross else None)

    def encode(self) -> dict[str, Any]:
        """As JSON: shapes and counts together."""
        cross = {"columns": list(self.cross.columns), "products": self.cross.products.tolist()} if self.cross else None
        return {"rows": self.rows, "columns": [{"name": name} | _encode(part) for name, part in self.parts.items()], "cross": cross}

    @classmethod
    def decode(cls, content: Mapping[str, Any]) -> Self:
        cross = content.get("cross")
        parts = {each["name"]: _decode(each) for each in content["columns"]}
        return cls(content["rows"], parts, Cross(tuple(cross["columns"]), np.array(cross["products"], dtype=np.float64)) if cross else None)


def by_block(
    shape: NumericShape | CategoricalShape, x: npt.NDArray[Any], blocks: npt.NDArray[np.integer[Any]], count: int, names: Sequence[str] = ()
) -> Counts:
    """Counts of every block at once, shape (count, bins + 2): the bins or categories, then `other` (or infinite), then missing.

    `blocks` says for each row which block it is in, 0 to count - 1; for a categorical shape `x` are codes into `names`.
    """
    slots = _numeric_slots(shape, x) if isinstance(shape, NumericShape) else _categorical_slots(shape, x, names)
    width = (len(shape.edges) + 1 if isinstance(shape, NumericShape) else len(shape.categories)) + 2
    return np.bincount(blocks.astype(np.int64) * width + slots, minlength=count * width).reshape(count, width).astype(np.int64)


def _numeric_slots(shape: NumericShape, x: npt.NDArray[Any]) -> Counts:
    values, bins = _as_float32(x).astype(np.float64), len(shape.edges) + 1
    slots = np.searchsorted(shape.edges, values, side="right").astype(np.int64)
    slots[np.isinf(values)] = bins
    slots[np.isnan(values)] = bins + 1
    return slots


def _categorical_slots(shape: CategoricalShape, codes: npt.NDArray[Any], names: Sequence[str]) -> Counts:
    other, place = len(shape.categories), {category: index for index, category in enumerate(shape.categories)}
    slot_of = np.array([*(place.get(name, other) for name in names), other + 1], dtype=np.int64)
    return slot_of[codes.astype(np.int64)]  # code -1 is the last entry: missing


def _encode(part: Part) -> dict[str, Any]:
    if isinstance(part, Numeric):
        counts = {"bins": part.bins.tolist(), "missing": part.missing, "nonfinite": part.nonfinite, "total": part.total, "squares": part.squares}
        facts = {"count": part.count, "mean": part.mean if part.count else None, "m2": part.m2}
        return {"kind": "numeric", "edges": part.shape.edges.tolist(), "center": part.shape.center} | counts | facts
    return {"kind": "categorical", "categories": list(part.shape.categories), "counts": part.counts.tolist(), "other": part.other, "missing": part.missing}


def _decode(content: Mapping[str, Any]) -> Part:
    if content["kind"] == "numeric":
        shape = NumericShape(np.array(content["edges"], dtype=np.float64), content["center"])
        bins = np.array(content["bins"], dtype=np.int64)
        return Numeric(shape, bins, content["missing"], content["nonfinite"], content["total"], content["squares"])
    names = CategoricalShape(tuple(content["categories"]))
    return Categorical(names, np.array(content["counts"], dtype=np.int64), content["other"], content["missing"])


def _as_float32(x: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Values beyond float32 become infinite, as a model would see them."""
    with np.errstate(over="ignore"):
        return np.asarray(x).astype(np.float32, copy=False)


def _same(condition: bool) -> None:
    if not condition:
        raise ValueError("These profiles have different shapes; only profiles of one reference add up.")
