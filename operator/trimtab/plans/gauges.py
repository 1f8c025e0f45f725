"""What Prometheus is told of statuses: each object's conditions, how a DriftMonitor stands, a Deployment's pods and rollout, the newest run.

Numbers of statuses are written as text there; here they are numbers again. Labels name the object itself, not the operator
that tells of it: scrape with honorLabels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from trimtab.api.base import seconds
from trimtab.api.driftmonitor import DriftMonitorSpec
from trimtab.api.evaluation import FAULTS
from trimtab.api.monitor_memory import OUTCOMES
from trimtab.plans import monitor_clock
from trimtab.plans.monitor_states import State
from trimtab.plans.plan import Manifest

HELP = {
    "trimtab_condition": "A condition of an object: 1 True, 0 False, -1 Unknown.",
    "trimtab_deployment_ready_pods": "Pods that are ready, of each version that has a place; none where replicas is 0.",
    "trimtab_drift_effect": "Jensen-Shannon distance of an input from the reference in the last window; the worst inputs only.",
    "trimtab_drift_pvalue": "The same input's p-value, corrected for all inputs looked at.",
    "trimtab_drift_features_drifted": "Inputs that have drifted in the last window.",
    "trimtab_drift_features_tested": "Inputs that were looked at in the last window.",
    "trimtab_model_skill": "Skill in the last judged window: 1 - loss / loss of the best constant on the same rows.",
    "trimtab_model_skill_lower": "Lower bound of that skill, 95%.",
    "trimtab_labels_matured_ratio": "Share of the judged window's predictions whose labels have come.",
    "trimtab_model_skill_line": "Skill below which the version is degraded.",
    "trimtab_labels_overdue_windows": "Windows of skill since the last judged one whose labels should have come.",
    "trimtab_data_faults": "Inputs with this fault in the last look; a fault is no drift.",
    "trimtab_window_rows": "Predictions in the last window.",
    "trimtab_driftmonitor_window_seconds": "Length of a window of inputs, and whose clock it follows.",
    "trimtab_driftmonitor_looked_upto_timestamp_seconds": "End of the last window that was looked at, on the monitor's clock.",
    "trimtab_driftmonitor_state": "1 for the state the monitor is in, 0 for the others.",
    "trimtab_driftmonitor_last_evaluation_timestamp_seconds": "When windows were last looked at.",
    "trimtab_rollout_weight_percent": "Share of the requests that stable pods say they forward to the candidate.",
    "trimtab_rollout_verdict": "1 for what the requests so far say of the candidate.",
    "trimtab_run_outcome": "1 for how the newest run stands, and why it was begun.",
    "trimtab_run_progress_percent": "How far the running run is.",
    "trimtab_run_duration_seconds": "How long the newest run took that has ended.",
}
"""Every gauge, with its description."""


@dataclass(frozen=True)
class Sample:
    """One value of one gauge."""

    name: str
    value: float
    labels: dict[str, str]


def samples(obj: Manifest) -> list[Sample]:
    """All gauges of one object; a status that says nothing gives none."""
    status = obj.get("status") or {}
    read = READERS.get(obj["kind"])
    return [*of_conditions(obj, status), *(read(obj, status) if read else ())]


TRUTH = {"True": 1.0, "False": 0.0}


def of_conditions(obj: Manifest, status: Manifest) -> Iterator[Sample]:
    """Of every kind; whoever asks over time takes the maximum over `reason`, which changes more often than the condition does."""
    meta = obj["metadata"]
    for each in status.get("conditions") or []:
        labels = {"kind": obj["kind"], "namespace": meta["namespace"], "name": meta["name"], "type": each["type"], "reason": each["reason"]}
        yield Sample("trimtab_condition", TRUTH.get(each["status"], -1.0), labels)


def of_monitor(obj: Manifest, status: Manifest) -> Iterator[Sample]:
    watching = status.get("watching")
    if not watching:
        return
    labels = monitor_labels(obj) | {"model": watching.get("name", "").rpartition("-v")[0], "version": str(watching["version"])}
    state = (status.get("standing") or {}).get("state")
    yield from (Sample("trimtab_driftmonitor_state", float(each == state), labels | {"state": str(each)}) for each in State)
    yield from _of_window(status.get("lastWindow") or {}, labels)
    yield from _numbers(_SKILL, status.get("performance") or {}, labels)
    yield from _faults(status.get("readings"), labels)
    if spec := _readable(obj["spec"]):
        yield from _of_clock(spec, status, labels)
    looked = (status.get("evaluation") or {}).get("finishedAt")
    if looked:
        yield Sample("trimtab_driftmonitor_last_evaluation_timestamp_seconds", datetime.fromisoformat(looked).timestamp(), labels)


def _of_window(window: Manifest, labels: dict[str, str]) -> Iterator[Sample]:
    yield from _numbers(_WINDOW, window, labels)
    for each in window.get("worst") or []:
        yield from _numbers(_FEATURE, each, labels | {"feature": each["feature"]})


def _faults(readings: Manifest | None, labels: dict[str, str]) -> Iterator[Sample]:
    """Each fault that can be, also where there is none: nothing found is not the same as nothing looked at."""
    for fault in FAULTS if readings else ():
        found = [each for each in (readings or {}).get("faults") or [] if each.startswith(f"{fault} ")]
        yield Sample("trimtab_data_faults", float(len(found)), labels | {"fault": fault})


def _of_clock(spec: DriftMonitorSpec, status: Manifest, labels: dict[str, str]) -> Iterator[Sample]:
    """How far the monitor has come on its own clock; before its first look it has come to where the version began."""
    length = seconds(spec.window.duration)
    yield Sample("trimtab_driftmonitor_window_seconds", length.total_seconds(), labels | {"clock": spec.clock})
    since, start, now = _moment(status["watching"].get("since")), _moment((status.get("readings") or {}).get("windowStart")), _moment(_clock(status))
    upto = start + length if start else since
    if upto:
        yield Sample("trimtab_driftmonitor_looked_upto_timestamp_seconds", upto.timestamp(), labels | {"clock": spec.clock})
    judged = _moment((status.get("performance") or {}).get("to")) or since
    if judged and now:
        due = monitor_clock.closed(spec, now, since).skill
        yield Sample("trimtab_labels_overdue_windows", max(0.0, (due - judged) / seconds(spec.performance.window)), labels)


def _readable(spec: Manifest) -> DriftMonitorSpec | None:
    """None for a spec that another release wrote: what it says is told elsewhere, and other gauges go on."""
    try:
        return DriftMonitorSpec.model_validate(spec)
    except ValidationError:
        return None


def _clock(status: Manifest) -> str | None:
    return (status.get("clock") or {}).get("now")


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _lasted(run: Manifest) -> float | None:
    began, ended = _moment(run.get("startedAt")), _moment(run.get("finishedAt"))
    return max(0.0, (ended - began).total_seconds()) if began and ended else None


_SKILL = {"skill": "trimtab_model_skill", "lower": "trimtab_model_skill_lower", "line": "trimtab_model_skill_line", "matured": "trimtab_labels_matured_ratio"}
_WINDOW = {"drifted": "trimtab_drift_features_drifted", "tested": "trimtab_drift_features_tested", "rows": "trimtab_window_rows"}
_FEATURE = {"effect": "trimtab_drift_effect", "pValue": "trimtab_drift_pvalue"}


def _numbers(names: dict[str, str], status: Manifest, labels: dict[str, str]) -> Iterator[Sample]:
    for field, name in names.items():
        value = _number(status.get(field))
        if value is not None:
            yield Sample(name, value, labels)


def _number(text: Any) -> float | None:
    """A number, also where a status writes it as a percentage; None where it says nothing."""
    try:
        return float(str(text).removesuffix("%")) / (100 if str(text).endswith("%") else 1)
    except ValueError:
        return None


def of_deployment(obj: Manifest, status: Manifest) -> Iterator[Sample]:
    meta = obj["metadata"]
    labels = {"namespace": meta["namespace"], "model_deployment": meta["name"], "model": obj["spec"]["model"]}
    if obj["spec"].get("replicas") != 0:
        yield from _pods(status, labels)
    candidate = status.get("candidate")
    if not candidate:
        return
    labels |= {"version": str(candidate["version"])}
    yield from _numbers({"programmedPercent": "trimtab_rollout_weight_percent"}, candidate, labels)
    if candidate.get("verdict"):
        yield Sample("trimtab_rollout_verdict", 1.0, labels | {"verdict": candidate["verdict"]})


def _pods(status: Manifest, labels: dict[str, str]) -> Iterator[Sample]:
    for place in ("stable", "candidate", "shadow"):
        if has := status.get(place):
            yield Sample("trimtab_deployment_ready_pods", float(has.get("ready", 0)), labels | {"version": str(has["version"]), "place": place})


def of_training_job(obj: Manifest, status: Manifest) -> Iterator[Sample]:
    runs = status.get("runs") or []
    if not runs:
        return
    meta, newest = obj["metadata"], next((each for each in runs if each["key"] == status.get("latestRun")), runs[0])
    labels = {"namespace": meta["namespace"], "trainingjob": meta["name"], "model": obj["spec"].get("model") or meta["name"]}
    yield Sample("trimtab_run_outcome", 1.0, labels | {"outcome": newest["outcome"], "cause": newest.get("cause", "Change")})
    yield from _numbers({"percent": "trimtab_run_progress_percent"}, status.get("progress") or {}, labels)
    lasted = next((seconds_ for each in runs if (seconds_ := _lasted(each)) is not None), None)
    if lasted is not None:
        yield Sample("trimtab_run_duration_seconds", lasted, labels)


READERS: dict[str, Callable[[Manifest, Manifest], Iterator[Sample]]] = {"DriftMonitor": of_monitor, "Deployment": of_deployment, "TrainingJob": of_training_job}


def monitor_labels(obj: Manifest) -> dict[str, str]:
    meta = obj["metadata"]
    return {"namespace": meta["namespace"], "driftmonitor": meta["name"], "model_deployment": obj["spec"]["deployment"]}


@dataclass(frozen=True)
class Incidents:
    """The incidents that one monitor's status tells of."""

    closed: dict[str, tuple[str, str]]
    """Id of each that is closed -> its cause and outcome."""
    open: str
    """Cause of the one that is open; empty where there is none."""


def incidents_of(obj: Manifest) -> Incidents:
    status = obj.get("status") or {}
    closed = {each["id"]: (each["cause"], each.get("outcome", "")) for each in status.get("lastIncidents") or []}
    return Incidents(closed, (status.get("incident") or {}).get("cause", ""))


def possible(cause: str) -> list[tuple[str, str]]:
    """What an open incident may come to."""
    return [(cause, outcome) for outcome in OUTCOMES if outcome]
