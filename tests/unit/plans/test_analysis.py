"""What requests say of a candidate: the verdicts, their sentences, and that each field of `analysis` changes one."""

from datetime import UTC, datetime, timedelta

import pytest

from support.sharing import arm
from trimtab.api.reasons import Reason
from trimtab.api.rollout import Analysis
from trimtab.plans.analysis import ALPHA, Look, judge
from trimtab.plans.sequential import Outcomes
from trimtab.plans.tallies import Evidence, Pair

NOON = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)
GOOD = Pair(arm(250), arm(4750))


def look(pair=GOOD, *, percent=5.0, minutes=3, sticky=False, compared=(0, 0), **analysis):
    """At 5% since noon, for two minutes at least; nothing against the candidate."""
    return Look(
        Analysis(**analysis),
        Evidence({percent: pair}, Outcomes(*compared)),
        percent,
        NOON,
        NOON + timedelta(minutes=2),
        NOON + timedelta(minutes=minutes),
        sticky,
    )


class TestPass:
    def test_time_and_requests_and_nothing_against_it(self):
        assert judge(look()).verdict == "Pass"

    def test_some_errors_are_allowed(self):
        assert judge(look(Pair(arm(248, 2), arm(4710, 40)))).verdict == "Pass"

    def test_a_little_slower_is_no_slower(self):
        assert judge(look(Pair(arm(250, seconds=0.009), arm(4750, seconds=0.004)))).verdict == "Pass"


class TestFail:
    def test_more_errors_than_the_bound_allows(self):
        said = judge(look(Pair(arm(230, 20), arm(4750))))
        assert said.verdict == "Fail"
        assert said.message == "20 of 250 requests failed, more than analysis.maxErrorPercent 1 allows."

    def test_it_does_not_wait_for_time_or_requests(self):
        assert judge(look(Pair(arm(0, 12), arm(230)), minutes=0)).verdict == "Fail"

    def test_within_the_bound_but_worse_than_stable(self):
        said = judge(look(Pair(arm(2330, 170), arm(47_500)), max_error_percent=10))
        assert said.verdict == "Fail"
        assert said.message == "170 of 2500 requests failed, of the stable version's 0 of 47500 in the same time."

    def test_slower_in_most_answers(self):
        said = judge(look(Pair(arm(250, seconds=0.05), arm(4750, seconds=0.01))))
        assert said.verdict == "Fail"
        assert "the median of its latency is" in said.message
        assert "analysis.maxLatencyRatioPercent is 150" in said.message

    def test_slow_in_one_answer_of_ten(self):
        slow = arm(225, seconds=0.01) + arm(25, seconds=0.25)
        said = judge(look(Pair(slow, arm(4750, seconds=0.01))))
        assert said.verdict == "Fail"
        assert "the 99th percentile" in said.message

    def test_other_answers_where_agreement_is_asked_for(self):
        said = judge(look(compared=(400, 60), min_agreement_percent=95))
        assert said.message == "60 of 400 answers differ from the stable version's; analysis.minAgreementPercent is 95."
        assert judge(look(compared=(400, 60))).verdict == "Pass"


class TestInconclusive:
    def test_before_the_time_is_over(self):
        said = judge(look(minutes=1))
        assert (said.verdict, said.reason) == ("Inconclusive", Reason.STEP_RUNNING)
        assert "until 2026-01-05T12:02:00Z" in said.message

    def test_too_few_requests_say_when_there_will_be_enough(self):
        said = judge(look(Pair(arm(60), arm(1140)), minutes=3))
        assert (said.verdict, said.reason) == ("Inconclusive", Reason.TOO_FEW_REQUESTS)
        assert said.message == "Fewer than 200 requests at this weight; at today's rate the step can be decided in about 10 minutes."

    def test_the_forecast_does_not_change_at_every_look(self):
        """A status is written when it changes."""
        said = {judge(look(Pair(arm(n), arm(19 * n)), minutes=n / 20)).message for n in range(120, 140, 5)}
        assert len(said) == 1

    def test_no_request_at_all(self):
        assert "none has come yet" in judge(look(Pair())).message

    def test_shares_that_are_not_as_they_should_be(self):
        said = judge(look(Pair(arm(500), arm(4500))))
        assert (said.verdict, said.reason) == ("Inconclusive", Reason.TRAFFIC_SPLIT_MISMATCH)
        assert "500 of 5000 requests went to it where about 250 were expected" in said.message

    def test_good_answers_that_went_elsewhere_are_no_failures(self):
        """Half the requests were to be the candidate's, it got a twentieth and answered all: the split is wrong, not the version."""
        said = judge(look(Pair(arm(250), arm(4750)), percent=50))
        assert (said.verdict, said.reason) == ("Inconclusive", Reason.TRAFFIC_SPLIT_MISMATCH)
        assert judge(look(Pair(arm(250), arm(4750)), percent=50, sticky=True)).verdict == "Pass"

    def test_shares_of_users_are_not_shares_of_requests(self):
        said = judge(look(Pair(arm(500), arm(4500)), sticky=True))
        assert said.verdict == "Pass"
        assert "spec.sticky" in said.message

    def test_proof_of_a_fault_counts_also_where_the_shares_are_off(self):
        assert judge(look(Pair(arm(250, 250), arm(4500)))).verdict == "Fail"

    def test_too_few_comparisons(self):
        said = judge(look(compared=(150, 0), min_agreement_percent=95))
        assert (said.verdict, said.message.split(" at ")[0]) == ("Inconclusive", "Fewer than 200 compared answers")


@pytest.mark.parametrize(
    ("field", "value", "seen", "otherwise"),
    [
        ("min_requests", 300, look, "Inconclusive"),
        ("max_error_percent", 20, lambda **said: look(Pair(arm(235, 15), arm(4700, 285)), **said), "Pass"),
        ("max_latency_ratio_percent", 600, lambda **said: look(Pair(arm(250, seconds=0.04), arm(4750, seconds=0.01)), **said), "Pass"),
        ("min_agreement_percent", 95, lambda **said: look(compared=(400, 60), **said), "Fail"),
    ],
)
def test_each_field_of_the_analysis_changes_the_verdict(field, value, seen, otherwise):
    assert judge(seen()).verdict != otherwise
    assert judge(seen(**{field: value})).verdict == otherwise


def test_one_level_is_shared_by_the_checks():
    assert look().level == ALPHA / 4
    assert look(min_agreement_percent=90).level == ALPHA / 5


def test_at_all_requests_there_is_nobody_to_compare_with_but_the_bound():
    assert judge(look(Pair(arm(5000), arm(0)), percent=100)).verdict == "Pass"
    assert judge(look(Pair(arm(4500, 500), arm(0)), percent=100)).verdict == "Fail"
