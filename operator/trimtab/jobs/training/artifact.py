"""The model's folder: what its digest covers, what its files say, and the commit that makes it so.

The digest covers trainer, seed, dataset and code; not the evaluation: a recipe that differs in gates alone finds
the model and only judges it. Whoever commits first has won; the other takes the winner's.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trimtab.api.documents import TrainDocument
from trimtab.jobs.context import Context
from trimtab.jobs.training.data import PROFILE, Data, nullable
from trimtab.jobs.training.export import TOLERANCE, Exported
from trimtab.jobs.training.predictor import Predictor
from trimtab.jobs.training.roles import Roles, datatype_of_label
from trimtab.jobs.training.said import Said
from trimtab.jobs.training.surroundings import libraries
from trimtab.store.manifest import CreatedBy, Manifest, commit, digest_of, upload_file
from trimtab.store.model import GOLDEN_FILE, MISSING, SIGNATURE_FILE, Golden, Input, Output, Signature

GOLDEN_ROWS = 32
MOST_CATEGORIES = 50
"""Words shown to clients as examples; a new word is always accepted."""

CARD = "card.html"


@dataclass(frozen=True)
class Model:
    """A committed model."""

    uri: str
    manifest: Manifest
    manifest_digest: str


def inputs_of(document: TrainDocument) -> dict[str, Any]:
    """What the digest covers: what was written, without defaults, so that a field that a newer Trimtab adds makes no other model."""
    recipe = document.spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, include={"trainer", "seed"})
    return {"recipe": recipe, "dataset": document.dataset.digest, "code": document.code_digest}


def folder_of(document: TrainDocument, context: Context) -> str:
    return context.layout.model(document.model, digest_of(inputs_of(document)))


def signature_of(exported: Exported, data: Data) -> Signature:
    """Inputs by column; a column may be absent from a request where training saw it missing."""
    absent = nullable(exported.columns, data.rows, MISSING)
    inputs = [_input(name, data, name in absent) for name in exported.columns]
    context = [name for name in (*data.roles.context, *(each for each in data.roles.features if each not in exported.columns)) if name not in exported.columns]
    return Signature(inputs=inputs, context=context, outputs=_outputs(exported), task=data.roles.task)


def golden_of(predict: Predictor, data: Data) -> Golden:
    """Test rows, spread over the split, with what the model file answers."""
    X = data.rows["test"].X
    sample = X.iloc[np.unique(np.linspace(0, len(X) - 1, min(GOLDEN_ROWS, len(X))).astype(int))].reset_index(drop=True)
    said = predict(sample)
    return Golden(inputs={name: _values(sample[name], data.roles) for name in predict.columns}, outputs=_answers(said), tolerance=TOLERANCE)


def write(exported: Exported, data: Data, card: str, folder: Path) -> list[Path]:
    """The files of the model, in a folder of this machine."""
    content = {
        f"model.{exported.form}": exported.content,
        SIGNATURE_FILE: signature_of(exported, data).model_dump_json().encode(),
        GOLDEN_FILE: golden_of(exported.predictor, data).model_dump_json().encode(),
        CARD: card.encode(),
        **({PROFILE: data.profile} if data.profile is not None else {}),
    }
    for name, each in content.items():
        (folder / name).write_bytes(each)
    return [folder / name for name in content]


def commit_model(document: TrainDocument, context: Context, files: list[Path], facts: Mapping[str, Any]) -> Model:
    """Upload the files under this pod's name, then the manifest that makes them the model."""
    root, inputs = folder_of(document, context), inputs_of(document)
    manifest = Manifest(
        schema=1,
        kind="Model",
        name=document.model,
        digest=digest_of(inputs),
        inputs=inputs,
        files=[upload_file(context.store, root, f"{context.pod.uid}/{file.name}", file) for file in files],
        facts=dict(facts),
        created_by=CreatedBy(verb="train", image=context.image, versions=libraries()),
    )
    return Model(root, *commit(context.store, root, manifest))


def facts_of(document: TrainDocument, exported: Exported, data: Data, judged: Mapping[str, Any]) -> dict[str, Any]:
    """The manifest's facts: what a server, a champion's judge and a monitor need without the run record."""
    signature = signature_of(exported, data)
    return {
        "model": document.model,
        "format": exported.form,
        "task": data.roles.task,
        "classes": list(exported.classes),
        "inputs": [each.name for each in signature.inputs],
        "outputs": [each.name for each in signature.outputs],
        "signatureDigest": signature.digest(),
        "trainedUntil": data.trained_until,
        "dataUntil": data.data_until,
        "datasetDigest": document.dataset.digest,
        "runKey": document.run_key,
        "note": exported.note,
        "opset": exported.opset,
        "versions": libraries(),
        **judged,
    }


def _input(name: str, data: Data, optional: bool) -> Input:
    if name in data.roles.numeric:
        return Input(name=name, datatype="FP32", optional=optional)
    words = data.rows["train"].X[name].value_counts().index.drop(MISSING, errors="ignore")
    return Input(name=name, datatype="BOOL" if name in data.roles.boolean else "BYTES", optional=optional, categories=sorted(words[:MOST_CATEGORIES]))


def _outputs(exported: Exported) -> list[Output]:
    if not exported.classes:
        return [Output(name="prediction", datatype="FP64")]
    label = Output(name="label", datatype=datatype_of_label(exported.classes))
    if not exported.probability:
        return [label]
    return [label, Output(name="probability", datatype="FP64", shape=[-1, len(exported.classes)], classes=list(exported.classes))]


def _values(column: pd.Series, roles: Roles) -> list[Any]:
    """As a client writes them: null where missing, true and false for booleans."""
    if column.name in roles.numeric:
        return [None if np.isnan(each) else float(each) for each in column]
    words: dict[str, Any] = {MISSING: None} | ({"true": True, "false": False} if column.name in roles.boolean else {})
    return [words.get(each, each) for each in column]


def _answers(said: Said) -> dict[str, list[Any]]:
    if not said.classes:
        return {"prediction": said.said.tolist()}
    found: dict[str, list[Any]] = {"label": said.said.tolist()}
    return found | ({} if said.probability is None else {"probability": said.probability.tolist()})


def parameters_of(estimator: Any) -> dict[str, Any]:
    """Every hyperparameter of the last step, given and default, as JSON can hold it."""
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return {name: _plain(value) for name, value in last.get_params(deep=False).items()} if hasattr(last, "get_params") else {}


def _plain(value: Any) -> Any:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError):
        return str(value)[:200]
    return value
