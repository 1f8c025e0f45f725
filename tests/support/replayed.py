"""The example's replay on a cluster: a pod that asks about the past, and what came of it."""

import re

import yaml

from support.installed import ROOT, Installed, Resource

EXAMPLE = ROOT / "examples" / "flights"


def manifests(deployment: str, table: str, *options: str) -> list[Resource]:
    """The code and the pod as the example has them, with another Deployment, another table of the store, and these options."""
    pod = yaml.safe_load((EXAMPLE / "story" / "replay.yaml").read_text())
    pod["spec"]["containers"][0]["command"] = ["python", "/etc/replay/replay.py", f"http://{deployment}", table, *options]
    code = {"replay.py": (EXAMPLE / "replay.py").read_text()}
    return [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "replay"}, "data": code}, pod]


def stop(it: Installed) -> None:
    """It asks about no other flight, sends what labels are known, and says what came of it."""
    it.kubectl("exec", "replay", "--", "python", "-c", "import os, signal; os.kill(1, signal.SIGTERM)")


def outcome(it: Installed, seconds: float) -> tuple[str, int, int]:
    """The replay's last word, how many were asked about, and how many answered, once it is over."""
    said = it.until("the replay is over", lambda: re.search(r"asked about.*", _log(it)), seconds=seconds)[0]
    print(said)
    asked, answered = (int(each.replace(",", "")) for each in re.findall(r"[\d,]*\d", said)[:2])
    return said, asked, answered


def _log(it: Installed) -> str:
    """Empty while its container is being made."""
    try:
        return it.kubectl("logs", "replay", "--tail=25")
    except AssertionError:
        return ""
