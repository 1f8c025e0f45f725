"""How a candidate takes over: which share of the requests it is to answer now, with how many pods, and whether it goes on.

    no pods yet -> pods ready -> weight written -> acknowledged by every stable pod -> judged -> next step ... -> arrived
                                                     at any time: worse than allowed -> weight 0 -> acknowledged -> blocked

Nothing is remembered here: how far a rollout is, is read from what was last written on the stable pods (`memory`), so
that a process may die between any two writes. A share never falls but to 0. `arrived` lets all traffic move, which is
done in `traffic.py`; what the requests say is judged in `analysis.py`; texts for pods are made in `splits.py`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from trimtab.api.base import seconds
from trimtab.api.reasons import Reason
from trimtab.api.rollout import Rollout
from trimtab.api.split import CandidateShare
from trimtab.plans.analysis import Judgment, Look, failure, judge
from trimtab.plans.tallies import Evidence

PATIENCE = timedelta(seconds=30)
"""How long a stable pod that says nothing holds up what follows the weight 0: the kubelet tells its pods within two seconds."""
SOON = timedelta(seconds=1)
"""Until the next look while pods are to acknowledge a weight."""
STARTING_LOOK = timedelta(seconds=30)
"""While pods start: their events bring us back sooner."""


def taken_back_at(step: int) -> int:
    """What stands for the step of a candidate that is on its way out: it never comes back by itself. Told apart by its sign."""
    return -1 - step


@dataclass(frozen=True)
class Course:
    """All that a rollout's next move depends on. `memory` is what stable pods were told last about this version."""

    rollout: Rollout
    version: int
    url: str
    now: datetime
    base: int
    """Pods that stable has, and that the candidate is to have in the end."""
    ready: int
    """Pods of the candidate that answer."""
    memory: CandidateShare | None = None
    followers: int = 0
    """Ready stable pods that have acknowledged what they were told last, where that is `memory`."""
    stable: int = 0
    """Ready stable pods."""
    silent: tuple[str, ...] = ()
    """Those of them that do not answer."""
    evidence: Evidence = field(default_factory=Evidence)
    sticky: bool = False
    promote: bool = False
    abort: bool = False
    pods_are_late: bool = False
    """Kubernetes gave up waiting for the candidate's pods."""
    begun: datetime | None = None
    """When this step was first written, where it is known."""
    told: str = ""
    """Why it was taken back, as the status remembers."""

    @property
    def moment(self) -> datetime:
        """Now, as it is written: whole seconds."""
        return self.now.replace(microsecond=0)

    @property
    def acknowledged(self) -> bool:
        return 0 < self.stable <= self.followers

    @property
    def step(self) -> int:
        """The step it is at, or was at when it was taken back; a list that a person made shorter ends where it ends."""
        told = self.memory.step if self.memory else 0
        return min(max(told, taken_back_at(told)), self.last)

    @property
    def is_taken_back(self) -> bool:
        return self.memory is not None and self.memory.step < 0

    @property
    def last(self) -> int:
        return len(self.rollout.steps) - 1

    @property
    def weight(self) -> int:
        return weight_at(self.rollout, self.step)

    def pods_at(self, step: int) -> int:
        """Its share of stable's pods, rounded up; before the last step all of them."""
        share = self.base if step >= self.last else math.ceil(self.base * weight_at(self.rollout, step) / 100)
        return min(self.base, max(1, share))

    def share(self, step: int, percent: float, since: datetime | None) -> CandidateShare:
        return CandidateShare(version=self.version, url=self.url, percent=percent, step=step, since=since)

    @property
    def lasts(self) -> timedelta:
        return self.rollout.steps[self.step].lasts or timedelta(0)

    @property
    def look(self) -> Look:
        since = (self.memory.since if self.memory else None) or self.now
        return Look(self.rollout.analysis, self.evidence, self.weight, since, since + self.lasts, self.now, self.sticky)

    @property
    def judgment(self) -> Judgment:
        """What is said of the step it is at, when its weight is in force."""
        step = self.rollout.steps[self.step]
        if self.silent:
            return Judgment("Inconclusive", Reason.COUNTS_MISSING, Reason.COUNTS_MISSING.say(pods=", ".join(self.silent)))
        if not step.is_pause:
            return judge(self.look)
        return failure(self.look) or (_rested(self) if self._pause_is_over(step.lasts) else _rests(self, step.lasts))

    def _pause_is_over(self, lasts: timedelta | None) -> bool:
        return self.promote or (lasts is not None and self.now >= self.look.until)

    @property
    def overdue(self) -> bool:
        """Undecided for too long; a pause that a person ends is never."""
        begun = self.memory and (self.memory.since or self.begun)
        if not begun or self.rollout.steps[self.step].lasts is None:
            return self.pods_are_late
        return self.pods_are_late or self.now >= begun + self.lasts + timedelta(seconds=self.rollout.progress_deadline_seconds)


@dataclass(frozen=True)
class Heading:
    """The next move: what stable pods are to be told (None: nothing), how many pods the candidate is to have, and what is said of it."""

    share: CandidateShare | None
    pods: int
    judgment: Judgment
    again: timedelta
    arrived: bool = False
    block: bool = False
    overdue: bool = False

    @property
    def failed(self) -> bool:
        return self.judgment.verdict == "Fail"


Move = Callable[[Course], Heading | None]


def is_taken_back(c: Course) -> Heading | None:
    """Its share is 0 and stays 0; blocked when no pod forwards to it any more."""
    if c.memory is None or not c.is_taken_back:
        return None
    waited = c.now - (c.memory.since or c.now)
    answered = c.followers >= c.stable - len(c.silent) and waited >= PATIENCE
    return Heading(c.memory, 0, _why_taken_back(c), SOON, block=c.acknowledged or answered or not c.stable)


def is_called_back(c: Course) -> Heading | None:
    """A person says so, or it is worse than allowed, or undecided for longer than anybody wants."""
    why = _why(c)
    if why is None:
        return None
    if c.memory is None:
        return Heading(None, 0, why, SOON, block=True)
    return Heading(c.share(taken_back_at(c.step), 0, c.moment), 0, why, SOON)


def waits_for_its_first_pods(c: Course) -> Heading | None:
    if c.memory is not None or c.ready >= c.pods_at(0):
        return None
    return Heading(None, c.pods_at(0), _waits(c, c.pods_at(0)), STARTING_LOOK, overdue=c.overdue)


def rehearses(c: Course) -> Heading | None:
    if c.memory is not None or c.evidence.rehearsal.done:
        return None
    return Heading(None, c.pods_at(0), Judgment("Inconclusive", Reason.ROLLING_OUT, "It answers requests of the log first."), SOON, overdue=c.overdue)


def begins(c: Course) -> Heading | None:
    return _to(c, 0) if c.memory is None else None


def has_lost_its_pods(c: Course) -> Heading | None:
    """Nobody would answer: stable takes all until one is back. What failed meanwhile is counted."""
    if c.ready or c.memory is None:
        return None
    return Heading(c.share(c.step, 0, c.memory.since), c.pods_at(c.step), _waits(c, c.pods_at(c.step)), STARTING_LOOK, overdue=c.overdue)


def follows_its_step(c: Course) -> Heading | None:
    """The step's weight is not what pods were told: its pods are back, or a person changed the steps."""
    if c.memory is None or c.memory.percent == c.weight:
        return None
    since = c.memory.since if c.memory.percent == 0 else None
    return Heading(c.share(c.step, c.weight, since), c.pods_at(c.step), _unacknowledged(c), SOON)


def waits_for_the_pods(c: Course) -> Heading | None:
    """Weights count when every stable pod says that it follows them. That the step's time has begun is written where the weight is, and is
    acknowledged anew; nothing else is said of it for that second."""
    if c.acknowledged:
        return None
    begun = c.memory is not None and c.memory.since is not None
    return Heading(c.memory, c.pods_at(c.step), c.judgment if c.silent or begun else _unacknowledged(c), SOON, overdue=c.overdue)


def starts_its_clock(c: Course) -> Heading | None:
    if c.memory is None or c.memory.since is not None:
        return None
    return Heading(c.share(c.step, c.weight, c.moment), c.pods_at(c.step), c.judgment, SOON)


def is_being_judged(c: Course) -> Heading | None:
    judgment = c.judgment
    if judgment.passed:
        return None
    return Heading(c.memory, c.pods_at(c.step), judgment, _next_look(c), overdue=c.overdue)


def waits_for_more_pods(c: Course) -> Heading | None:
    if c.step == c.last or c.ready >= c.pods_at(c.step + 1):
        return None
    return Heading(c.memory, c.pods_at(c.step + 1), _waits(c, c.pods_at(c.step + 1)), STARTING_LOOK, overdue=c.overdue)


def goes_on(c: Course) -> Heading | None:
    return _to(c, c.step + 1) if c.step < c.last else None


def waits_for_all_pods(c: Course) -> Heading | None:
    """Capacity must not dip when all traffic moves: one may have been lost during the last step, or stable may have grown."""
    return Heading(c.memory, c.base, _waits(c, c.base), STARTING_LOOK, overdue=c.overdue) if c.ready < c.base else None


def arrives(c: Course) -> Heading | None:
    return Heading(c.memory, c.base, c.judgment, SOON, arrived=True)


MOVES: tuple[Move, ...] = (
    is_taken_back,  # on its way out, whatever else is so
    is_called_back,  # worse, or a person says so
    waits_for_its_first_pods,  # all that the first step needs, before the first request
    rehearses,  # what was asked last, before the first client asks
    begins,  # the first weight
    has_lost_its_pods,  # nobody there to answer
    follows_its_step,  # pods were told another weight
    waits_for_the_pods,  # told, not yet acknowledged by all
    starts_its_clock,  # acknowledged: the step's time begins
    is_being_judged,  # time, requests, tests, a pause
    waits_for_more_pods,  # passed; the next step needs more of them
    goes_on,  # the next weight
    waits_for_all_pods,  # passed the last step
    arrives,  # all traffic may move
)


def heading(course: Course) -> Heading:
    """The first move that applies."""
    return next(found for move in MOVES if (found := move(course)))


def weight_at(rollout: Rollout, step: int) -> int:
    """Percent at a step: its own, or for a pause that of the last weight before it."""
    return next((each.weight for each in reversed(rollout.steps[: step + 1]) if each.weight), 0)


def _to(c: Course, step: int) -> Heading:
    share = c.share(step, weight_at(c.rollout, step), None)
    return Heading(share, c.pods_at(step), _unacknowledged(c, 0), SOON)


def _why(c: Course) -> Judgment | None:
    if c.abort:
        return Judgment("Fail", Reason.ABORTED, Reason.ABORTED.say())
    if c.overdue and c.rollout.on_inconclusive == "Rollback" and not (c.acknowledged and c.judgment.passed):
        return Judgment("Fail", Reason.PROGRESS_DEADLINE_EXCEEDED, Reason.PROGRESS_DEADLINE_EXCEEDED.say(detail=_undecided(c)))
    return failure(c.look)


def _undecided(c: Course) -> str:
    if c.pods_are_late or c.memory is None:
        return f"{c.ready} of its pods are ready."
    return c.judgment.message if c.acknowledged or c.silent else _unacknowledged(c).message


def _why_taken_back(c: Course) -> Judgment:
    """Computed anew while the counts are there, else as it was said."""
    why = Judgment("Fail", Reason.ABORTED, Reason.ABORTED.say()) if c.abort else failure(c.look)
    return why or Judgment("Fail", Reason.ROLLED_BACK, c.told or "why is no longer known: pods and status were lost in the meantime.")


def _unacknowledged(c: Course, followers: int | None = None) -> Judgment:
    have = c.followers if followers is None else followers
    return Judgment("Inconclusive", Reason.SPLIT_NOT_ACKNOWLEDGED, Reason.SPLIT_NOT_ACKNOWLEDGED.say(have=have, wanted=c.stable))


def _waits(c: Course, wanted: int) -> Judgment:
    return Judgment("Inconclusive", Reason.ROLLING_OUT, f"{c.ready} of {wanted} pods are ready.")


def _rested(_: Course) -> Judgment:
    return Judgment("Pass", Reason.STEP_RUNNING, "The pause is over.")


def _rests(c: Course, lasts: timedelta | None) -> Judgment:
    if lasts is None:
        return Judgment("Inconclusive", Reason.STEP_PAUSED, Reason.STEP_PAUSED.say(version=c.version))
    return Judgment("Inconclusive", Reason.STEP_RUNNING, f"The pause lasts until {c.look.until:%Y-%m-%dT%H:%M:%SZ}.")


def _next_look(c: Course) -> timedelta:
    """At the step's end, at the next interval, whichever comes first."""
    interval = seconds(c.rollout.analysis.interval)
    left = c.look.until - c.now
    return min(interval, left) if left > timedelta(0) else interval
