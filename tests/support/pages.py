"""What every HTML page of ours keeps to, so that it is read on a phone, with the keyboard and aloud, and years later without a network."""

import re
from html.parser import HTMLParser
from itertools import pairwise

Attributes = dict[str, str | None]
LEAST_CONTRAST = 4.5
"""WCAG 2 AA, for text."""


class Page(HTMLParser):
    """Tags with their attributes in order, and the text of each; AssertionError for a tag that is closed and was not open."""

    VOID = frozenset({"meta"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, Attributes]] = []
        self.titles: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["title"]:
            self.titles.append(data)

    def all(self, *names: str) -> list[Attributes]:
        return [attributes for tag, attributes in self.tags if tag in names]


def is_accessible(html: str) -> None:
    page = Page(html)
    assert html.startswith("<!doctype html>")
    assert [each.get("lang") for each in page.all("html")] == ["en"]
    assert "".join(page.titles).strip()
    assert any(each.get("name") == "viewport" and "width=device-width" in (each.get("content") or "") for each in page.all("meta"))
    assert len(page.all("main")) == 1
    levels = [int(tag[1]) for tag, _ in page.tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels)), "a heading is left out"
    assert all(each.get("role") == "img" and each.get("aria-label") for each in page.all("svg"))
    assert all(each.get("scope") in ("row", "col") for each in page.all("th"))
    regions = [each for each in page.all("div") if each.get("role") == "region"]
    assert len(regions) == len(page.all("table")), "what is too wide can be moved"
    assert all(each.get("aria-label") and each.get("tabindex") == "0" for each in regions)
    needs_nothing_else(page, html)


def needs_nothing_else(page: Page, html: str) -> None:
    assert not page.all("img", "script", "link", "iframe", "object")
    assert not any(name in ("src", "href", "srcset") for _, attributes in page.tags for name in attributes)
    assert not re.search(r"https?://|url\(|@import", html)


def contrasts(style: str) -> dict[str, float]:
    """Contrast with the paper of each colour that text has, in the light and in the dark."""
    schemes = [dict(re.findall(r"--(\w+):(#\w+)", scheme)) for scheme in re.findall(r":root\{([^}]*)\}", style)]
    text = set(re.findall(r"(?:[{;]color|svg text\{[^}]*fill):var\(--(\w+)\)", style))
    return {f"{name} {number}": _contrast(colours[name], colours["paper"]) for number, colours in enumerate(schemes) for name in text}


def _contrast(one: str, other: str) -> float:
    high, low = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def _luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(2 * each for each in colour[1:])
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
