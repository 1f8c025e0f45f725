"""Plots of a report as SVG, to stand within its page: as wide as a phone, so that text is as large as the page's own.

Colours come from the page's style, which knows light and dark; nothing is told by colour alone. Each plot says in words what
it shows, for those who do not see it; its numbers stand in the table beside it.
"""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH = 360
LEFT, RIGHT = 44, 8
BAR = 12
ROW = 38
"""Height of a bar with its name above it."""
MOST_BARS = 12


def frame(height: float, said: str, inside: str) -> str:
    return f"<svg viewBox='0 0 {WIDTH} {height:.0f}' role=img aria-label='{escape(said, quote=True)}'>{inside}</svg>"


def effects(features: Sequence[Mapping[str, Any]], least: float) -> str:
    """A bar for each input, its usual range behind it, and the effect below which nothing matters."""
    shown = features[:MOST_BARS]
    end = max([least * 1.25, *(each["effect"] for each in shown), *(each["usual"] or 0 for each in shown)]) * 1.05
    rows = "".join(_effect(number, each, end) for number, each in enumerate(shown))
    at, height = WIDTH * least / end, ROW * len(shown) + 18
    line = f"<line x1='{at:.1f}' x2='{at:.1f}' y1='0' y2='{height - 16}' class=least /><text x='{at:.1f}' y='{height - 3}' text-anchor=middle>{least:g}</text>"
    said = "; ".join(f"{each['name']} {each['effect']:.3f}" + (f", usually below {each['usual']:.3f}" if each["usual"] else "") for each in shown)
    return frame(height, f"Effect of each input: {said}.", rows + line)


def _effect(number: int, feature: Mapping[str, Any], end: float) -> str:
    top = ROW * number + 18
    usual = f"<rect x=0 y='{top - 3}' width='{WIDTH * feature['usual'] / end:.1f}' height='{BAR + 6}' class=usual />" if feature["usual"] else ""
    bar = f"<rect x=0 y='{top}' width='{max(1.5, WIDTH * feature['effect'] / end):.1f}' height='{BAR}' class='{'drifted' if feature['drifted'] else 'live'}'/>"
    told = f"{feature['effect']:.3f}{' drifted' if feature['drifted'] else ''}"
    name = f"<text x=0 y='{top - 6}' class=name>{escape(_short(feature['name']))}</text>"
    return f"{usual}{bar}{name}<text x='{WIDTH}' y='{top - 6}' text-anchor=end>{told}</text>"


def skill(performance: Mapping[str, Any]) -> str:
    """Skill of each window of labels with its interval, what was promised and the line below which the version is degraded."""
    windows = [each for each in performance["windows"] if each["skill"] and each["skill"]["lower"] is not None]
    promised, line = (performance["reference"] or {}).get("estimate"), performance["line"]
    if not windows:
        return ""
    values = [value for each in windows for value in (each["skill"]["lower"], each["skill"]["upper"])] + [
        each for each in (promised, line, 0.0) if each is not None
    ]
    low, high, height = min(values), max(values), 200
    span = (high - low) or 1.0

    def y(value: float) -> float:
        return 14 + (height - 44) * float((high + 0.05 * span - value) / (1.1 * span))

    step = (WIDTH - LEFT - RIGHT) / len(windows)
    marks = "".join(_mark(each, LEFT + step * (number + 0.5), y) for number, each in enumerate(windows))
    ends = f"<text x='{LEFT}' y='{height - 4}'>{windows[0]['from'][:10]}</text><text x='{WIDTH - RIGHT}' y='{height - 4}' text-anchor=end>{windows[-1]['to'][:10]}</text>"
    lines = _level(y, promised, "promised") + _level(y, line, "least") + _level(y, 0.0, "zero")
    axis = "".join(f"<text x='{LEFT - 6}' y='{y(value) + 4:.1f}' text-anchor=end>{value:.2g}</text>" for value in (low, high))
    said = "; ".join(f"from {each['from'][:10]} {each['skill']['estimate']:.3f}, {each['standing'].lower()}" for each in windows)
    return frame(height, f"Skill by window of labels: {said}.", lines + axis + marks + ends)


def _mark(window: Mapping[str, Any], x: float, y: Any) -> str:
    found, below = window["skill"], window["standing"] == "Below"
    bar = f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{y(found['lower']):.1f}' y2='{y(found['upper']):.1f}' class='{'drifted' if below else 'live'} bar'/>"
    spot = y(found["estimate"])
    if below:
        return bar + f"<path d='M{x - 6:.1f} {spot - 4:.1f}h12l-6 9z' class=drifted />"
    return bar + f"<circle cx='{x:.1f}' cy='{spot:.1f}' r=5 class=live />"


def _level(y: Any, value: float | None, kind: str) -> str:
    return "" if value is None else f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{y(value):.1f}' y2='{y(value):.1f}' class='{kind}'/>"


def windows(found: Sequence[Mapping[str, Any]], least: float) -> str:
    """The largest effect of each window of inputs, a sign above those that drifted, and hollow where a window could not be judged."""
    if not found:
        return ""
    height, step = 130, (WIDTH - LEFT - RIGHT) / len(found)
    end = max([least * 1.25, *(each["effect"] or 0 for each in found)])
    bars = "".join(_window(each, LEFT + step * number, step, 92 * (each["effect"] or 0) / end) for number, each in enumerate(found))
    at = 106 - 92 * least / end
    line = f"<line x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{at:.1f}' y2='{at:.1f}' class=least /><text x='{LEFT - 6}' y='{at + 4:.1f}' text-anchor=end>{least:g}</text>"
    ends = f"<text x='{LEFT}' y='{height - 4}'>{found[0]['from'][:10]}</text><text x='{WIDTH - RIGHT}' y='{height - 4}' text-anchor=end>{found[-1]['to'][:10]}</text>"
    said = "; ".join(f"from {each['from'][:16]} {each['verdict'].lower()}" for each in found)
    return frame(height, f"Windows of inputs: {said}.", bars + line + ends)


def _window(window: Mapping[str, Any], left: float, step: float, high: float) -> str:
    drifted, wide = window["verdict"] == "Drifted", max(2.0, step - 3)
    if window["effect"] is None:
        return f"<rect x='{left:.1f}' y='98' width='{wide:.1f}' height=8 class=unknown />"
    kind = "drifted" if drifted else "live"
    sign = f"<path d='M{left + wide / 2 - 5:.1f} {94 - high:.1f}h10l-5 8z' class=drifted />" if drifted else ""
    return f"<rect x='{left:.1f}' y='{106 - high:.1f}' width='{wide:.1f}' height='{max(1.5, high):.1f}' class={kind} />{sign}"


def histogram(found: Mapping[str, Any]) -> str:
    """Shares of the window as bars, those of the reference as steps above them."""
    bins, height = found["bins"], 130
    end = max([1e-9, *(max(each["reference"] or 0, each["window"] or 0) for each in bins)])
    step = WIDTH / max(1, len(bins))
    bars = "".join(_bar(each, step * number, step, end) for number, each in enumerate(bins))
    names = _names(bins, step, height)
    largest = max(bins, key=lambda each: abs((each["window"] or 0) - (each["reference"] or 0)))
    said = f"{found['name']}: largest difference at {largest['bin']}, {largest['window']:.1%} now and {largest['reference']:.1%} in the reference."
    return frame(height, said, bars + names)


def _bar(found: Mapping[str, Any], left: float, step: float, end: float) -> str:
    live, reference = (100 * (found[side] or 0) / end for side in ("window", "reference"))
    wide = max(1.0, step - 1.5)
    bar = f"<rect x='{left:.1f}' y='{106 - live:.1f}' width='{wide:.1f}' height='{live:.1f}' class=live />"
    return bar + f"<line x1='{left:.1f}' x2='{left + wide:.1f}' y1='{106 - reference:.1f}' y2='{106 - reference:.1f}' class=reference />"


def _names(bins: Sequence[Mapping[str, Any]], step: float, height: int) -> str:
    """Every name where they are few, else the first and the last."""
    if len(bins) <= 10:
        letters = max(2, int(step / 7))
        return "".join(
            f"<text x='{step * (number + 0.5):.1f}' y='{height - 8}' text-anchor=middle>{escape(each['bin'][:letters])}</text>"
            for number, each in enumerate(bins)
        )
    first, last = escape(bins[0]["bin"]), escape(bins[-1]["bin"])
    return f"<text x=0 y='{height - 8}'>{first}</text><text x='{WIDTH}' y='{height - 8}' text-anchor=end>{last}</text>"


def _short(name: str) -> str:
    return name if len(name) <= 32 else f"{name[:31]}…"
