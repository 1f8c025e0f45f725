"""The screens of the command in the README are what the command prints; `WRITE=1 pytest tests/unit/cli/test_screens.py` puts them there.

A retrained version is on its way in: the moment at which people look.
"""

import os
import re
from collections.abc import Iterator

import pytest

from support.builders import dataset, deployment, drift_monitor, model_version, training_job
from support.command import Command, environment
from support.control_plane import REPOSITORY
from support.pods_played import PlayedPods
from support.told import ready, working

README = REPOSITORY / "README.md"
SCREENS = re.compile(r"    \$ (trimtab [^\n]*)\n((?:    [^$\n][^\n]*\n)*)")
"""A command, and the lines under it."""


def summary(skill: str) -> dict:
    return {"metrics": [{"name": "skill", "value": skill}]}


PASSED = ("GatesPassed", "True", "Passed", "1 gates passed.")
CANARY = {
    "version": 4,
    "step": 1,
    "ready": 1,
    "programmedPercent": 10,
    "verdict": "Inconclusive",
    "message": "Nothing is proved against it; the step lasts until 12:03.",
}
INCIDENT = {"id": "e5904e2892c538cc", "cause": "new-data", "trainingJob": "flights", "openedAt": "2026-01-05T11:58:00Z", "modelVersion": "flights-v4"}
WORLD = {
    "datasets": [ready(dataset(), "Version 5 was made.", activeVersion=5, versions=[{"version": 5, "rows": {"train": 34801, "validation": 7457, "test": 7459}}])],
    "trainingjobs": [ready(training_job(), "Registered as flights-v4.", "Registered", modelVersion="flights-v4")],
    "modelversions": [
        ready(model_version(version=1, summary=summary("0.05447")), "Verified.", "Verified", PASSED, servedBy=[{"deployment": "flights", "role": "Stable", "percent": 90}]),
        ready(model_version(version=4, summary=summary("0.06512")), "Verified.", "Verified", PASSED, servedBy=[{"deployment": "flights", "role": "Candidate", "percent": 10}]),
    ],
    "modeldeployments": [
        working(
            deployment(replicas=2, rollout={"steps": [{"weight": 10, "duration": "5m"}, {"weight": 50, "duration": "5m"}]}),
            "flights-v4 answers 10% of the requests (step 1 of 2).", "StepRunning",
            stable={"version": 1, "ready": 2}, candidate=CANARY, url="http://flights.flights.svc",
        )
    ],
    "driftmonitors": [ready(drift_monitor(), "It watches flights-v1.", "Incident", incident=INCIDENT)],
}  # fmt: skip


@pytest.fixture(scope="module")
def trimtab(tmp_path_factory) -> Iterator[Command]:
    folder = tmp_path_factory.mktemp("screens")
    with PlayedPods(environment(), lists=WORLD) as it:
        yield Command(it.kubeconfig(folder), "default", XDG_CACHE_HOME=str(folder))


def shown() -> dict[str, str]:
    return {found[1]: found[2] for found in SCREENS.finditer(README.read_text())}


def indented(text: str) -> str:
    return "".join(f"    {line.rstrip()}\n" for line in text.splitlines())


def test_there_are_screens():
    assert {line.split()[1] for line in shown()} >= {"status", "why", "rollout"}


@pytest.mark.parametrize("line", shown())
def test_the_screen_in_the_readme_is_what_the_command_prints(trimtab, line):
    done = trimtab(*line.split()[1:])
    assert done.code in (0, 1), done.err
    if os.environ.get("WRITE"):
        README.write_text(re.sub(rf"(    \$ {re.escape(line)}\n)(?:    [^$\n][^\n]*\n)*", lambda found: found[1] + indented(done.out), README.read_text()))
    assert shown()[line] == indented(done.out)
