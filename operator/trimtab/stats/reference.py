"""What a window is compared with: the reference's counts by block of time, and which features are worth comparing.

Read from the profile that was frozen with the model. A window is as many blocks as its duration; reference windows are cut
one after another and never overlap, because windows that share rows would promise more evidence than there is.

Leaves to others: what a distance means (`blocked.py`, `independent.py`) and what is broken and not drifted (`faults.py`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
import numpy.typing as npt

from trimtab.stats.distances import Floats
from trimtab.stats.profiles import Counts, Numeric, Part, Profile

FeatureKind = Literal["numeric", "categorical"]

TELLS_TIME = 0.7
"""Share of a feature's information that the block alone gives, from which it counts as a clock. On the flights: weekday .8,
a date 1, against less than .1 for carrier, hour and distance; weather has up to .6 (visibility) and must be watched."""

ROWS_A_VALUE = 3
"""A category seen by so few rows on average, even among the most common ones, names rows: an id."""


@dataclass(frozen=True)
class Feature:
    """Counts of one feature, shape (blocks, bins + 1): its bins, then the missing ones."""

    name: str
    kind: FeatureKind
    counts: Counts

    @property
    def values(self) -> Counts:
        """(blocks, bins): without the missing ones, which are a fault and no drift."""
        return self.counts[:, :-1]


@dataclass(frozen=True)
class Reference:
    """The reference by block: when each began (UTC), how many rows it has, and the counts of every feature."""

    starts: npt.NDArray[np.datetime64]
    rows: Counts
    features: tuple[Feature, ...]

    @classmethod
    def decode(cls, content: Mapping[str, Any]) -> Self:
        """From the JSON of `profile.json`; without blocks of time, the whole is one block."""
        profile, blocks = Profile.decode(content), content.get("blocks")
        if blocks is None:
            features = tuple(Feature(name, kind_of(part), slots(part)[None, :]) for name, part in profile.parts.items())
            return cls(np.array(["1970-01-01"], dtype="datetime64[s]"), np.array([profile.rows]), features)
        counts = {name: np.array(blocks["columns"][name], dtype=np.int64) for name in profile.parts}
        features = tuple(Feature(name, kind_of(part), counts[name]) for name, part in profile.parts.items())
        return cls(np.array(blocks["starts"], dtype="datetime64[s]"), np.array(blocks["rows"], dtype=np.int64), features)

    def only(self, names: Sequence[str]) -> Self:
        """Without all other features."""
        return type(self)(self.starts, self.rows, tuple(feature for feature in self.features if feature.name in names))

    def windows(self, blocks: int) -> Self:
        """The reference cut into windows of so many blocks, one after another; blocks at the end that fill no window are left out.

        Windows without rows (a day on which nothing happened) are left out too: there is nothing to compare.
        """
        count = len(self.rows) // blocks
        starts, rows = self.starts[: count * blocks : blocks], _merged(self.rows[:, None], count, blocks)[:, 0]
        busy = rows > 0
        features = tuple(Feature(each.name, each.kind, _merged(each.counts, count, blocks)[busy]) for each in self.features)
        return type(self)(starts[busy], rows[busy], features)

    def take(self, chosen: npt.NDArray[Any]) -> Self:
        """Some blocks of it."""
        return type(self)(self.starts[chosen], self.rows[chosen], tuple(Feature(each.name, each.kind, each.counts[chosen]) for each in self.features))


def slots(part: Part) -> Counts:
    """The counts of a profiled column in the order of `profiles.by_block`: bins or categories, infinite or other, missing."""
    if isinstance(part, Numeric):
        return np.append(part.bins, [part.nonfinite, part.missing]).astype(np.int64)
    return np.append(part.counts, [part.other, part.missing]).astype(np.int64)


def kind_of(part: Part) -> FeatureKind:
    return "numeric" if isinstance(part, Numeric) else "categorical"


def unfit(reference: Reference) -> dict[str, str]:
    """Features that identify time or rows, with the reason: they differ in every window, whatever happens.

    Examples
    --------
    >>> days = np.eye(40, dtype=int) * 100
    >>> months = Feature("date", "numeric", np.append(days, np.zeros((40, 1), dtype=int), axis=1))
    >>> list(unfit(Reference(np.arange(40).astype("datetime64[D]"), np.full(40, 100), (months,))))
    ['date']
    """
    reasons = {each.name: _why_unfit(each) for each in reference.features}
    return {name: reason for name, reason in reasons.items() if reason}


def _why_unfit(feature: Feature) -> str:
    if names_rows(feature):
        return "nearly every row has its own value, as an id has"
    told = told_by_time(feature)
    return f"{told:.0%} of it is told by the time alone, as of a calendar" if told >= TELLS_TIME else ""


def names_rows(feature: Feature) -> bool:
    """Categories of which even the most common are hardly ever seen twice, most rows falling outside them."""
    total = feature.values.sum(axis=0)
    named = total[:-1]
    return feature.kind == "categorical" and bool(len(named)) and total[-1] > named.sum() and named.sum() <= ROWS_A_VALUE * len(named)


def told_by_time(feature: Feature) -> float:
    """Share of the feature's entropy that goes when the block is known, 0 to 1; entropies are corrected for few rows.

    The correction is Miller's and Madow's: (occupied bins - 1) / (2 rows). Fewer than two blocks tell nothing.
    """
    values = feature.values[feature.values.sum(axis=1) > 0]
    whole = float(_entropy(values.sum(axis=0, keepdims=True))[0]) if len(values) > 1 else 0.0
    if whole <= 0:
        return 0.0
    within = float(np.average(np.minimum(_entropy(values), whole), weights=values.sum(axis=1)))
    return 1 - within / whole


def _entropy(counts: Counts) -> Floats:
    """In nats, one a row."""
    rows = counts.sum(axis=1, keepdims=True)
    shares = counts / rows
    plain = -(shares * np.log(shares, out=np.zeros_like(shares), where=counts > 0)).sum(axis=1)
    return np.asarray(plain + ((counts > 0).sum(axis=1) - 1) / (2 * rows[:, 0]), dtype=np.float64)


def _merged(counts: Counts, count: int, blocks: int) -> Counts:
    """Every `blocks` rows added up."""
    return np.asarray(counts[: count * blocks].reshape(count, blocks, counts.shape[1]).sum(axis=1), dtype=np.int64)
