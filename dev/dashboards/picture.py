"""A picture of a dashboard from the answers to its own queries, by a small renderer of ours: a page of SVG, photographed by headless Chromium.

It is not Grafana, and says so: titles, queries, units and the order of panels are those of the JSON file; Grafana draws them its own way.
"""

import html
import math
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dashboards import grafana
from dashboards.panels import Board, Panel

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class Series:
    """One answer: its labels, and its values over time."""

    labels: dict[str, str]
    points: Points
    name: str = ""


Answers = Sequence[Sequence[Series]]
"""Of each panel of a board, all series of all its queries."""

CELL, ROW, GAP = 42, 34, 8
"""Pixels of Grafana's grid."""
COLORS = ("#3b78d8", "#e0752d", "#2e9e5b", "#b0479e", "#c9a227", "#d9433f", "#4aa3a2", "#7a6fd0")
SCALE = 0.75
"""Pixels of the picture to one of the page: small enough for a repository."""
SHOWN = 8
"""Series that a legend names, and rows of a table."""

STYLE = """
body{margin:0;padding:12px;background:#f4f5f7;font:12px/1.35 "DejaVu Sans",Arial,sans-serif;color:#1f2430}
h1{font-size:17px;margin:0}p{margin:2px 0 10px;color:#555}.board{position:relative}
.panel{position:absolute;background:#fff;border:1px solid #d8dbe2;border-radius:3px;box-sizing:border-box;padding:6px 8px;overflow:hidden}
.panel h2{font-size:12px;margin:0 0 2px}.value{font-size:30px;text-align:center;padding-top:18px;color:#1d6fb8}
.legend{font-size:10px;color:#444;white-space:nowrap;overflow:hidden}.legend i{display:inline-block;width:9px;height:9px;margin:0 3px 0 8px}
table{border-collapse:collapse;width:100%;font-size:11px}th,td{text-align:left;padding:3px 6px;border-bottom:1px solid #eceef2}.none{color:#888;padding:40px 0;text-align:center}
footer{color:#666;font-size:11px;margin-top:8px}
"""


def said(value: float, unit: str) -> str:
    """A number as Grafana writes it.

    >>> said(0.0123, "percentunit"), said(0.0042, "s"), said(123456789, "bytes"), said(12.5, "reqps")
    ('1.23%', '4.2 ms', '118 MiB', '12.5 req/s')
    """
    if math.isnan(value):
        return "-"
    match unit:
        case "percentunit":
            return f"{value:.3g}" + "%" if value == 0 else f"{100 * value:.3g}%"
        case "percent":
            return f"{value:.3g}%"
        case "s":
            return f"{value * 1000:.3g} ms" if abs(value) < 1 else f"{value:.3g} s" if abs(value) < 600 else f"{value / 3600:.3g} h"
        case "bytes":
            return f"{value / 2**20:.3g} MiB"
        case "reqps":
            return f"{value:.3g} req/s"
        case "rowsps":
            return f"{value:.3g} rows/s"
    return f"{value:.4g}"


def page(board: Board, answers: Answers, when: str) -> str:
    places = grafana.places(board)
    bottom = max(place["y"] + place["h"] for place in places) * ROW
    panels = "".join(_panel(panel, place, series) for panel, place, series in zip(board.panels, places, answers, strict=True))
    return (
        f"<!doctype html><meta charset=utf-8><style>{STYLE}</style><h1>Trimtab / {html.escape(board.name)}</h1><p>{html.escape(board.purpose)}</p>"
        f"<div class=board style='height:{bottom}px'>{panels}</div>"
        f"<footer>Drawn by dev/dashboards/picture.py, not by Grafana, from the panels' own queries against a real Prometheus. {html.escape(when)}</footer>"
    )


def size(board: Board) -> tuple[int, int]:
    return grafana.WIDTH * CELL + 24, max(place["y"] + place["h"] for place in grafana.places(board)) * ROW + 96


def photograph(text: str, extent: tuple[int, int], to: Path) -> None:
    """CalledProcessError where Chromium cannot."""
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "page.html").write_text(text)
        flags = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            f"--force-device-scale-factor={SCALE}",
            f"--user-data-dir={folder}/profile",
            f"--window-size={extent[0]},{extent[1]}",
        ]
        command = [chromium() or "chromium", *flags, f"--screenshot={to}", f"file://{folder}/page.html"]
        subprocess.run(command, check=True, capture_output=True, timeout=180)


def chromium() -> str | None:
    return next((found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None)


def _panel(panel: Panel, place: grafana.Json, series: Sequence[Series]) -> str:
    width, height = place["w"] * CELL - GAP, place["h"] * ROW - GAP
    drawn = (
        {"stat": _stat, "table": _table, "timeseries": _lines}[panel.look](panel, series, width - 18, height - 26) if series else "<div class=none>none</div>"
    )
    style = f"left:{place['x'] * CELL}px;top:{place['y'] * ROW}px;width:{width}px;height:{height}px"
    return f"<div class=panel style='{style}'><h2>{html.escape(panel.title)}</h2>{drawn}</div>"


def _stat(panel: Panel, series: Sequence[Series], _width: int, _height: int) -> str:
    return f"<div class=value>{said(series[0].points[-1][1], panel.unit)}</div>"


def _table(panel: Panel, series: Sequence[Series], _width: int, _height: int) -> str:
    head = "".join(f"<th>{each}</th>" for each in (*panel.columns, "value"))
    rows = "".join(
        "<tr>"
        + "".join(f"<td>{html.escape(each.labels.get(column, ''))}</td>" for column in panel.columns)
        + f"<td>{said(each.points[-1][1], panel.unit)}</td></tr>"
        for each in series[:SHOWN]
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def _lines(panel: Panel, series: Sequence[Series], width: int, height: int) -> str:
    height -= 22  # the legend
    points = [point for each in series for point in each.points if not math.isnan(point[1])]
    if not points:
        return "<div class=none>none</div>"
    begin, end = min(at for at, _ in points), max(at for at, _ in points)
    low, high = min(0.0, *(value for _, value in points)), max(value for _, value in points)
    high = high if high > low else low + 1

    def place(at: float, value: float) -> str:
        return f"{70 + (at - begin) / max(end - begin, 1) * (width - 80):.1f},{8 + (high - value) / (high - low) * (height - 26):.1f}"

    grid = "".join(_rule(low + (high - low) * part / 4, place, begin, end, panel.unit) for part in range(5))
    drawn = "".join(_line(each.points, place, COLORS[number % len(COLORS)]) for number, each in enumerate(series))
    clock = f"<text x=70 y={height - 4} font-size=10 fill='#777'>0 s</text><text x={width - 10} y={height - 4} font-size=10 fill='#777' text-anchor=end>{end - begin:.0f} s</text>"
    legend = "".join(f"<i style='background:{COLORS[number % len(COLORS)]}'></i>{html.escape(each.name)}" for number, each in enumerate(series[:SHOWN]))
    return f"<svg width={width} height={height}>{grid}{drawn}{clock}</svg><div class=legend>{legend}</div>"


def _rule(value: float, place, begin: float, end: float, unit: str) -> str:
    (x1, y), (x2, _) = place(begin, value).split(","), place(end, value).split(",")
    return f"<line x1={x1} x2={x2} y1={y} y2={y} stroke='#e6e8ed'/><text x=64 y={float(y) + 3:.1f} font-size=10 fill='#777' text-anchor=end>{said(value, unit)}</text>"


def _line(points: Points, place, color: str) -> str:
    line = " ".join(place(at, value) for at, value in points if not math.isnan(value))
    return f"<polyline points='{line}' fill=none stroke='{color}' stroke-width=1.6 />"
