"""The reader of audit logs finds a chatty operator."""

import json
from datetime import UTC, datetime, timedelta

from support.audit import needless, written

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def line(second: float, status: dict, code: int = 200, namespace: str = "team") -> str:
    moment = (NOON + timedelta(seconds=second)).isoformat().replace("+00:00", "Z")
    ref = {"resource": "trainingjobs", "name": "flights", "namespace": namespace}
    return json.dumps({"objectRef": ref, "requestReceivedTimestamp": moment, "requestObject": {"status": status}, "responseStatus": {"code": code}})


def running(percent: int) -> dict:
    return {"state": "Training", "progress": {"percent": percent}}


def said(*lines: str) -> list[str]:
    return list(needless(written(lines, "team")))


def test_news_may_come_at_any_time_and_progress_each_half_minute():
    assert said(line(0, {"state": "New"}), line(1, running(0)), line(31, running(5)), line(61, running(9)), line(62, {"state": "Registered"})) == []


def test_progress_each_few_seconds_is_found():
    assert "only 5.0 s after" in said(line(0, running(0)), line(30, running(5)), line(35, running(6)))[0]


def test_a_status_that_was_written_twice_is_found():
    assert "the same status" in said(line(0, running(0)), line(40, running(0)))[0]


def test_refused_writes_and_other_namespaces_do_not_count():
    assert said(line(0, running(0)), line(1, running(0), code=409), line(2, running(0), namespace="other")) == []
