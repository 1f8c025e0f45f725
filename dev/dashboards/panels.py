"""What a dashboard is made of, without a word of Grafana: questions, and how their answers are shown."""

from dataclasses import dataclass, field
from typing import Literal

Unit = Literal["short", "reqps", "percentunit", "percent", "s", "bytes", "rowsps"]
Look = Literal["timeseries", "stat", "table"]


@dataclass(frozen=True)
class Query:
    """One question; `legend` names a series by its labels, as `{{version}}`."""

    expr: str
    legend: str = ""
    event_only: str = ""
    """Why it may have no answer while all is well; empty: it always has one where there is load."""


@dataclass(frozen=True)
class Panel:
    """One or several questions in one frame. `note` says what a reader may conclude."""

    title: str
    queries: tuple[Query, ...]
    unit: Unit = "short"
    look: Look = "timeseries"
    note: str = ""
    columns: tuple[str, ...] = ()
    """Labels that a table shows, besides the value."""


@dataclass(frozen=True)
class Board:
    """One dashboard."""

    name: str
    purpose: str
    panels: tuple[Panel, ...] = field(default_factory=tuple)
    narrowed: bool = True
    """Whether a reader chooses namespace and Deployment."""


def line(title: str, expr: str, legend: str, unit: Unit = "short", *, note: str = "", event_only: str = "") -> Panel:
    return Panel(title, (Query(expr, legend, event_only),), unit, note=note)


def lines(title: str, unit: Unit, *queries: Query, note: str = "") -> Panel:
    return Panel(title, queries, unit, note=note)


def number(title: str, expr: str, unit: Unit = "short", note: str = "") -> Panel:
    return Panel(title, (Query(expr),), unit, "stat", note)


def table(title: str, expr: str, *columns: str, unit: Unit = "short", note: str = "", event_only: str = "") -> Panel:
    return Panel(title, (Query(expr, "", event_only),), unit, "table", note, columns)
