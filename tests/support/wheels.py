"""Wheels that tests read and never install: fetched once into the cache."""

import os
import subprocess
import sys
from pathlib import Path

CACHE = Path(os.environ.get("TRIMTAB_CACHE", Path.home() / ".cache" / "trimtab"))


class UnobtainableError(Exception):
    """Why something that is only fetched cannot be had here."""


def fetched(package: str, version: str, folder: str) -> Path:
    """The wheel, in a folder of the cache."""
    to, pattern = CACHE / folder, f"{package.replace('-', '_')}-*.whl"
    if found := list(to.glob(pattern)):
        return found[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"{package}=={version}", "--dest", str(to)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnobtainableError(f"{package} cannot be fetched: {done.stderr}")
    return next(to.glob(pattern))
