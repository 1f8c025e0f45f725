"""Every value in force on an object and where it comes from: written by a person, a default of the schema, or found by the operator. Pure.

What a person wrote is read from kubectl's annotation or from the fields that server-side apply says are theirs. Where neither is there
(`kubectl create`, `replace`), a value that equals the default is taken for the default.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from pydantic.fields import FieldInfo

from trimtab.api.base import Spec
from trimtab.api.kinds import BY_KIND
from trimtab.cli.views.listed import Listed, Manifest, at, condition, ref
from trimtab.cli.views.table import Table

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
WRITTEN, DEFAULT, FOUND = "written", "default", "found"
NOT_SHOWN = ("template", "selector")
"""Pod overrides have no defaults of ours worth a line each; what was written in them is shown as one value."""


@dataclass(frozen=True)
class Fact:
    field: str
    value: str
    source: str
    note: str = ""


def explain(listed: Listed, obj: Manifest) -> Table:
    kind = BY_KIND.get(obj["kind"])
    facts = list(facts_of(kind.spec, obj["spec"], written(obj), "spec")) if kind else []
    by_person = {fact.field for fact in facts if fact.source == WRITTEN}
    found = {fact.field: fact for fact in derived(listed, obj) if fact.field not in by_person}
    merged = [found.pop(fact.field, fact) for fact in facts]
    rows = [(fact.field, fact.value, fact.source, fact.note) for fact in [*merged, *found.values()]]
    return Table(("FIELD", "VALUE", "FROM", "NOTE"), tuple(rows), (str(ref(obj)),))


def written(obj: Manifest) -> dict[str, Any]:
    """The part of the spec that a person wrote."""
    annotation = at(obj, "metadata.annotations", {}).get(LAST_APPLIED)
    if annotation:
        return dict(json.loads(annotation).get("spec") or {})
    owned = [each["fieldsV1"] for each in at(obj, "metadata.managedFields", []) if each.get("operation") == "Apply" and "f:spec" in each.get("fieldsV1", {})]
    if not owned:
        kind = BY_KIND.get(obj["kind"])
        return _unlike_default(kind.spec, obj["spec"]) if kind else dict(obj["spec"])
    found: dict[str, Any] = {}
    for fields in owned:
        found |= _owned(fields["f:spec"], obj["spec"])
    return found


def _owned(fields: dict[str, Any], value: Any) -> Any:
    """The part of a value that a field set of server-side apply covers; lists are atomic and covered as a whole."""
    names = [key.removeprefix("f:") for key in fields if key.startswith("f:")]
    if not names or not isinstance(value, dict):
        return value
    return {name: _owned(fields[f"f:{name}"], value[name]) for name in names if name in value}


def _unlike_default(model: type[Spec], spec: dict[str, Any]) -> dict[str, Any]:
    defaults = {_wire(name, field): _plain(field) for name, field in model.model_fields.items()}
    return {key: value for key, value in spec.items() if value != defaults.get(key)}


def facts_of(model: type[Spec], stored: dict[str, Any], wrote: dict[str, Any], path: str) -> Iterator[Fact]:
    for name, field in model.model_fields.items():
        key = _wire(name, field)
        inner = _model_in(field)
        here = f"{path}.{key}"
        if key in NOT_SHOWN:
            if key in wrote:
                yield Fact(here, _said(wrote[key]), WRITTEN)
        elif inner and (key in wrote or not _optional(field)):
            yield from facts_of(inner, stored.get(key) or {}, wrote.get(key) or {}, here)
        else:
            yield from _fact(here, field, stored.get(key, wrote.get(key)), wrote=key in wrote)


def _fact(path: str, field: FieldInfo, value: Any, *, wrote: bool) -> Iterator[Fact]:
    if wrote:
        yield Fact(path, _said(value), WRITTEN)
    elif (default := _plain(field)) not in (None, []):
        yield Fact(path, _said(default), DEFAULT, _first_sentence(field))
    elif note := meaning_of_absence(field.description or ""):
        yield Fact(path, "(absent)", DEFAULT, note)


def meaning_of_absence(description: str) -> str:
    """What a field's description says of its absence.

    >>> meaning_of_absence("Column with each row's time. Absent: for ever.")
    'for ever'
    """
    found = re.search(r"(?:[Aa]bsent(?:, it is the default)?[:,]|[Bb]y default) (.+?)(?:\.(?:\s|$)|;|$)", description)
    return found[1].strip() if found else ""


def _wire(name: str, field: FieldInfo) -> str:
    return str(field.serialization_alias or field.alias or name)


def _plain(field: FieldInfo) -> Any:
    """The default as it stands on the wire; None where there is none."""
    if field.is_required():
        return None
    default = field.get_default(call_default_factory=True, validated_data={})
    return default.model_dump(mode="json", by_alias=True, exclude_none=True) if isinstance(default, Spec) else default


def _model_in(field: FieldInfo) -> type[Spec] | None:
    """The part of a spec that a field holds; None for values and lists."""
    choices = [field.annotation, *getattr(field.annotation, "__args__", ())]
    return next((each for each in choices if isinstance(each, type) and issubclass(each, Spec)), None) if not _is_list(field) else None


def _is_list(field: FieldInfo) -> bool:
    return "list[" in str(field.annotation)


def _optional(field: FieldInfo) -> bool:
    return not field.is_required() and field.get_default(call_default_factory=True, validated_data={}) is None


def _first_sentence(field: FieldInfo) -> str:
    return re.split(r"\.(?:\s|$)", field.description or "", maxsplit=1)[0]


def _said(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def derived(listed: Listed, obj: Manifest) -> list[Fact]:
    """What the operator made of what is absent, as its status tells."""
    rule: Callable[[Listed, Manifest], list[Fact]] | None = DERIVED.get(obj["kind"])
    return [fact for fact in rule(listed, obj) if fact.value] if rule else []


def _dataset(_: Listed, obj: Manifest) -> list[Fact]:
    task, stamp = at(obj, "status.task", ""), at(obj, "spec.timestamp")
    method = "time" if stamp else {"classification": "stratified", "regression": "random"}.get(task, "")
    return [
        Fact("spec.task", task, FOUND, f"from the label {obj['spec']['label']}"),
        Fact("spec.split.method", method, FOUND, f"spec.timestamp is {stamp}" if stamp else "no spec.timestamp is set"),
        Fact("spec.activeVersion", str(at(obj, "status.activeVersion", "")), FOUND, "the latest"),
    ]


def _training_job(listed: Listed, obj: Manifest) -> list[Fact]:
    run: dict[str, Any] = next(iter(at(obj, "status.runs", [])), {})
    made = listed.find("ModelVersion", at(obj, "status.modelVersion"))
    own = {each.get("name") for each in at(obj, "spec.evaluation.gates", [])}
    gates = [each for each in at(made, "spec.summary.gates", []) if each["name"] not in own]
    return [
        Fact("spec.model", obj["metadata"]["name"], FOUND, "this TrainingJob's own name"),
        Fact("spec.datasetVersion", str(run.get("datasetVersion") or ""), FOUND, "the version the newest run took"),
        *(Fact(f"gate {each['name']}", each["outcome"], DEFAULT, each.get("message", "")) for each in gates),
    ]


def _deployment(_: Listed, obj: Manifest) -> list[Fact]:
    return [
        Fact("spec.version", str(at(obj, "status.stable.version", "")), FOUND, "the newest eligible version"),
        Fact("spec.follow", "" if at(obj, "spec.version") else "Passed", DEFAULT, "each new version that passed its gates"),
        Fact("image", at(obj, "status.stable.image", ""), FOUND, "of the stable version's pods; an upgrade of the operator does not change it"),
    ]


def _monitor(_: Listed, obj: Manifest) -> list[Fact]:
    degraded = condition(obj, "PerformanceDegraded")
    return [
        Fact(
            "spec.performance.tolerance",
            at(obj, "status.performance.line", ""),
            FOUND,
            f"the line of skill below which it is degraded{': ' + degraded.message if degraded else ''}",
        ),
        Fact("spec.onTrigger.cooldown", at(obj, "spec.performance.labelMaturity", "24h"), DEFAULT, "performance.labelMaturity"),
        Fact("spec.triggers", "" if at(obj, "spec.triggers") else "Performance", DEFAULT, "drift alone only alerts"),
    ]


DERIVED: dict[str, Callable[[Listed, Manifest], list[Fact]]] = {
    "Dataset": _dataset,
    "TrainingJob": _training_job,
    "Deployment": _deployment,
    "DriftMonitor": _monitor,
}
