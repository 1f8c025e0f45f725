"""What a DriftMonitor remembers between two looks: part of its status, and all there is to remember."""

from datetime import datetime
from typing import Literal, get_args

from pydantic import Field

from trimtab.api.base import Status

IncidentOutcome = Literal["", "Improved", "NoGain", "Worse", "Rejected", "Failed", "Superseded"]
OUTCOMES: tuple[IncidentOutcome, ...] = get_args(IncidentOutcome)
Reading = Literal["Alarm", "Strange", "Unclear", "Calm", "Unknown"]


class BackOff(Status):
    """Why the last run is not repeated yet."""

    outcome: IncidentOutcome
    """How it ended."""
    labelled_rows: int
    """Labelled rows it was made of; the next one waits for a fifth more."""


class Standing(Status):
    """What is remembered of the state machine between two looks; docs/monitoring.md draws its states."""

    state: str
    """Learning, Healthy, Suspect, Drifted, Degraded, Retraining, Validating or Cooldown."""
    since: datetime
    """Since when, on the monitor's clock."""
    newest: int
    """The highest version that was watched; to an older one people only go back."""
    lifts: int = 0
    """Runs in a row that left skill below the floor."""
    back_off: BackOff | None = None
    """Why the last run is not repeated yet."""
    taken_back: int = 0
    """The version that was taken back for what is still so; 0: none. A person who lifts the block is not overruled."""


class Clock(Status):
    """The monitor's clock: the wall's, or the latest event time of the requests."""

    began: datetime
    """What it showed when the monitor began."""
    now: datetime
    """What it showed when something was last decided; it never goes back."""


class Evaluation(Status):
    """The last `evaluate` Job."""

    key: str
    """Names it by what it looks at: rules, version, windows, request and open incident."""
    definition_digest: str = ""
    """sha256 of the rules it looks by."""
    version: int
    """Version that it looks at."""
    upto: datetime
    """What the monitor's clock showed when it was begun: windows that closed before are looked at."""
    request: str = ""
    """The request that asked for it, or empty."""
    incident: str = ""
    """The open incident that it reports on, or empty."""
    job: str = ""
    """Its Job."""
    attempt: int = 1
    """How many Jobs it took so far."""
    outcome: Literal["Running", "Answered", "Failed"] = "Running"
    """How it stands."""
    started_at: datetime | None = None
    """When it was begun, by the clock on the wall."""
    finished_at: datetime | None = None
    """When its Job ended, by the clock on the wall."""
    reason: str = ""
    """What came of it, in a word."""
    message: str = ""
    """What came of it, in a sentence."""


class Readings(Status):
    """How the last answer of `evaluate` reads."""

    version: int
    """Version it speaks of; of another one nothing is known."""
    window_start: datetime
    """Begin of the last window it looked at."""
    drift: Reading = "Unknown"
    """Alarm: k of the last windows have drifted; Strange: one; Unclear: in between; Calm: clearly not; Unknown: cannot be judged."""
    performance: Reading = "Unknown"
    """The same for skill."""
    labelled_rows: int = 0
    """Labelled rows that a run could learn from."""
    new_rows: int = 0
    """Of them, those since the version learned."""
    missing_windows: int = 0
    """So many windows of the reference are lacking to judge drift by."""
    clock_jump: bool = False
    """Whether event times jumped."""
    faults: list[str] = Field(default_factory=list, max_length=5)
    """Columns that are broken, each in a sentence that begins with the fault's name."""
    skew: str = ""
    """What differs between serving and offline, in a sentence; empty: nothing."""
    incomparable: str = ""
    """Why the version can never be compared with the one before it, in a sentence; empty: it can, now or later."""
    replayed: int = 0
    """Logged predictions that were computed again."""
    features_compared: int = 0
    """Rows whose features were compared with what a FeatureSet says of their time."""


class TriggerReading(Status):
    """A Prometheus trigger as it was last seen."""

    name: str
    """Its name."""
    true_since: datetime | None = None
    """Since when its query is beyond its bound, by the clock on the wall; absent: it is not."""
    problem: str = ""
    """Why the query has no answer, in Prometheus' own words."""


class Judged(Status):
    """A version against the one that served before it, on the same matured rows."""

    version: int
    """The version."""
    predecessor: int = 0
    """The one before it."""
    outcome: Literal["Improved", "NoGain", "Worse"]
    """Improved and Worse: the whole interval says so; else NoGain."""
    gain: str = ""
    """Loss of the predecessor less that of the version."""
    lower: str = ""
    """Lower bound (95%, by days)."""
    upper: str = ""
    """Upper bound."""
    labels: int = 0
    """Matured labels it was judged on."""
