"""When a wait is over, and when it is vain."""

import pytest

from support.builders import dataset, deployment, training_job
from support.told import ready, stalled, told, working
from trimtab.cli.errors import Usage
from trimtab.cli.views.waiting import Verdict, duration, judge


def verdict(goal, obj):
    return judge(goal)(obj).verdict


def test_ready_is_met_by_a_ready_object_at_rest():
    assert verdict("ready", ready(dataset())) == Verdict.MET


def test_ready_is_not_met_while_a_new_run_is_going():
    obj = told(training_job(), ("Ready", "True", "Registered", "as v1"), ("Reconciling", "True", "Progressing", "trains"))
    assert verdict("ready", obj) == Verdict.NOT_YET


def test_ready_of_an_older_spec_does_not_count():
    seen = ready(dataset())
    assert verdict("ready", seen | {"metadata": seen["metadata"] | {"generation": 2}}) == Verdict.NOT_YET


def test_failed_gates_are_never_met_and_name_the_next_command():
    judged = judge("ready")(stalled(training_job(), "GatesFailed", "flights-v2 did not pass."))
    assert judged.verdict == Verdict.NEVER
    assert "trimtab why tj/flights" in judged.message


def test_a_condition_is_met_by_its_status():
    obj = ready(dataset(), "r", "Ready", ("Valid", "False", "RuleViolated", "broken"))
    assert verdict("condition=Valid=False", obj) == Verdict.MET
    assert verdict("condition=Valid", obj) == Verdict.NOT_YET


def test_a_condition_that_is_not_there_yet_is_waited_for():
    assert verdict("condition=Drifted", ready(dataset())) == Verdict.NOT_YET


def test_served_is_met_by_the_stable_version_alone():
    obj = ready(deployment(), stable={"version": 1}, candidate={"version": 2})
    assert [verdict(f"served={n}", obj) for n in (1, 2)] == [Verdict.MET, Verdict.NOT_YET]


def test_rest_is_met_by_what_is_ready_and_by_what_is_stalled():
    assert verdict("rest", ready(dataset())) == verdict("rest", stalled(dataset(), "X", "y")) == Verdict.MET
    assert verdict("rest", working(dataset(), "reads")) == Verdict.NOT_YET


def test_deleted_is_met_by_nothing():
    assert (verdict("deleted", None), verdict("deleted", ready(dataset()))) == (Verdict.MET, Verdict.NOT_YET)


@pytest.mark.parametrize("goal", ["redy", "condition=", "served=new", "condition=Ready=Yes"])
def test_a_goal_that_means_nothing_says_what_does(goal):
    with pytest.raises(Usage, match="write ready, rest, served="):
        judge(goal)


@pytest.mark.parametrize("text", ["", "5", "1d", "soon"])
def test_a_duration_that_is_none_is_refused(text):
    with pytest.raises(Usage, match=r"--timeout is .*no duration such as 90s"):
        duration("--timeout", text)
