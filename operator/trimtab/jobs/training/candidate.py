"""The model of a run: found where these inputs have made one before, else fitted and turned into a file that answers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from trimtab.api.documents import TrainDocument
from trimtab.api.trainingjob import Trainer
from trimtab.jobs.context import Context
from trimtab.jobs.training import usercode
from trimtab.jobs.training.artifact import Model, folder_of, parameters_of, signature_of
from trimtab.jobs.training.data import Data
from trimtab.jobs.training.export import Exported, export
from trimtab.jobs.training.fit import SIMPLE, SIMPLE_PARAMETERS, Fitted, Point, fit, unfitted
from trimtab.jobs.training.predictor import Predictor, fetched
from trimtab.jobs.training.record import Recorder
from trimtab.jobs.training.stopping import COUNTERS
from trimtab.store.manifest import fetch, find
from trimtab.store.model import SIGNATURE_FILE, Signature

FIT_FROM, FIT_TO = 10.0, 70.0
"""Percent of the progress that fitting is given."""


@dataclass(frozen=True)
class Candidate:
    """What is judged. `committed` is set where it was found; `exported` where it is new and still to be committed."""

    predictor: Predictor
    signature: Signature
    trainer: Mapping[str, Any]
    note: str
    exported: Exported | None = None
    committed: Model | None = None
    curves: list[Point] = field(default_factory=list)


def candidate(document: TrainDocument, context: Context, data: Data, recorder: Recorder) -> Candidate:
    """The model for this document's inputs, by the shortest way."""
    return found(document, context) or fitted(document, context, data, recorder)


def found(document: TrainDocument, context: Context) -> Candidate | None:
    root = folder_of(document, context)
    known = find(context.store, root)
    if known is None:
        return None
    folder = context.scratch / "found"
    folder.mkdir()
    manifest, digest = known
    predictor = fetched(context.store, root, manifest, folder)
    signature = Signature.model_validate_json(fetch(context.store, root, manifest, SIGNATURE_FILE, folder / SIGNATURE_FILE).read_bytes())
    note = f"made by run {manifest.facts.get('runKey')}; only judged now"
    return Candidate(predictor, signature, manifest.facts.get("trainer") or {}, note, committed=Model(root, manifest, digest))


def fitted(document: TrainDocument, context: Context, data: Data, recorder: Recorder) -> Candidate:
    trainer, seed = document.spec.trainer, document.spec.seed
    context.progress.update(FIT_FROM, f"Fitting {_title(trainer, data)} on {len(data.rows['train'])} rows")
    made = _fit(document, context, data, recorder)
    recorder.warn(made.warnings)
    facts = _facts(trainer, data, made, seed)
    context.progress.update(FIT_TO, "Converting the model and comparing its answers")
    exported = export(made.estimator, data.rows["test"].X, seed)
    return Candidate(exported.predictor, signature_of(exported, data), facts, exported.note, exported, curves=recorder.curves)


def _fit(document: TrainDocument, context: Context, data: Data, recorder: Recorder) -> Fitted:
    trainer, seed = document.spec.trainer, document.spec.seed
    train, validation = data.rows["train"], data.rows["validation"]
    if trainer is not None and trainer.python is not None:
        source = usercode.read_code(trainer.python, document.code_digest)
        recorder.keep_code(trainer.python.config_map.key, source)
        return usercode.run(trainer.python, source, usercode.context(data.roles, train, validation, seed, _watch(context, recorder, None)))
    pipeline = unfitted(trainer, train, data.roles, seed)
    patience = trainer.early_stopping.patience if trainer is not None and trainer.early_stopping is not None else None
    return fit(pipeline, train, validation, patience, _watch(context, recorder, _iterations(pipeline[-1])))


def _watch(context: Context, recorder: Recorder, iterations: int | None) -> Any:
    """Every point of a curve goes into the record and moves the progress."""

    def watch(point: Point) -> None:
        recorder.curves.append(point)
        share = min(1.0, point.iteration / iterations) if iterations else None
        percent = None if share is None else FIT_FROM + (FIT_TO - FIT_FROM) * share
        context.progress.update(percent, f"Iteration {point.iteration}", {f"{point.split}_{point.metric}": point.value})

    return watch


def _iterations(estimator: Any) -> int | None:
    value = estimator.get_params().get(COUNTERS.get(type(estimator).__name__, "max_iter"))
    return value if isinstance(value, int) and value > 0 else None


def _title(trainer: Trainer | None, data: Data) -> str:
    if trainer is None:
        return SIMPLE[data.roles.task].rpartition(".")[2]
    if trainer.python is not None:
        return trainer.python.config_map.key
    return str(trainer.estimator or (trainer.pipeline or [])[-1].estimator).rpartition(".")[2]


def _facts(trainer: Trainer | None, data: Data, made: Fitted, seed: int) -> dict[str, Any]:
    """For record, card and manifest: what was asked for and what it came to."""
    return {
        "kind": "simple" if trainer is None else "python" if trainer.python else "pipeline" if trainer.pipeline else "estimator",
        "estimator": _path(trainer, data, made.estimator),
        "given": _given(trainer, data),
        "parameters": parameters_of(made.estimator),
        "steps": str(made.estimator)[:2000],
        "seed": seed,
        "rows": made.rows,
        "validation": made.validation,
        "bestIteration": made.best_iteration,
    }


def _path(trainer: Trainer | None, data: Data, estimator: Any) -> str:
    if trainer is None:
        return SIMPLE[data.roles.task]
    last = estimator.steps[-1][1] if hasattr(estimator, "steps") else estimator
    return trainer.estimator or f"{type(last).__module__}.{type(last).__name__}"


def _given(trainer: Trainer | None, data: Data) -> dict[str, Any]:
    if trainer is None:
        return SIMPLE_PARAMETERS[data.roles.task]
    if trainer.pipeline:
        return {f"{number}.{name}": value for number, step in enumerate(trainer.pipeline) for name, value in step.parameters.items()}
    return trainer.parameters or {}
