"""A notebook's code cells, one after another in a fresh interpreter: what a person who runs them all would have seen fail, fails."""

import json
import subprocess
import sys
from pathlib import Path

from support.command import environment

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "examples" / "notebooks"


def executed(name: str, folder: Path, **more: str) -> str:
    """What was printed, and the last value of each cell as a notebook shows it; the examples are found as from the repository's root."""
    cells = [each for each in json.loads((FOLDER / name).read_text())["cells"] if each["cell_type"] == "code"]
    program = "\n".join(_shown("".join(each["source"])) for each in cells)
    (folder / "examples").symlink_to(ROOT / "examples")
    command = [sys.executable, "-W", "ignore", "-c", program]
    done = subprocess.run(command, cwd=folder, env=environment() | more, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def _shown(cell: str) -> str:
    """With its last line printed, where that is an expression."""
    head, _, last = cell.rpartition("\n")
    try:
        compile(last, "cell", "eval")
    except SyntaxError:
        return cell
    return f"{head}\nprint({last})"
