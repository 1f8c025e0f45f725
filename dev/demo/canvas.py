"""A small canvas for one chart: lines, discs and words, with soft edges, written as PNG. numpy and zlib, nothing to install."""

import struct
import zlib
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Colour = tuple[int, int, int]
Point = tuple[float, float]

LETTERS = {
    "A": "06 20 46;14 34", "B": "00 06 36 45 44 33 03;00 30 41 42 33", "C": "41 30 10 01 05 16 36 45", "D": "00 06 26 44 42 20 00",
    "E": "40 00 06 46;03 33", "F": "40 00 06;03 33", "G": "41 30 10 01 05 16 36 45 43 23", "H": "00 06;40 46;03 43", "I": "10 30;20 26;16 36",
    "J": "40 45 36 16 05", "K": "00 06;40 03 46", "L": "00 06 46", "M": "06 00 23 40 46", "N": "06 00 46 40", "O": "10 30 41 45 36 16 05 01 10",
    "P": "06 00 30 41 42 33 03", "Q": "10 30 41 45 36 16 05 01 10;34 46", "R": "06 00 30 41 42 33 03;23 46", "S": "41 30 10 01 02 13 33 44 45 36 16 05",
    "T": "00 40;20 26", "U": "00 05 16 36 45 40", "V": "00 26 40", "W": "00 16 23 36 40", "X": "00 46;40 06", "Y": "00 23 40;23 26", "Z": "00 40 06 46",
    "0": "10 30 41 45 36 16 05 01 10", "1": "11 20 26;16 36", "2": "01 10 30 41 42 06 46", "3": "01 10 30 41 42 33 44 45 36 16 05;13 33",
    "4": "36 30 04 44", "5": "40 00 03 33 44 45 36 16 05", "6": "40 10 01 05 16 36 45 44 33 03", "7": "00 40 16",
    "8": "13 02 01 10 30 41 42 33 13 04 05 16 36 45 44 33", "9": "43 13 02 01 10 30 41 45 36 06",
    ".": "26 26", ",": "25 17", "-": "13 33", ":": "22 22;25 25", "%": "40 06;00 10 11 01 00;35 45 46 36 35",
    "(": "30 12 14 36", ")": "10 32 34 16", "/": "40 06", "+": "21 25;03 43", "=": "02 42;04 44", "'": "20 21",
}  # fmt: skip
"""Strokes of each letter, as points (column, row) of a grid of 4 by 6."""
WIDE = 5.6
"""Columns from one letter to the next."""


class Canvas:
    """White at first; y grows downwards."""

    def __init__(self, width: int, height: int) -> None:
        self.width, self.height = width, height
        self.pixels: NDArray[np.float64] = np.full((height, width, 3), 255.0)

    def line(self, a: Point, b: Point, colour: Colour, thick: float = 1.5) -> None:
        """A stroke with round ends; of no length, a dot."""
        reach = thick / 2 + 1
        left, right = (int(each) for each in np.clip([min(a[0], b[0]) - reach, max(a[0], b[0]) + reach + 1], 0, self.width))
        top, bottom = (int(each) for each in np.clip([min(a[1], b[1]) - reach, max(a[1], b[1]) + reach + 1], 0, self.height))
        y, x = np.mgrid[top:bottom, left:right]
        along = np.array([b[0] - a[0], b[1] - a[1]])
        share = np.clip(((x - a[0]) * along[0] + (y - a[1]) * along[1]) / max(float(along @ along), 1e-9), 0, 1)
        distance = np.hypot(x - a[0] - share * along[0], y - a[1] - share * along[1])
        covered = np.clip(thick / 2 + 0.5 - distance, 0, 1)[..., None]
        part = self.pixels[top:bottom, left:right]
        part[:] = part * (1 - covered) + np.array(colour, dtype=np.float64) * covered

    def dashed(self, a: Point, b: Point, colour: Colour, thick: float = 1.5, dash: float = 7) -> None:
        length = float(np.hypot(b[0] - a[0], b[1] - a[1]))
        for start in np.arange(0, length, 2 * dash):
            ends = [min(each, length) / length for each in (start, start + dash)]
            self.line(*((a[0] + (b[0] - a[0]) * at, a[1] + (b[1] - a[1]) * at) for at in ends), colour, thick)  # type: ignore[misc]

    def disc(self, at: Point, radius: float, colour: Colour) -> None:
        self.line(at, at, colour, 2 * radius)

    def text(self, at: Point, words: str, colour: Colour, size: float = 2.0, anchor: float = 0.0) -> None:
        """Words with their foot at `at`; anchor 0: from there on, 0.5: around it, 1: up to it. Capitals only."""
        left = at[0] - anchor * (len(words) * WIDE - WIDE + 4) * size
        for place, letter in enumerate(words.upper()):
            for stroke in LETTERS.get(letter, "").split(";"):
                points = [(left + (WIDE * place + int(x)) * size, at[1] + (int(y) - 6) * size) for x, y in stroke.split()]
                for a, b in pairwise(points):
                    self.line(a, b, colour, 0.75 * size)

    def save(self, path: Path) -> None:
        rows = np.concatenate([np.zeros((self.height, 1), np.uint8), np.rint(self.pixels).astype(np.uint8).reshape(self.height, -1)], axis=1)
        head = struct.pack(">IIBBBBB", self.width, self.height, 8, 2, 0, 0, 0)
        path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(map(_chunk, (b"IHDR", b"IDAT", b"IEND"), (head, zlib.compress(rows.tobytes()), b""))))


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))
