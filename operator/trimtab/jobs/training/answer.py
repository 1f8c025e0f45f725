"""The result of a run, within a termination message: the few facts, and all that a ModelVersion is made from."""

from collections.abc import Mapping, Sequence
from typing import Any

from trimtab.api.documents import Result, TrainDocument, Trained, pack
from trimtab.api.modelversion import Artifact, DatasetRef, FeatureVersionRef, GateResult, Lineage, Summary, Tensor, Value
from trimtab.api.reasons import Reason
from trimtab.jobs.context import Context
from trimtab.jobs.training.artifact import Model
from trimtab.jobs.training.gates import failed
from trimtab.stats.metrics import METRICS
from trimtab.store.model import Signature

SHOWN_METRICS = 4
"""On the result itself, for the status; the summary has sixteen."""

SENTENCE = 400
"""Characters for the sentence: the packed summary needs the rest of the 4096 bytes."""


def answer(model: Model, summary: Summary, made_of: Lineage) -> Result:
    """Succeeded, or Rejected where a gate failed: then too there is a model to look at."""
    refused = failed(summary.gates)
    trained = Trained(artifact=_artifact(model), summary=summary, lineage=made_of)
    facts = {
        "format": model.manifest.facts["format"],
        "gatesPassed": str(sum(each.outcome == "Passed" for each in summary.gates)),
        "gates": str(len(summary.gates)),
    }
    return Result(
        outcome="Rejected" if refused else "Succeeded",
        reason=(Reason.GATES_FAILED if refused else Reason.PASSED).value,
        message=" ".join(f"{each.name}: {each.message}" for each in refused)[:SENTENCE] if refused else Reason.PASSED.say(count=facts["gatesPassed"]),
        uri=model.uri,
        manifest_digest=model.manifest_digest,
        facts=facts | {each.name: each.value for each in summary.metrics[:SHOWN_METRICS]},
        packed=pack(trained, 2400),
    )


def summary_of(signature: Signature, given: Mapping[str, Any], metrics: Mapping[str, float], gates: Sequence[GateResult]) -> Summary:
    """For people: bounded, values as text."""
    return Summary(
        task=signature.task,
        parameters=[Value(name=name[:128], value=str(value)[:256]) for name, value in list(given.items())[:16]],
        metrics=[Value(name=name, value=f"{value:.6g}") for name, value in _ordered(metrics, signature.task)[:16]],
        gates=[GateResult(name=each.name, outcome=each.outcome, message=each.message) for each in gates[:32]],
        inputs=[_tensor(each.name, each.datatype, each.optional) for each in signature.inputs[:64]],
        outputs=[_tensor(each.name, each.datatype) for each in signature.outputs],
        signature_digest=signature.digest(),
        input_count=len(signature.inputs),
    )


def lineage(document: TrainDocument, context: Context, facts: Mapping[str, Any], run_uri: str) -> Lineage:
    """`facts` are those of the dataset version: what it was made of in its turn is there."""
    features = [FeatureVersionRef(name=each["name"], version=each["version"], digest=each["digest"]) for each in facts.get("features") or []]
    known = {"code_digest": document.code_digest or None, "image_digest": context.image or None, "git_commit": document.git.get("commit") or None}
    return Lineage(
        training_job=document.name,
        run_key=document.run_key,
        run_uri=run_uri,
        dataset=DatasetRef(name=document.dataset.name, version=document.dataset.version, digest=document.dataset.digest),
        **({"feature_versions": features} if features else {}),
        **{name: value[:64] if name == "git_commit" else value for name, value in known.items() if value},
    )


def _artifact(model: Model) -> Artifact:
    return Artifact(uri=model.uri, manifest_digest=model.manifest_digest, format=model.manifest.facts["format"], size_bytes=model.manifest.size())


def _tensor(name: str, datatype: Any, optional: Any = None) -> Tensor:
    return Tensor(name=name, datatype=datatype, optional=True) if optional else Tensor(name=name, datatype=datatype)


def _ordered(metrics: Mapping[str, float], task: Any) -> list[tuple[str, float]]:
    """In the order of the table of metrics, skill first."""
    order = {name: number for number, name in enumerate(METRICS[task])}
    return sorted(metrics.items(), key=lambda each: order.get(each[0], len(order)))
