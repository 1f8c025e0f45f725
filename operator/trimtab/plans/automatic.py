"""Runs that no person asked for, and what holds them back: a list that ends with the daily cap, where all triggers meet.

Held back is a run that an open incident or new data want; what a person changes or asks for is never counted and never held.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trimtab.api.base import PAUSED
from trimtab.api.reasons import Reason
from trimtab.api.trainingjob import Cause, Run, RunPolicy
from trimtab.plans.annotations import is_paused
from trimtab.plans.conditions import rfc3339
from trimtab.plans.lack import Lack
from trimtab.plans.plan import Manifest

DAY = timedelta(hours=24)
"""On the clock of the wall, whatever the monitor's clock is."""

AUTOMATIC: frozenset[Cause] = frozenset({"Incident", "NewData"})


@dataclass(frozen=True)
class Company:
    """What is around a run that is about to begin by itself; `what` names the run in its sentences."""

    what: str
    policy: RunPolicy
    runs: Sequence[Run]
    deployments: Sequence[Manifest]
    cluster_paused: bool
    now: datetime


def is_automatic(run: Run) -> bool:
    return run.cause in AUTOMATIC


def cluster_is_paused(company: Company) -> Lack | None:
    if not company.cluster_paused:
        return None
    return _held(Reason.RETRAINING_PAUSED, company, "automatic retraining of the cluster is paused by the chart's `retraining.paused`")


def model_is_paused(company: Company) -> Lack | None:
    """Whoever pauses a Deployment does not want its model to change."""
    paused = [each["metadata"]["name"] for each in company.deployments if is_paused(each)]
    return _held(Reason.RETRAINING_PAUSED, company, f"Deployment {paused[0]} is paused by its annotation {PAUSED}") if paused else None


def is_suspended(company: Company) -> Lack | None:
    return _held(Reason.SUSPENDED, company, "spec.runPolicy.suspend is true") if company.policy.suspend else None


def day_is_full(company: Company) -> Lack | None:
    """The run that is the oldest of a full day makes room when it is a day old."""
    most = company.policy.max_automatic_runs_per_day
    begun = sorted((run.started_at for run in company.runs if _counts(run) and run.started_at and run.started_at > company.now - DAY), reverse=True)
    if len(begun) < most:
        return None
    if most == 0:
        return _held(Reason.HELD_BACK, company, "spec.runPolicy.maxAutomaticRunsPerDay is 0; ask for a run with the annotation trimtab.dev/run-requested")
    until = begun[most - 1] + DAY
    why = f"{len(begun)} automatic runs were begun within 24 h, and spec.runPolicy.maxAutomaticRunsPerDay is {most}; it goes on at {rfc3339(until)}"
    return Lack(Reason.HELD_BACK, Reason.HELD_BACK.say(what=company.what, why=why), until)


PAUSES: tuple[Callable[[Company], Lack | None], ...] = (
    cluster_is_paused,  # a person wants no automatic run anywhere
    model_is_paused,  # nor of this model
)
"""These hold further attempts back too."""
HOLDS: tuple[Callable[[Company], Lack | None], ...] = (
    *PAUSES,
    is_suspended,  # nor of this TrainingJob
    day_is_full,  # the cap
)


def hold(company: Company, among: tuple[Callable[[Company], Lack | None], ...] = HOLDS) -> Lack | None:
    """What holds an automatic run back, if anything does."""
    return next((lack for ask in among if (lack := ask(company))), None)


def _counts(run: Run) -> bool:
    """One that ended without a Job cost nothing."""
    return is_automatic(run) and run.outcome != "Unchanged"


def _held(reason: Reason, company: Company, why: str) -> Lack:
    return Lack(reason, Reason.HELD_BACK.say(what=company.what, why=why), by_itself=False)
