"""Lines, discs and words with soft edges, written as PNG by Pillow (extra `png`)."""

import math
from collections.abc import Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

Colour = tuple[int, int, int]
Point = tuple[float, float]

FINE = 3
"""Drawn so many times as large, so that edges are soft."""


class Canvas:
    """White at first; in pixels from the top left corner."""

    def __init__(self, width: int, height: int) -> None:
        self.size = (width, height)
        self._image = Image.new("RGB", (width * FINE, height * FINE), "white")
        self._draw = ImageDraw.Draw(self._image)

    def line(self, a: Point, b: Point, colour: Colour, thick: float = 1.5) -> None:
        """A stroke with round ends."""
        self._draw.line([_fine(a), _fine(b)], fill=colour, width=max(1, round(thick * FINE)))
        for end in (a, b):
            self.disc(end, thick / 2, colour)

    def path(self, points: Sequence[Point], colour: Colour, thick: float = 2.0, dashes: Sequence[float] = ()) -> None:
        """Strokes from point to point; `dashes` are lengths of ink and of gap in turn, kept up around corners."""
        lengths, inked, left = dashes or (math.inf,), True, dashes[0] if dashes else math.inf
        turn = 0
        for a, b in pairwise(points):
            length, done = math.dist(a, b), 0.0
            while done < length:
                step = min(left, length - done)
                if inked:
                    self.line(_between(a, b, done / length), _between(a, b, (done + step) / length), colour, thick)
                done, left = done + step, left - step
                if left <= 0:
                    turn = (turn + 1) % len(lengths)
                    inked, left = not inked, lengths[turn]

    def disc(self, at: Point, radius: float, colour: Colour) -> None:
        x, y = _fine(at)
        reach = radius * FINE
        self._draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=colour)

    def text(self, at: Point, words: str, colour: Colour, size: float = 12, anchor: float = 0.0) -> None:
        """Words with their foot at `at`, `size` pixels high; anchor 0: from there on, 0.5: around it, 1: up to it."""
        self._draw.text(_fine(at), words, fill=colour, font=_font(round(size * FINE)), anchor={0.0: "ls", 0.5: "ms", 1.0: "rs"}[anchor])

    def save(self, path: Path) -> None:
        self._image.resize(self.size, Image.Resampling.BOX).save(path, "PNG")


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """Pillow's own: no font of the machine is needed."""
    return ImageFont.load_default(size)


def _fine(at: Point) -> Point:
    return at[0] * FINE, at[1] * FINE


def _between(a: Point, b: Point, share: float) -> Point:
    return a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share
