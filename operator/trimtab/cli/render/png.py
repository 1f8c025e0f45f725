"""Curves as one PNG file, for where SVG is not taken: a slide, a chat, a ticket."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from trimtab.cli.errors import UserError
from trimtab.cli.render.axes import BOTTOM, COLOURS, DASHES, HEAD, HEIGHT, LEFT, RIGHT, TOP, WIDTH, Axes, Curves

if TYPE_CHECKING:
    from trimtab.cli.render.canvas import Canvas

LARGER = 2
INK, GREY = (34, 34, 34), (136, 136, 136)


def write(path: Path, title: str, plots: Mapping[str, Curves]) -> None:
    """As `svg.page` lays it out, twice as large. UserError where Pillow is not installed."""
    try:
        from trimtab.cli.render.canvas import Canvas
    except ImportError as error:
        raise UserError("A PNG is drawn by Pillow, which is not installed; an SVG needs nothing.", "pip install 'trimtab[png]'") from error
    canvas = Canvas(WIDTH * LARGER, (HEAD + HEIGHT * len(plots)) * LARGER)
    canvas.text(_at(LEFT, 20), title, INK, 15 * LARGER)
    for number, (name, curves) in enumerate(plots.items()):
        _plot(canvas, HEAD + HEIGHT * number, name, curves)
    canvas.save(path)


def _plot(canvas: "Canvas", above: float, name: str, curves: Curves) -> None:
    axes, foot, edge = Axes.of(curves), above + HEIGHT - BOTTOM, WIDTH - RIGHT
    canvas.text(_at(LEFT, above + 22), name, INK, 13 * LARGER)
    canvas.path([_at(LEFT, above + TOP), _at(LEFT, foot), _at(edge, foot)], GREY, LARGER)
    for y, value in ((above + TOP + 10, axes.top), (foot, axes.bottom)):
        canvas.text(_at(LEFT - 6, y), f"{value:.4g}", INK, 12 * LARGER, 1.0)
    canvas.text(_at(LEFT, foot + 16), f"{axes.left:g}", INK, 12 * LARGER)
    canvas.text(_at(edge, foot + 16), f"{axes.right:g}", INK, 12 * LARGER, 1.0)
    step = (WIDTH - LEFT) / max(1, len(curves))
    for n, (curve, points) in enumerate(curves.items()):
        colour, dashes = _colour(COLOURS[n % len(COLOURS)]), [each * LARGER for each in DASHES[n % len(DASHES)]]
        canvas.path([_at(x, above + y) for x, y in map(axes.place, points)], colour, 2 * LARGER, dashes)
        canvas.path([_at(LEFT + step * n, foot + 30), _at(LEFT + step * n + 24, foot + 30)], colour, 2 * LARGER, dashes)
        canvas.text(_at(LEFT + step * n + 30, foot + 34), curve, INK, 12 * LARGER)


def _at(x: float, y: float) -> tuple[float, float]:
    return x * LARGER, y * LARGER


def _colour(text: str) -> tuple[int, int, int]:
    return int(text[1:3], 16), int(text[3:5], 16), int(text[5:7], 16)
