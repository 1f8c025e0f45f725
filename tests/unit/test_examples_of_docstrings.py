"""Every example in a docstring comes out as it stands there."""

import doctest
import importlib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
OF_A_CLUSTER = {"trimtab.cli.frames", "trimtab.cli.noted"}
"""Their examples need a model that is served and a store: tests/integration/test_frames.py has them."""


def modules() -> list[str]:
    files = [(root, file) for root in ("operator", "serving") for file in sorted((ROOT / root).rglob("*.py")) if ">>> " in file.read_text()]
    names = [".".join(file.relative_to(ROOT / root).with_suffix("").parts).removesuffix(".__init__") for root, file in files]
    return [name for name in names if name not in OF_A_CLUSTER]


@pytest.mark.parametrize("name", modules())
def test_it_comes_out(name):
    found = doctest.testmod(importlib.import_module(name))
    assert (found.failed, found.attempted > 0) == (0, True)
