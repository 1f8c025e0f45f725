"""The chart as Helm renders it, without a cluster: `render("tenants[0].namespace=team-a")` gives the manifests as plain objects."""

import functools
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

REPOSITORY = Path(__file__).parents[2]
CHART = REPOSITORY / "charts" / "trimtab"
OLDEST_KUBERNETES = "1.32.0"


class RefusedError(Exception):
    """Helm does not render these values; its words are in the text."""


@functools.cache
def helm() -> Path:
    """The program, compiled first where it is missing (minutes, once)."""
    command = [sys.executable, str(REPOSITORY / "dev" / "cluster"), "binaries", "addons"]
    return Path(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()) / "helm"


def run_helm(*words: str) -> str:
    done = subprocess.run([str(helm()), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RefusedError(done.stdout + done.stderr)
    return done.stdout


def render(*settings: str, files: tuple[Path, ...] = (), release: str = "trimtab", namespace: str = "trimtab-system") -> list[dict[str, Any]]:
    """Each object of the chart under these values (`key=value`, as for --set) and values files."""
    words = [word for setting in settings for word in ("--set", setting)] + [word for file in files for word in ("-f", str(file))]
    text = run_helm("template", release, str(CHART), "-n", namespace, "--kube-version", OLDEST_KUBERNETES, *words)
    return [each for each in yaml.safe_load_all(text) if each]


def of_kind(rendered: list[dict[str, Any]], *kinds: str) -> list[dict[str, Any]]:
    return [each for each in rendered if each["kind"] in kinds]


def named(rendered: list[dict[str, Any]], kind: str, name: str) -> dict[str, Any]:
    return next(each for each in rendered if each["kind"] == kind and each["metadata"]["name"] == name)
