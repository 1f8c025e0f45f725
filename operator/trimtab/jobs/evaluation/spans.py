"""Which stretches of time are looked at: windows that tumble one after another, and when the labels of one have matured.

Windows of inputs stand on the clock (a window of a day is a day in UTC), so that whoever looks cuts them alike. Windows of
labels begin when the version began to serve: it would be weeks before a long one is whole otherwise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@dataclass(frozen=True)
class Span:
    """From `start` until before `end`."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return self.end - self.start

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


def whole_blocks(duration: timedelta, block: timedelta) -> timedelta:
    """The shortest length that is at least `duration` and whole blocks.

    >>> whole_blocks(timedelta(hours=6), DAY), whole_blocks(timedelta(hours=24), HOUR)
    (datetime.timedelta(days=1), datetime.timedelta(days=1))
    """
    return -(-duration // block) * block


def closed(length: timedelta, since: datetime, now: datetime, most: int) -> list[Span]:
    """The last `most` windows on the clock that lie within [since, now], oldest first."""
    first, last = -((EPOCH - since) // length), (now - EPOCH) // length
    return [_nth(EPOCH, length, number) for number in range(max(first, last - most), last)]


def before(span: Span, reach: timedelta, since: datetime) -> list[Span]:
    """The windows of the same length right before this one that lie within `reach` of it and not before `since`, oldest first."""
    count = min(reach // span.length, max(timedelta(), span.start - since) // span.length)
    return [_nth(span.start, span.length, number) for number in range(-count, 0)]


def matured(length: timedelta, since: datetime, now: datetime, maturity: timedelta, most: int) -> list[Span]:
    """The last `most` windows from the beginning on whose last row is older than it takes a label to come, oldest first."""
    begun = whole(since, DAY if length % DAY == timedelta() else HOUR)
    count = (now - maturity - begun) // length
    return [_nth(begun, length, number) for number in range(max(0, count - most), count)]


def whole(moment: datetime, unit: timedelta) -> datetime:
    """The first whole unit from this moment on."""
    return EPOCH - (EPOCH - moment) // unit * unit


def quarters(span: Span) -> Sequence[datetime]:
    """Where the second, third and last quarter begin."""
    return [span.start + span.length * part / 4 for part in (1, 2, 3)]


def _nth(begin: datetime, length: timedelta, number: int) -> Span:
    return Span(begin + number * length, begin + (number + 1) * length)
