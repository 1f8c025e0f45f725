"""The Prometheus Operator's own definitions of its kinds, out of its Go module: fetched by `go mod download` into Go's cache, never copied in here."""

import json
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.wheels import UnobtainableError

MODULE = "github.com/prometheus-operator/prometheus-operator"
VERSION = "v0.85.0"
FETCHED_WITHIN = 180.0
"""Seconds; 4 MB."""


def definition(plural: str) -> Path:
    """The CustomResourceDefinition of one of its kinds."""
    return _module() / "example" / "prometheus-operator-crd" / f"monitoring.coreos.com_{plural}.yaml"


def _module() -> Path:
    go = shutil.which("go") or shutil.which("/usr/local/go/bin/go")
    if not go:
        raise UnobtainableError("there is no Go to fetch the Prometheus Operator's module with")
    with tempfile.TemporaryDirectory() as nowhere:  # whose go.mod is not ours
        command = [go, "mod", "download", "-json", f"{MODULE}@{VERSION}"]
        try:
            done = subprocess.run(command, cwd=nowhere, capture_output=True, text=True, check=False, timeout=FETCHED_WITHIN)
        except subprocess.TimeoutExpired as late:
            raise UnobtainableError(f"{MODULE} was not fetched within {FETCHED_WITHIN:.0f} s") from late
    if done.returncode:
        raise UnobtainableError(f"{MODULE} cannot be fetched: {done.stdout + done.stderr}")
    return Path(json.loads(done.stdout)["Dir"])
