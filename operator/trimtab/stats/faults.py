"""What is broken and must not be called drift: columns that went missing, froze, or changed what they are.

A fault has a name, a column and a sentence; it is laid at the door of whoever feeds the column, and no retraining helps.
Judged against the reference's own windows: a column that was half empty on some days may be so again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trimtab.stats.distances import Floats
from trimtab.stats.profiles import Counts
from trimtab.stats.reference import Feature, FeatureKind, Reference

Name = Literal["NullFlood", "UnseenCategories", "FrozenColumn", "SchemaChanged"]

EXCESS = 0.05
"""Share of rows by which missing or unseen values must exceed the reference's worst window: one row in twenty."""


@dataclass(frozen=True)
class Fault:
    """`name` is what happened, `column` where, `detail` a sentence with the numbers."""

    name: Name
    column: str
    detail: str


def faults(windows: Reference, live: Mapping[str, Counts]) -> tuple[Fault, ...]:
    """All faults of a window, in the order of the reference's features.

    Parameters
    ----------
    windows : the reference cut into windows of the live window's length
    live : counts (bins + 1) of each of the reference's features, as `reference.slots` gives them

    Examples
    --------
    >>> days = Reference(np.arange(2).astype("datetime64[D]"), np.array([10, 10]), (Feature("x", "numeric", np.array([[5, 5, 0, 0], [4, 6, 0, 0]])),))
    >>> [fault.detail for fault in faults(days, {"x": np.array([3, 2, 0, 5])})]
    ['50% of x is missing; in the reference it was at most 0%.']
    """
    checks = (null_flood, unseen_categories, frozen_column)
    found = (check(feature, live[feature.name]) for feature in windows.features for check in checks)
    return tuple(fault for fault in found if fault)


def schema_changes(expected: Mapping[str, FeatureKind], found: Mapping[str, FeatureKind]) -> tuple[Fault, ...]:
    """Columns that are gone or of another kind. New columns are no fault: the model does not read them.

    >>> [fault.detail for fault in schema_changes({"temp": "numeric"}, {"temp": "categorical"})]
    ['temp was numeric and is categorical.']
    """
    gone = [Fault("SchemaChanged", name, f"{name} is not there any more.") for name in expected if name not in found]
    changed = [
        Fault("SchemaChanged", name, f"{name} was {kind} and is {found[name]}.") for name, kind in expected.items() if name in found and found[name] != kind
    ]
    return (*gone, *changed)


def null_flood(feature: Feature, live: Counts) -> Fault | None:
    """More values missing than in any window of the reference, by one row in twenty."""
    now, worst = _share(live[None, :], -1)[0], float(_share(feature.counts, -1).max(initial=0))
    sentence = f"{now:.0%} of {feature.name} is missing; in the reference it was at most {worst:.0%}."
    return Fault("NullFlood", feature.name, sentence) if now > worst + EXCESS else None


def unseen_categories(feature: Feature, live: Counts) -> Fault | None:
    """More values outside the named categories than in any window of the reference, by one row in twenty."""
    now, worst = _share(live[None, :-1], -1)[0], float(_share(feature.values, -1).max(initial=0))
    sentence = f"{now:.0%} of {feature.name} are categories that the reference hardly has; there it was at most {worst:.0%}."
    return Fault("UnseenCategories", feature.name, sentence) if feature.kind == "categorical" and now > worst + EXCESS else None


def frozen_column(feature: Feature, live: Counts) -> Fault | None:
    """All values in one bin, where no window of the reference had fewer than two."""
    spread = (feature.values > 0).sum(axis=1)
    least = int(spread[feature.values.sum(axis=1) > 1].min(initial=live.size))
    stands_still = int((live[:-1] > 0).sum()) == 1 and least > 1
    return Fault("FrozenColumn", feature.name, f"{feature.name} has one value only; in the reference no window had.") if stands_still else None


def _share(counts: Counts, slot: int) -> Floats:
    """Share of one slot in each row of counts; 0 where there are none."""
    return np.asarray(counts[:, slot] / np.maximum(counts.sum(axis=1), 1), dtype=np.float64)
