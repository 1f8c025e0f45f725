"""The yardsticks of the gates: the simple model, fitted here, and the champions, fetched and verified.

A champion is asked only about rows that it has not learned from: all test rows where it learned from the same dataset
version, else those newer than its `trainedUntil`. Where that cannot be known, nothing is compared and the gate says why.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.api.documents import Champion
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.data import Data
from trimtab.jobs.training.fit import fit, unfitted
from trimtab.jobs.training.gates import Rival
from trimtab.jobs.training.predictor import fetched
from trimtab.jobs.training.said import all_classes, ask, judged
from trimtab.store.client import Store
from trimtab.store.errors import DigestMismatch, ObjectMissing
from trimtab.store.manifest import Manifest, read


def simple_model(data: Data, seed: int) -> Rival:
    """The simple model's answers on all test rows."""
    test = data.rows["test"]
    try:
        pipeline = unfitted(None, data.rows["train"], data.roles, seed)
        said = ask(fit(pipeline, data.rows["train"], data.rows["validation"], None, lambda _: None).estimator, test.X)
    except UserFault as error:
        return Rival("the simple model", why_not=f"the simple model could not be fitted: {error}")
    return Rival("the simple model", judged(said, test.y, data.classes), np.ones(len(test), dtype=bool))


def served(store: Store, champions: Sequence[Champion], data: Data, folder: Path) -> dict[str, Rival]:
    """By Deployment, what its stable version answers on the rows that are new to it."""
    return {champion.deployment: _champion(store, champion, data, folder / champion.deployment) for champion in champions}


def _champion(store: Store, champion: Champion, data: Data, folder: Path) -> Rival:
    title = f"{champion.name}, which Deployment {champion.deployment} serves"
    try:
        manifest = read(store, champion.uri, champion.manifest_digest)
        if objection := _objection(manifest, data):
            return Rival(title, why_not=f"{champion.name} {objection}.")
        folder.mkdir(parents=True)
        predict = fetched(store, champion.uri, manifest, folder)
    except (ObjectMissing, DigestMismatch) as error:
        return Rival(title, why_not=f"{champion.name} cannot be asked: {error.message}")
    rows = _new_rows(manifest, data)
    test = data.rows["test"]
    if not rows.any():
        return Rival(title, why_not=f"no test row is newer than what {champion.name} learned from ({manifest.facts.get('trainedUntil')}).")
    said, truth = predict(test.X[rows]), test.y[rows]
    classes = all_classes(np.array(data.classes), np.array(said.classes), truth) if data.classes else ()
    return Rival(title, judged(said, truth, classes), rows)


def _objection(manifest: Manifest, data: Data) -> str:
    """Why this champion cannot be asked about these rows; empty where it can."""
    facts = manifest.facts
    if facts.get("task") != data.roles.task:
        return f"answers a {facts.get('task')}, not a {data.roles.task}"
    if missing := [name for name in facts.get("inputs") or [] if name not in data.roles.features]:
        return f"needs column {missing[0]}, which this Dataset does not have"
    if _same_rows(manifest, data) or (facts.get("trainedUntil") and data.roles.timestamp):
        return ""
    return "learned from another Dataset version, and without spec.timestamp nobody knows which of these rows it has seen"


def _same_rows(manifest: Manifest, data: Data) -> bool:
    return bool(manifest.facts.get("datasetDigest") == data.pointer.digest)


def _new_rows(manifest: Manifest, data: Data) -> Any:
    test = data.rows["test"]
    if _same_rows(manifest, data):
        return np.ones(len(test), dtype=bool)
    return np.asarray(test.times > np.datetime64(str(manifest.facts["trainedUntil"]).removesuffix("Z")))
