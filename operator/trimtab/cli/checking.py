"""What of a manifest can be checked without a cluster: fields, types, bounds, patterns, rules between fields, names, and what manifests say of each other. Pure."""

import difflib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from trimtab.api.base import API_VERSION, GROUP, MAX_NAME
from trimtab.api.kinds import BY_KIND
from trimtab.cli import rules

Manifest = dict[str, Any]
NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?")


@dataclass(frozen=True)
class Problem:
    """Where, and a sentence that says what to write instead; a doubt may be as it should be."""

    where: str
    said: str
    doubt: bool = False


def is_ours(manifest: Manifest) -> bool:
    return str(manifest.get("apiVersion", "")).partition("/")[0] == GROUP


def problems(manifest: Manifest) -> list[Problem]:
    """Everything that is wrong with one manifest of ours."""
    kind = BY_KIND.get(str(manifest.get("kind")))
    if manifest.get("apiVersion") != API_VERSION:
        return [Problem("apiVersion", f"write {API_VERSION}.")]
    if kind is None:
        return [Problem("kind", f"{manifest.get('kind')} is no kind of {GROUP}.{_near(str(manifest.get('kind')), list(BY_KIND))}")]
    found = list(_of_metadata(manifest))
    try:
        kind.spec.model_validate(manifest.get("spec") or {})
    except ValidationError as error:
        found += [told(each, kind.spec) for each in error.errors(include_url=False)]
    return found or [Problem(where or "the manifest", said.removeprefix(f"{where}: ")) for where, said in rules.broken(manifest, kind)]


def _of_metadata(manifest: Manifest) -> Iterator[Problem]:
    metadata = manifest.get("metadata")
    name = metadata.get("name") if isinstance(metadata, dict) else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        yield Problem("metadata.name", f"{name!r} is no name; use small letters, digits and dashes.")
    elif len(name) > MAX_NAME:
        yield Problem("metadata.name", f"{name} has {len(name)} characters; at most {MAX_NAME} fit.")
    for unknown in set(manifest) - {"apiVersion", "kind", "metadata", "spec", "status"}:
        yield Problem(unknown, f"there is no field {unknown}.{_near(unknown, ['metadata', 'spec'])}")


def told(error: ErrorDetails, model: type[BaseModel]) -> Problem:
    """pydantic's finding as a person's sentence."""
    where = ".".join(["spec", *(str(part) for part in error["loc"])])
    context = error.get("ctx") or {}
    match error["type"]:
        case "extra_forbidden":
            return Problem(where, f"there is no such field.{_near(str(error['loc'][-1]), _fields(model, error['loc'][:-1]))}")
        case "missing":
            return Problem(where, "this field is needed.")
        case "string_type" if isinstance(error.get("input"), bool):
            return Problem(where, "YAML reads this word as true or false; write it in quotes.")
        case "literal_error":
            return Problem(where, f"write {context.get('expected')}.")
        case "string_pattern_mismatch":
            return Problem(where, f"{_short(error.get('input'))} does not fit {context.get('pattern')}.")
    return Problem(where, f"{error['msg'].removeprefix('Input ')[:1].lower()}{error['msg'].removeprefix('Input ')[1:]}; found {_short(error.get('input'))}.")


def _short(value: Any) -> str:
    return json.dumps(value, default=str)[:60]


def _fields(model: type[BaseModel], path: Sequence[int | str]) -> list[str]:
    """The fields of the part of a spec that a path leads to, as they are written."""
    for part in path:
        field = next((each for name, each in model.model_fields.items() if part in (name, each.alias)), None)
        if field is not None:
            model = _inner(field.annotation) or model
    return [str(each.alias or name) for name, each in model.model_fields.items()]


def _inner(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for each in getattr(annotation, "__args__", ()) if (found := _inner(each))), None)


def _near(name: str, known: list[str]) -> str:
    near = difflib.get_close_matches(name, known, 1, 0.5)
    return f" Did you mean {near[0]}?" if near else f" There are {', '.join(known)}." if len(known) <= 12 else ""


REFERENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "TrainingJob": (("dataset", "Dataset"),),
    "DriftMonitor": (("deployment", "Deployment"), ("onTrigger.trainingJob", "TrainingJob")),
}


def references(manifests: Sequence[Manifest]) -> list[tuple[Manifest, Problem]]:
    """Names that no other manifest here has: a doubt, for they may be in the cluster already."""
    there = {(str(each.get("kind")), str((each.get("metadata") or {}).get("name"))) for each in manifests}
    models = {
        str((each.get("spec") or {}).get("model") or (each.get("metadata") or {}).get("name"))
        for each in manifests
        if each.get("kind") in ("TrainingJob", "ModelVersion")
    }
    found = [(each, problem) for each in manifests for problem in _dangling(each, there)]
    for each in manifests:
        model = (each.get("spec") or {}).get("model")
        if each.get("kind") == "Deployment" and model and model not in models:
            found.append((each, Problem("spec.model", f"nothing here makes model {model}.", doubt=True)))
    return found


def _dangling(manifest: Manifest, there: set[tuple[str, str]]) -> Iterator[Problem]:
    spec = manifest.get("spec") or {}
    named = [(path, kind, _at(spec, path)) for path, kind in REFERENCES.get(str(manifest.get("kind")), ())]
    if manifest.get("kind") == "Dataset":
        named += [
            (f"features.{place}.featureSet", "FeatureSet", each.get("featureSet"))
            for place, each in enumerate(spec.get("features") or [])
            if isinstance(each, dict)
        ]
    for path, kind, name in named:
        if isinstance(name, str) and (kind, name) not in there:
            yield Problem(f"spec.{path}", f"there is no {kind} {name} here.", doubt=True)


def _at(spec: Any, path: str) -> Any:
    for part in path.split("."):
        spec = spec.get(part) if isinstance(spec, dict) else None
    return spec
