"""The year as a picture: skill of the answers that clients got, week by week, beside what the first model would have answered."""

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from trimtab.cli.render.canvas import Canvas, Colour, Point

WIDTH, HEIGHT = 1200, 620
LEFT, RIGHT, TOP, BOTTOM = 90, 30, 160, 60
MARK_ROWS, MARK_ROW = 3, 18
LOWEST, HIGHEST = -0.15, 0.15
"""Skill shown; weeks beyond stand at the edge."""

INK, PALE, BLUE, GREY, GREEN, RED = (40, 40, 40), (225, 225, 225), (31, 96, 196), (150, 150, 150), (20, 130, 70), (200, 40, 40)
MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
GRID = (-0.15, -0.10, -0.05, 0.0, 0.05, 0.10, 0.15)

Marks = Sequence[tuple[str, str, bool]]
"""(date, words, whether it is bad news)."""


def draw(weeks: Sequence[Mapping[str, Any]], marks: Marks, path: Path) -> None:
    """A dot and its interval for each week; a line where a version took over or was taken back."""
    if not weeks:
        return
    picture = Picture(Canvas(WIDTH, HEIGHT), date.fromisoformat(weeks[0]["from"][:10]), date.fromisoformat(weeks[-1]["from"][:10]) + timedelta(days=7))
    picture.frame()
    picture.marks(marks)
    picture.series(weeks, "first", GREY, -4)
    picture.series(weeks, "served", BLUE, 4)
    picture.canvas.save(path)


class Picture:
    """Where dates and skills lie on the canvas."""

    def __init__(self, canvas: Canvas, first: date, last: date) -> None:
        self.canvas, self.first, self.days = canvas, first, (last - first).days

    def x(self, day: date) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (day - self.first).days / self.days

    def y(self, skill: float) -> float:
        share = (HIGHEST - min(HIGHEST, max(LOWEST, skill))) / (HIGHEST - LOWEST)
        return TOP + (HEIGHT - TOP - BOTTOM) * share

    def frame(self) -> None:
        it = self.canvas
        it.text((LEFT, 34), "Flights out of New York, 2013: skill of the answers, week by week", INK, 20)
        it.text((LEFT, 62), "1 - loss / loss of the best constant, 0 is knowing nothing. Bars: 95%, by days", GREY, 14)
        for place, words, colour in ((LEFT, "what clients got", BLUE), (LEFT + 260, "had nothing been retrained", GREY)):
            it.disc((place + 5, 83), 5, colour)
            it.text((place + 18, 88), words, colour, 15)
        for skill in GRID:
            it.line((LEFT, self.y(skill)), (WIDTH - RIGHT, self.y(skill)), GREY if skill == 0 else PALE, 1.5 if skill == 0 else 1.0)
            it.text((LEFT - 12, self.y(skill) + 6), f"{skill:.2f}", INK, 15, 1.0)
        for month in range(1, 13):
            day = date(self.first.year, month, 1)
            if self.first <= day < self.first + timedelta(days=self.days):
                it.line((self.x(day), HEIGHT - BOTTOM), (self.x(day), HEIGHT - BOTTOM + 8), INK)
                it.text((self.x(day) + 6, HEIGHT - BOTTOM + 26), MONTHS[month - 1], INK, 16)

    def marks(self, marks: Marks) -> None:
        """Words beside the upper end of each line, in three rows downwards, so that neighbours do not meet."""
        for number, (day, words, bad) in enumerate(marks):
            x, colour = self.x(date.fromisoformat(day)), RED if bad else GREEN
            foot = TOP - 6 - MARK_ROW * (MARK_ROWS - 1 - number % MARK_ROWS)
            self.canvas.path([(x, foot - 10), (x, HEIGHT - BOTTOM)], colour, 1.6, (7, 7))
            self.canvas.text((x + 6, foot) if x < WIDTH - 150 else (x - 6, foot), words, colour, 14, 0.0 if x < WIDTH - 150 else 1.0)

    def series(self, weeks: Sequence[Mapping[str, Any]], name: str, colour: Colour, aside: float) -> None:
        middles = [self.x(date.fromisoformat(week["from"][:10]) + timedelta(days=3)) + aside for week in weeks]
        spots: list[Point] = [(x, self.y(week[name][0])) for x, week in zip(middles, weeks, strict=True)]
        for (x, _), week in zip(spots, weeks, strict=True):
            self.canvas.line((x, self.y(week[name][1])), (x, self.y(week[name][2])), _lighter(colour), 2.2)
        for a, b in pairwise(spots):
            self.canvas.line(a, b, _lighter(colour), 1.2)
        for spot in spots:
            self.canvas.disc(spot, 5, colour)


def _lighter(colour: Colour) -> Colour:
    red, green, blue = (255 - (255 - each) // 2 for each in colour)
    return red, green, blue
