"""The screens of the command in the README are what the command prints; `WRITE=1 pytest tests/unit/cli/test_screens.py` puts them there.

A retrained version is on its way in: the moment at which people look.
"""

import os
import re
from collections.abc import Iterator

import pytest

from support.builders import Object, dataset, deployment, drift_monitor, model_version, training_job
from support.command import Command, environment
from support.control_plane import REPOSITORY
from support.pods_played import PlayedPods
from support.told import ready

README = REPOSITORY / "README.md"
SCREENS = re.compile(r"    \$ (trimtab [^\n]*)\n((?:    [^$\n][^\n]*\n)*)")
"""A command, and the lines under it."""


def summary(skill: str) -> dict:
    return {"metrics": [{"name": "skill", "value": skill}]}


PASSED = ("GatesPassed", "True", "Passed", "1 gates passed.")
FAILED = {
    2: "flights-v2 did not pass: skill: Skill -0.02012 [-0.07084, 0.02184] on 4970 test rows; its lower end must be above 0.",
    3: "flights-v3 did not pass: skill: Skill -0.04857 [-0.08311, -0.01878] on 6148 test rows; its lower end must be above 0.",
}
LASTS = "Nothing is proved against it; the step lasts until 2026-11-27T00:43:01Z at least."
STEP = f"flights-v4 answers 10% of the requests (step 1 of 2): {LASTS}"
CANARY = {
    "version": 4,
    "step": 1,
    "steps": 2,
    "ready": 1,
    "programmedPercent": 10,
    "verdict": "Inconclusive",
    "message": LASTS,
    "rehearsal": "0 of 200 requests of the log failed; 22 of 200 rows have another answer.",
}
INCIDENT = {"id": "e5904e2892c538cc", "cause": "new-data", "trainingJob": "flights", "openedAt": "2013-02-28T04:59:00Z", "modelVersion": "flights-v4"}
WATCHED = {"skill": "0.03445", "lower": "-0.01309", "upper": "0.06083", "reference": "0.05447", "line": "0.002321", "labels": 6237}


def failed(number: int, skill: str) -> Object:
    return ready(model_version(version=number, summary=summary(skill)), "Verified.", "Verified", ("GatesPassed", "False", "GatesFailed", FAILED[number]))


def passed(number: int, skill: str, role: str, percent: int) -> Object:
    served = {"deployment": "flights", "role": role, "percent": percent}
    return ready(model_version(version=number, summary=summary(skill)), "Verified.", "Verified", PASSED, servedBy=[served])


STEPS = {"steps": [{"weight": 10, "duration": "5m"}, {"weight": 50, "duration": "5m"}]}
WORLD = {
    "datasets": [ready(dataset(), "Version 5 was made.", activeVersion=5, versions=[{"version": 5, "rows": {"train": 35694, "validation": 7649, "test": 7649}}])],
    "trainingjobs": [ready(training_job(), "Registered as flights-v4.", "Registered", modelVersion="flights-v4")],
    "modelversions": [passed(1, "0.05447", "Stable", 90), failed(2, "-0.02012"), failed(3, "-0.04857"), passed(4, "0.05987", "Candidate", 10)],
    "modeldeployments": [
        ready(
            deployment(replicas=1, rollout=STEPS), STEP, "StepRunning", ("Reconciling", "True", "StepRunning", STEP), ("Progressing", "True", "StepRunning", STEP),
            state="RollingOut", stable={"version": 1, "ready": 1}, candidate=CANARY, url="http://flights.flights.svc",
        )
    ],
    "driftmonitors": [
        ready(
            drift_monitor(), "Watches flights-v1. Incident e5904e2892c538cc (new-data) is open.", "Watching",
            state="Retraining", incident=INCIDENT, performance=WATCHED,
        )
    ],
}  # fmt: skip
"""As `make demo` had it on a real cluster in its first days of March."""


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
