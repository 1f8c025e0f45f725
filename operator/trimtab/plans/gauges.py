"""What Prometheus is told of statuses: for each DriftMonitor how it stands, for each Deployment how far a rollout is.

Numbers of statuses are written as text there; here they are numbers again. Labels name the object itself, not the operator
that tells of it: scrape with honorLabels.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trimtab.api.monitor_memory import OUTCOMES
from trimtab.plans.monitor_states import State
from trimtab.plans.plan import Manifest

HELP = {
    "trimtab_drift_effect": "Jensen-Shannon distance of an input from the reference in the last window; the worst inputs only.",
    "trimtab_drift_pvalue": "The same input's p-value, corrected for all inputs looked at.",
    "trimtab_drift_features_drifted": "Inputs that have drifted in the last window.",
    "trimtab_drift_features_tested": "Inputs that were looked at in the last window.",
    "trimtab_model_skill": "Skill in the last judged window: 1 - loss / loss of the best constant on the same rows.",
    "trimtab_model_skill_lower": "Lower bound of that skill, 95%.",
    "trimtab_labels_matured_ratio": "Share of the judged window's predictions whose labels have come.",
    "trimtab_driftmonitor_state": "1 for the state the monitor is in, 0 for the others.",
    "trimtab_driftmonitor_last_evaluation_timestamp_seconds": "When windows were last looked at.",
    "trimtab_rollout_weight_percent": "Share of the requests that stable pods say they forward to the candidate.",
    "trimtab_rollout_verdict": "1 for what the requests so far say of the candidate.",
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
    read = READERS.get(obj["kind"])
    return list(read(obj, obj.get("status") or {})) if read else []


def of_monitor(obj: Manifest, status: Manifest) -> Iterator[Sample]:
    watching = status.get("watching")
    if not watching:
        return
    labels = monitor_labels(obj) | {"model": watching.get("name", "").rpartition("-v")[0], "version": str(watching["version"])}
    state = (status.get("standing") or {}).get("state")
    yield from (Sample("trimtab_driftmonitor_state", float(each == state), labels | {"state": str(each)}) for each in State)
    yield from _of_window(status.get("lastWindow") or {}, labels)
    yield from _numbers(_SKILL, status.get("performance") or {}, labels)
    looked = (status.get("evaluation") or {}).get("finishedAt")
    if looked:
        yield Sample("trimtab_driftmonitor_last_evaluation_timestamp_seconds", datetime.fromisoformat(looked).timestamp(), labels)


def _of_window(window: Manifest, labels: dict[str, str]) -> Iterator[Sample]:
    yield from _numbers(_WINDOW, window, labels)
    for each in window.get("worst") or []:
        yield from _numbers(_FEATURE, each, labels | {"feature": each["feature"]})


_SKILL = {"skill": "trimtab_model_skill", "lower": "trimtab_model_skill_lower", "matured": "trimtab_labels_matured_ratio"}
_WINDOW = {"drifted": "trimtab_drift_features_drifted", "tested": "trimtab_drift_features_tested"}
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
    candidate = status.get("candidate")
    if not candidate:
        return
    meta, version = obj["metadata"], str(candidate["version"])
    labels = {"namespace": meta["namespace"], "model_deployment": meta["name"], "model": obj["spec"]["model"], "version": version}
    yield from _numbers({"programmedPercent": "trimtab_rollout_weight_percent"}, candidate, labels)
    if candidate.get("verdict"):
        yield Sample("trimtab_rollout_verdict", 1.0, labels | {"verdict": candidate["verdict"]})


READERS: dict[str, Callable[[Manifest, Manifest], Iterator[Sample]]] = {"DriftMonitor": of_monitor, "Deployment": of_deployment}


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
