"""Grafana's own model of a dashboard: the wheel `grafana-foundation-sdk`, which Grafana Labs generates from Grafana's schemas, and no Grafana.

It is fetched once into the cache and read from there; it is never installed, so that nothing else can come to need it.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CACHE = Path(os.environ.get("TRIMTAB_CACHE", Path.home() / ".cache" / "trimtab")) / "grafana"
VERSION = "1769699379!11.6.0"
"""For Grafana 11.6."""


class UnobtainableError(Exception):
    """Why the wheel cannot be had here."""


def understood(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard as Grafana's model has it: what it does not know is not in it."""
    if str(_wheel()) not in sys.path:
        sys.path.append(str(_wheel()))
    from grafana_foundation_sdk.cog.encoder import JSONEncoder  # type: ignore[import-not-found]
    from grafana_foundation_sdk.cog.plugins import register_default_plugins  # type: ignore[import-not-found]
    from grafana_foundation_sdk.models.dashboard import Dashboard  # type: ignore[import-not-found]

    register_default_plugins()  # each kind of panel and of query has a model of its own
    return dict(json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard))))


def _wheel() -> Path:
    if found := list(CACHE.glob("grafana_foundation_sdk-*.whl")):
        return found[0]
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", f"grafana-foundation-sdk=={VERSION}", "--dest", str(CACHE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise UnobtainableError(f"grafana-foundation-sdk cannot be fetched: {done.stderr}")
    return next(CACHE.glob("grafana_foundation_sdk-*.whl"))
