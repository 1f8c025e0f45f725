"""The point-in-time join as its definition reads: every feature row is tried for every row. Slow, and plainly right."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any


@dataclass(frozen=True)
class Feature:
    """One row of features."""

    keys: tuple[Any, ...]
    at: datetime | None
    value: Any
    created: datetime | None = None


@dataclass(frozen=True)
class Row:
    """One row that asks."""

    keys: tuple[Any, ...]
    at: datetime | None


def value_for(row: Row, features: list[Feature], delay: timedelta, ttl: timedelta | None) -> Any:
    """The value known at the row's time, or None."""
    candidates = [(each.at, each.created or datetime.min, number) for number, each in enumerate(features) if is_candidate(row, each, delay, ttl)]  # noqa: DTZ901
    return features[max(candidates)[2]].value if candidates else None


def is_candidate(row: Row, feature: Feature, delay: timedelta, ttl: timedelta | None) -> bool:
    if row.at is None or feature.at is None or None in row.keys or None in feature.keys or row.keys != feature.keys:
        return False
    return feature.at + delay <= row.at and (ttl is None or row.at - ttl <= feature.at)
