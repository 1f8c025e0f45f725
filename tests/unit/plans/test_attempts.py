"""What heals a failure: time, another pod, or only another spec."""

from datetime import UTC, datetime, timedelta

import pytest

from trimtab.api.reasons import Reason
from trimtab.plans.attempts import HEALS_WITH_ANOTHER_POD, HEALS_WITH_TIME, HOLDS_BACK, Failure, Trouble, next_try, pause, trouble
from trimtab.plans.pods import Running, Waiting

AT = datetime(2026, 1, 5, 12, tzinfo=UTC)
ONLY_ANOTHER_POD = sorted(HEALS_WITH_ANOTHER_POD - HEALS_WITH_TIME)


@pytest.mark.parametrize("reason", sorted(HEALS_WITH_TIME))
def test_what_heals_with_time_is_tried_again_after_a_pause(reason):
    assert next_try(Failure(reason, 1, AT, "same"), "same") == AT + timedelta(minutes=1)


@pytest.mark.parametrize("reason", ONLY_ANOTHER_POD)
def test_what_another_pod_heals_is_tried_again_once_it_would_be_made_differently(reason):
    assert next_try(Failure(reason, 1, AT, "old"), "old") is None
    assert next_try(Failure(reason, 1, AT, "old"), "new") == AT


@pytest.mark.parametrize("reason", ONLY_ANOTHER_POD)
def test_a_failure_whose_job_was_deleted_is_tried_again(reason):
    assert next_try(Failure(reason, 1, AT, None), "same") == AT


@pytest.mark.parametrize("reason", [Reason.UNKNOWN_ESTIMATOR, Reason.COLUMN_MISSING, Reason.RULE_VIOLATED, Reason.TRAINING_FAILED])
def test_a_users_fault_is_not_tried_again(reason):
    assert next_try(Failure(reason, 1, AT, "old"), "new") is None


def test_what_the_worker_says_may_succeed_later_is_tried_again_whatever_its_reason():
    assert next_try(Failure(Reason.TRAINING_FAILED, 2, AT, "same", retry=True), "same") == AT + timedelta(minutes=2)


def test_pauses_grow_and_end_at_five_minutes():
    assert [pause(attempt).total_seconds() / 60 for attempt in (1, 2, 3, 4, 5, 100_000)] == [1, 2, 4, 5, 5, 5]


def test_what_holds_a_pod_back_is_said_and_forgotten_when_it_starts():
    held = trouble(Waiting(Reason.STORE_NOT_CONFIGURED, "No Secret."), Trouble())
    assert held == Trouble("StoreNotConfigured", "No Secret.")
    assert trouble(Running(started=False), held) == held
    assert trouble(Running(started=True), held) == Trouble()


def test_what_ended_the_last_pod_is_said_until_the_next_one_runs():
    evicted = trouble(Waiting(Reason.EVICTED, "The node was full."), Trouble())
    assert trouble(Running(started=False), evicted) == evicted
    assert trouble(Running(started=True), evicted) == Trouble()


def test_a_lasting_reason_is_said_until_the_work_ends():
    before = Trouble("NoObjects", "There are none.")
    assert trouble(Running(started=True), before, frozenset({Reason.NO_OBJECTS})) == before


def test_nothing_that_holds_a_pod_back_is_a_users_fault_for_ever():
    assert HOLDS_BACK <= HEALS_WITH_TIME | HEALS_WITH_ANOTHER_POD
