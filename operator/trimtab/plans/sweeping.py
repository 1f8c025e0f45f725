"""The collection of data that no listed version has any more: when a `gc` Job is begun, when once more, and what is said of one that failed.

A sweep deletes everything but what stays, so that any later one does what a failed one did not. None runs beside a look: a
look may be about to answer a version that the sweep would not know of.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from trimtab.api.documents import GcDocument
from trimtab.api.reasons import Reason
from trimtab.manifests import jobs, names
from trimtab.manifests.jobs import PodShape
from trimtab.manifests.labels import Owner
from trimtab.plans.attempts import Attempt, Failure, next_try
from trimtab.plans.lack import Lack
from trimtab.plans.plan import Create, Deed
from trimtab.plans.pods import Failed

GC_DEADLINE = 3600
"""Seconds: deleting lists and deletes a thousand objects a second; a longer run hangs."""


@dataclass(frozen=True)
class Broom:
    """What a sweep is made of: whose data, of which kind, and the digests that stay. `runs` are the sweeps so far, newest first."""

    owner: Owner
    document: GcDocument
    shape: PodShape
    runs: Sequence[Attempt]
    now: datetime

    @property
    def is_out(self) -> bool:
        return any(not run.over for run in self.runs)

    @property
    def failed(self) -> Attempt | None:
        """The newest that ended, if it failed."""
        ended = next((run for run in self.runs if run.over), None)
        return ended if ended and isinstance(ended.outcome, Failed) else None


def shaped(shape: PodShape) -> PodShape:
    """A sweep's pod, from a look's."""
    return replace(shape, deadline_seconds=GC_DEADLINE)


def sweep(broom: Broom) -> tuple[Deed, ...]:
    """The Job that deletes all but what stays. Named by what stays, and by how often that was the question."""
    key = names.digest(["gc", broom.document.keep])
    alike = [run for run in broom.runs if run.key == key[:32]]
    going = next((run.number for run in alike if not run.over), None)
    number = going or 1 + max((run.number for run in alike), default=0)
    return (Create(jobs.PLURAL, jobs.job(broom.owner, broom.document, key, number, broom.shape)),)


def again_at(broom: Broom) -> datetime | None:
    """When a failed sweep is worth another; None: none failed, or only with another pod."""
    failed = broom.failed
    if failed is None or broom.is_out or not isinstance(failed.outcome, Failed):
        return None
    outcome = failed.outcome
    failure = Failure(outcome.reason, _in_a_row(broom.runs), failed.finished_at or broom.now, failed.shape, outcome.retry)
    return next_try(failure, broom.shape.digest)


def unswept(broom: Broom) -> Lack | None:
    """What is said of a sweep that failed, until one succeeds."""
    failed = broom.failed
    if failed is None or not isinstance(failed.outcome, Failed):
        return None
    by_itself = broom.is_out or again_at(broom) is not None
    follows = "It is tried again by itself." if by_itself else "Raise the limits in spec.template, or delete them by hand."
    sentence = Reason.COLLECTION_FAILED.say(what=f"{broom.document.kind}/{broom.document.name}", detail=failed.outcome.message, follows=follows)
    return Lack(Reason.COLLECTION_FAILED, sentence, by_itself=by_itself)


def _in_a_row(runs: Sequence[Attempt]) -> int:
    """How many failed since the last that did not."""
    count = 0
    for run in runs:
        if not isinstance(run.outcome, Failed):
            break
        count += 1
    return count
