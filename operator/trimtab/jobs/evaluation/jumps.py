"""Did the clock that windows follow jump? Then windows before and after do not compare, and nothing may be concluded from them.

Told from the names of the objects that pods uploaded: each says of which hour its rows are, and when the pod wrote them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from itertools import pairwise

from trimtab.jobs.evaluation.hours import Piece
from trimtab.jobs.evaluation.spans import HOUR, Span

LEAP = 7
"""So many windows without a row, and then rows again: not a quiet weekend but another time."""
STRAYS = 10
"""One in so many pieces of a window may have been written before the window was: a jump that is long over."""


def jumped(pieces: Sequence[Piece], span: Span, rows: Mapping[Span, int], min_rows: int) -> str:
    """A sentence about the jump that the last closed window, `span`, stands next to; empty: there is none.

    `pieces` are those up to the monitor's clock: pods go on writing while an evaluation starts. `rows` are those of the windows
    looked at. After a leap forward there is a jump until one whole window has enough of them: one request with a wrong year must
    not make the clock.
    """
    return _back(pieces, span) or _leap(pieces, span.length, rows, min_rows)


def ahead(pieces: Sequence[Piece], length: timedelta, now: datetime) -> str:
    """On a clock on the wall: requests that are about a later time than it shows by more than a window."""
    latest = max((each.start for each in pieces), default=now)
    return f"Requests were about {_said(latest)}, and the clock is at {_said(now)}." if latest > now + length else ""


def elsewhere(span: Span, logged: int, profiled: int, min_rows: int) -> str:
    """On a clock on the wall: a window whose requests were about another time than it."""
    if logged < min_rows or profiled:
        return ""
    return f"The {logged} requests answered from {_said(span.start)} to {_said(span.end)} were about other times; set spec.clock to Event."


def _back(pieces: Sequence[Piece], span: Span) -> str:
    """A pod that wrote of one hour and next of one more than a window earlier, since the last window began to be written."""
    written = sorted(each.sequence for each in pieces if each.start >= span.start)
    recent = written[len(written) // STRAYS] if written else 0
    latest: dict[str, datetime] = {}
    for each in sorted(pieces, key=lambda each: each.sequence):
        before = latest.get(each.pod, each.start)
        if each.sequence >= recent and before - each.start > span.length:
            return f"Event times went back from {_said(before)} to {_said(each.start)}."
        latest[each.pod] = each.start
    return ""


def _leap(pieces: Sequence[Piece], length: timedelta, rows: Mapping[Span, int], min_rows: int) -> str:
    leaps = [(one, two) for one, two in pairwise(sorted({each.start for each in pieces})) if two - one - HOUR > LEAP * length]
    if not leaps:
        return ""
    old, new = leaps[-1]
    filled = any(count >= min_rows for span, count in rows.items() if span.end > new)
    return "" if filled else f"Event times leapt from {_said(old)} to {_said(new)}."


def _said(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
