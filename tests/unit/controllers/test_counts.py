"""What stable pods say of a split becomes plain numbers; what does not answer, or not in numbers, is not known."""

from dataclasses import replace

from support.fake_api import FakeApi
from support.sharing import arm, exposition, rehearsal
from trimtab.controllers.counts import counts_of, read_counts, read_rehearsal
from trimtab.plans.sequential import Outcomes
from trimtab.plans.tallies import Pair, PodCounts, Rehearsal, evidence_of, rehearsal_of

COUNTS = PodCounts(77, 25, {(8, 5.0): Pair(arm(40, 2, 0.02), arm(760)), (8, 25.0): Pair(arm(9), arm(30))}, {8: Outcomes(100, 3)})


def pod(name, address):
    return {"metadata": {"name": name}, "status": {"podIP": address} if address else {}}


def test_what_a_pod_counted_is_read_back():
    assert read_counts(exposition(COUNTS)) == COUNTS


def test_a_pod_that_knows_of_no_split_says_nothing():
    assert read_counts("trimtab_requests_total 3\n") is None


def test_more_than_a_split_on_the_page_does_no_harm():
    page = exposition(COUNTS) + 'process_cpu_seconds_total 1.5\ntrimtab_requests_total{code="200",role="Stable"} 800\n'
    assert read_counts(page) == COUNTS


async def test_pods_that_do_not_answer_or_talk_nonsense_are_left_out():
    api = FakeApi()
    api.scrapes["10.0.0.1", 8081] = exposition(COUNTS)
    api.scrapes["10.0.0.2", 8081] = "<html>it works</html>"
    api.scrapes["10.0.0.3", 8081] = 'trimtab_split_generation 1\ntrimtab_split_requests_total{candidate="x",percent="5",arm="stable",outcome="ok"} 1\n'
    pods = [pod("good", "10.0.0.1"), pod("html", "10.0.0.2"), pod("odd", "10.0.0.3"), pod("silent", "10.0.0.4"), pod("without an address", None)]
    assert await counts_of(api, pods) == {"good": COUNTS}


def test_a_rehearsal_is_read_back_and_most_pods_know_of_none():
    assert read_rehearsal(rehearsal(ok=190, errors=10, same=180, other=20)) == Rehearsal(True, Outcomes(200, 10), Outcomes(200, 20))
    assert read_rehearsal("trimtab_rehearsal_done 0\n") == Rehearsal(False)
    assert read_rehearsal(exposition(COUNTS)) is None


def test_the_rehearsal_of_the_pod_that_answered_most_stands_for_all_and_is_done_when_all_are():
    few, many = Rehearsal(True, Outcomes(20, 1)), Rehearsal(True, Outcomes(200, 3), Outcomes(200, 9))
    assert rehearsal_of([few, many]) == many
    assert rehearsal_of([many, Rehearsal(False)]) == replace(many, done=False)
    assert rehearsal_of([]) == Rehearsal(True)
    assert evidence_of(8, [COUNTS], many).all_told == Outcomes(51, 2)


def test_evidence_is_the_sum_over_pods_of_one_candidate():
    other = PodCounts(77, 25, {(8, 5.0): Pair(arm(10), arm(190)), (7, 5.0): Pair(arm(1000, 1000), arm(1))}, {7: Outcomes(5, 5)})
    found = evidence_of(8, [COUNTS, other])
    assert found.at(5).candidate.outcomes == Outcomes(52, 2)
    assert found.at(5).stable.outcomes == Outcomes(950, 0)
    assert found.at(25).candidate.outcomes == Outcomes(9, 0)
    assert found.all_told == Outcomes(61, 2)
    assert found.compared == Outcomes(100, 3)


def test_what_was_counted_without_a_weight_is_no_split():
    found = evidence_of(8, [PodCounts(1, 0, {(8, 0.0): Pair(arm(0), arm(50)), (8, 100.0): Pair(arm(50), arm(0))})])
    assert found.splits == ()
    assert found.all_told == Outcomes(50, 0)
