"""`make chaos`: while the months pass, the operator is killed again and again, and worker, serving pod, object store and API server once each.

At random moments, from a seed that is printed: the same seed kills at the same seconds.
"""

import json
import os
import random
import signal
import subprocess
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from kube import NAMESPACE, PROGRAM, SYSTEM
from terminal import say

SECONDS = 420
"""Of act 2, in which all of it happens."""
OPERATORS = 20
NAME = os.environ.get("TRIMTAB_CLUSTER_NAME") or "trimtab"


class Killing:
    """Runs beside the story."""

    def __init__(self, seed: int) -> None:
        chance = random.Random(seed)
        others: list[Callable[[], str]] = [kill_worker, kill_serving, kill_store, kill_api_server]
        deeds = [kill_operator] * OPERATORS + others
        self._plan = sorted(((chance.uniform(20, SECONDS), number, deed) for number, deed in enumerate(deeds)), key=lambda each: each[:2])
        self._over = threading.Event()
        say(f"   seed {seed}: {OPERATORS} operators, and one each of {', '.join(each.__name__.removeprefix('kill_') for each in others)}")

    def start(self) -> None:
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        passed = 0.0
        for at, _, deed in self._plan:
            if self._over.wait(at - passed):
                return
            passed = at
            say(f"   killed: {deed()}")


def _quietly(*words: str) -> str:
    return subprocess.run([*PROGRAM, "kubectl", *words], capture_output=True, text=True, check=False).stdout.strip()


def _kill_one(namespace: str, *selector: str) -> str:
    """The first running pod, without grace."""
    found: list[dict[str, Any]] = json.loads(_quietly("get", "pods", "-n", namespace, *selector, "-o", "json") or '{"items": []}')["items"]
    names = [each["metadata"]["name"] for each in found if each["status"].get("phase") == "Running"]
    if names:
        _quietly("delete", "pod", names[0], "-n", namespace, "--grace-period=0", "--force")
    return names[0] if names else "nothing of it was running"


def kill_operator() -> str:
    return f"operator {_kill_one(SYSTEM, '-l', 'app.kubernetes.io/name=operator')}"


def kill_worker() -> str:
    return f"worker {_kill_one(NAMESPACE, '-l', 'trimtab.dev/verb in (train, snapshot, evaluate)')}"


def kill_serving() -> str:
    return f"serving pod {_kill_one(NAMESPACE, '-l', 'trimtab.dev/version,trimtab.dev/owner-kind=Deployment')}"


def kill_store() -> str:
    return f"object store {_kill_one(SYSTEM, '-l', 'app.kubernetes.io/name=object-store')}"


def kill_api_server() -> str:
    """Only where the cluster is this machine's own; what started it starts it again."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[0].endswith(b"kube-apiserver") and any(f"/clusters/{NAME}/".encode() in word for word in words):
            os.kill(int(folder.name), signal.SIGKILL)
            return f"API server, process {folder.name}"
    return "no API server: it is not a process of this machine"
