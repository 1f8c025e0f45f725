"""The versions of models as a table, and one version whole. Pure."""

from typing import Any

from trimtab.cli.views.family import versions
from trimtab.cli.views.health import word
from trimtab.cli.views.listed import Listed, Manifest, at, condition, model_of, ref
from trimtab.cli.views.table import Table

COLUMNS = ("VERSION", "STATE", "GATES", "APPROVAL", "SKILL", "SERVED BY", "DATASET", "RUN", "CREATED")


def table(listed: Listed, model: str | None) -> Table:
    models = [model] if model else sorted({model_of(obj) or "" for obj in listed.of("ModelVersion")})
    found = [obj for each in models for obj in versions(listed, each)]
    return Table(COLUMNS, tuple(_row(obj) for obj in found), tuple(str(ref(obj)) for obj in found))


def _row(obj: Manifest) -> tuple[Any, ...]:
    gates = condition(obj, "GatesPassed")
    dataset = at(obj, "spec.lineage.dataset", {})
    return (
        obj["metadata"]["name"],
        word(obj),
        {"True": "passed", "False": "failed"}.get(gates.status, "") if gates and gates.reason != "NoGates" else "none",
        at(obj, "spec.approval", "").lower(),
        metric(obj, "skill"),
        ", ".join(f"{place['deployment']} ({place['role'].lower()})" for place in at(obj, "status.servedBy", [])),
        f"{dataset['name']}:{dataset['version']}" if dataset else "",
        at(obj, "spec.lineage.runKey", "")[:8],
        at(obj, "metadata.creationTimestamp", ""),
    )


def metric(obj: Manifest, name: str) -> float | None:
    found = next((each["value"] for each in at(obj, "spec.summary.metrics", []) if each["name"] == name), None)
    try:
        return None if found is None else float(found)
    except ValueError:
        return None


def facts(obj: Manifest) -> dict[str, Any]:
    """One version as flat facts, for showing and comparing."""
    summary, lineage, artifact = at(obj, "spec.summary", {}), at(obj, "spec.lineage", {}), at(obj, "spec.artifact", {})
    named = {part: {each["name"]: each["value"] for each in summary.get(part, [])} for part in ("parameters", "metrics")}
    return {
        "model": at(obj, "spec.model"),
        "state": word(obj),
        "approval": " by ".join(filter(None, [at(obj, "spec.approval"), at(obj, "spec.approvedBy")])),
        "task": summary.get("task"),
        **named,
        "gates": {each["name"]: " ".join(filter(None, [each["outcome"], each.get("message", "")])) for each in summary.get("gates", [])},
        "inputs": ", ".join(f"{each['name']}:{each['datatype']}" for each in summary.get("inputs", [])),
        "trainingJob": lineage.get("trainingJob"),
        "run": lineage.get("runKey"),
        "dataset": {key: at(lineage, f"dataset.{key}") for key in ("name", "version", "digest")},
        "features": {each["name"]: each["version"] for each in lineage.get("featureVersions") or []},
        "codeDigest": lineage.get("codeDigest"),
        "gitCommit": lineage.get("gitCommit"),
        "artifact": {key: artifact.get(key) for key in ("uri", "format", "sizeBytes", "manifestDigest", "sha256")},
        "servedBy": ", ".join(f"{place['deployment']} ({place['role']})" for place in at(obj, "status.servedBy", [])),
        "created": at(obj, "metadata.creationTimestamp"),
    }
