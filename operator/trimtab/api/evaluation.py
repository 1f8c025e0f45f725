"""What `evaluate` is told and what it answers. It remembers nothing: each run looks at the last windows anew and reads them whole."""

from datetime import datetime
from typing import Literal, get_args

from pydantic import Field

from trimtab.api.base import Status
from trimtab.api.documents import Document, FeaturePointer, released, squeezed
from trimtab.api.driftmonitor import DriftMonitorSpec, FeatureReading, PerformanceReading

MOST_WINDOWS = 20

Reading = Literal["Alarm", "Strange", "Unclear", "Calm", "Unknown"]
"""Decided; one window; in between; clearly well; cannot be judged. As in `stats.drift` and `stats.quality`."""


class ModelPointer(Status):
    """A model version in the store, as its ModelVersion names it."""

    name: str
    version: int
    uri: str
    manifest_digest: str = ""
    sha256: str = ""
    format: str = ""


class EvaluateDocument(Document):
    """Look at what a Deployment was asked and how well it answered.

    `now` is the monitor's clock; `since`: when the watched version began to serve, on that clock. `predecessor`: the version
    that served before, scored on the same rows as the watched one; absent where there is none or the watched one was judged.
    `dataset` is what the watched version learned from, `features` for each FeatureSet that was joined to it the newest version
    of the same definition.
    """

    verb: Literal["evaluate"] = "evaluate"
    deployment: str
    spec: DriftMonitorSpec
    watching: ModelPointer
    predecessor: ModelPointer | None = None
    dataset: str = ""
    features: list[FeaturePointer] = Field(default_factory=list)
    now: datetime
    since: datetime | None = None
    incident: str = ""
    """The open incident, whose report is written too; empty: none."""


class WindowReading(Status):
    """One window, compact."""

    from_: datetime = Field(alias="from")
    to: datetime
    rows: int
    verdict: Literal["Quiet", "Drifted", "Learning", "DataInsufficient"]
    p: float = 1.0
    effect: float = 0.0


class Comparison(Status):
    """Watched version against its predecessor on the same matured rows: `gain` is the predecessor's loss less the watched one's."""

    outcome: Literal["Improved", "NoGain", "Worse"]
    gain: float
    lower: float
    upper: float
    labels: int


class Replay(Status):
    """Logged predictions computed again from logged inputs."""

    replayed: int
    mismatched: int
    detail: str = ""
    """A sentence with one example; empty where all match."""


class Parity(Status):
    """Features as they were sent, beside what their FeatureSet says of the same keys and times."""

    feature_set: str
    compared: int
    """Rows."""
    mismatched: int
    """Of them, those in which any feature differs."""
    detail: str = ""
    """A sentence with one example; empty where all match."""

    def is_skew(self, percent: int) -> bool:
        """Whether more differ than may.

        >>> [Parity(feature_set="weather", compared=200, mismatched=each).is_skew(1) for each in (0, 2, 3)]
        [False, False, True]
        """
        return 100 * self.mismatched > percent * self.compared


Fault = Literal["NullFlood", "UnseenCategories", "FrozenColumn", "SchemaChanged"]
FAULTS: tuple[Fault, ...] = get_args(Fault)


class FaultReading(Status):
    """Something broken that must not be called drift."""

    name: Fault
    column: str
    detail: str


class Evaluated(Status):
    """The answer, packed into `Result.packed`."""

    windows: list[WindowReading] = Field(default_factory=list, max_length=MOST_WINDOWS)
    """The last closed windows, oldest first."""
    drift: Reading = "Unknown"
    performance: Reading = "Unknown"
    tested: int = 0
    drifted: int = 0
    worst: list[FeatureReading] = Field(default_factory=list, max_length=10)
    left_out: list[str] = Field(default_factory=list, max_length=10)
    missing_windows: int = 0
    faults: list[FaultReading] = Field(default_factory=list, max_length=5)
    skill: PerformanceReading | None = None
    skill_from: datetime | None = None
    skill_to: datetime | None = None
    replay: Replay | None = None
    parity: Parity | None = None
    """Of the FeatureSet in which the largest share differs; absent where none could be compared."""
    judged: Comparison | None = None
    incomparable: str = ""
    """Why more labels will not help to compare the versions: an input is hidden in the log, or the predecessor is gone."""
    labelled_rows: int = 0
    """Labelled rows that a run could learn from now: those the watched version learned from, and matured ones since."""
    new_rows: int = 0
    """Of them, those since."""
    clock_jump: bool = False
    expected_false_alarms_per_month: float | None = None
    report_uri: str = ""


ROOM = 3000
"""Characters of a termination message that `Evaluated` may take: the rest is for its sentence and addresses."""


def pack(evaluated: Evaluated, room: int = ROOM) -> str:
    """For `Result.packed`, within `room` characters: the least of the worst inputs go first, then the oldest windows."""
    for kept in (evaluated, *(_shorter(evaluated, worst) for worst in (5, 3)), *(_shorter(evaluated, 3, windows) for windows in (10, 5, 3, 1))):
        packed = squeezed(kept.model_dump_json(by_alias=True, exclude_defaults=True).encode())
        if len(packed) <= room:
            return packed
    return packed


def unpack(packed: str) -> Evaluated:
    """What `pack` has packed; ValueError where it cannot be read."""
    return Evaluated.model_validate_json(released(packed))


def _shorter(evaluated: Evaluated, worst: int, windows: int = MOST_WINDOWS) -> Evaluated:
    return evaluated.model_copy(update={"worst": evaluated.worst[:worst], "windows": evaluated.windows[-windows:]})
