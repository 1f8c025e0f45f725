"""A line plot in characters, for learning curves in a terminal. Pure."""

from collections.abc import Mapping, Sequence

Points = Sequence[tuple[float, float]]
SIGNS = "●○▲△■□"


def plot(curves: Mapping[str, Points], width: int = 72, height: int = 14) -> list[str]:
    """Each curve with a sign of its own over common axes; the lines of the picture, its legend last."""
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return ["There is nothing to plot."]
    left, right = min(x for x, _ in points), max(x for x, _ in points)
    bottom, top = min(y for _, y in points), max(y for _, y in points)
    field = [[" "] * width for _ in range(height)]
    for sign, curve in zip(SIGNS, curves.values(), strict=False):
        for x, y in curve:
            field[height - 1 - _place(y, bottom, top, height)][_place(x, left, right, width)] = sign
    labels = [f"{top:.5g}", *[""] * (height - 2), f"{bottom:.5g}"]
    margin = max(map(len, labels))
    lines = [f"{label:>{margin}} ┤{''.join(row).rstrip()}" for label, row in zip(labels, field, strict=True)]
    axis = f"{' ' * margin} └{'─' * width}"
    ends = f"{' ' * margin}  {left:<{width // 2}g}{right:>{width - width // 2}g}"
    return [*lines, axis, ends, "   ".join(f"{sign} {name}" for sign, name in zip(SIGNS, curves, strict=False))]


def _place(value: float, low: float, high: float, size: int) -> int:
    return round((value - low) / (high - low) * (size - 1)) if high > low else 0
