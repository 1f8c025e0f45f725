"""Curves as one SVG file that needs nothing beside it: for a browser, a notebook, a report."""

from collections.abc import Mapping
from html import escape

from trimtab.cli.views.plot import Points

WIDTH, HEIGHT = 640, 240
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 34, 44
COLOURS = ("#1f60c4", "#c2571a", "#2e7d4f", "#7a4fb0", "#5f6368", "#a8326b")
"""Each at least 4.5 to 1 against white; curves also differ by their dashes."""
DASHES = ("", "6 4", "2 3", "10 3", "1 4", "8 3 2 3")

Curves = Mapping[str, Points]


def page(title: str, plots: Mapping[str, Curves]) -> str:
    """One plot below another, each with axes and a legend of its own; the title is also what is read to who does not see it."""
    height = HEIGHT * len(plots) + 30
    drawn = "".join(f"<g transform='translate(0 {30 + HEIGHT * number})'>{_plot(name, curves)}</g>" for number, (name, curves) in enumerate(plots.items()))
    style = "<style>text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:14px}</style>"
    heading = f"<title>{escape(title)}</title><rect width='100%' height='100%' fill='white'/><text x='{LEFT}' y='20' class='t'>{escape(title)}</text>"
    return f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' role='img'>{style}{heading}{drawn}</svg>\n"


def _plot(name: str, curves: Curves) -> str:
    points = [point for curve in curves.values() for point in curve]
    (left, right), (bottom, top) = _ends([x for x, _ in points]), _ends([y for _, y in points])

    def place(point: tuple[float, float]) -> str:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (point[0] - left) / (right - left)
        return f"{x:.1f},{TOP + (HEIGHT - TOP - BOTTOM) * (top - point[1]) / (top - bottom):.1f}"

    lines = "".join(
        f"<polyline points='{' '.join(map(place, curve))}' fill='none' stroke='{COLOURS[n % 6]}' stroke-width='2' stroke-dasharray='{DASHES[n % 6]}'/>"
        for n, curve in enumerate(curves.values())
    )
    foot, edge = HEIGHT - BOTTOM, WIDTH - RIGHT
    axes = f"<path d='M{LEFT} {TOP}V{foot}H{edge}' fill='none' stroke='#888'/>"
    numbers = "".join(f"<text x='{LEFT - 6}' y='{y}' text-anchor='end'>{value:.4g}</text>" for y, value in ((TOP + 10, top), (foot, bottom)))
    ends = f"<text x='{LEFT}' y='{foot + 16}'>{left:g}</text><text x='{edge}' y='{foot + 16}' text-anchor='end'>{right:g}</text>"
    return f"<text x='{LEFT}' y='22'>{escape(name)}</text>{axes}{numbers}{ends}{lines}{_legend(curves, foot + 34)}"


def _legend(curves: Curves, y: float) -> str:
    step = (WIDTH - LEFT) / max(1, len(curves))
    return "".join(
        f"<path d='M{LEFT + step * n:.0f} {y - 4}h24' stroke='{COLOURS[n % 6]}' stroke-width='2' stroke-dasharray='{DASHES[n % 6]}'/>"
        f"<text x='{LEFT + step * n + 30:.0f}' y='{y}'>{escape(name)}</text>"
        for n, name in enumerate(curves)
    )


def _ends(values: list[float]) -> tuple[float, float]:
    """Least and largest; apart, also where all are one."""
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
