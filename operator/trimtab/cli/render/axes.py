"""How curves lie in a picture, whatever it is drawn with: the sizes, the colours, and where a point goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from trimtab.cli.views.plot import Points

WIDTH, HEIGHT, HEAD = 640, 240, 30
LEFT, RIGHT, TOP, BOTTOM = 72, 16, 34, 44
COLOURS = ("#1f60c4", "#c2571a", "#2e7d4f", "#7a4fb0", "#5f6368", "#a8326b")
"""Each at least 4.5 to 1 against white; curves also differ by their dashes."""
DASHES = ((), (6, 4), (2, 3), (10, 3), (1, 4), (8, 3, 2, 3))

Curves = Mapping[str, Points]


@dataclass(frozen=True)
class Axes:
    """Least and largest of both axes; apart, also where all values are one."""

    left: float
    right: float
    bottom: float
    top: float

    @classmethod
    def of(cls, curves: Curves) -> Self:
        points = [point for curve in curves.values() for point in curve]
        return cls(*_ends([x for x, _ in points]), *_ends([y for _, y in points]))

    def place(self, point: tuple[float, float]) -> tuple[float, float]:
        x = LEFT + (WIDTH - LEFT - RIGHT) * (point[0] - self.left) / (self.right - self.left)
        return x, TOP + (HEIGHT - TOP - BOTTOM) * (self.top - point[1]) / (self.top - self.bottom)


def _ends(values: list[float]) -> tuple[float, float]:
    low, high = min(values, default=0.0), max(values, default=1.0)
    return (low, high) if high > low else (low - 0.5, high + 0.5)
