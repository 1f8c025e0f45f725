"""Who asks a TrainingJob for a run by an id: a person by the annotation, a DriftMonitor by its open incident.

Nobody writes the TrainingJob to ask it: an incident is read where it stands, and its id becomes the request of the run. The
id is all that holds the two together: an ask is handled when a run with it exists, whatever was killed in between. The
Dataset of an asked TrainingJob reads the same asks, to look at its source first.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from trimtab.api.base import RUN_REQUESTED
from trimtab.api.kinds import DRIFT_MONITOR
from trimtab.manifests.labels import REQUEST
from trimtab.plans.annotations import annotations, is_paused
from trimtab.plans.plan import Manifest

MONITOR = DRIFT_MONITOR.kind
MOST_ASKS = 20
"""For which a Dataset looks at a time; the others come when these have their runs."""


@dataclass(frozen=True)
class Ask:
    """One id that a run is wanted for."""

    id: str
    cause: Literal["Request", "Incident"]
    by: str = ""
    """The DriftMonitor, in words."""


def asks(training_job: Manifest, monitors: Iterable[Manifest], versions: Iterable[Manifest]) -> tuple[Ask, ...]:
    """What it is asked for and has no run yet, a person first, then the oldest incident; `versions` are those of its namespace."""
    metadata, status = training_job["metadata"], training_job.get("status") or {}
    handled = {run.get("request") for run in status.get("runs") or []} | {status.get("lastHandledRequest")}
    handled |= {annotations(version).get(REQUEST) for version in versions if _made_by(version, metadata["name"])}
    requested = (metadata.get("annotations") or {}).get(RUN_REQUESTED)
    found = [*([Ask(requested, "Request")] if requested else []), *_incidents(metadata["name"], monitors)]
    return tuple(ask for ask in found if ask.id not in handled)


def asks_of_dataset(name: str, training_jobs: Iterable[Manifest], monitors: Sequence[Manifest], versions: Sequence[Manifest]) -> tuple[str, ...]:
    """The ids for which a Dataset looks at its source: those of the TrainingJobs that take its active version and may begin a run."""
    learners = [each for each in training_jobs if each["spec"]["dataset"] == name and "datasetVersion" not in each["spec"] and _may_run(each)]
    return tuple(dict.fromkeys(ask.id for each in learners for ask in asks(each, monitors, versions)))[:MOST_ASKS]


def open_incident(monitor: Manifest) -> Manifest | None:
    """The incident for which a run is wanted; None where there is none, or its monitor rests."""
    incident: Manifest = (monitor.get("status") or {}).get("incident") or {}
    asks_nothing = incident.get("outcome") or not incident.get("trainingJob") or monitor["spec"].get("suspend") or is_paused(monitor)
    return None if asks_nothing else incident


def _incidents(training_job: str, monitors: Iterable[Manifest]) -> Iterator[Ask]:
    found = [(incident, monitor["metadata"]["name"]) for monitor in monitors if (incident := open_incident(monitor))]
    mine = [(incident["openedAt"], incident["id"], name) for incident, name in found if incident["trainingJob"] == training_job]
    return (Ask(id_, "Incident", f"{MONITOR} {name}") for _, id_, name in sorted(mine))


def _may_run(training_job: Manifest) -> bool:
    return not is_paused(training_job) and not (training_job["spec"].get("runPolicy") or {}).get("suspend")


def _made_by(version: Manifest, training_job: str) -> bool:
    return (version["spec"].get("lineage") or {}).get("trainingJob") == training_job
