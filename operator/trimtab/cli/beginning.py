"""The four short manifests that `init` writes, with a comment a choice. Pure."""

from trimtab.cli.looking import Look
from trimtab.cli.render.yaml import dump

HEAD = "apiVersion: trimtab.dev/v1alpha1\n"


def manifests(name: str, uri: str, look: Look) -> dict[str, str]:
    """File name to text, in the order in which they come to life."""
    return {
        "dataset.yaml": dataset(name, uri, look),
        "trainingjob.yaml": training_job(name),
        "deployment.yaml": deployment(name),
        "driftmonitor.yaml": drift_monitor(name),
    }


def dataset(name: str, uri: str, look: Look) -> str:
    lines = [_field("source", {"uri": uri}, "every file under this prefix" if uri.endswith("/") else "this file")]
    if look.timestamp:
        lines.append(_field("timestamp", look.timestamp, "so the split is by time: the newest rows judge the model"))
    if look.id:
        lines.append(_field("id", look.id, "names a row, never an input"))
    lines.append(_field("label", look.label, _about_label(look)))
    lines += _exclude(look)
    return f"{HEAD}kind: Dataset\nmetadata: {{name: {name}}}\nspec:\n" + "".join(f"  {line}\n" for line in lines)


def _about_label(look: Look) -> str:
    if not look.values:
        return "a number: regression"
    total = sum(count for _, count in look.values)
    return f"{look.task}: {', '.join(f'{value} {count / total:.0%}' for value, count in look.values[:4])}"


def _exclude(look: Look) -> list[str]:
    """What tells the label is left out from the start: a model that is too good is found out late."""
    if not look.leaks:
        return ["# exclude: [column]    columns that are known only after the label; none was found, and only you can know"]
    names = [name for name, _ in look.leaks]
    return [f"# {name}: {why}; was it known before the label?" for name, why in look.leaks] + [_field("exclude", names, "take a name out if it was")]


def _field(key: str, value: object, why: str) -> str:
    text = dump({key: value}).rstrip("\n")
    if "\n" in text:
        inner = ", ".join(dump(each).strip() for each in value) if isinstance(value, list) else ", ".join(dump({k: v}).strip() for k, v in dict(value).items())  # type: ignore[call-overload]
        text = f"{key}: [{inner}]" if isinstance(value, list) else f"{key}: {{{inner}}}"
    return f"{text:<48} # {why}"


def training_job(name: str) -> str:
    return f"""{HEAD}kind: TrainingJob
metadata: {{name: {name}}}
spec:
  dataset: {name}
  # No trainer: the simple model first, which every other must beat. Then, for example:
  # trainer: {{estimator: sklearn.ensemble.HistGradientBoostingClassifier, earlyStopping: {{}}}}
"""


def deployment(name: str) -> str:
    return f"""{HEAD}kind: Deployment
metadata: {{name: {name}}}
spec:
  model: {name}                                    # follows each version that passes its gates
  replicas: 1                                      # 2 where losing a pod must not be noticed
"""


def drift_monitor(name: str) -> str:
    return f"""{HEAD}kind: DriftMonitor
metadata: {{name: {name}}}
spec:
  deployment: {name}
  onTrigger: {{trainingJob: {name}}}               # trains again when skill is lost
"""
