"""The one lock file, and the subset of it that a part of Trimtab needs.

`requirements.lock` pins every package of every part with hashes, so that all parts are tested together. An image must hold
only what its own part imports, so `subset operator` prints the pins reachable from that extra in pyproject.toml, following
the `# via` notes the resolver leaves in the lock. Standard library only: it runs in an image before anything is installed.

    python dev/lock.py subset operator      the pins of one extra, with hashes, for `pip install --require-hashes`
    python dev/lock.py refresh              resolve again (needs `uv`)
"""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCK = ROOT / "requirements.lock"


def normal(name: str) -> str:
    """PEP 503: the one spelling of a package's name."""
    return re.sub(r"[-_.]+", "-", name).lower()


def blocks(text: str) -> dict[str, str]:
    """Package name -> its lines of the lock: pin, hashes and `# via` notes."""
    found: dict[str, list[str]] = {}
    current: list[str] = []
    for line in text.splitlines():
        if pin := re.match(r"([A-Za-z0-9._-]+)(\[[^]]*\])?==", line):
            current = found.setdefault(normal(pin[1]), [])
        current.append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}


def parents(block: str) -> set[str]:
    """The packages that ask for this one, from its `# via` notes."""
    notes = [line.strip().removeprefix("#").strip().removeprefix("via").strip() for line in block.splitlines() if line.strip().startswith("#")]
    return {normal(note) for note in notes if note and "(" not in note}


def roots(part: str) -> set[str]:
    """What pyproject.toml lists for an extra."""
    wanted = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"][part]
    return {normal(re.split(r"[\[<>=!~ ;]", requirement, maxsplit=1)[0]) for requirement in wanted}


def subset(part: str) -> str:
    """The lock's pins that an extra reaches, in the lock's order."""
    found = blocks(LOCK.read_text())
    asked_by = {name: parents(block) for name, block in found.items()}
    kept = roots(part)
    while grown := {name for name, askers in asked_by.items() if name not in kept and askers & kept}:
        kept |= grown
    return "\n".join(block for name, block in found.items() if name in kept)


def refresh() -> None:
    command = "uv pip compile pyproject.toml --all-extras --group dev --generate-hashes --no-emit-index-url --python-version 3.11 --universal"
    subprocess.run([*command.split(), "--custom-compile-command", "python dev/lock.py refresh", "-o", str(LOCK), *sys.argv[2:]], cwd=ROOT, check=True)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["subset", part]:
            print(subset(part))
        case ["refresh", *_]:
            refresh()
        case _:
            sys.exit(__doc__)
