"""When a monitor is looked at again: a list of what may happen without an event telling us."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trimtab.api.monitor_memory import Evaluation
from trimtab.plans import triggers
from trimtab.plans.attempts import Attempt, has_started, tried_again_at
from trimtab.plans.monitor_clock import next_closing
from trimtab.plans.monitor_look import View, policy_of
from trimtab.plans.monitor_states import State
from trimtab.plans.retraining import Monitor

STARTING_LOOK = timedelta(seconds=30)
"""While a pod has not started: for the trouble that makes no event of ours, such as a Job without pods."""
CLOCK_EVERY = timedelta(seconds=10)
"""How often serving pods are asked for the latest event time: they write to the store hardly more often than that."""
PROMETHEUS_EVERY = timedelta(seconds=30)
"""How often Prometheus is asked: the usual pause between two scrapes; a query cannot change more often."""


@dataclass(frozen=True)
class Next:
    """What a monitor has come to."""

    view: View
    monitor: Monitor | None
    evaluation: Evaluation | None
    looks: tuple[Attempt, ...]


def again(it: Next) -> timedelta | None:
    if it.view.seen.deployment is None:
        return None
    ahead = [moment for ask in MOMENTS for moment in ask(it) if moment > it.view.now]
    return max(min(ahead) - it.view.now, timedelta(seconds=1)) if ahead else None


def clock_moves(it: Next) -> list[datetime]:
    """On the wall's clock the next boundary is known; on the requests' the pods are asked."""
    spec, clock = it.view.seen.spec, it.view.told.clock
    if spec.clock == "Event" or clock is None:
        return [it.view.now + CLOCK_EVERY]
    cooled = [it.monitor.since + policy_of(spec).rest] if it.monitor and it.monitor.state is State.COOLDOWN else []
    scheduled = triggers.next_moment(spec, clock.now)
    return [next_closing(spec, clock.now, it.view.since), *cooled, *([scheduled] if scheduled else [])]


def prometheus_is_asked(it: Next) -> list[datetime]:
    spec = it.view.seen.spec
    asks = any(trigger.type == "Prometheus" for trigger in spec.triggers)
    return [it.view.now + PROMETHEUS_EVERY, *triggers.lasts_until(spec, it.view.tested)] if asks else []


def job_moves(it: Next) -> list[datetime]:
    """A pod that has not started is looked at again; a look that failed is tried again."""
    if it.evaluation is None:
        return []
    job = next((each for each in it.looks if each.name == it.evaluation.job), None)
    if it.evaluation.outcome == "Running":
        return [] if job and has_started(job) else [it.view.now + STARTING_LOOK]
    heals = tried_again_at(it.evaluation, job, it.view.seen.shape.digest, it.view.now)
    return [heals] if heals else []


MOMENTS: tuple[Callable[[Next], list[datetime]], ...] = (
    clock_moves,  # a window closes, a cooldown ends, a schedule comes
    prometheus_is_asked,  # its triggers
    job_moves,  # the Job
)
