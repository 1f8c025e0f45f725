"""promtool, which unit-tests rules files: Debian's package `prometheus` brings it along."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from support import prometheus


def binary() -> Path:
    found = shutil.which("promtool")
    return Path(found) if found else prometheus.binary().with_name("promtool")


def check(rules: Path) -> str:
    """What `promtool check rules` says; AssertionError where it finds a fault."""
    return _run("check", "rules", str(rules))


def play(rules: Path, tests: list[dict[str, Any]], folder: Path, interval: str = "1m") -> str:
    """Run these tests (as promtool's own documents have them) on a rules file."""
    written = folder / "tests.yml"
    written.write_text(json.dumps({"rule_files": [str(rules)], "evaluation_interval": interval, "tests": tests}))  # YAML, and so is JSON
    return _run("test", "rules", str(written))


def _run(*words: str) -> str:
    done = subprocess.run([str(binary()), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
