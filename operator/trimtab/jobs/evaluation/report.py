"""The report of an evaluation as data: everything that was looked at, found and recommended. `page` shows it, scripts read it.

Numbers that are not known are null; nothing in it is cut as the answer to the operator is.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from trimtab.jobs.evaluation.advice import advise
from trimtab.jobs.evaluation.drifting import Drift
from trimtab.jobs.evaluation.found import Found
from trimtab.jobs.evaluation.hours import add
from trimtab.jobs.evaluation.parity import Compared
from trimtab.jobs.evaluation.performance import Performance, Period
from trimtab.stats.drift import Finding, reading
from trimtab.stats.profiles import CategoricalShape, Part
from trimtab.stats.reference import Feature, kind_of, slots
from trimtab.stats.skill import Interval

SCHEMA = 1
HISTOGRAMS = 4
"""Of the inputs that differ most."""
CATEGORIES = 10
"""Shown of one input: those with the largest share on either side."""


def content(found: Found) -> dict[str, Any]:
    """As JSON can hold it."""
    document, model = found.document, found.model
    return {
        "schema": SCHEMA,
        "driftmonitor": document.name,
        "deployment": document.deployment,
        "incident": document.incident or None,
        "clock": document.spec.clock,
        "now": document.now.isoformat(),
        "watching": {
            "name": model.pointer.name,
            "version": model.pointer.version,
            "digest": model.digest,
            "uri": model.pointer.uri,
            "since": document.since.isoformat() if document.since else None,
            "datasetDigest": model.facts.get("datasetDigest"),
            "trainedUntil": model.facts.get("trainedUntil"),
            "learnedRows": model.learned_rows or None,
        },
        "advice": [each._asdict() for each in advise(found)],
        "drift": _drift(found),
        "performance": _performance(found.performance),
        "answers": _answers(found.drift),
        "comparison": _comparison(found),
        "replay": {"remark": found.replayed.remark} | (found.replayed.replay.model_dump() if found.replayed.replay else {}),
        "features": [_compared(each) for each in found.compared],
        "labels": vars(found.labels),
        "clockJump": found.jump or None,
    }


def _compared(found: Compared) -> dict[str, Any]:
    parity = found.parity.model_dump(exclude={"feature_set"}) if found.parity else {}
    until = found.until.isoformat() if found.until else None
    return {"featureSet": found.pointer.name, "version": found.pointer.version, "until": until, "remark": found.remark} | parity


def at(found: Found, place: int) -> Found:
    """The same evaluation as of an earlier window of inputs."""
    drift = found.drift
    findings = drift.findings[: place + 1]
    told = reading(findings, drift.levels)
    return replace(found, drift=replace(drift, windows=drift.windows[: place + 1], findings=findings, reading=told))


def _drift(found: Found) -> dict[str, Any]:
    drift, last = found.drift, found.drift.last
    return {
        "reading": drift.reading,
        "levels": vars(drift.levels),
        "reference": {
            "type": found.document.spec.reference.type,
            "windows": None if drift.reference is None else len(drift.reference.windows(drift.blocks).rows),
            "expectedFalseAlarmsPerMonth": found.false_alarms,
        },
        "windows": [
            _window(window.span.start.isoformat(), window.span.end.isoformat(), each) for window, each in zip(drift.windows, drift.findings, strict=True)
        ],
        "features": [vars(each) | {"usual": _known(drift.usual.get(each.name))} for each in (last.features if last else ())],
        "faults": [vars(each) for each in drift.faults],
        "leftOut": drift.left_out,
        "missingWindows": last.missing_windows if last else 0,
        "histograms": _histograms(found),
    }


def _window(start: str, end: str, finding: Finding) -> dict[str, Any]:
    effect = max((each.effect for each in finding.features), default=None)
    largest = finding.features[0].name if finding.features else None
    return {"from": start, "to": end, "rows": finding.rows, "verdict": finding.verdict, "p": finding.p, "effect": effect, "feature": largest}


def _histograms(found: Found) -> list[dict[str, Any]]:
    drift, last = found.drift, found.drift.last
    if drift.reference is None or last is None:
        return []
    broken = [each.column for each in drift.faults]
    wanted = [*broken, *(each.name for each in last.features if each.name not in broken)]
    known = {each.name: each for each in drift.reference.features}
    parts = drift.windows[-1].inputs.parts
    return [histogram(known[name], parts[name]) for name in wanted if name in known and name in parts][:HISTOGRAMS]


def histogram(reference: Feature, live: Part) -> dict[str, Any]:
    """Shares of reference and window in the same bins, the missing ones last."""
    shares = [_shares(reference.counts.sum(axis=0)), _shares(slots(live))]
    names = _bins(live, shares)
    return {
        "name": reference.name,
        "kind": reference.kind,
        "bins": [{"bin": name, "reference": _known(shares[0][place]), "window": _known(shares[1][place])} for place, name in names],
    }


def _answers(drift: Drift) -> list[dict[str, Any]]:
    """What the last window answered, against all windows before it that were looked at."""
    if len(drift.windows) < 2:
        return []
    *earlier, last = (each.outputs for each in drift.windows)
    busy = [each for each in earlier if each.rows]
    sums = reduce(add, busy) if busy else last
    return [histogram(Feature(name, kind_of(part), slots(sums.parts[name])[None, :]), part) for name, part in last.parts.items() if name in sums.parts]


def _bins(part: Part, shares: Sequence[Any]) -> list[tuple[int, str]]:
    """(place in the counts, what to call it) of the bins that are shown."""
    if isinstance(part.shape, CategoricalShape):
        names = [*part.shape.categories, "other", "null"]
        order = np.argsort(-np.maximum(*shares)[: len(names)], kind="stable")[:CATEGORIES]
        return [(int(place), names[place]) for place in sorted(order)]
    edges = [f"{each:.4g}" for each in part.shape.edges]
    names = [f"below {edges[0]}", *(f"{low} to {high}" for low, high in pairwise(edges)), f"from {edges[-1]}"] if edges else ["all"]
    names += ["infinite", "null"]
    return [(place, name) for place, name in enumerate(names) if place < len(names) - 2 or max(shares[0][place], shares[1][place]) > 0]


def _shares(counts: Any) -> Any:
    return counts / max(1, counts.sum())


def _performance(performance: Performance) -> dict[str, Any]:
    standard = performance.standard
    return {
        "reading": performance.reading,
        "reference": _interval(standard.reference) if standard else None,
        "tolerance": _known(standard.allowed) if standard else None,
        "floor": standard.floor if standard else None,
        "line": _known(performance.line),
        "windows": [_period(each) for each in performance.periods],
    }


def _period(period: Period) -> dict[str, Any]:
    found = period.judgement
    return {
        "from": period.span.start.isoformat(),
        "to": period.span.end.isoformat(),
        "rows": period.rows,
        "labels": period.labels,
        "standing": found.standing,
        "remark": period.remark or None,
        "skill": _interval(found.skill) if found.skill else None,
        "loss": _known(period.loss),
        "meanTrue": _known(period.true),
        "meanSaid": _known(period.said),
    }


def _comparison(found: Found) -> Mapping[str, Any] | None:
    contest, predecessor = found.contest, found.document.predecessor
    if contest is None or predecessor is None:
        return None
    return {
        "predecessor": predecessor.name,
        "outcome": contest.decided.outcome if contest.decided else None,
        "gain": _interval(contest.difference) if contest.difference else None,
        "early": contest.early,
        "labels": contest.labels,
        "remark": contest.remark or None,
    }


def _interval(found: Interval) -> dict[str, Any]:
    return {"estimate": _known(found.estimate), "lower": _known(found.lower), "upper": _known(found.upper), "blocks": found.blocks}


def _known(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 6)
