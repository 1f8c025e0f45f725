"""The next move of a rollout, situation by situation. A Course says what is seen; the Heading what follows."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from support.sharing import arm
from trimtab.api.reasons import Reason
from trimtab.api.rollout import Rollout
from trimtab.api.split import CandidateShare
from trimtab.plans.rollout import PATIENCE, SOON, Course, heading, taken_back_at, weight_at
from trimtab.plans.sequential import Outcomes
from trimtab.plans.tallies import Evidence, Pair, Rehearsal

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
URL = "http://flights-v8.default.svc"
STEPS = [{"weight": 5, "duration": "2m"}, {"weight": 25, "duration": "5m"}, {"weight": 50, "duration": "5m"}]
GOOD, BAD = Pair(arm(250), arm(4750)), Pair(arm(0, 250), arm(4750))


def share(step=0, percent=5.0, since=NOON):
    return CandidateShare(version=8, url=URL, percent=percent, step=step, since=since)


def course(memory=None, *, steps=STEPS, after=timedelta(0), counted=None, **rest):
    """Version 8 beside four stable pods that follow what they were told; its own pods are all there."""
    weights = {memory.percent: counted} if memory and counted else {}
    seen = {"base": 4, "ready": 4, "stable": 4, "followers": 4, "evidence": Evidence(weights), "memory": memory}
    spec = {key: rest.pop(key) for key in ("onInconclusive", "progressDeadlineSeconds", "analysis") if key in rest}
    return Course(Rollout.model_validate({"steps": steps, **spec}), 8, URL, NOON + after, **(seen | rest))


def told(found):
    """(step, percent, whether the clock runs) of what pods are to be told."""
    return found.share and (found.share.step, found.share.percent, found.share.since is not None)


class TestBeginning:
    def test_nobody_is_told_of_it_before_all_pods_of_its_first_step_answer(self):
        found = heading(course(ready=0))
        assert (found.share, found.pods) == (None, 1)
        assert found.judgment.message == "0 of 1 pods are ready."

    def test_the_first_weight_comes_with_them_and_its_clock_does_not_run_yet(self):
        found = heading(course(ready=1))
        assert told(found) == (0, 5, False)
        assert found.again == SOON

    def test_the_clock_waits_for_every_stable_pod(self):
        waiting = heading(course(share(since=None), followers=3))
        assert told(waiting) == (0, 5, False)
        assert waiting.judgment.reason == Reason.SPLIT_NOT_ACKNOWLEDGED
        assert waiting.judgment.message.startswith("3 of 4 stable pods follow")
        assert told(heading(course(share(since=None)))) == (0, 5, True)

    def test_without_a_stable_pod_nothing_is_acknowledged(self):
        assert told(heading(course(share(since=None), stable=0, followers=0))) == (0, 5, False)

    def test_a_rollout_may_begin_with_a_pause_all_pods_ready_and_no_request(self):
        found = heading(course(steps=[{"pause": {}}], ready=4))
        assert (told(found), found.pods) == ((0, 0, False), 4)


class TestRehearsal:
    def rehearsed(self, errors=0, memory=None, *, done=True, other=0, **rest):
        evidence = Evidence(rehearsal=Rehearsal(done, Outcomes(200, errors), Outcomes(200, other)))
        return heading(course(memory, evidence=evidence, **rest))

    def test_no_client_asks_before_it_is_done(self):
        found = self.rehearsed(done=False)
        assert (found.share, found.pods, found.again) == (None, 1, SOON)
        assert found.judgment.message == "It answers requests of the log first."
        assert told(self.rehearsed()) == (0, 5, False)

    def test_a_step_that_runs_waits_for_no_pod_that_was_started_anew(self):
        assert told(self.rehearsed(memory=share(since=None), done=False)) == (0, 5, True)

    def test_who_fails_on_it_is_blocked_without_a_single_request(self):
        found = self.rehearsed(errors=40)
        assert (found.share, found.pods, found.block, found.failed) == (None, 0, True, True)
        assert found.judgment.message == "40 of 200 requests of the log failed, more than analysis.maxErrorPercent 1 allows."

    def test_a_few_errors_are_no_proof(self):
        assert told(self.rehearsed(errors=3)) == (0, 5, False)

    def test_good_answers_to_old_requests_are_no_excuse_for_new_ones(self):
        evidence = Evidence({5.0: Pair(arm(0, 12), arm(230))}, rehearsal=Rehearsal(True, Outcomes(200, 0)))
        assert "12 of 12 requests failed" in heading(course(share(), evidence=evidence)).judgment.message

    def test_other_answers_are_against_it_only_where_agreement_is_asked_for(self):
        assert told(self.rehearsed(other=100)) == (0, 5, False)
        found = self.rehearsed(other=100, analysis={"minAgreementPercent": 90})
        assert found.block
        assert found.judgment.message == "100 of 200 answers differ from the stable version's; analysis.minAgreementPercent is 90."


class TestPods:
    @pytest.mark.parametrize(("step", "base", "wanted"), [(0, 4, 1), (0, 30, 2), (1, 4, 1), (1, 5, 2), (2, 4, 4), (2, 1, 1), (0, 0, 0)])
    def test_its_share_rounded_up_and_before_the_last_step_all(self, step, base, wanted):
        assert course(base=base).pods_at(step) == wanted

    def test_the_next_weight_waits_for_the_pods_it_needs(self):
        at_second = share(1, 25)
        found = heading(course(at_second, counted=Pair(arm(300), arm(900)), after=timedelta(minutes=6), ready=1))
        assert (told(found), found.pods) == ((1, 25, True), 4)
        assert found.judgment.message == "1 of 4 pods are ready."

    def test_a_candidate_without_a_pod_is_asked_nothing_until_one_is_back(self):
        lost = heading(course(share(1, 25), ready=0))
        assert told(lost) == (1, 0, True)
        back = heading(course(share(1, 0), ready=1))
        assert told(back) == (1, 25, True)

    def test_all_traffic_waits_for_a_pod_that_was_lost_in_the_last_step(self):
        at_last = share(2, 50)
        found = heading(course(at_last, counted=Pair(arm(300), arm(300)), after=timedelta(minutes=6), ready=3))
        assert not found.arrived
        assert found.pods == 4


class TestGoingOn:
    def test_time_and_requests_lead_to_the_next_step(self):
        found = heading(course(share(), counted=GOOD, after=timedelta(minutes=2)))
        assert told(found) == (1, 25, False)

    def test_before_its_time_it_stays_and_looks_again_at_the_next_interval(self):
        found = heading(course(share(), counted=GOOD, after=timedelta(minutes=1)))
        assert (told(found), found.again) == ((0, 5, True), timedelta(seconds=15))

    def test_and_at_the_very_end_of_its_time(self):
        assert heading(course(share(), counted=GOOD, after=timedelta(seconds=115))).again == timedelta(seconds=5)

    def test_the_interval_is_a_persons(self):
        found = heading(course(share(), counted=GOOD, after=timedelta(minutes=1), analysis={"interval": "3s"}))
        assert found.again == timedelta(seconds=3)

    def test_with_too_few_requests_it_waits_however_long_it_takes(self):
        found = heading(course(share(), counted=Pair(arm(20), arm(380)), after=timedelta(hours=5)))
        assert told(found) == (0, 5, True)
        assert found.judgment.reason == Reason.TOO_FEW_REQUESTS

    def test_a_pod_that_does_not_answer_is_no_pass(self):
        found = heading(course(share(), counted=GOOD, after=timedelta(minutes=3), followers=3, silent=("flights-v7-x",)))
        assert told(found) == (0, 5, True)
        assert found.judgment.reason == Reason.COUNTS_MISSING
        assert "flights-v7-x" in found.judgment.message

    def test_after_the_last_step_all_traffic_may_move(self):
        found = heading(course(share(2, 50), counted=Pair(arm(300), arm(300)), after=timedelta(minutes=6)))
        assert found.arrived

    def test_a_pod_that_came_late_holds_up_the_next_step(self):
        found = heading(course(share(), counted=GOOD, after=timedelta(minutes=3), stable=5))
        assert told(found) == (0, 5, True)


class TestPauses:
    PAUSED = (STEPS[0], {"pause": {}}, STEPS[1])
    RESTS = (STEPS[0], {"pause": {"duration": "10m"}}, STEPS[1])

    def at_the_pause(self, steps, after, **rest):
        return heading(course(share(1, 5), steps=list(steps), counted=GOOD, after=after, **rest))

    def test_it_keeps_the_weight_that_was_reached(self):
        assert weight_at(Rollout.model_validate({"steps": self.PAUSED}), 1) == 5

    def test_without_a_duration_it_waits_for_a_person(self):
        found = self.at_the_pause(self.PAUSED, timedelta(hours=9))
        assert told(found) == (1, 5, True)
        assert "trimtab.dev/promote=8" in found.judgment.message

    def test_the_person_comes(self):
        assert told(self.at_the_pause(self.PAUSED, timedelta(0), promote=True)) == (2, 25, False)

    def test_with_a_duration_it_goes_on_by_itself_or_when_a_person_says_so(self):
        assert told(self.at_the_pause(self.RESTS, timedelta(minutes=9))) == (1, 5, True)
        assert told(self.at_the_pause(self.RESTS, timedelta(minutes=10))) == (2, 25, False)
        assert told(self.at_the_pause(self.RESTS, timedelta(0), promote=True)) == (2, 25, False)

    def test_a_fault_that_shows_during_a_pause_counts(self):
        found = heading(course(share(1, 5), steps=list(self.PAUSED), counted=BAD))
        assert found.failed

    def test_promoting_skips_pauses_and_nothing_else(self):
        assert told(heading(course(share(), counted=GOOD, after=timedelta(minutes=1), promote=True))) == (0, 5, True)


class TestBackAgain:
    def test_worse_means_no_share_at_once(self):
        found = heading(course(share(1, 25), counted=BAD))
        assert told(found) == (taken_back_at(1), 0, True)
        assert not found.block
        assert found.judgment.message.startswith("250 of 250 requests failed")

    def test_the_block_waits_until_every_stable_pod_has_stopped_asking_it(self):
        out = share(taken_back_at(1), 0)
        seen = Evidence({25.0: BAD})
        assert not heading(course(out, evidence=seen, followers=3)).block
        assert heading(course(out, evidence=seen)).block

    def test_a_pod_that_says_nothing_holds_it_up_for_a_while_only(self):
        out = share(taken_back_at(1), 0)
        silent = {"followers": 3, "silent": ("flights-v7-x",)}
        assert not heading(course(out, after=PATIENCE - SOON, **silent)).block
        assert heading(course(out, after=PATIENCE, **silent)).block

    def test_one_that_still_forwards_holds_it_up_for_as_long_as_it_does(self):
        assert not heading(course(share(taken_back_at(1), 0), after=10 * PATIENCE, followers=3)).block

    def test_once_taken_back_it_does_not_come_again_whatever_the_counts_say(self):
        found = heading(course(share(taken_back_at(1), 0), counted=None, evidence=Evidence({25.0: GOOD})))
        assert (found.share.percent, found.failed) == (0, True)

    def test_why_is_computed_anew_or_remembered_by_the_status(self):
        out = share(taken_back_at(1), 0)
        assert "250 of 250" in heading(course(out, evidence=Evidence({25.0: BAD}))).judgment.message
        assert heading(course(out, told="It was slow.")).judgment.message == "It was slow."
        assert "no longer known" in heading(course(out)).judgment.message

    def test_a_person_aborts(self):
        found = heading(course(share(), counted=GOOD, abort=True))
        assert (told(found)[:2], found.judgment.reason) == ((taken_back_at(0), 0), Reason.ABORTED)

    def test_aborted_before_its_first_request_it_is_blocked_at_once(self):
        found = heading(course(abort=True))
        assert (found.share, found.block) == (None, True)


class TestDeadline:
    LATE = timedelta(minutes=13)
    """The step's two minutes, and ten more."""

    def undecided(self, after=LATE, **rest):
        return heading(course(share(), counted=Pair(arm(20), arm(380)), after=after, **rest))

    def test_undecided_for_too_long_is_said(self):
        assert self.undecided().overdue
        assert not self.undecided(timedelta(minutes=11)).overdue

    def test_how_long_is_a_persons_wish(self):
        assert self.undecided(timedelta(minutes=3, seconds=30), progressDeadlineSeconds=60).overdue

    def test_by_default_it_waits(self):
        assert told(self.undecided()) == (0, 5, True)

    def test_or_it_is_taken_back(self):
        found = self.undecided(onInconclusive="Rollback")
        assert told(found)[:2] == (taken_back_at(0), 0)
        assert found.judgment.message.startswith("Undecided for longer than spec.rollout.progressDeadlineSeconds: Fewer than 200 requests")

    def test_one_that_passes_late_passes(self):
        found = heading(course(share(), counted=GOOD, after=self.LATE, onInconclusive="Rollback"))
        assert told(found) == (1, 25, False)

    def test_pods_that_never_come_up_are_taken_back_too_where_that_is_wished(self):
        assert heading(course(ready=0, pods_are_late=True)).overdue
        assert heading(course(ready=0, pods_are_late=True, onInconclusive="Rollback")).block

    def test_a_person_may_take_as_long_as_they_like(self):
        steps = [STEPS[0], {"pause": {}}]
        found = heading(course(share(1, 5), steps=steps, counted=GOOD, after=timedelta(days=3), onInconclusive="Rollback"))
        assert not found.failed
        assert not found.overdue

    def test_a_weight_that_is_never_acknowledged_is_overdue_from_when_it_was_written(self):
        seen = course(share(since=None), followers=1, begun=NOON, after=self.LATE)
        assert heading(seen).overdue
        assert not heading(replace(seen, begun=None)).overdue


class TestStepsThatAPersonChanges:
    def test_another_weight_for_this_step_is_followed_and_its_clock_starts_anew(self):
        found = heading(course(share(), steps=[{"weight": 10, "duration": "2m"}, STEPS[1]], counted=GOOD))
        assert told(found) == (0, 10, False)

    def test_fewer_steps_end_where_they_end(self):
        found = heading(course(share(2, 50), steps=STEPS[:2], counted=Pair(arm(300), arm(300))))
        assert told(found) == (1, 25, False)
