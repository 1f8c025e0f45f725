"""When a schedule is due, to the second, and what a schedule that never comes does."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trimtab.api.dataset import Check, DatasetSpec
from trimtab.plans.dataset import LOOKER
from trimtab.plans.looks import Scene, bad_schedule, definition_digest, due, last_slot, next_slot, settle

BORN = datetime(2026, 1, 5, 8, 7, tzinfo=UTC)
SPEC = {"source": {"uri": "s3://lake/a/"}, "label": "late"}


def scene(now, *, schedule="*/15 * * * *", before=None, **spec):
    parsed = DatasetSpec.model_validate(SPEC | spec | ({"refresh": {"schedule": schedule}} if schedule else {}))
    return Scene("flights", parsed, "", before, (), "shape", BORN, now, LOOKER)


def checked(at, **changes):
    fields = {"definition_digest": definition_digest(DatasetSpec.model_validate(SPEC), LOOKER), "started_at": at, "finished_at": at, "outcome": "Created"}
    return Check(**(fields | changes))


@pytest.mark.parametrize(
    ("minutes", "seconds", "slot"),
    [(14, 59, None), (15, 0, 15), (15, 1, 15), (29, 59, 15), (30, 0, 30)],
)
def test_a_moment_has_come_in_the_second_it_names(minutes, seconds, slot):
    found = last_slot(scene(datetime(2026, 1, 5, 8, minutes, seconds, tzinfo=UTC)))
    assert found == (datetime(2026, 1, 5, 8, slot, tzinfo=UTC) if slot else None)


def test_moments_before_the_dataset_was_made_are_not_missed():
    assert last_slot(scene(BORN + timedelta(minutes=1))) is None


def test_the_next_moment_is_strictly_ahead():
    assert next_slot(scene(datetime(2026, 1, 5, 8, 15, tzinfo=UTC))) == datetime(2026, 1, 5, 8, 30, tzinfo=UTC)


def test_a_look_that_began_after_the_moment_has_answered_it():
    now = datetime(2026, 1, 5, 8, 20, tzinfo=UTC)
    assert due(scene(now), checked(datetime(2026, 1, 5, 8, 16, tzinfo=UTC))) is None
    assert due(scene(now), checked(datetime(2026, 1, 5, 8, 14, tzinfo=UTC))) is not None


def test_two_moments_are_two_looks_with_two_names():
    last = checked(BORN)
    one, other = (due(scene(datetime(2026, 1, 5, 8, minute, tzinfo=UTC)), last) for minute in (15, 30))
    assert one.job != other.job


def test_the_same_moment_is_the_same_look_whenever_it_is_asked():
    last = checked(BORN)
    one, other = (due(scene(datetime(2026, 1, 5, 8, minute, tzinfo=UTC)), last) for minute in (15, 29))
    assert one.job == other.job


@pytest.mark.parametrize("schedule", ["99 * * * *", "a b c d e", "* * 32 * *"])
def test_a_schedule_that_cannot_be_read_is_said_and_never_due(schedule):
    seen = scene(BORN + timedelta(days=1), schedule=schedule)
    assert bad_schedule(seen)
    assert (last_slot(seen), next_slot(seen)) == (None, None)


def test_no_schedule_is_no_fault():
    seen = scene(BORN + timedelta(days=1), schedule=None)
    assert (bad_schedule(seen), last_slot(seen), next_slot(seen)) == ("", None, None)


def test_a_look_whose_job_is_gone_is_lost_and_one_that_ended_is_not():
    gone = settle(scene(BORN, before=checked(BORN, outcome="Running", finished_at=None, job="flights-x-1")))
    assert (gone.outcome, gone.reason) == ("Failed", "AnswerLost")
    assert settle(scene(BORN, before=checked(BORN))).outcome == "Created"


@given(minutes=st.integers(0, 60 * 24 * 3))
def test_a_look_at_any_time_leaves_nothing_due_until_the_next_moment(minutes):
    now = BORN + timedelta(minutes=minutes)
    assert due(scene(now), checked(now)) is None
    assert due(scene(next_slot(scene(now))), checked(now)) is not None


def test_the_definition_covers_what_makes_a_version_and_nothing_else():
    def digest(**spec):
        return definition_digest(DatasetSpec.model_validate(SPEC | spec), LOOKER)

    assert digest(activeVersion=3, retain={"versions": 2}, refresh={"schedule": "* * * * *"}, template={}) == digest()
    changes = [{"label": "a"}, {"id": "i"}, {"task": "regression"}, {"exclude": ["e"]}, {"validation": [{"name": "r", "rows": {"min": 1}}]}]
    assert len({digest(), *(digest(**change) for change in changes)}) == 1 + len(changes)
