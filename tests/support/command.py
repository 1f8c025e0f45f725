"""The `trimtab` command as a person runs it: a process of its own, with a kubeconfig, and what it printed."""

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.control_plane import REPOSITORY


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class Command:
    """`run = Command(kubeconfig, namespace)`, then `run("status", "flights").out`."""

    def __init__(self, kubeconfig: Path, namespace: str, **env: str) -> None:
        self.kubeconfig, self.namespace, self.env = kubeconfig, namespace, env

    def __call__(self, *words: str, stdin: str | None = None, cwd: Path | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "trimtab.cli", *words, "-n", self.namespace, "--kubeconfig", str(self.kubeconfig)],
            input=stdin, capture_output=True, text=True, check=False, timeout=120, cwd=cwd, env=environment() | self.env,
        )  # fmt: skip
        return Done(done.returncode, done.stdout, done.stderr)


def alone(*words: str, cwd: Path | None = None, **env: str) -> Done:
    """A verb that needs no cluster, or must not find one."""
    done = subprocess.run(
        [sys.executable, "-m", "trimtab.cli", *words], capture_output=True, text=True, check=False, timeout=120, cwd=cwd, env=environment() | env
    )
    return Done(done.returncode, done.stdout, done.stderr)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(REPOSITORY / "operator"), "COLUMNS": "120", "NO_COLOR": "1"}
