"""Act 4: August and September with the model of January to June. The monitor looks every day, and finds no reason for a run."""

from kube import NAMESPACE, condition, show, wait
from months import SPEED, speed
from telling import Telling
from terminal import say


def play(telling: Telling) -> None:
    opened = [each for each in telling.moments if each.reason == "IncidentOpened"]
    show("apply", "-f", "examples/flights/story/deployment.yaml", "-f", "examples/flights/story/quiet/driftmonitor.yaml", "-n", NAMESPACE)
    wait("the last flight of September was asked about", lambda: telling.is_over, 900 * SPEED / speed())
    wait("the last windows were looked at", lambda: looked(telling), 120)
    more = [each for each in telling.moments if each.reason == "IncidentOpened"][len(opened) :]
    say(f"   incidents since: {len(more)}")
    for name in ("PerformanceDegraded", "Drifted", "SkewDetected"):
        found = condition(telling.monitor, name)
        say(f"   {name} {found.get('status', '?')}: {found.get('message', '')}")


def looked(telling: Telling) -> bool:
    """The last day of September is in, or what was looked at comes near it."""
    window = telling.monitor.get("status", {}).get("lastWindow") or {}
    return bool(window.get("to", "") >= "2013-09-30")
