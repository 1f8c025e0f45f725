"""Attempts at one piece of work: which Job is the newest, and whether another is worth making after a failure.

The Job itself tries again after what it knows to be passing (its backoffLimit); a further attempt is a new Job. Three
tables say what heals: with time, with another pod, or only with another spec. Whether the work is wanted at all is
each kind's own question.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from trimtab.api.documents import DOCUMENT_VARIABLE
from trimtab.api.reasons import Reason
from trimtab.manifests import jobs as build
from trimtab.manifests.labels import ATTEMPT, RUN_KEY, SHAPE, VERB
from trimtab.plans.conditions import parse
from trimtab.plans.plan import Delete, Manifest, Ref
from trimtab.plans.pods import Failed, Finished, Outcome, Running, Waiting, condition_of, read, reason_named

HEALS_WITH_TIME = frozenset(
    {
        Reason.STORE_NOT_CONFIGURED,  # a key is added to the Secret
        Reason.STORE_UNREACHABLE,  # the store comes back
        Reason.STORE_DENIED,  # the credentials are corrected
        Reason.BUCKET_MISSING,  # the bucket is made
        Reason.NO_OBJECTS,  # files arrive
        Reason.SOURCE_UNREADABLE,  # the file is replaced
        Reason.SERVICE_ACCOUNT_MISSING,  # it is made
        Reason.ANSWER_LOST,  # the same verb finds its manifest and answers
        Reason.EVICTED,  # there is room elsewhere
        Reason.CODE_CHANGED,  # the kubelet mounts the ConfigMap of today
        Reason.QUEUED,  # the queue moves on
        Reason.UNSCHEDULABLE,  # a node comes
        Reason.IMAGE_PULL_FAILED,  # the image is pushed, the registry comes back
        Reason.CONFIG_ERROR,  # a quota is raised
    }
)
"""Worth another attempt after a pause, with nothing changed here."""

HEALS_WITH_ANOTHER_POD = frozenset(
    {
        Reason.OUT_OF_MEMORY,
        Reason.DEADLINE_EXCEEDED,
        Reason.IMAGE_PULL_FAILED,
        Reason.UNSCHEDULABLE,
        Reason.CONFIG_ERROR,
        Reason.CRASHED,
    }
)
"""Worth another attempt once image, resources, placement or deadline are others."""

HOLDS_BACK = HEALS_WITH_ANOTHER_POD | {Reason.STORE_NOT_CONFIGURED, Reason.SERVICE_ACCOUNT_MISSING, Reason.QUEUED}
"""What keeps a container from starting."""

FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(minutes=5)
"""Long enough that a broken source costs one short pod a few times an hour; short enough to wait for."""


@dataclass(frozen=True)
class Attempt:
    """One Job and what became of it."""

    job: Manifest
    outcome: Outcome

    @property
    def name(self) -> str:
        return str(self.job["metadata"]["name"])

    @property
    def key(self) -> str:
        return str(self.job["metadata"]["labels"].get(RUN_KEY, ""))

    @property
    def number(self) -> int:
        return int(self.job["metadata"].get("annotations", {}).get(ATTEMPT, "1"))

    @property
    def shape(self) -> str:
        return str(self.job["metadata"].get("annotations", {}).get(SHAPE, ""))

    @property
    def created_at(self) -> datetime:
        return parse(self.job["metadata"]["creationTimestamp"])

    @property
    def finished_at(self) -> datetime | None:
        """When the Job ended, by its own conditions."""
        ended = condition_of(self.job, "Complete") or condition_of(self.job, "Failed")
        return parse(ended["lastTransitionTime"]) if ended and ended.get("lastTransitionTime") else None

    @property
    def over(self) -> bool:
        return isinstance(self.outcome, Finished | Failed)

    @property
    def document(self) -> str:
        """What the worker was told, as JSON."""
        variables = self.job["spec"]["template"]["spec"]["containers"][0]["env"]
        return str(next(variable["value"] for variable in variables if variable["name"] == DOCUMENT_VARIABLE))

    @property
    def ref(self) -> Ref:
        metadata = self.job["metadata"]
        return Ref(build.API_VERSION, build.PLURAL, metadata["namespace"], metadata["name"], metadata["uid"])


def attempts(verb: str, jobs: list[Manifest], pods: list[Manifest], events: list[Manifest], now: datetime) -> list[Attempt]:
    """The Jobs of one verb with their outcomes, newest first; one that is being deleted is as good as gone."""
    mine = [job for job in jobs if job["metadata"].get("labels", {}).get(VERB) == verb and not job["metadata"].get("deletionTimestamp")]
    found = [Attempt(job, read(job, pods, events, now)) for job in mine]
    return sorted(found, key=lambda attempt: (attempt.created_at, attempt.number), reverse=True)


@dataclass(frozen=True)
class Failure:
    """A failure as it is remembered: in a Job that is still there, or in the status alone (`shape` is then unknown)."""

    reason: Reason
    attempt: int
    at: datetime
    shape: str | None = None
    retry: bool = False


def next_try(failure: Failure, shape: str) -> datetime | None:
    """When another attempt is worth making; None: not before the spec changes."""
    if failure.retry or failure.reason in HEALS_WITH_TIME:
        return failure.at + pause(failure.attempt)
    other_pod = failure.shape != shape
    return failure.at if failure.reason in HEALS_WITH_ANOTHER_POD and other_pod else None


class Tried(Protocol):
    """Work as a status remembers it."""

    @property
    def outcome(self) -> str: ...
    @property
    def reason(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def finished_at(self) -> datetime | None: ...


def tried_again_at(tried: Tried | None, job: Attempt | None, shape: str, now: datetime, healing: frozenset[Reason] = frozenset()) -> datetime | None:
    """When work that failed is worth another attempt; None: not before somebody changes something, or it did not fail.

    `job` is its last Job, where that is still there. Reasons in `healing` heal with time for this kind of work, as `HEALS_WITH_TIME` do for all.
    """
    if tried is None or tried.outcome != "Failed":
        return None
    reason = reason_named(tried.reason) or Reason.CRASHED
    retry = reason in healing or (job is not None and isinstance(job.outcome, Failed) and job.outcome.retry)
    return next_try(Failure(reason, tried.attempt, tried.finished_at or now, job.shape if job else None, retry), shape)


def pause(attempt: int) -> timedelta:
    """1, 2, 4, 5, 5 ... minutes after the first, second ... attempt."""
    doublings = min(attempt - 1, 10)
    return min(FIRST_PAUSE * (1 << doublings), LONGEST_PAUSE)


def waits_for_another_pod(attempt: Attempt, shape: str) -> bool:
    """Whether it cannot start as it was made, and would now be made differently."""
    return isinstance(attempt.outcome, Waiting) and attempt.outcome.reason in HEALS_WITH_ANOTHER_POD and attempt.shape != shape


@dataclass(frozen=True)
class Trouble:
    """What is said about work that is under way but not well; empty where it is."""

    reason: str = ""
    message: str = ""


def trouble(outcome: Outcome, before: Trouble, lasting: frozenset[Reason] = frozenset()) -> Trouble:
    """What is wrong now: what holds the pod back, or what ended the last one, until the next one runs.

    Reasons in `lasting` stay until the work ends: where it is short and fails again and again, a reason that flickers
    tells nobody anything.
    """
    if isinstance(outcome, Waiting):
        return Trouble(str(outcome.reason), outcome.message)
    started = isinstance(outcome, Running) and outcome.started
    return Trouble() if started and before.reason not in lasting else before


def blamed(failed: Failed, before: Trouble) -> Failed:
    """A deadline that passed before the container ever started: what held it back is what is wrong, and heals as that does."""
    held = next((reason for reason in HOLDS_BACK if reason == before.reason), None)
    return Failed(held, before.message) if held and failed.reason == Reason.DEADLINE_EXCEEDED else failed


def has_started(attempt: Attempt) -> bool:
    return isinstance(attempt.outcome, Running) and attempt.outcome.started


def surplus(found: Iterable[Attempt], keep: int) -> list[Delete]:
    """Deletions of the oldest finished Jobs beyond `keep`."""
    finished = [attempt for attempt in found if attempt.over]
    return [Delete(attempt.ref) for attempt in finished[keep:]]
