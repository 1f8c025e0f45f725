"""What belongs together: which objects an object needs, and everything that belongs to one model."""

from trimtab.cli.views.choosing import choose
from trimtab.cli.views.listed import Listed, Manifest, at, model_of, version_of

Objects = list[Manifest]


def needs(listed: Listed, obj: Manifest) -> Objects:
    """The objects that this one directly waits for, as far as they are there."""
    spec = obj.get("spec", {})
    wanted: Objects = []
    match obj["kind"]:
        case "Dataset":
            wanted = _found(listed, "FeatureSet", [each.get("featureSet") for each in spec.get("features") or []])
        case "TrainingJob":
            wanted = _found(listed, "Dataset", [spec.get("dataset")])
        case "ModelVersion":
            wanted = _found(listed, "TrainingJob", [at(obj, "spec.lineage.trainingJob")])
        case "Deployment":
            wanted = versions(listed, spec["model"])[:1] or jobs(listed, spec["model"])
        case "DriftMonitor":
            wanted = _found(listed, "Deployment", [spec.get("deployment")]) + _found(listed, "TrainingJob", [at(spec, "onTrigger.trainingJob")])
    return wanted


def _found(listed: Listed, kind: str, names: list[str | None]) -> Objects:
    return [found for name in names if name and (found := listed.find(kind, name))]


def upstream(listed: Listed, obj: Manifest) -> Objects:
    """Everything that an object stands on, itself last, each once."""
    found: Objects = []
    for each in needs(listed, obj):
        found += [other for other in upstream(listed, each) if other not in found]
    return [*found, obj] if obj not in found else found


def versions(listed: Listed, model: str) -> Objects:
    """The versions of a model, newest first."""
    return sorted((obj for obj in listed.of("ModelVersion") if model_of(obj) == model), key=version_of, reverse=True)


def jobs(listed: Listed, model: str) -> Objects:
    return [obj for obj in listed.of("TrainingJob") if model_of(obj) == model]


def deployments(listed: Listed, model: str) -> Objects:
    return [obj for obj in listed.of("Deployment") if model_of(obj) == model]


def monitors(listed: Listed, model: str) -> Objects:
    names = [obj["metadata"]["name"] for obj in deployments(listed, model)]
    return [obj for obj in listed.of("DriftMonitor") if at(obj, "spec.deployment") in names]


def models(listed: Listed) -> list[str]:
    """Every model that anything in the namespace is about."""
    return sorted({model for obj in listed.all() if (model := model_of(obj))})


def models_of(listed: Listed, obj: Manifest) -> list[str]:
    """The models that an object has a part in."""
    if model := model_of(obj):
        return [model]
    if obj["kind"] == "DriftMonitor":
        watched = listed.find("Deployment", at(obj, "spec.deployment"))
        return [watched["spec"]["model"]] if watched else []
    return sorted({model_of(job) or "" for job in listed.of("TrainingJob") if obj in upstream(listed, job)})


def members(listed: Listed, model: str) -> Objects:
    """Everything that belongs to a model, from its data to its monitor."""
    found: Objects = []
    for job in jobs(listed, model):
        found += [each for each in upstream(listed, job) if each not in found]
    return found + versions(listed, model) + deployments(listed, model) + monitors(listed, model)


def family(listed: Listed, name: str) -> tuple[list[str], Objects]:
    """The models that a name stands for, and all their members; for data that no model uses yet, that alone."""
    obj = choose(listed, name)
    found = models_of(listed, obj)
    if not found:
        return [], upstream(listed, obj)
    return found, [each for model in found for each in members(listed, model)]
