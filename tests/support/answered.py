"""Predictions and labels as serving pods leave them in a store, and their join as its definition reads: slow, and plainly right."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pyarrow as pa

from support.predictions import CONSTANTS, DTYPES, SIGNATURE, prediction
from trimtab.api.documents import PredictionLog
from trimtab.store.client import Store
from trimtab.store.layout import Layout
from trimtab_serving.trail import label_files
from trimtab_serving.trail.labels import Label
from trimtab_serving.trail.rows import Prediction, Rows, complete
from trimtab_serving.trail.upload import Place, by_hour, parquet

LAYOUT = Layout("bucket", "team")
START = datetime(2026, 11, 24, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Pod:
    """One serving pod of the Deployment `flights`; `log` is what its Deployment says of logging."""

    store: Store
    layout: Layout = LAYOUT
    name: str = "pod-1"
    version: int = 7
    role: str = "Stable"
    deployment: str = "flights"
    log: PredictionLog = field(default_factory=PredictionLog)

    @property
    def place(self) -> Place:
        return Place(self.store, self.layout, self.deployment, self.name)

    def answers(self, predictions: Sequence[Prediction], sequence: int = 1) -> None:
        """The very files that a pod writes of what it answered."""
        constants = {**CONSTANTS, "deployment": self.deployment, "version": self.version, "pod": self.name}
        rows = Rows(SIGNATURE, DTYPES, self.log, constants)
        table = complete(pa.Table.from_batches([rows.batch([each._replace(role=self.role) for each in predictions])]))
        for hour, part in by_hour(table, table["time"]):
            self.store.put(self.layout.prediction_file(self.deployment, hour, self.name, sequence), parquet(part))

    def is_told(self, labels: Sequence[Label], sequence: int = 1) -> None:
        """The very file of labels that came together."""
        label_files.put(self.place, labels, sequence)


def answer(id_: str, hours: float = 12, *, rows: int = 1, event: float | None = None, distance: float = 100.0) -> Prediction:
    """A request of some rows, so many hours after START by the pod's clock and by its own."""
    event_time = None if event is None else (START + event * HOUR).isoformat()
    return prediction(id_, distance=[distance + row for row in range(rows)], time=START + hours * HOUR, event_time=event_time)


def label(id_: str, said: str = "late", hours: float = 20, *, row: int = 0, received: float | None = None) -> Label:
    return Label(id_, row, said, START + hours * HOUR, START + (hours if received is None else received) * HOUR)


@dataclass(frozen=True)
class Logged:
    """One row of the log, in a few numbers: times are hours after START."""

    id: str
    row: int
    time: int
    event: int | None
    version: int
    role: str
    place: int = 0

    @property
    def moment(self) -> int:
        return self.time if self.event is None else self.event


@dataclass(frozen=True)
class Asked:
    """What of the log is wanted."""

    since: int | None = None
    until: int | None = None
    versions: frozenset[int] | None = None
    roles: frozenset[str] = frozenset({"Stable", "Candidate"})

    def has(self, each: Logged) -> bool:
        in_time = (self.since is None or self.since <= each.moment) and (self.until is None or each.moment < self.until)
        return in_time and each.role in self.roles


def joined(logged: Sequence[Logged], labels: Sequence[Label], asked: Asked) -> list[tuple[int, str | None]]:
    """(place of the row, its label) of each row that is wanted, in order."""
    rows = [each for each in logged if asked.has(each)]
    firsts = [
        min((each for each in rows if (each.id, each.row) == key), key=lambda each: (each.time, each.place)) for key in {(each.id, each.row) for each in rows}
    ]
    kept = [each for each in firsts if asked.versions is None or each.version in asked.versions]
    return [(each.place, _last(labels, each)) for each in sorted(kept, key=lambda each: each.place)]


def _last(labels: Sequence[Label], logged: Logged) -> str | None:
    mine = [each for each in labels if (each.request_id, each.row) == (logged.id, logged.row)]
    return max(mine, key=lambda each: (each.label_time, each.received_at, each.label)).label if mine else None
