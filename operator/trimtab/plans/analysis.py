"""What the requests so far say of a candidate: Pass, Fail or Inconclusive, each with a sentence.

Fail needs evidence beyond chance, at whatever moment one looks: one level for the whole rollout, shared by its checks.
Pass needs time, requests and nothing against it. Everything else is Inconclusive, and inconclusive is never passed. What
follows from a verdict is decided in `rollout.py`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from trimtab.api.reasons import Reason
from trimtab.api.rollout import Analysis
from trimtab.plans import sequential
from trimtab.plans.conditions import rfc3339
from trimtab.plans.sequential import Outcomes
from trimtab.plans.tallies import Evidence, Pair

ALPHA = 0.01
"""Chance that a candidate as good as stable, and within its bounds, is ever taken back by a whole rollout."""
SMALLEST_DIFFERENCE = 0.005
"""Seconds: what nobody notices, and what two pods on one busy node differ by."""
QUANTILES = ((0.5, "the median"), (0.99, "the 99th percentile"))

SPANS = (10, 20, 30, 60, 120, 180, 300, 600, 900, 1200, 1800, 3600, 7200, 14400, 28800, 86400)
"""Seconds in which a forecast is told: coarse, so that a status does not change at every look."""

Word = Literal["Pass", "Fail", "Inconclusive"]


@dataclass(frozen=True)
class Judgment:
    """A verdict in a word, its reason, and the sentence that explains it."""

    verdict: Word
    reason: Reason
    message: str

    @property
    def passed(self) -> bool:
        return self.verdict == "Pass"


@dataclass(frozen=True)
class Look:
    """One look at a step: what was counted, since when its weight is in force, and until when it lasts at least."""

    analysis: Analysis
    evidence: Evidence
    percent: float
    since: datetime
    until: datetime
    now: datetime
    sticky: bool = False

    @property
    def pair(self) -> Pair:
        """The counts at today's weight."""
        return self.evidence.at(self.percent)

    @property
    def level(self) -> float:
        """Of each check that is made: median and 99th percentile are two."""
        checks = len(AGAINST) + 1 - (self.analysis.min_agreement_percent is None) - (not self.evidence.rehearsal.requests.requests)
        return sequential.share_of_alpha(ALPHA, checks)

    def proves(self, evidence: float) -> bool:
        return evidence >= 1 / self.level


def fails_too_often(look: Look) -> str | None:
    return _beyond_the_bound(look, look.evidence.all_told, "requests")


def fails_on_the_log(look: Look) -> str | None:
    """Apart from live requests: what was asked yesterday and is answered well is no excuse for what fails today."""
    return _beyond_the_bound(look, look.evidence.rehearsal.requests, "requests of the log")


def _beyond_the_bound(look: Look, told: Outcomes, what: str) -> str | None:
    most = look.analysis.max_error_percent
    if not look.proves(sequential.evidence_above(most / 100, told)):
        return None
    return f"{told.errors} of {told.requests} {what} failed, more than analysis.maxErrorPercent {most:g} allows."


def fails_more_often_than_stable(look: Look) -> str | None:
    """Believed only while requests reach both in the shares they should: else good answers that went elsewhere would look like missing ones."""
    splits = look.evidence.splits
    if look.sticky or split_is_off(look) or not look.proves(sequential.evidence_worse(splits)):
        return None
    mine, theirs = [split.candidate for split in splits], [split.stable for split in splits]
    told = f"{sum(each.errors for each in mine)} of {sum(each.requests for each in mine)}"
    stable = f"{sum(each.errors for each in theirs)} of {sum(each.requests for each in theirs)}"
    return f"{told} requests failed, of the stable version's {stable} in the same time."


def is_slower(look: Look) -> str | None:
    """Were it no slower than allowed, hardly more than half (a hundredth) of its answers would take longer than stable's median (99th percentile) times the ratio."""
    mine, stable = look.pair.candidate, look.pair.stable
    if min(mine.timed, stable.timed) < look.analysis.min_requests:
        return None
    for share, called in QUANTILES:
        usual = stable.quantile(share)
        allowed = max(usual * look.analysis.max_latency_ratio_percent / 100, usual + SMALLEST_DIFFERENCE)
        if look.proves(sequential.evidence_above(1 - share, mine.slower_than(allowed))):
            return (
                f"{called} of its latency is {_ms(mine.quantile(share))}, the stable version's {_ms(usual)}; "
                f"analysis.maxLatencyRatioPercent is {look.analysis.max_latency_ratio_percent:g}."
            )
    return None


def answers_otherwise(look: Look) -> str | None:
    least, compared = look.analysis.min_agreement_percent, look.evidence.compared
    if not compared.requests:
        compared = look.evidence.rehearsal.compared
    if least is None or not look.proves(sequential.evidence_above(1 - least / 100, compared)):
        return None
    return f"{compared.errors} of {compared.requests} answers differ from the stable version's; analysis.minAgreementPercent is {least:g}."


AGAINST: tuple[Callable[[Look], str | None], ...] = (
    fails_on_the_log,  # before any client asks
    fails_too_often,  # beyond the bound that a person set, whatever stable does
    fails_more_often_than_stable,  # within the bound, but worse
    is_slower,  # median or 99th percentile
    answers_otherwise,  # where agreement is asked for
)


def failure(look: Look) -> Judgment | None:
    """What is proved against the candidate; None where nothing is."""
    said = next((sentence for check in AGAINST if (sentence := check(look))), None)
    return Judgment("Fail", Reason.ROLLED_BACK, said) if said else None


def split_is_off(look: Look) -> Judgment | None:
    """Requests do not reach the versions in the shares that pods say they follow: whatever the cause, the counts compare unlike with unlike.

    Users are not independent requests: with a sticky header a share of users is not that share of the requests, and nothing is said.
    """
    if look.sticky or sequential.split_p_value(look.evidence.splits) >= sequential.MISMATCH_ALPHA:
        return None
    mine = sum(split.candidate.requests for split in look.evidence.splits)
    every = sum(split.candidate.requests + split.stable.requests for split in look.evidence.splits)
    expected = sum(split.weight * (split.candidate.requests + split.stable.requests) for split in look.evidence.splits)
    message = Reason.TRAFFIC_SPLIT_MISMATCH.say(mine=mine, every=every, expected=round(expected))
    return Judgment("Inconclusive", Reason.TRAFFIC_SPLIT_MISMATCH, message)


def time_is_not_over(look: Look) -> Judgment | None:
    if look.now >= look.until:
        return None
    return Judgment("Inconclusive", Reason.STEP_RUNNING, f"Nothing is proved against it; the step lasts until {rfc3339(look.until)} at least.")


def requests_are_few(look: Look) -> Judgment | None:
    have, wanted = look.pair.candidate.outcomes.requests, look.analysis.min_requests
    return None if have >= wanted else _too_few(look, have, wanted, "requests")


def comparisons_are_few(look: Look) -> Judgment | None:
    have, wanted = look.evidence.compared.requests, look.analysis.min_requests
    return None if look.analysis.min_agreement_percent is None or have >= wanted else _too_few(look, have, wanted, "compared answers")


UNDECIDED: tuple[Callable[[Look], Judgment | None], ...] = (
    split_is_off,  # what was counted cannot be trusted
    time_is_not_over,  # some faults need time to show
    requests_are_few,  # no errors among few requests say little
    comparisons_are_few,  # nor do few comparisons
)


def judge(look: Look) -> Judgment:
    """The verdict of today."""
    said = failure(look) or next((judgment for doubt in UNDECIDED if (judgment := doubt(look))), None)
    return said or Judgment("Pass", Reason.STEP_RUNNING, _passed(look))


def _too_few(look: Look, have: int, wanted: int, what: str) -> Judgment:
    rate = have / max(1.0, (look.now - look.since).total_seconds())
    forecast = f"at today's rate the step can be decided in about {_about((wanted - have) / rate)}" if have else "none has come yet"
    return Judgment("Inconclusive", Reason.TOO_FEW_REQUESTS, Reason.TOO_FEW_REQUESTS.say(wanted=wanted, what=what, forecast=forecast))


def _passed(look: Look) -> str:
    beside = " Whether the split is as it should be is not judged: with spec.sticky, shares are of users." if look.sticky else ""
    return f"Nothing is proved against it after {rfc3339(look.until)} and {look.analysis.min_requests} requests.{beside}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.3g} ms"


def _about(seconds: float) -> str:
    """The next of some round spans."""
    round_ = next((span for span in SPANS if span >= seconds), 0)
    if not round_:
        return f"{timedelta(seconds=seconds).days + 1} days"
    hours, minutes = round_ // 3600, round_ // 60
    return _some(hours, "hour") if hours else _some(minutes, "minute") if minutes else _some(round_, "second")


def _some(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' if number > 1 else ''}"
