"""What is there, as the state machine of `retraining.py` sees it: readings, hindrances, triggers, the incident's run, the verdict on it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from trimtab.api.base import BLOCKED_PREFIX, seconds
from trimtab.api.driftmonitor import DriftMonitorSpec, OnTrigger, PerformanceReading
from trimtab.api.evaluation import Evaluated
from trimtab.api.modelversion import DEPRECATED
from trimtab.api.monitor_memory import Evaluation, Judged, Readings, TriggerReading
from trimtab.api.reasons import Reason
from trimtab.plans import retraining
from trimtab.plans.annotations import annotations, block_on, is_paused
from trimtab.plans.attempts import HEALS_WITH_TIME
from trimtab.plans.conditions import find, parse
from trimtab.plans.eligibility import Wish, choose, fits_the_clients, wish_of
from trimtab.plans.monitor_clock import Told, last_boundary
from trimtab.plans.monitor_states import State
from trimtab.plans.monitored import Seen, is_invalid, made_for, run_of
from trimtab.plans.plan import Manifest
from trimtab.plans.pods import reason_named
from trimtab.plans.retraining import Hindrance, Monitor, Policy
from trimtab.plans.triggers import Times, fired

ABOUT_THE_STORE = frozenset({Reason.STORE_UNREACHABLE, Reason.STORE_DENIED, Reason.BUCKET_MISSING, Reason.STORE_NOT_CONFIGURED})


@dataclass(frozen=True)
class View:
    """All that one look is made of: what was observed, and what has been read from the Jobs and from Prometheus."""

    seen: Seen
    told: Told
    now: datetime
    evaluation: Evaluation | None
    readings: Readings | None
    performance: PerformanceReading | None
    judged: Judged | None
    tested: tuple[TriggerReading, ...]
    news: Evaluated | None = None
    """What the last look has just answered, where it has."""

    @property
    def clock(self) -> datetime:
        return self.told.clock.now if self.told.clock else self.now

    @property
    def since(self) -> datetime | None:
        """Since when the version that serves does so, on the monitor's clock; None where it began before the monitor did, on a clock of its own."""
        watching, stable = self.seen.status.watching, self.seen.serving.get("stable") or {}
        if watching and watching.version == self.seen.stable:
            return watching.since
        if self.seen.spec.clock == "Wall" and stable.get("since"):
            return parse(stable["since"])
        return self.clock if watching else None

    @property
    def current(self) -> Readings | None:
        """What is known of the version that serves now; nothing while the last look has failed."""
        failed = self.evaluation is not None and self.evaluation.outcome == "Failed"
        return None if failed or self.readings is None or self.readings.version != self.seen.stable else self.readings

    @property
    def is_judged(self) -> bool:
        """Whether the version that serves has been compared with its predecessor."""
        return self.judged is not None and self.judged.version == self.seen.stable

    @property
    def is_worse(self) -> bool:
        return self.is_judged and self.judged is not None and self.judged.outcome == "Worse"

    @property
    def was_just_judged(self) -> bool:
        return self.judged != self.seen.status.judged

    @property
    def predecessor(self) -> Manifest | None:
        """What the version that serves is to be compared with: it is provisional until it was."""
        return self.seen.predecessor if self.seen.is_first_time and not self.is_judged else None


def policy_of(spec: DriftMonitorSpec) -> Policy:
    follows, maturity = spec.on_trigger or OnTrigger(action="Alert"), seconds(spec.performance.label_maturity)
    causes = frozenset(trigger.type for trigger in spec.triggers if trigger.type in ("Performance", "Drift"))
    return Policy(
        action=follows.action,
        causes=causes if spec.triggers else frozenset({"Performance"}),
        cooldown=seconds(follows.cooldown) if follows.cooldown else maturity,
        label_maturity=maturity,
        floor=spec.performance.floor,
        on_no_gain=follows.on_no_gain,
    )


def look(view: View, monitor: Monitor) -> retraining.Seen:
    seen, readings = view.seen, view.current
    skill = view.performance.skill if view.performance and readings else ""
    incidents = [incident for incident in (seen.status.incident, *seen.status.last_incidents) if incident]
    opened = [incident.opened_at for incident in incidents if incident.opened_at <= view.clock]
    began = view.told.clock.began if view.told.clock else view.now
    times = Times(since=max([began, *opened]), clock=view.clock, wall=view.now)
    return retraining.Seen(
        now=view.clock,
        window_start=readings.window_start if readings else last_boundary(view.clock, seconds(seen.spec.window.duration)),
        version=seen.stable or monitor.version,
        drift=readings.drift if readings else "Unknown",
        performance=readings.performance if readings else "Unknown",
        skill=float(skill) if skill else None,
        labelled_rows=readings.labelled_rows if readings else 0,
        fired=fired(seen.spec, readings, view.tested, times),
        hindrances=frozenset(hindrance for hindrance, applies in HINDRANCES if applies(view)),
        run=run(view, monitor),
        judged=verdict(view, monitor),
        known=frozenset(incident.id for incident in seen.status.last_incidents),
    )


def is_on_hold(view: View) -> bool:
    return view.seen.held or is_paused(view.seen.deployment)


def store_is_away(view: View) -> bool:
    known = view.evaluation
    return known is not None and known.outcome != "Answered" and reason_named(known.reason) in ABOUT_THE_STORE


def has_fault(*names: str) -> Callable[[View], bool]:
    """Whether `evaluate` found one of these faults."""
    return lambda view: view.current is not None and any(fault.startswith(names) for fault in view.current.faults)


def few_labels(view: View) -> bool:
    """Without labels nobody could say whether a new version is better."""
    return view.current is None or view.current.new_rows < view.seen.spec.performance.min_labels


def training_job_is_missing(view: View) -> bool:
    follows = view.seen.spec.on_trigger
    return follows is not None and follows.action == "Retrain" and view.seen.training_job is None


def is_taken_back(view: View) -> bool:
    """The version that serves is worse, and makes room by itself: it was forbidden just now, or is, and the Deployment has another for its place.

    One whose block a person has lifted is being tried again; one that nothing can take the place of, only a run can replace.
    """
    seen = view.seen
    version = seen.version(seen.stable)
    if seen.deployment is None or version is None or seen.predecessor is None or not view.is_worse or not (view.was_just_judged or is_blocked(seen, version)):
        return False
    block = {BLOCKED_PREFIX + seen.spec.deployment: "It is worse."}
    forbidden = version | {"metadata": version["metadata"] | {"annotations": annotations(version) | block}}
    chosen = choose([forbidden if each is version else each for each in seen.versions], wish_of(seen.deployment, seen.stable)).version
    return chosen is not None and chosen["spec"]["version"] != seen.stable


HINDRANCES: tuple[tuple[Hindrance, Callable[[View], bool]], ...] = (
    (Hindrance.PAUSED, is_on_hold),
    (Hindrance.CLOCK_JUMP, lambda view: view.told.jumped is not None or (view.current is not None and view.current.clock_jump)),
    (Hindrance.STORE_UNREACHABLE, store_is_away),
    (Hindrance.PROMETHEUS_UNREACHABLE, lambda view: any(answer.unreachable for answer in view.seen.answers)),
    (Hindrance.SCHEMA_CHANGED, has_fault("SchemaChanged")),
    (Hindrance.NULL_FLOOD, has_fault("NullFlood")),
    (Hindrance.SKEW, lambda view: view.current is not None and bool(view.current.skew)),
    (Hindrance.DATASET_INVALID, lambda view: is_invalid(view.seen.dataset)),
    (Hindrance.FEW_LABELS, few_labels),
    (Hindrance.ROLLOUT, lambda view: bool(view.seen.serving.get("candidate"))),
    (Hindrance.TRAINING_JOB_MISSING, training_job_is_missing),
    (Hindrance.PROVISIONAL_WORSE, is_taken_back),
)


def run(view: View, monitor: Monitor) -> retraining.Run | None:
    """What became of the open incident's run: first by its entry, then by what the Deployment does with its version."""
    if monitor.incident is None:
        return None
    made, entry = made_for(view.seen.versions, monitor.incident.id), run_of(view.seen.asked, monitor.incident.id)
    if entry is None and made is None:
        return "Failed" if view.seen.asked is None else "Running"
    outcome = str((entry or {}).get("outcome", "Registered"))
    if outcome == "Registered":
        return taken_up(view.seen, version_of_run(view.seen, entry, made))
    if outcome == "Failed" and reason_named(str((entry or {}).get("reason"))) in HEALS_WITH_TIME:
        return "Running"  # the TrainingJob tries again by itself
    return RUNS.get(outcome, "Running")


RUNS: dict[str, retraining.Run] = {"Rejected": "Rejected", "Failed": "Failed", "Superseded": "Failed", "NoGain": "Unchanged", "Unchanged": "Unchanged"}


def taken_up(seen: Seen, version: Manifest | None) -> retraining.Run:
    """A version that is registered: does it serve, may it ever?"""
    if version is None:
        return "Failed"
    if version["spec"]["version"] == seen.stable:
        return "Promoted"
    return "Rejected" if refusal(seen, version) else "Running"


def refusal(seen: Seen, version: Manifest) -> str:
    """Why the Deployment will not take a version up unless a person does something about it; empty where it may yet."""
    return next((said for against in AGAINST if (said := against(seen, version))), "")


def awaited(seen: Seen, version: Manifest) -> str:
    """What a person has to do before the Deployment takes a version up; empty where nothing, or where it would be in vain."""
    spec, name = version["spec"], version["metadata"]["name"]
    if _spec_of(seen.deployment).get("follow") != "Approved" or spec.get("approval", "Pending") != "Pending" or refusal(seen, version):
        return ""
    return f"{name} waits for a person, for Deployment {seen.spec.deployment} follows what is approved: trimtab approve mv/{name}, or trimtab reject mv/{name}."


def is_blocked(seen: Seen, version: Manifest) -> str:
    why = block_on(version, seen.spec.deployment)
    return f"It is blocked: {why}" if why else ""


def is_rejected(_: Seen, version: Manifest) -> str:
    spec = version["spec"]
    return f"It was rejected by {spec.get('approvedBy', 'a person')}." if spec.get("approval") == "Rejected" else ""


def is_deprecated(_: Seen, version: Manifest) -> str:
    why = (version["spec"].get("deprecated") or {}).get("reason") or annotations(version).get(DEPRECATED, "")
    return f"It is deprecated: {why}" if why else ""


def another_is_named(seen: Seen, version: Manifest) -> str:
    """A Deployment that names a version follows none: whoever wrote that decides about the next one too."""
    named, number = _spec_of(seen.deployment).get("version"), version["spec"]["version"]
    if not named or named == number:
        return ""
    return f"spec.version of Deployment {seen.spec.deployment} names version {named}; write {number} there to serve it, or follow: Passed instead."


def does_not_fit(seen: Seen, version: Manifest) -> str:
    """Only where it is followed: who names a version has judged what its clients send."""
    spec = _spec_of(seen.deployment)
    stable = seen.version(seen.stable)
    if spec.get("version") or stable is None:
        return ""
    objection = fits_the_clients(version, Wish(seen.spec.deployment, spec.get("model", "")), stable)
    return objection.message if objection else ""


def is_unusable(_: Seen, version: Manifest) -> str:
    stalled = find((version.get("status") or {}).get("conditions") or [], "Stalled")
    return f"It cannot be served: {stalled['message']}" if stalled and stalled["status"] == "True" else ""


AGAINST: tuple[Callable[[Seen, Manifest], str], ...] = (
    is_blocked,  # taken back here
    is_rejected,  # by a person
    is_deprecated,  # nobody starts with it
    another_is_named,  # the Deployment follows none
    does_not_fit,  # clients of today would trip over it
    is_unusable,  # its files are not what was registered
)


def _spec_of(deployment: Manifest | None) -> Manifest:
    return dict((deployment or {}).get("spec") or {})


def version_of_run(seen: Seen, entry: Manifest | None, made: Manifest | None) -> Manifest | None:
    named = str((entry or {}).get("modelVersion", ""))
    return next((each for each in seen.versions if each["metadata"]["name"] == named), made)


NO_MATTER_FOR_GOING_BACK = frozenset({Hindrance.FEW_LABELS, Hindrance.DATASET_INVALID})
"""What a run would need, and a rollback does not."""


def goes_back(view: View, monitor: Monitor, policy: Policy) -> str:
    """Why going back is what follows, as long as it does; empty where nothing asks for it, or something speaks against it.

    Not where it was taken back for this before: a person has lifted the block.
    """
    standing = view.seen.status.standing
    was_lifted = standing is not None and standing.taken_back == monitor.version
    asked = asks_to_go_back(view, monitor, policy)
    return asked if asked and not was_lifted and not speaks_against_going_back(view, monitor) else ""


def asks_to_go_back(view: View, monitor: Monitor, policy: Policy) -> str:
    """Lost skill, or which triggers; empty where neither, or that is not what follows. Once: from an older version there is no further way back."""
    if policy.action != "Rollback" or monitor.version != monitor.newest:
        return ""
    if monitor.state is State.DEGRADED and view.current and view.current.performance == "Alarm":
        found = view.performance
        return f"Skill {found.skill} is below {found.line} in two matured windows." if found else "Skill was lost in two matured windows."
    names = look(view, monitor).fired
    return f"Trigger {', '.join(names)} fires." if names else ""


def speaks_against_going_back(view: View, monitor: Monitor) -> frozenset[Hindrance]:
    return look(view, monitor).hindrances - NO_MATTER_FOR_GOING_BACK


def verdict(view: View, monitor: Monitor) -> retraining.Verdict | None:
    """New version against old, where an incident waits for it; a Deployment that is paused is not rolled back, so it is not judged either."""
    if monitor.state is not State.VALIDATING or is_paused(view.seen.deployment):
        return None
    if view.judged is not None and view.judged.version == monitor.version:
        return view.judged.outcome
    current = view.current
    nothing_to_compare_with = view.seen.predecessor is None and current is not None and current.performance != "Unknown"
    return "NoGain" if nothing_to_compare_with or (current is not None and current.incomparable) else None
