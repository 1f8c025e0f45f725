"""Runs in a pod that may read the store: how well clients were answered week by week, and what each promotion brought.

    python - '[{"version": 1, "uri": "s3://...", "manifestDigest": "..."}, ...]' < dev/demo/reckoning.py

Reads what serving logged and the labels that came, and asks the first version anew about every flight: what if nothing had ever
been retrained? Prints JSON: `weeks` (of whoever answered, and of version 1) and `gains` (log loss of each version against the one
before it, on the same flights of the four weeks after it took over). Intervals are 95%, by days.
"""

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.api.evaluation import ModelPointer
from trimtab.jobs.evaluation.answers import INPUT, frame, judged_by
from trimtab.jobs.evaluation.models import Model, opened
from trimtab.jobs.predictions.log import read
from trimtab.jobs.training.said import Said, judged
from trimtab.stats.metrics import Answers, find
from trimtab.stats.quality import days_of
from trimtab.stats.skill import Interval, gain, skill_interval
from trimtab.store.client import Store
from trimtab.store.layout import Layout
from trimtab.store.settings import StoreSettings

WEEK, AFTERWARDS = np.timedelta64(7, "D"), np.timedelta64(28, "D")
FEWEST = 200
CLASSES = ("false", "true")


def main(versions: list[dict[str, Any]]) -> dict[str, Any]:
    settings = StoreSettings.from_environment()
    store = Store(settings)
    rows = read(store, Layout.of(settings), "flights")
    rows = rows.filter(rows["label"].is_valid()).sort_by("event_time")
    times = rows["event_time"].to_numpy().astype("datetime64[us]")
    served = judged(Said(_column(rows, "out_label"), _matrix(rows), CLASSES), _column(rows, "label"), CLASSES)
    asked = {each["version"]: _asked(store, each, rows) for each in versions}
    weeks = np.arange(times.min().astype("datetime64[D]"), times.max(), WEEK)
    return {
        "rows": len(times),
        "weeks": [found for start in weeks if (found := _week(start, times, served, asked[min(asked)]))],
        "gains": [_gain(new, old, times, rows, asked) for old, new in zip(sorted(asked), sorted(asked)[1:], strict=False)],
    }


def _asked(store: Store, version: dict[str, Any], rows: Any) -> Answers:
    """A version's answers to every flight, whoever answered it then."""
    name = f"v{version['version']}"
    pointer = ModelPointer(name=name, version=version["version"], uri=version["uri"], manifest_digest=version["manifestDigest"])
    model: Model = opened(store, pointer, Path(tempfile.mkdtemp()) / name)
    assert all(INPUT + each.name in rows.column_names for each in model.inputs)
    return judged_by(model.predict(frame(rows, model.inputs)), rows, model)


def _week(start: Any, times: Any, served: Answers, first: Answers) -> dict[str, Any] | None:
    chosen = np.flatnonzero((times >= start) & (times < start + WEEK))
    if len(chosen) < FEWEST:
        return None
    skills = {name: skill_interval(answers.take(chosen), days_of(times[chosen], len(chosen))) for name, answers in (("served", served), ("first", first))}
    return {"from": str(start), "labels": len(chosen), **{name: _told(each) for name, each in skills.items()}}


def _gain(new: int, old: int, times: Any, rows: Any, asked: dict[int, Answers]) -> dict[str, Any]:
    """On the flights of the four weeks after the new version's first answer to everything."""
    answered = _column(rows, "version") == new
    if not answered.any():
        return {"version": new, "before": old, "labels": 0}
    start = times[answered].min()
    chosen = np.flatnonzero((times >= start) & (times < start + AFTERWARDS))
    blocks = days_of(times[chosen], len(chosen))
    against = {
        name: gain(find("log_loss", "classification"), asked[new].take(chosen), asked[each].take(chosen), blocks)
        for name, each in (("gain", old), ("first", min(asked)))
    }
    return {"version": new, "before": old, "since": str(start)[:10], "labels": len(chosen), **{name: _told(each) for name, each in against.items()}}


def _told(found: Interval) -> list[float]:
    return [round(each, 5) for each in (found.estimate, found.lower, found.upper)]


def _column(rows: Any, name: str) -> Any:
    return rows[name].to_numpy()


def _matrix(rows: Any) -> Any:
    return rows["out_probability"].combine_chunks().flatten().to_numpy(zero_copy_only=False).reshape(len(rows), -1)


if __name__ == "__main__":
    print(json.dumps(main(json.loads(sys.argv[1]))))
