"""Triggers by a real Prometheus: it scrapes the operator's own gauges, a query over them, or over its alerts, opens an incident, and a run begins."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.answers import evaluate_answer, snapshot_answer
from support.builders import Object, drift_monitor
from support.control_plane import ControlPlane
from support.monitoring import DAY, skill
from support.operator_process import Operator
from support.played_namespace import Cluster
from support.prometheus import Prometheus
from support.served import serve
from trimtab.api.evaluation import Evaluated, WindowReading
from trimtab.controllers.prometheus import ask
from trimtab.manifests.labels import OWNER_NAME
from trimtab.plans.conditions import parse


@pytest.fixture(scope="module")
def prometheus() -> Iterator[Prometheus]:
    with Prometheus() as it:
        yield it


async def test_a_query_gives_numbers(prometheus: Prometheus) -> None:
    vector, scalar, nothing = await ask(prometheus.url, {"a": "vector(3)", "b": "2 + 2", "c": "no_such_series"})
    assert (vector.values, scalar.values, nothing.values) == ((3.0,), (4.0,), ())
    assert not any(each.problem for each in (vector, scalar, nothing))


async def test_a_query_that_cannot_be_read_is_told_in_prometheus_own_words(prometheus: Prometheus) -> None:
    (answer,) = await ask(prometheus.url, {"a": "sum("})
    assert not answer.unreachable
    assert answer.problem.startswith("Prometheus says: ")
    assert "parse error: unclosed left parenthesis" in answer.problem


async def test_a_range_is_no_number(prometheus: Prometheus) -> None:
    (answer,) = await ask(prometheus.url, {"a": "up[5m]"})
    assert answer.problem == "the query gives a matrix, not numbers of now; take a range of it, for example with max_over_time()."


async def test_a_server_that_is_away_is_said_to_be_so() -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        (answer,) = await ask(url, {"a": "up"})
    assert answer.unreachable
    assert f"Prometheus at {url} does not answer" in answer.problem


async def test_without_a_server_it_says_which_value_to_set() -> None:
    (answer,) = await ask("", {"a": "up"})
    assert "set the chart's value prometheus.url" in answer.problem


def by_query(query: str, **trigger: object) -> Object:
    triggers = [{"name": "low-skill", "type": "Prometheus", "query": query, **trigger}]
    return {"triggers": triggers, "onTrigger": {"action": "Retrain", "trainingJob": "flights"}}


def test_lost_skill_reaches_a_retraining_by_way_of_prometheus(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    cluster, port = Cluster(kinds, namespace), _free_port()
    alert = {"alert": "SkillLost", "expr": f'trimtab_model_skill{{namespace="{namespace}"}} < 0', "labels": {"severity": "page"}}
    with Prometheus([f"127.0.0.1:{port}"], [alert]) as prometheus:
        environment = {"TRIMTAB_METRICS_PORT": str(port), "TRIMTAB_PROMETHEUS_URL": prometheus.url}
        with Operator(kinds, namespace, tmp_path, **environment) as operator:
            serve(cluster, operator)
            cluster.apply(drift_monitor("by-gauge", **by_query(f'trimtab_model_skill{{namespace="{namespace}",driftmonitor="by-gauge"}}', below=0)))
            cluster.apply(drift_monitor("by-alert", **by_query('ALERTS{alertname="SkillLost",alertstate="firing",driftmonitor="by-alert"}', above=0)))
            cluster.apply(drift_monitor("mistaken", **by_query("sum(", above=0)))
            for name in ("by-gauge", "by-alert"):
                job = operator.until(lambda name=name: evaluations(cluster, name), f"look of {name}")[0]
                cluster.end(job, evaluate_answer(lost(job)))
            assert "parse error" in said(cluster, operator, "mistaken", "BadTrigger")
            incidents = {
                name: operator.until(lambda name=name: status(cluster, name).get("incident"), f"incident of {name}") for name in ("by-gauge", "by-alert")
            }
            assert {incident["cause"] for incident in incidents.values()} == {"low-skill"}
            assert prometheus.values(f'trimtab_driftmonitor_state{{driftmonitor="by-gauge",namespace="{namespace}",state="Healthy"}}') == [0.0]
            run = operator.until(lambda: run_on_new_data(cluster), "the run")
            assert document(run)["request"] in {incident["id"] for incident in incidents.values()}
    text = operator.log_file.read_text()
    assert "Traceback" not in text, text[-3000:]


def test_it_says_that_prometheus_is_away_and_opens_nothing(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    cluster = Cluster(kinds, namespace)
    with Operator(kinds, namespace, tmp_path, TRIMTAB_PROMETHEUS_URL=f"http://127.0.0.1:{_free_port()}") as operator:
        serve(cluster, operator)
        cluster.apply(drift_monitor("watch", **by_query("up", above=0)))
        assert "does not answer" in said(cluster, operator, "watch", "PrometheusUnreachable")
        assert status(cluster, "watch").get("incident") is None


def lost(job: Object) -> Evaluated:
    """Skill is below zero in the window before the look."""
    now = parse(document(job)["now"])
    window = WindowReading(from_=now - DAY, to=now, rows=900, verdict="Quiet")
    return Evaluated(windows=[window], drift="Calm", performance="Strange", tested=2, skill=skill("-0.05"), labelled_rows=1500, new_rows=500)


def run_on_new_data(cluster: Cluster) -> Object | None:
    """The train Job that waits to be run; each of the Dataset's looks before it finds new data."""
    for look in under_way(cluster, "snapshot"):
        cluster.end(look, snapshot_answer(2))
    return next(iter(under_way(cluster, "train")), None)


def under_way(cluster: Cluster, verb: str) -> list[Object]:
    return [job for job in cluster.jobs(verb) if not job.get("status", {}).get("conditions")]


def evaluations(cluster: Cluster, name: str) -> list[Object]:
    return [job for job in cluster.jobs("evaluate") if job["metadata"]["labels"][OWNER_NAME] == name]


def status(cluster: Cluster, name: str) -> Object:
    return dict(cluster.read("driftmonitor", name).get("status", {}))


def said(cluster: Cluster, operator: Operator, name: str, reason: str) -> str:
    """The message of Ready once it has this reason."""

    def message() -> str | None:
        found = [each for each in status(cluster, name).get("conditions", []) if each["type"] == "Ready" and each["reason"] == reason]
        return found[0]["message"] if found else None

    return operator.until(message, f"{reason} of {name}")


def document(job: Object) -> Object:
    variables = job["spec"]["template"]["spec"]["containers"][0]["env"]
    return dict(json.loads(next(each["value"] for each in variables if each["name"] == "TRIMTAB_DOCUMENT")))


def _free_port() -> int:
    with socket.socket() as it:
        it.bind(("127.0.0.1", 0))
        return int(it.getsockname()[1])
