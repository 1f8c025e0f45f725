"""The operator's own process against a real API server: it watches, writes, leads alone, and ends in time."""

import json
import signal
import time
from pathlib import Path
from typing import Any

from support.builders import deployment
from support.control_plane import ControlPlane
from support.operator_process import LEASE_SECONDS, Operator

LEASE = "trimtab-operator"


def apply(kinds: ControlPlane, namespace: str, obj: dict[str, Any]) -> None:
    kinds.kubectl("apply", "-n", namespace, "-f", "-", stdin=json.dumps({**obj, "metadata": {**obj["metadata"], "namespace": namespace}}))


def read(kinds: ControlPlane, namespace: str, *what: str) -> dict[str, Any]:
    return dict(json.loads(kinds.kubectl("get", "-n", namespace, *what, "-o", "json")))


def conditions(kinds: ControlPlane, namespace: str) -> dict[str, str]:
    status = read(kinds, namespace, "modeldeployment", "flights").get("status", {})
    return {condition["type"]: condition["reason"] for condition in status.get("conditions", [])}


def our_events(kinds: ControlPlane, namespace: str) -> list[dict[str, Any]]:
    """Those of the Deployment alone: the API server has things of its own to say of a Service, in time or late."""
    return [event for event in read(kinds, namespace, "events")["items"] if event["involvedObject"]["apiVersion"].startswith("trimtab.dev/")]


def holder(kinds: ControlPlane, namespace: str) -> str:
    found = read(kinds, namespace, "leases")["items"]
    return found[0]["spec"].get("holderIdentity", "") if found else ""


def test_an_applied_object_has_conditions_and_an_event_within_seconds_and_is_then_left_alone(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with Operator(kinds, namespace, tmp_path) as operator:
        operator.line("resynced")
        apply(kinds, namespace, deployment("flights"))
        operator.until(lambda: conditions(kinds, namespace).get("Ready") == "NoVersion", "Ready condition")
        events = operator.until(lambda: our_events(kinds, namespace), "Event")
        assert [(event["reason"], event["involvedObject"]["name"]) for event in events] == [("NoVersion", "flights")]
        version = read(kinds, namespace, "modeldeployment", "flights")["metadata"]["resourceVersion"]
        time.sleep(2)
        assert read(kinds, namespace, "modeldeployment", "flights")["metadata"]["resourceVersion"] == version


def test_a_person_s_change_is_answered_and_what_was_there_at_the_start_too(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    apply(kinds, namespace, deployment("flights"))
    with Operator(kinds, namespace, tmp_path) as operator:
        operator.until(lambda: conditions(kinds, namespace).get("Ready") == "NoVersion", "Ready condition")
        kinds.kubectl("annotate", "-n", namespace, "modeldeployment", "flights", "trimtab.dev/paused=true")
        operator.until(lambda: conditions(kinds, namespace).get("Ready") == "Paused", "Paused")


def test_a_child_that_somebody_deletes_is_there_again(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    apply(kinds, namespace, deployment("flights"))
    with Operator(kinds, namespace, tmp_path) as operator:
        before = operator.until(lambda: read(kinds, namespace, "services")["items"], "Service")[0]["metadata"]["uid"]
        kinds.kubectl("delete", "-n", namespace, "service", "flights")
        after = operator.until(lambda: read(kinds, namespace, "services")["items"], "Service again")[0]["metadata"]["uid"]
        assert after != before


def test_health_and_metrics_are_served(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with Operator(kinds, namespace, tmp_path) as operator:
        operator.line("resynced")
        assert operator.answer("/healthz") == (200, "ok\n")
        assert operator.answer("/readyz") == (200, "ok\n")
        code, text = operator.answer("/metrics")
        assert code == 200
        for metric in ("trimtab_reconcile_total", "trimtab_queue_oldest_seconds", 'trimtab_api_requests_total{code="200",verb="list"}'):
            assert metric in text


def test_asked_to_stop_it_ends_with_0_well_within_ten_seconds_and_frees_the_lease(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with Operator(kinds, namespace, tmp_path) as operator:
        operator.line("resynced")
        assert holder(kinds, namespace)
        code, seconds = operator.end()
        assert (code, seconds < 8) == (0, True), f"exit code {code} after {seconds:.1f} s"
        assert holder(kinds, namespace) == ""


def test_a_second_one_stands_by_ready_and_takes_over_at_once_when_the_first_stops(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with Operator(kinds, namespace, tmp_path) as first:
        first.line("lease.acquired")
        with Operator(kinds, namespace, tmp_path) as second:
            assert second.answer("/readyz")[0] == 200
            time.sleep(3)
            assert "lease.acquired" not in {line["event"] for line in second.lines()}
            first.end()
            stopped = time.monotonic()
            second.line("lease.acquired")
            assert time.monotonic() - stopped < 10, "it did not wait until the Lease ran out"


def test_a_killed_one_is_replaced_when_its_lease_runs_out(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    apply(kinds, namespace, deployment("flights"))
    with Operator(kinds, namespace, tmp_path, TRIMTAB_LEASE_SECONDS=str(LEASE_SECONDS)) as first:
        first.line("lease.acquired")
        first.end(signal.SIGKILL)
    with Operator(kinds, namespace, tmp_path) as second:
        second.line("lease.acquired")
        second.until(lambda: conditions(kinds, namespace).get("Ready"), "conditions")


def test_one_whose_lease_another_took_ends_with_1(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with Operator(kinds, namespace, tmp_path) as operator:
        operator.line("resynced")
        kinds.kubectl("patch", "-n", namespace, "lease", LEASE, "--type=merge", "-p", '{"spec":{"holderIdentity":"another"}}')
        assert operator.process.wait(60) == 1
        assert operator.line("lease.lost")
        assert holder(kinds, namespace) == "another"


def test_one_that_cannot_reach_the_api_server_ends_before_its_lease_does(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    """A hanging server, not one that refuses: connections stay open and nothing comes."""
    with Operator(kinds, namespace, tmp_path, TRIMTAB_LEASE_SECONDS="15") as operator:
        operator.line("resynced")
        server = kinds._processes[1]
        server.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        try:
            operator.line("lease.lost")
            assert time.monotonic() - began < 15
            assert operator.process.wait(60) == 1
        finally:
            server.send_signal(signal.SIGCONT)


def test_without_a_cluster_it_says_so(tmp_path: Path, kinds: ControlPlane) -> None:
    with Operator(kinds, "default", tmp_path, KUBECONFIG="", HOME=str(tmp_path)) as operator:
        assert operator.process.wait(60) == 1
        assert "KUBECONFIG" in operator.line("cluster.not_found")["error"]


def test_every_line_of_the_log_is_json_with_an_event_word(kinds: ControlPlane, namespace: str, tmp_path: Path) -> None:
    with Operator(kinds, namespace, tmp_path) as operator:
        operator.line("resynced")
        operator.end()
        for line in operator.log_file.read_text().splitlines():
            assert {"event", "level", "timestamp"} <= json.loads(line).keys()
