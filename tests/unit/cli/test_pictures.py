"""Curves as pictures: the same points in the same places, as SVG and as PNG."""

import builtins

import pytest
from PIL import Image

from trimtab.cli.errors import UserError
from trimtab.cli.render import png, svg
from trimtab.cli.render.axes import COLOURS, HEAD, Axes

PLOTS = {"log_loss": {"train": [(0, 0.7), (10, 0.4)], "validation": [(0, 0.7), (10, 0.5)]}, "flat": {"train": [(0, 1.0), (10, 1.0)]}}


def colour(text: str) -> tuple[int, int, int]:
    return tuple(bytes.fromhex(text[1:]))


def test_a_curve_is_where_the_svg_has_it(tmp_path):
    png.write(tmp_path / "a.png", "Run 13cc", PLOTS)
    picture = Image.open(tmp_path / "a.png")
    x, y = Axes.of(PLOTS["log_loss"]).place((5, 0.55))
    assert f"{Axes.of(PLOTS['log_loss']).place((0, 0.7))[0]:.1f}," in svg.page("Run 13cc", PLOTS)
    assert picture.getpixel((round(x * 2), round((HEAD + y) * 2))) == colour(COLOURS[0])
    assert picture.size == (1280, 2 * (HEAD + 2 * 240))


def test_a_dashed_curve_has_gaps(tmp_path):
    png.write(tmp_path / "a.png", "Run", PLOTS)
    picture, axes = Image.open(tmp_path / "a.png"), Axes.of(PLOTS["log_loss"])
    along = [axes.place((step / 20, 0.7 - 0.2 * step / 200)) for step in range(20, 200)]
    inked = [picture.getpixel((round(x * 2), round((HEAD + y) * 2))) == colour(COLOURS[1]) for x, y in along]
    assert 0.3 < sum(inked) / len(inked) < 0.9


def test_without_pillow_the_way_out_is_named(tmp_path, monkeypatch):
    real = builtins.__import__

    def without(name, *rest):
        if name.startswith(("PIL", "trimtab.cli.render.canvas")):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(UserError, match="not installed; an SVG needs nothing") as told:
        png.write(tmp_path / "a.png", "Run", PLOTS)
    assert told.value.hint == "pip install 'trimtab[png]'"
