"""The part of a Deployment's prediction log that an evaluation looks at, in the bounded engine, with the labels that came.

It is read once; whoever judges asks for the rows of a stretch of time and the columns needed. Where there are more rows than
can be held, a share of the requests stands for all: the same ones whoever asks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from trimtab.jobs.dataset.engine import Engine, first, name
from trimtab.jobs.evaluation.spans import Span, quarters
from trimtab.jobs.predictions import files, log
from trimtab.jobs.predictions.log import Clock, Counts, Wanted
from trimtab.store.client import Store
from trimtab.store.layout import Layout

MOST_ROWS = 200_000
"""Of one question; labels, answers and a hundred inputs of so many rows are 200 MB."""


@dataclass(frozen=True)
class Log:
    """Rows answered before `now`; matured are those older than `maturity`. `version` is the one that is watched."""

    engine: Engine
    clock: Clock
    version: int
    now: datetime
    maturity: timedelta
    columns: tuple[str, ...]
    counts: Counts

    @property
    def matured_until(self) -> datetime:
        return self.now - self.maturity

    def rows(self, columns: Sequence[str], condition: str, *, most: int = MOST_ROWS) -> Any:
        """`moment` and these columns of the rows that meet a condition, in order of time; at most so many, of whole requests."""
        wanted = ", ".join(["moment", *(name(each) for each in columns)])
        chosen = f"SELECT * FROM answers WHERE {condition} ORDER BY hash(request_id), row LIMIT {most}"
        return self.engine.cursor().sql(f"SELECT {wanted} FROM ({chosen}) ORDER BY moment, request_id, row").to_arrow_table()

    def count(self, condition: str) -> int:
        return int(first(self.engine, f"SELECT count(*) FROM answers WHERE {condition}")[0])

    def own_rows(self, span: Span) -> int:
        return self.count(f"{self.own()} AND {self.within(span)}")

    def own(self) -> str:
        """Answered by the watched version."""
        return f"version = {self.version}"

    def within(self, span: Span) -> str:
        return f"moment >= {moment(span.start)} AND moment < {moment(span.end)}"

    def matured_since(self, since: datetime | None) -> str:
        """Labelled, and old enough that every label of their time has come."""
        begun = f" AND moment >= {moment(since)}" if since else ""
        return f"label IS NOT NULL AND moment < {moment(self.matured_until)}{begun}"

    def shares(self, span: Span) -> list[tuple[int, int]]:
        """(rows, labelled rows) of the watched version in each quarter of a stretch of time."""
        bounds = [span.start, *quarters(span), span.end]
        parts = [Span(start, end) for start, end in pairwise(bounds)]
        sql = "SELECT count(*), count(label) FROM answers WHERE {} AND {}"
        return [tuple(map(int, first(self.engine, sql.format(self.own(), self.within(each))))) for each in parts]  # type: ignore[misc]


def read(
    engine: Engine, store: Store, layout: Layout, deployment: str, folder: Path, *, begun: datetime | None, wanted: Wanted, version: int, maturity: timedelta
) -> Log:
    """Load the log. `begun` is when, by the pods' own clocks, the first row of interest was logged; None: all there is."""
    objects = files.find(store, layout, deployment, since=begun)
    counts = log.load(engine, store, objects, folder, wanted, to="answered")
    engine.execute(f"CREATE VIEW answers AS SELECT *, {wanted.moment} AS moment FROM answered")
    columns = tuple(column for column, *_ in engine.execute("DESCRIBE answered").fetchall())
    assert wanted.until is not None
    return Log(engine, wanted.clock, version, wanted.until, maturity, columns, counts)


def moment(when: datetime) -> str:
    """In SQL."""
    return f"TIMESTAMPTZ '{when.isoformat()}'"
