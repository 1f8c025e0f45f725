"""How a rollout stands and who answered when."""

from datetime import UTC, datetime

import pytest

from support.builders import deployment
from support.told import ready
from trimtab.cli.errors import UserError
from trimtab.cli.views.rollout import history, parsed, status, who_answered

HISTORY = [
    {"version": 1, "since": "2026-01-01T00:00:00Z", "until": "2026-01-03T00:00:00Z", "reason": "Switched"},
    {"version": 2, "since": "2026-01-03T00:00:00Z", "reason": "Promoted"},
]


def served():
    return ready(deployment(), stable={"version": 2, "since": "2026-01-03T00:00:00Z"}, history=HISTORY)


def at(day):
    return [row["version"] for row in who_answered(served(), datetime(2026, 1, day, 12, tzinfo=UTC)).data()]


def test_the_version_of_a_moment_is_named():
    assert (at(2), at(4)) == (["v1"], ["v2"])


def test_at_the_moment_of_a_switch_both_are_named():
    assert [row["version"] for row in who_answered(served(), datetime(2026, 1, 3, tzinfo=UTC)).data()] == ["v2", "v1"]


def test_before_the_first_version_the_error_says_since_when_it_is_known():
    with pytest.raises(UserError, match="begins at 2026-01-01T00:00:00Z"):
        who_answered(served(), datetime(2025, 1, 1, tzinfo=UTC))


def test_history_ends_with_what_is_served_now():
    assert [(row["version"], row["until"]) for row in history(served()).data()] == [("v2", "now"), ("v1", "2026-01-03T00:00:00Z")]


def test_a_stable_version_that_is_not_in_the_history_yet_is_told_all_the_same():
    assert [row["version"] for row in history(ready(deployment(), stable={"version": 5})).data()] == ["v5"]


def test_a_candidate_is_told_with_step_share_and_verdict():
    candidate = {
        "version": 3,
        "ready": 1,
        "step": 2,
        "steps": 3,
        "desiredPercent": 25,
        "programmedPercent": 5,
        "verdict": "Inconclusive",
        "message": "Too few.",
    }
    candidate["rehearsal"] = "0 of 200 requests of the log failed."
    obj = ready(deployment(), stable={"version": 2, "ready": 2}, candidate=candidate, blocked=[{"version": 1, "reason": "errors"}])
    _, told, blocked = status(obj).rows
    assert told == ("v3", "candidate", "2 of 3", 1, "5 of 25", "Inconclusive", "Too few. 0 of 200 requests of the log failed.")
    assert blocked == ("v1", "blocked", "", "", "", "", "errors")


def test_a_time_without_a_zone_is_utc():
    assert parsed("2026-01-05T12:00", datetime.now(UTC)) == datetime(2026, 1, 5, 12, tzinfo=UTC)


def test_a_time_that_is_none_says_what_to_write():
    with pytest.raises(UserError, match="write 2026-01-05T12:00:00Z"):
        parsed("yesterday", datetime.now(UTC))
