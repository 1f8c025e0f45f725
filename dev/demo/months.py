"""Act 2: February to June. Flights are asked about as they come, labels follow when they have landed, and the model keeps up."""

import os

from kube import EXAMPLE, NAMESPACE, Resource, follow, kubectl, read, show, upload_pod, wait
from launch import flights
from telling import Telling
from terminal import say

STORY = EXAMPLE / "story"
MONTHS = [f"2013-{month:02d}" for month in range(2, 10)]
SPEED = 16
"""As `replay.yaml` has it: 250 requests a second, and February to September in a quarter of an hour."""
ENDS = "2013-07-08"
"""The week after the holiday: in that of July 4 no model knows much, and none could be told from another."""


def play(telling: Telling) -> None:
    begin()
    wait(f"the flights have reached {ENDS}", lambda: telling.date >= ENDS, 1500 * SPEED / speed())
    wait("no version is on its way in", lambda: telling.is_over or not is_moving(telling.monitor), 300)
    say(f"   {telling.date}: version {serving()['stable']['version']} serves")


def begin() -> None:
    table = flights(*MONTHS, "--replay")
    of = f"one of {share()} of " if share() > 1 else ""
    say(f"   {of}{len(table.splitlines()) - 1:,} flights are going to be asked about, each at its moment, {speed()} days of them a minute")
    with upload_pod() as put:
        put("replay/flights.csv", table)
    show("apply", "-k", "examples/flights/story", "-n", NAMESPACE)
    follow("modeldeployments", "flights")
    code = kubectl("create", "configmap", "replay", f"--from-file={EXAMPLE / 'replay.py'}", "--dry-run=client", "-o", "yaml")
    kubectl("apply", "-n", NAMESPACE, "-f", "-", stdin=code.encode())
    kubectl("delete", "pod", "replay", "-n", NAMESPACE, "--ignore-not-found", "--now")
    pod = (STORY / "replay.yaml").read_text().replace(f"--days-a-minute={SPEED}", f"--days-a-minute={speed()}\n        - --one-of={share()}")
    print(f"$ kubectl apply -f examples/flights/story/replay.yaml -n flights\n{kubectl('apply', '-n', NAMESPACE, '-f', '-', stdin=pod.encode())}")


def share() -> int:
    """Ask about one flight of so many: for a machine on which all of them would take too long."""
    return int(os.environ.get("ONE_OF") or 1)


def speed() -> int:
    """Days of flights in a minute; a machine with other work to do needs a smaller number."""
    return int(os.environ.get("DAYS_A_MINUTE") or SPEED)


def is_moving(monitor: Resource) -> bool:
    """Whether a run or a rollout is under way."""
    return monitor.get("status", {}).get("state") == "Retraining" or bool(serving().get("candidate"))


def serving() -> Resource:
    found = read("modeldeployments", "flights")
    return found["status"] if found else {}
