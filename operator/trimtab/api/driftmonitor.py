"""DriftMonitor (dm): watches what a Deployment is asked and how well it answers, and says when a new model is wanted."""

from datetime import datetime
from typing import Any, Literal

from pydantic import ConfigDict, Field

from trimtab.api.base import ATOMIC, Column, Condition, Duration, Name, PodTemplate, Spec, Status, rules
from trimtab.api.monitor_memory import Clock, Evaluation, IncidentOutcome, Judged, Readings, Standing, TriggerReading


class Window(Spec):
    """The stretches of time that are looked at, one after another."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.duration) || (duration(self.duration) >= duration('1h') && duration(self.duration).getSeconds() % 3600 == 0)",
                "spec.window.duration: give whole hours, one at least, such as 24h; predictions are counted by the hour.",
            )
        )
    )
    duration: Duration = Field(
        "24h", description="Length of one window. Training data is kept by day: a window that is compared with it is made whole days long."
    )
    min_rows: int = Field(200, ge=1, description="A window with fewer rows is neither drift nor health.")


class ReferenceWindows(Spec):
    """What windows are compared with."""

    type: Literal["Training", "Trailing"] = Field(
        "Training", description="Training: the data the version was trained on. Trailing: what the version was asked in the time before the window."
    )
    window: Duration = Field(
        "2400h",
        description="With Trailing, how much of the time before. It must hold 1 / tests.alpha windows, and at least 30, before there can be an alarm.",
    )


class Consecutive(Spec):
    """How many drifted windows are an alarm."""

    k: int = Field(2, ge=1, le=20, description="This many drifted windows.")
    of: int = Field(3, ge=1, le=20, description="Among the last so many.")


class Tests(Spec):
    """When a window counts as drifted."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "!has(self.consecutive) || !has(self.consecutive.k) || !has(self.consecutive.of) || self.consecutive.k <= self.consecutive.of",
                "spec.tests.consecutive: k is larger than of; of the last `of` windows at most `of` can have drifted.",
            )
        )
    )
    alpha: float = Field(0.01, ge=0.0001, le=0.2, description="Chance that a window without drift is called drifted, all features taken together.")
    min_effect: float = Field(0.1, ge=0, le=1, description="Jensen-Shannon distance (base 2) below which a difference does not matter.")
    consecutive: Consecutive = Field(default_factory=Consecutive, description="How many drifted windows are an alarm.")


class PerformanceRule(Spec):
    """How well the version must answer, judged on labels that have matured."""

    floor: float | None = Field(None, description="Skill below which a version is degraded whatever the reference was; absent: off.")
    tolerance: float | None = Field(
        None, ge=0, le=1, description="How far skill may fall below the reference's; absent: as far as the reference's own days vary, which status says."
    )
    window: Duration = Field("168h", description="Length of the stretches of time over which skill is judged; two in a row decide.")
    label_maturity: Duration = Field("24h", description="How long after a prediction its label is sure to be there.")
    min_labels: int = Field(200, ge=10, description="With fewer matured labels a window is not judged.")


class Skew(Spec):
    """Whether serving computes what training computed."""

    replay: int = Field(200, ge=0, le=10000, description="So many logged predictions are computed again offline and must match; 0: none.")
    feature_mismatch_percent: int = Field(
        1,
        ge=0,
        le=100,
        description="Percent of rows whose features may have been sent otherwise than their FeatureSets say of that time; more is skew; 100: nothing is compared.",
    )


class Trigger(Spec):
    """One reason to act. Give the field that belongs to its type."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            ("self.type != 'Schedule' || has(self.schedule)", "spec.triggers: a Schedule trigger needs `schedule`, a cron expression such as '0 3 * * 1'."),
            (
                "self.type != 'Prometheus' || (has(self.query) && (has(self.above) != has(self.below)))",
                "spec.triggers: a Prometheus trigger needs `query` and exactly one of `above` and `below`.",
            ),
            (
                "self.type == 'Prometheus' || !(has(self.query) || has(self.above) || has(self.below) || has(self.__for__))",
                "spec.triggers: `query`, `above`, `below` and `for` belong to type Prometheus.",
            ),
            (
                "(self.type == 'Schedule' || !has(self.schedule)) && (self.type == 'NewData' || !has(self.percent))",
                "spec.triggers: `schedule` belongs to type Schedule, `percent` to type NewData.",
            ),
        )
    )
    name: Name = Field(description="Its name, unique in the list; where it fires, the cause of the incident.")
    type: Literal["Performance", "NewData", "Drift", "Schedule", "Prometheus"] = Field(description="What fires it.")
    percent: float | None = Field(None, ge=1, le=1000, description="NewData: new labelled rows in percent of those the version learned from; 20 where absent.")
    schedule: str | None = Field(
        None, pattern=r"^\S+ \S+ \S+ \S+ \S+$", max_length=100, description="Schedule: cron expression with five fields, in UTC of the monitor's clock."
    )
    query: str | None = Field(None, min_length=1, max_length=2048, description="Prometheus: PromQL that gives numbers; any series beyond the bound fires.")
    above: float | None = Field(None, description="Prometheus: fires where the result is above this.")
    below: float | None = Field(None, description="Prometheus: fires where the result is below this.")
    for_: Duration | None = Field(None, alias="for", description="Prometheus: only when it has been so for this long; absent: at once.")


class OnTrigger(Spec):
    """What follows when a trigger fires."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "(has(self.action) && self.action != 'Retrain') || has(self.trainingJob)",
                "spec.onTrigger: Retrain needs `trainingJob`, the TrainingJob that makes the new version; or set action: Alert.",
            )
        )
    )
    action: Literal["Retrain", "Rollback", "Alert"] = Field("Retrain", description="Retrain: ask the TrainingJob for a run. Rollback: go back. Alert: say so.")
    training_job: Name | None = Field(None, description="TrainingJob that is asked for a run.")
    cooldown: Duration | None = Field(None, description="Rest after an incident; absent: performance.labelMaturity, and never shorter than that.")
    on_no_gain: Literal["Alert", "Deprecate"] = Field(
        "Alert", description="Deprecate: a version below performance.floor that two runs could not improve on is marked deprecated."
    )


class DriftMonitorSpec(Spec):
    """What is watched, by which rules, and what follows."""

    model_config = ConfigDict(
        json_schema_extra=rules(
            (
                "self.deployment == oldSelf.deployment",
                "spec.deployment cannot be changed: what was found out is about the one that was watched; make another DriftMonitor.",
            ),
            ("self.clock == oldSelf.clock", "spec.clock cannot be changed: times on two clocks do not compare; make another DriftMonitor."),
            (
                "!has(self.triggers) || self.triggers.all(one, self.triggers.exists_one(other, other.name == one.name))",
                "spec.triggers: two triggers have the same name; rename one of them.",
            ),
            (
                "!has(self.triggers) || (has(self.onTrigger) && self.onTrigger.action == 'Retrain') || !self.triggers.exists(one, one.type == 'Schedule')",
                "spec.triggers: a Schedule says when to retrain; it needs onTrigger with action Retrain.",
            ),
            (
                "!has(self.triggers) || !has(self.onTrigger) || self.onTrigger.action != 'Rollback' || !self.triggers.exists(one, one.type == 'NewData')",
                "spec.triggers: new data are no reason to go back; NewData does not go with onTrigger.action Rollback.",
            ),
            (
                "!has(self.onTrigger) || !has(self.onTrigger.onNoGain) || self.onTrigger.onNoGain != 'Deprecate' || (has(self.performance) && has(self.performance.floor))",
                "spec.onTrigger.onNoGain: Deprecate needs spec.performance.floor, the skill below which a version is not worth keeping.",
            ),
        )
    )
    deployment: Name = Field(description="Deployment to watch, in this namespace.")
    suspend: bool = Field(False, description="True: nothing is looked at or asked for.")
    clock: Literal["Wall", "Event"] = Field(
        "Wall", description="Event: windows, maturity and cooldown follow the `event_time` of the requests instead of the clock on the wall."
    )
    window: Window = Field(default_factory=Window, description="Windows in which inputs are compared with the reference.")
    reference: ReferenceWindows = Field(default_factory=ReferenceWindows, description="What they are compared with.")
    features: list[Column] = Field(
        default_factory=list, max_length=256, json_schema_extra=ATOMIC, description="Inputs to watch; absent: all but those that tell the time or name rows."
    )
    rows: Literal["Blocked", "Independent"] | None = Field(
        None, description="Whether rows of one block of time hang together (Blocked, the default where the Dataset has a timestamp) or not."
    )
    tests: Tests = Field(default_factory=Tests, description="When a window counts as drifted.")
    performance: PerformanceRule = Field(default_factory=PerformanceRule, description="How well the version must answer.")
    skew: Skew = Field(default_factory=Skew, description="Whether serving computes what training computed.")
    triggers: list[Trigger] = Field(
        default_factory=list,
        max_length=16,
        json_schema_extra=ATOMIC,
        description="Reasons to act; absent: Performance alone. Without a Drift trigger drift only alerts.",
    )
    on_trigger: OnTrigger | None = Field(None, description="What follows when a trigger fires; absent: an alert.")
    template: PodTemplate | None = Field(None, description="Overrides for the pods of this monitor's Jobs.")


class Watching(Status):
    """The version that is watched."""

    version: int
    """Its number."""
    name: str = ""
    """Its ModelVersion."""
    since: datetime | None = None
    """Since when, on the monitor's clock."""


class FeatureReading(Status):
    """One input in the last window."""

    feature: str
    """Its name."""
    effect: str
    """Jensen-Shannon distance (base 2) from the reference."""
    p_value: str
    """Corrected for all inputs looked at."""


class LastWindow(Status):
    """The last window that was looked at."""

    from_: datetime = Field(alias="from")
    """Its begin."""
    to: datetime
    """Its end."""
    rows: int = 0
    """Predictions in it."""
    verdict: str = ""
    """Quiet, Drifted, Learning or DataInsufficient."""
    tested: int = 0
    """Inputs looked at."""
    drifted: int = 0
    """Inputs that have drifted."""
    report_uri: str = Field("", alias="reportURI")
    """Folder of its report in the object store."""
    worst: list[FeatureReading] = Field(default_factory=list, max_length=10)
    """The inputs that differ most, at most 10."""


class PerformanceReading(Status):
    """Skill in the last judged window: 1 - loss / loss of the best constant on the same rows."""

    skill: str = ""
    """Estimate."""
    lower: str = ""
    """Lower bound (95%, by days)."""
    upper: str = ""
    """Upper bound."""
    reference: str = ""
    """Skill on the test split at registration."""
    line: str = ""
    """Skill below which the version is degraded."""
    labels: int = 0
    """Matured labels in the window."""
    matured: str = ""
    """Share of the window's predictions whose labels have come."""
    to: datetime | None = None
    """Its end, on the monitor's clock."""


class Incident(Status):
    """Something that a run is to mend. Its id is the request of that run."""

    id: str
    """Made of the monitor, the cause and the window: the same for whoever opens it."""
    cause: str
    """Performance, Drift, or the name of the trigger that fired."""
    opened_at: datetime
    """On the monitor's clock."""
    training_job: str = ""
    """TrainingJob that is asked."""
    run_key: str = ""
    """Its run."""
    model_version: str = ""
    """The version it made."""
    labelled_rows: int = 0
    """Labelled rows there were to learn from."""
    outcome: IncidentOutcome = ""
    """Improved, NoGain, Worse, Rejected, Failed or Superseded; empty while it is open."""
    closed_at: datetime | None = None
    """When it was closed, on the monitor's clock."""
    message: str = ""
    """What came of it, in a sentence."""
    report_uri: str = Field("", alias="reportURI")
    """Its report in the object store."""


class DriftMonitorStatus(Status):
    """What the operator found and did."""

    observed_generation: int = -1
    """Generation of the spec that this status speaks of; -1: the operator has not looked at it yet."""
    conditions: list[Condition] = Field(default_factory=list)
    """Ready, Drifted, PerformanceDegraded, SkewDetected, DataInsufficient, Triggered, and where it applies Reconciling and Stalled."""
    state: str = ""
    """One word for `kubectl get`; scripts read the conditions."""
    watching: Watching | None = None
    """The version that is watched."""
    last_window: LastWindow | None = None
    """The last window that was looked at."""
    performance: PerformanceReading | None = None
    """Skill in the last judged window."""
    incident: Incident | None = None
    """What a run is to mend; absent: nothing."""
    last_incidents: list[Incident] = Field(default_factory=list, max_length=10)
    """Incidents that are closed, the newest first, at most 10."""
    held: list[str] = Field(default_factory=list, max_length=16)
    """Why nothing is retrained although a trigger fires, in sentences; empty: nothing speaks against it, or no trigger fires."""
    judged: Judged | None = None
    """The last version that was compared with its predecessor."""
    expected_false_alarms_per_month: str = ""
    """Drift alarms a month that these rules would have raised on the reference itself, by replay."""
    standing: Standing | None = None
    """What is remembered of the state machine."""
    clock: Clock | None = None
    """The monitor's clock."""
    evaluation: Evaluation | None = None
    """The last `evaluate` Job."""
    readings: Readings | None = None
    """How its answer reads."""
    triggers: list[TriggerReading] = Field(default_factory=list, max_length=16)
    """Prometheus triggers as they were last seen."""
    last_handled_request: str = ""
    """Last value of the annotation trimtab.dev/run-requested that an `evaluate` Job answered."""


COLUMNS: list[dict[str, Any]] = [
    {"name": "Deployment", "type": "string", "jsonPath": ".spec.deployment"},
    {"name": "Version", "type": "integer", "jsonPath": ".status.watching.version"},
    {"name": "Skill", "type": "string", "jsonPath": ".status.performance.skill"},
    {"name": "Drifted", "type": "integer", "jsonPath": ".status.lastWindow.drifted"},
    {"name": "Incident", "type": "string", "jsonPath": ".status.incident.cause"},
]
