"""Curves as one SVG file that needs nothing beside it: for a browser, a notebook, a report."""

from collections.abc import Mapping
from html import escape

from trimtab.cli.render.axes import BOTTOM, COLOURS, DASHES, HEAD, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axes, Curves


def page(title: str, plots: Mapping[str, Curves]) -> str:
    """One plot below another, each with axes and a legend of its own; the title is also what is read to who does not see it."""
    height = HEAD + HEIGHT * len(plots)
    drawn = "".join(f"<g transform='translate(0 {HEAD + HEIGHT * number})'>{_plot(name, curves)}</g>" for number, (name, curves) in enumerate(plots.items()))
    style = "<style>text{font:12px system-ui,sans-serif;fill:#222}.t{font-weight:600;font-size:14px}</style>"
    heading = f"<title>{escape(title)}</title><rect width='100%' height='100%' fill='white'/><text x='{LEFT}' y='20' class='t'>{escape(title)}</text>"
    return f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {height}' role='img'>{style}{heading}{drawn}</svg>\n"


def _plot(name: str, curves: Curves) -> str:
    axes_of = Axes.of(curves)

    def place(point: tuple[float, float]) -> str:
        return "{:.1f},{:.1f}".format(*axes_of.place(point))

    lines = "".join(
        f"<polyline points='{' '.join(map(place, curve))}' fill='none' stroke='{COLOURS[n % 6]}' stroke-width='2' stroke-dasharray='{_dashes(n)}'/>"
        for n, curve in enumerate(curves.values())
    )
    foot, edge = HEIGHT - BOTTOM, WIDTH - RIGHT
    axes = f"<path d='M{LEFT} {TOP}V{foot}H{edge}' fill='none' stroke='#888'/>"
    numbers = "".join(f"<text x='{LEFT - 6}' y='{y}' text-anchor='end'>{value:.4g}</text>" for y, value in ((TOP + 10, axes_of.top), (foot, axes_of.bottom)))
    ends = f"<text x='{LEFT}' y='{foot + 16}'>{axes_of.left:g}</text><text x='{edge}' y='{foot + 16}' text-anchor='end'>{axes_of.right:g}</text>"
    return f"<text x='{LEFT}' y='22'>{escape(name)}</text>{axes}{numbers}{ends}{lines}{_legend(curves, foot + 34)}"


def _legend(curves: Curves, y: float) -> str:
    step = (WIDTH - LEFT) / max(1, len(curves))
    return "".join(
        f"<path d='M{LEFT + step * n:.0f} {y - 4}h24' stroke='{COLOURS[n % 6]}' stroke-width='2' stroke-dasharray='{_dashes(n)}'/>"
        f"<text x='{LEFT + step * n + 30:.0f}' y='{y}'>{escape(name)}</text>"
        for n, name in enumerate(curves)
    )


def _dashes(n: int) -> str:
    return " ".join(map(str, DASHES[n % len(DASHES)]))
