"""Grafana's own model of a dashboard: the wheel `grafana-foundation-sdk`, which Grafana Labs generates from Grafana's schemas, and no Grafana.

It is fetched once into the cache and read from there; it is never installed, so that nothing else can come to need it.
"""

import json
import sys
from typing import Any

from support.wheels import fetched

VERSION = "1769699379!11.6.0"
"""For Grafana 11.6."""


def understood(dashboard: dict[str, Any]) -> dict[str, Any]:
    """The dashboard as Grafana's model has it: what it does not know is not in it."""
    wheel = str(fetched("grafana-foundation-sdk", VERSION, "grafana"))
    if wheel not in sys.path:
        sys.path.append(wheel)
    from grafana_foundation_sdk.cog.encoder import JSONEncoder  # type: ignore[import-not-found]
    from grafana_foundation_sdk.cog.plugins import register_default_plugins  # type: ignore[import-not-found]
    from grafana_foundation_sdk.models.dashboard import Dashboard  # type: ignore[import-not-found]

    register_default_plugins()  # each kind of panel and of query has a model of its own
    return dict(json.loads(JSONEncoder().encode(Dashboard.from_json(dashboard))))
