"""The point-in-time join: to every row the value that was known at its time, and never a later one.

A feature row is a candidate for a row when their keys are equal and `ts - ttl <= event time` and `event time + delay <= ts`,
ends inclusive. The latest event time wins; among equal ones the latest `created`, then the later row of the file. Without a
candidate the values are NULL. Every row comes out exactly once, in its order, whatever the features look like.

The engine's ASOF join finds the latest event time that is early enough. When that one is older than `ttl`, so is every other:
the age is looked at afterwards. Which of several rows of one event time wins is part of the number that is compared: event time,
created and row number in one, as long as it fits 126 bits (measured: 4% dearer than no choice at all, where choosing first is 60%).
Rows are joined by their number and keys alone and laid beside their table, so that wide tables are not sorted. All times are
whole microseconds: differences of them are exact.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from trimtab.jobs.dataset.engine import Engine, first, name

MICROSECOND = timedelta(microseconds=1)
LONGEST = 10**18
"""Microseconds, some 31,000 years: nothing in a table is older, and sums of two such numbers still fit 64 bits."""

RANK_BITS = 126
"""Of the engine's widest whole number, less the sign and one to spare."""

STATE = "__trimtab_join"
"""Column of a joined table: how it went for the row."""
FOUND, NOTHING, STALE = 0, 1, 2
"""A value; none was published in time; the newest was older than ttl."""


@dataclass(frozen=True)
class Match:
    """What meets what: `keys` are (column of the rows, column of the features)."""

    keys: tuple[tuple[str, str], ...]
    timestamp: str
    event_time: str
    created: str | None = None
    delay: timedelta = timedelta()
    ttl: timedelta | None = None


def join(engine: Engine, rows: str, features: str, match: Match, *, columns: Mapping[str, str], to: str) -> None:
    """Make the table `to`: for each row of `rows`, in order, `columns` (feature column -> name in `to`) and STATE."""
    values = ", ".join(f"CASE WHEN state = {FOUND} THEN v{n} END AS {name(shown)}" for n, shown in enumerate(columns.values()))
    taken = "".join(f", f.v{n}" for n in range(len(columns)))
    keys = " AND ".join(f"l.k{n} = f.k{n}" for n in range(len(match.keys)))
    rank = _rank(engine, features, match)
    engine.execute(f"""
        CREATE TABLE {name(to)} AS
        SELECT {values}, CAST(state AS UTINYINT) AS {STATE} FROM (
            SELECT l.place, {_state(match)} AS state{taken}
            FROM ({_asked(rows, match, rank)}) AS l ASOF LEFT JOIN ({_offered(features, match, columns, rank)}) AS f ON {keys} AND l.latest >= f.ranked)
        ORDER BY place""")


def beside(engine: Engine, rows: str, joined: list[str]) -> None:
    """Lay joined tables beside their rows, in place: `rows` has their columns from now on."""
    parts = ", ".join(f"{name(each)}.* EXCLUDE ({STATE})" for each in joined)
    tables = " POSITIONAL JOIN ".join(name(each) for each in [rows, *joined])
    engine.execute(f"CREATE TABLE __trimtab_wide AS SELECT {name(rows)}.*, {parts} FROM {tables}")
    for each in [rows, *joined]:
        engine.execute(f"DROP TABLE {name(each)}")
    engine.execute(f"ALTER TABLE __trimtab_wide RENAME TO {name(rows)}")


@dataclass(frozen=True)
class Quality:
    """How a join went; percents are of the rows that came in."""

    rows_in: int
    rows_out: int
    null_percent: float
    stale_percent: float


def quality(engine: Engine, rows: str, joined: list[str]) -> Quality:
    """Of all joins together: a row counts where any of them found nothing for it."""
    came_in = int(first(engine, f"SELECT count(*) FROM {name(rows)}")[0])
    states = [f"{name(each)}.{STATE}" for each in joined]
    asked = ", ".join(f"count(*) FILTER ({' OR '.join(f'{each} {which}' for each in states)})" for which in (f"<> {FOUND}", f"= {STALE}"))
    out, null, stale = first(engine, f"SELECT count(*), {asked} FROM {' POSITIONAL JOIN '.join(map(name, joined))}")
    return Quality(came_in, int(out), _percent(null, out), _percent(stale, out))


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 2) if whole else 0.0


@dataclass(frozen=True)
class _Rank:
    """How event time and preference are one number: `event * scale + preference`; no scale where that would not fit."""

    furthest: int
    scale: int | None
    preference: str


def _rank(engine: Engine, features: str, match: Match) -> _Rank:
    event = f"epoch_us({name(match.event_time)})"
    created = f"epoch_us({name(match.created)})" if match.created else "0"
    furthest, low, high, rows = first(
        engine, f"SELECT coalesce(max(abs({event})), 0), coalesce(min({created}), 0), coalesce(max({created}), 0), max(rowid) + 1 FROM {name(features)}"
    )
    rows = rows or 1
    scale = (high - low + 2) * rows
    fits = (furthest + 2) * scale < 1 << RANK_BITS
    return _Rank(furthest, scale if fits else None, f"coalesce({_wide(created)} - ({low}) + 1, 0) * {rows} + rowid")


def _wide(number: str) -> str:
    return f"CAST({number} AS HUGEINT)"


def _asked(rows: str, match: Match, rank: _Rank) -> str:
    """Number, keys, time and latest acceptable rank of each row."""
    ts = f"epoch_us({name(match.timestamp)})"
    keys = "".join(f", {name(ours)} AS k{n}" for n, (ours, _) in enumerate(match.keys))
    latest = f"{ts} - {microseconds(match.delay)}"
    if rank.scale is not None:
        bounded = f"CASE WHEN {latest} IS NOT NULL THEN greatest(least({latest}, {rank.furthest}), {-rank.furthest - 1}) END"
        latest = f"{_wide(bounded)} * {rank.scale} + {rank.scale - 1}"
    return f"SELECT rowid AS place, {ts} AS ts, {latest} AS latest{keys} FROM {name(rows)}"


def _offered(features: str, match: Match, columns: Mapping[str, str], rank: _Rank) -> str:
    """Feature rows with their ranks; where those are event times alone, one row for each key and event time."""
    keys = [name(theirs) for _, theirs in match.keys]
    event = f"epoch_us({name(match.event_time)})"
    ranked = event if rank.scale is None else f"{_wide(event)} * {rank.scale} + {rank.preference}"
    named = [f"{each} AS k{n}" for n, each in enumerate(keys)] + [f"{name(each)} AS v{n}" for n, each in enumerate(columns)]
    there = " AND ".join(f"{each} IS NOT NULL" for each in [*keys, name(match.event_time)])
    offered = f"SELECT {', '.join(named)}, {event} AS event, {ranked} AS ranked FROM {name(features)} WHERE {there}"
    if rank.scale is not None:
        return offered
    latest = f"{name(match.created)} DESC NULLS LAST, rowid DESC" if match.created else "rowid DESC"
    return f"{offered} QUALIFY row_number() OVER (PARTITION BY {', '.join(keys)}, {event} ORDER BY {latest}) = 1"


def _state(match: Match) -> str:
    stale = f"WHEN l.ts - f.event > {microseconds(match.ttl)} THEN {STALE} " if match.ttl is not None else ""
    return f"CASE WHEN f.event IS NULL THEN {NOTHING} {stale}ELSE {FOUND} END"


def microseconds(duration: timedelta) -> int:
    return min(duration // MICROSECOND, LONGEST)
