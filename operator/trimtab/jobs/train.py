"""The verb `train`: a dataset version and a recipe become a model that was judged, and a record of how.

The path: answered before? -> data -> the model (found, or fitted and exported) -> evidence -> gates -> commit -> answer.
A run that came to a model answers again from its record; anything that ends early leaves a record that says why.
"""

from trimtab.api.documents import Result, TrainDocument
from trimtab.api.modelversion import GateResult
from trimtab.jobs.context import Context
from trimtab.jobs.training import rivals
from trimtab.jobs.training.answer import answer, lineage, summary_of
from trimtab.jobs.training.artifact import Model, commit_model, facts_of, write
from trimtab.jobs.training.candidate import Candidate, candidate
from trimtab.jobs.training.card import card
from trimtab.jobs.training.data import Data, load
from trimtab.jobs.training.evaluate import Evidence, by_slice, metrics_of, require_known, skill_of, slice_columns, words
from trimtab.jobs.training.gates import Rivals, judge
from trimtab.jobs.training.record import Recorder, finished
from trimtab.jobs.training.said import judged
from trimtab.stats.skill import blocks_of
from trimtab.store.manifest import find


def run(document: TrainDocument, context: Context) -> Result:
    """Train, judge, record."""
    if before := _answered(document, context):
        return before
    with Recorder(document, context) as recorder:
        context.progress.update(1, "Reading the dataset")
        data = load(context.store, document.dataset, context.scratch)
        _note_data(document, data, recorder)
        require_known(document.spec.evaluation, data.roles.task, list(data.tables["test"].columns))
        made = candidate(document, context, data, recorder)
        recorder.note(trainer=dict(made.trainer))
        context.progress.update(75, "Judging the model on the test rows")
        evidence = _evidence(document, data, made)
        _note_evidence(document, evidence, recorder)
        gates = _gates(document, context, data, evidence, recorder)
        context.progress.update(95, "Writing the model")
        model = made.committed or _commit(document, context, data, made, recorder)
        recorder.note(artifact={"uri": model.uri, "manifestDigest": model.manifest_digest, "format": model.manifest.facts["format"], "note": made.note})
        summary = summary_of(made.signature, made.trainer.get("given") or {}, recorder.record.metrics["test"], gates)
        result = recorder.finish(answer(model, summary, lineage(document, context, data.facts, recorder.uri)))
        context.progress.update(100, "Done")
        return result


def _answered(document: TrainDocument, context: Context) -> Result | None:
    """What this run answered before, if its model is still there."""
    record = finished(context.store, context.layout.run(document.name, document.run_key))
    if record is None:
        return None
    result = Result.model_validate(record.result)
    known = find(context.store, result.uri)
    return result if known and known[1] == result.manifest_digest else None


def _note_data(document: TrainDocument, data: Data, recorder: Recorder) -> None:
    pointer = document.dataset.model_dump(by_alias=True)
    rows = {name: len(part) for name, part in data.rows.items()}
    columns = {"label": data.roles.label, "features": list(data.roles.features), "leftOut": data.remarks()}
    recorder.warn(data.remarks())
    recorder.note(
        dataset={
            **pointer,
            "rows": rows,
            "split": data.facts.get("split"),
            "featureVersions": data.facts.get("features") or [],
            **columns,
            "trainedUntil": data.trained_until,
        }
    )


def _evidence(document: TrainDocument, data: Data, made: Candidate) -> Evidence:
    """What the model file answers on every split."""
    answers = {name: judged(made.predictor(part.X), part.y, data.classes) for name, part in data.rows.items()}
    test = data.rows["test"]
    slices = {name: words(data.tables["test"][name]) for name in slice_columns(document.spec.evaluation)}
    return Evidence(data.roles.task, data.classes, answers, blocks_of(test.times, len(test)), slices)


def _note_evidence(document: TrainDocument, evidence: Evidence, recorder: Recorder) -> None:
    wanted = document.spec.evaluation
    more = [*wanted.metrics, *(gate.metric for gate in wanted.gates if gate.metric)]
    recorder.note(
        metrics={split: metrics_of(answers, evidence.task, more) for split, answers in evidence.answers.items()},
        skill=_finite(vars(skill_of(evidence, document.spec.seed))),
        slices=[vars(each) for each in by_slice(evidence, wanted.slices, more)],
    )


def _gates(document: TrainDocument, context: Context, data: Data, evidence: Evidence, recorder: Recorder) -> list[GateResult]:
    seed = document.spec.seed
    simple = rivals.simple_model(data, seed) if document.spec.trainer is not None else None
    served = rivals.served(context.store, document.champions, data, context.scratch / "champions")
    results = judge(document.spec.evaluation.gates, Rivals(simple, served), evidence, seed)
    recorder.note(
        gates=[each.model_dump(by_alias=True) for each in results],
        baseline={} if simple is None else {"model": simple.title, "metrics": metrics_of(simple.answers, evidence.task, ()) if simple.answers else {}},
        champions=[each.model_dump(by_alias=True) for each in document.champions],
    )
    return results


def _commit(document: TrainDocument, context: Context, data: Data, made: Candidate, recorder: Recorder) -> Model:
    assert made.exported is not None
    record = recorder.record
    facts = {
        "metrics": record.metrics["test"],
        "referenceSkill": record.metrics["test"].get("skill"),
        "skill": record.skill,
        "trainer": dict(made.trainer),
    }
    files = write(made.exported, data, card(record, made.curves), context.scratch)
    return commit_model(document, context, files, facts_of(document, made.exported, data, facts))


def _finite(skill: dict[str, float]) -> dict[str, float]:
    """JSON has no infinity; an end that is not known is left out."""
    return {name: value for name, value in skill.items() if abs(value) < float("inf")}
