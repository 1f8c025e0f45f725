"""How a new version of a model takes over: step by step, judged at each, and back again where it is worse."""

from datetime import timedelta
from typing import Literal

from pydantic import ConfigDict, Field

from trimtab.api.base import ATOMIC, Duration, Spec, rules, seconds

PROMOTE = "trimtab.dev/promote"
"""Annotation of a Deployment: the number of the version that may pass its pauses. Another number means nothing."""
ABORT = "trimtab.dev/abort"
"""Annotation of a Deployment: the number of the version that shall be taken back. Another number means nothing."""

MOST_STEPS = 20
WEIGHTS = "self.steps.filter(s, has(s.weight)).map(s, s.weight)"
"""In CEL."""


class Pause(Spec):
    """A rest at the weight that was reached."""

    duration: Duration | None = Field(None, description="How long; absent: until a person sets the annotation trimtab.dev/promote to the version's number.")


class Step(Spec):
    """One step: a weight, or a pause."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "has(self.weight) != has(self.pause)",
                "spec.rollout.steps: give each step either `weight` and `duration`, or `pause`: {weight: 25, duration: 5m} or {pause: {}}.",
            ),
            (
                "has(self.weight) == has(self.duration)",
                "spec.rollout.steps: `weight` and `duration` go together: {weight: 25, duration: 5m}; a pause has its duration inside: {pause: {duration: 1h}}.",
            ),
        )
    )
    weight: int | None = Field(None, ge=1, le=100, description="Percent of the requests that the new version answers.")
    duration: Duration | None = Field(None, description="How long at least; the step also waits for analysis.minRequests.")
    pause: Pause | None = Field(None, description="A rest at the weight reached so far (none, before the first weight).")

    @property
    def is_pause(self) -> bool:
        return self.weight is None

    @property
    def lasts(self) -> timedelta | None:
        """At least so long; None for a pause that only a person ends."""
        said = (self.pause or Pause()).duration if self.is_pause else self.duration
        return seconds(said) if said else None


class Analysis(Spec):
    """When a new version counts as worse. Counts come from the pods; each test may be looked at at any time."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("!has(self.interval) || duration(self.interval) >= duration('1s')", "spec.rollout.analysis.interval: one second is the shortest; write 15s."),
        )
    )
    interval: Duration = Field("15s", description="Time between two looks.")
    min_requests: int = Field(200, ge=1, description="Requests that the new version must have answered at a weight before the step can be passed.")
    max_error_percent: float = Field(1, ge=0, le=100, description="More failed requests than this, beyond chance, and the version is taken back.")
    max_latency_ratio_percent: float = Field(
        150, ge=100, description="Median and 99th percentile of the latency, in percent of the stable version's; differences below 5 ms do not count."
    )
    min_agreement_percent: float | None = Field(
        None,
        ge=0,
        le=100,
        description="Share of answers that must equal the stable version's. For this the new version is also asked, unseen, about requests that stable answers.",
    )


class Rollout(Spec):
    """The way of each new version; without it, all traffic moves at once when its pods are ready."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                f"{WEIGHTS}.isSorted() && {WEIGHTS}.all(a, {WEIGHTS}.exists_one(b, a == b))",
                "spec.rollout.steps: each weight must be larger than the one before it: 5, 25, 50; the last step is followed by 100 by itself.",
            ),
        )
    )
    steps: list[Step] = Field(min_length=1, max_length=MOST_STEPS, json_schema_extra=ATOMIC, description="In order; after the last one all traffic moves.")
    analysis: Analysis = Field(default_factory=Analysis, description="When the new version counts as worse.")
    progress_deadline_seconds: int = Field(
        600, ge=1, description="A step that is still undecided so long after its duration, or pods that are not ready by then, are reported."
    )
    rollback_window: Duration = Field("10m", description="How long the pods of the version before stay after the last step: going back is instant meanwhile.")
    on_inconclusive: Literal["Wait", "Rollback"] = Field(
        "Wait", description="What follows when the deadline passes: Wait goes on, Rollback takes the version back."
    )


class Sticky(Spec):
    """Who stays with one version."""

    header: str = Field(
        min_length=1,
        max_length=64,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9-]*$",
        description="HTTP header whose value decides which version answers: the same user, the same version. Requests without it are divided singly.",
    )


class Shadow(Spec):
    """A version that is asked too, and whose answers no client sees."""

    version: int = Field(ge=1, description="Number of the version; it must be Ready.")
    percent: int = Field(100, ge=1, le=100, description="Percent of the requests that it is asked as well.")
