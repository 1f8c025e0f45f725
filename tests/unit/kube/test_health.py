"""What a probe hears."""

import urllib.error
import urllib.request

import pytest

from trimtab.kube import health
from trimtab.kube.health import HealthServer, Heartbeat, oldest_is_young, resync_is_recent


def test_all_is_well_where_no_check_objects() -> None:
    assert HealthServer().answer("/healthz")[::2] == (200, b"ok\n")


def test_an_objection_is_said_with_503() -> None:
    server = HealthServer()
    server.healthy += [lambda: None, lambda: "the moon is full"]
    assert server.answer("/healthz")[::2] == (503, b"the moon is full\n")
    assert server.answer("/readyz")[0] == 200


@pytest.mark.parametrize(("age", "fine"), [(0.0, True), (299.0, True), (301.0, False)])
def test_an_object_that_is_due_for_too_long_is_unhealthy(age: float, fine: bool) -> None:
    assert (oldest_is_young(lambda: age)() is None) == fine


@pytest.mark.parametrize(("age", "fine"), [(0.0, True), (800.0, True), (1000.0, False)])
def test_three_resyncs_that_did_not_come_are_unhealthy(age: float, fine: bool) -> None:
    assert (resync_is_recent(lambda: age, period=300)() is None) == fine


async def test_an_event_loop_that_stands_still_is_unhealthy(monkeypatch: pytest.MonkeyPatch) -> None:
    heart, start = Heartbeat(), health.monotonic()
    assert heart.check() is None
    monkeypatch.setattr(health, "monotonic", lambda: start + 60)
    assert heart.check() == "the event loop stands still for 60 s"


def test_it_is_served_on_a_port_from_a_thread() -> None:
    server = HealthServer()
    server.start(0)
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{server.port}/metrics", timeout=5) as answer:
            assert b"trimtab_queue_depth" in answer.read() or answer.status == 200
        with pytest.raises(urllib.error.HTTPError, match="404"):
            urllib.request.urlopen(f"http://127.0.0.1:{server.port}/elsewhere", timeout=5)
    finally:
        server.stop()
