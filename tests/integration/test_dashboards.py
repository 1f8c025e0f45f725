"""Every question of every dashboard and alert is put to a real Prometheus, which scraped real serving processes and a real operator under load.

TRIMTAB_PICTURES=docs/dashboards writes the pictures of the documentation from what is found.
"""

import contextlib
import os
import re
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from support import models
from support.answers import evaluate_answer
from support.builders import Object, drift_monitor
from support.control_plane import REPOSITORY, ControlPlane
from support.monitoring import DAY, skill
from support.object_store import ObjectStore
from support.operator_process import Operator
from support.played_namespace import Cluster
from support.prometheus import Prometheus
from support.served import serve
from support.server_process import Committed, Process, free_port
from support.splits import Stable, text, url
from trimtab.api.driftmonitor import FeatureReading
from trimtab.api.evaluation import Evaluated, WindowReading
from trimtab.plans.conditions import parse

sys.path.append(str(REPOSITORY / "dev"))

from dashboards import picture, rules
from dashboards.boards import BOARDS
from dashboards.panels import Query

PATIENCE = 60.0
"""Seconds until everything has been scraped often enough."""
LOAD_SECONDS = float(os.environ.get("TRIMTAB_LOAD_SECONDS", "20"))
CHOSEN = {"$namespace": ".*", "$deployment": ".*", "$__rate_interval": "15s"}

BROKEN: Object = {"inputs": "nothing"}


def chosen(expr: str) -> str:
    for variable, value in CHOSEN.items():
        expr = expr.replace(variable, value)
    return expr


def named(query: Query, labels: dict[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda match: labels.get(match[1], ""), query.legend) or ", ".join(labels.values())


class World:
    """What Prometheus was shown; `prometheus.series` asks it."""

    def __init__(self, prometheus: Prometheus, began: float) -> None:
        self.prometheus, self.began = prometheus, began

    def answered(self, expr: str) -> bool:
        return bool(self.prometheus.series(chosen(expr)))

    def unanswered(self, exprs: list[str]) -> list[str]:
        """Those that stay without an answer."""
        end = time.monotonic() + PATIENCE
        while (left := [expr for expr in exprs if not self.answered(expr)]) and time.monotonic() < end:
            time.sleep(1)
        return left

    def drawn(self, query: Query, look: str) -> list[picture.Series]:
        """Over time; a table and a number show what is now."""
        back = time.time() - self.began if look == "timeseries" else 0.0
        found = self.prometheus.series(chosen(query.expr), back, max(1.0, back / 120))
        return [picture.Series(labels, points, named(query, labels)) for labels, points in found]


def look(job: Object) -> Evaluated:
    """Skill is lost, and one input is half empty."""
    now = parse(
        next(each["value"] for each in job["spec"]["template"]["spec"]["containers"][0]["env"] if each["name"] == "TRIMTAB_DOCUMENT")
        .split('"now":"')[1]
        .split('"')[0]
    )
    effects = {"temperature": 0.21, "distance": 0.07, "carrier": 0.04}
    return Evaluated(
        windows=[WindowReading(from_=now - DAY, to=now, rows=900, verdict="Drifted")],
        drift="Alarm",
        performance="Alarm",
        tested=5,
        drifted=1,
        worst=[FeatureReading(feature=name, effect=str(effect), p_value="0.004" if effect > 0.1 else "0.6") for name, effect in effects.items()],
        skill=skill("-0.05"),
        skill_from=now - 8 * DAY,
        skill_to=now - DAY,
        labelled_rows=1500,
        new_rows=500,
    )


def watch(cluster: Cluster, operator: Operator) -> None:
    """A monitor that has looked and opened an incident, and one that cannot be."""
    cluster.apply(drift_monitor("flights", onTrigger={"trainingJob": "flights"}))
    cluster.apply(drift_monitor("mistaken", deployment="nowhere"))
    job = operator.until(lambda: cluster.jobs("evaluate"), "a look")[0]
    cluster.end(job, evaluate_answer(look(job)))
    operator.until(lambda: cluster.read("driftmonitor", "flights")["status"].get("incident"), "an incident")


def drive(stable: Stable, seconds: float) -> None:
    """Clients that come and go, some of whom send nonsense; requests bring an event time."""
    end = time.monotonic() + seconds
    body = stable.body | {"parameters": {"event_time": datetime.now(UTC).isoformat()}}
    while time.monotonic() < end:
        for _ in range(40):
            stable.answer(body)
        stable.answer(BROKEN)
        time.sleep(0.2 + 0.6 * ((time.monotonic() // 10) % 2))


def come_up(process: Process) -> None:
    """Three at once on a busy machine take longer than one alone."""
    end = time.monotonic() + 4 * PATIENCE
    while time.monotonic() < end:
        with contextlib.suppress(TimeoutError):
            process.wait_until_ready()
            return
        process.begun = time.monotonic()
    raise AssertionError(process.log.read_text())


@pytest.fixture
def world(kinds: ControlPlane, namespace: str, object_store: ObjectStore, tmp_path: Path) -> Iterator[World]:
    made = models.flights(tmp_path / "flights")
    committed = Committed.of(object_store, made, drainSeconds=0.2, logging={"uploadSeconds": 0.5})
    split, port = tmp_path / "split", free_port()
    with ExitStack() as stack:
        (tmp_path / "7").mkdir(), (tmp_path / "8").mkdir(), (tmp_path / "9").mkdir()
        first = stack.enter_context(committed.pod(tmp_path / "7" / "log", environment={"TRIMTAB_SPLIT": str(split), "POD_NAME": "stable-1"}))
        others = [stack.enter_context(committed.pod(tmp_path / str(number) / "log", version=number)) for number in (8, 9)]
        for process in (first, *others):
            come_up(process)
        stable = Stable(first, split, models.request(models.table(1, seed=20), made.signature))
        targets = [f"127.0.0.1:{each}" for each in (port, first.admin_port, *(other.admin_port for other in others))]
        prometheus = stack.enter_context(Prometheus(targets, namespace=namespace))
        operator = stack.enter_context(Operator(kinds, namespace, tmp_path, TRIMTAB_METRICS_PORT=str(port), TRIMTAB_PROMETHEUS_URL=prometheus.url))
        began = time.time()
        stable.tell(text(url(others[0]), 20, shadow=url(others[1])))
        with ThreadPoolExecutor(1) as pool:
            load = pool.submit(drive, stable, LOAD_SECONDS)
            cluster = Cluster(kinds, namespace)
            serve(cluster, operator)
            watch(cluster, operator)
            load.result()
            again = pool.submit(drive, stable, PATIENCE / 2)
            yield World(prometheus, began)
            again.result()


def test_every_question_has_an_answer(world: World, tmp_path: Path) -> None:
    asked = {query.expr: query.event_only for board in BOARDS for panel in board.panels for query in panel.queries}
    always = [expr for expr, event_only in asked.items() if not event_only] + [signal for rule in rules.RULES for signal in rule.signals if not rule.event_only]
    assert world.unanswered(always) == []
    for expr in [*(expr for expr, event_only in asked.items() if event_only), *(rule.expr for rule in rules.RULES)]:
        world.answered(expr)  # read and evaluated, whatever it finds
    assert metrics_in(asked) - exported(world) <= SELDOM.keys()
    time.sleep(PATIENCE / 3)  # so that what came last is a line too
    draw(world, Path(os.environ.get("TRIMTAB_PICTURES", str(tmp_path))))


SELDOM = {
    "trimtab_rollout_weight_percent": "the operator sees no rollout here: the split is told to the pods directly",
    "trimtab_rollout_verdict": "the same",
    "trimtab_run_progress_percent": "while a training pod runs",
    "trimtab_driftmonitor_last_evaluation_timestamp_seconds": "not while the next look is under way",
}
"""Metrics that tell of events only; tests/unit/kube/test_told.py has each of them."""


def metrics_in(asked: dict[str, str]) -> set[str]:
    text = " ".join([*asked, *(rule.expr for rule in rules.RULES)])
    return set(re.findall(r"trimtab_\w+(?=[{\[ )])|trimtab_\w+$", text))


def exported(world: World) -> set[str]:
    return {labels["__name__"] for labels, _ in world.prometheus.series('{__name__=~"trimtab_.*"}')}


def draw(world: World, folder: Path) -> None:
    if not picture.chromium():
        pytest.skip("all questions are answered; there is no Chromium to draw them with")
    folder.mkdir(exist_ok=True)
    when = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    answers = {board.name: [[series for query in panel.queries for series in world.drawn(query, panel.look)] for panel in board.panels] for board in BOARDS}
    for board in BOARDS:
        to = folder / f"{board.name.lower()}.png"
        picture.photograph(picture.page(board, answers[board.name], when), picture.size(board), to)
        assert 5_000 < to.stat().st_size < 150_000, f"{to}: {to.stat().st_size} bytes"
