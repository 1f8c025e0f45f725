"""A kind's CustomResourceDefinition, made from its pydantic models.

Kubernetes wants a structural schema: no references, one type a place, no `null`. What pydantic writes is rewritten here
and nothing is added that the models do not say, but for what every kind shares: conditions keyed by type, other status
lists atomic, the columns of `kubectl get`, and a bound on the name.
"""

from collections.abc import Callable
from typing import Any

from trimtab.api.base import MAX_NAME
from trimtab.api.kinds import Kind

Schema = dict[str, Any]

DROPPED = ("title", "additionalProperties", "anyOf", "allOf", "$ref", "$defs", "const")
"""What pydantic writes and a structural schema cannot hold; each is rewritten below or says nothing that Kubernetes checks."""

FIRST = ("description", "type", "default", "required", "properties")
"""How a person reads a schema from the top; the rest follows as it comes."""

PRESERVE = "x-kubernetes-preserve-unknown-fields"
READY_STATUS = ".status.conditions[?(@.type=='Ready')]"
SCALE = {"specReplicasPath": ".spec.replicas", "statusReplicasPath": ".status.replicas", "labelSelectorPath": ".status.selector"}
NO_DOTS = (
    "!self.metadata.name.contains('.')",
    "metadata.name: use small letters, digits and dashes; a dot cannot stand in the names of the Jobs and Services made from it.",
)


def spec_schema(kind: Kind) -> Schema:
    """The spec with every default there is, also inside list items: what the reference page shows."""
    return inlined(kind.spec.model_json_schema())


def crd(kind: Kind) -> Schema:
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{kind.plural}.{kind.group}"},
        "spec": {
            "group": kind.group,
            "names": {
                "kind": kind.kind,
                "listKind": f"{kind.kind}List",
                "plural": kind.plural,
                "singular": kind.singular,
                "shortNames": [kind.short],
                "categories": ["trimtab", "ml"],
            },
            "scope": "Namespaced",
            "versions": [served_version(kind)],
        },
    }


def served_version(kind: Kind) -> Schema:
    version: Schema = {
        "name": kind.version,
        "served": True,
        "storage": True,
        "subresources": {"status": {}} | ({"scale": dict(SCALE)} if kind.scale else {}),
        "additionalPrinterColumns": columns(kind),
        "schema": {"openAPIV3Schema": root_schema(kind)},
    }
    if kind.selectable:
        version["selectableFields"] = [{"jsonPath": path} for path in kind.selectable]
    return version


def columns(kind: Kind) -> list[Schema]:
    """What a person needs to choose where to look fits a terminal; what names or addresses tell anyhow is for `-o wide`."""
    return [
        {"name": "Ready", "type": "string", "jsonPath": f"{READY_STATUS}.status"},
        {"name": "State", "type": "string", "jsonPath": ".status.state"},
        *kind.columns,
        {"name": "Since", "type": "date", "jsonPath": f"{READY_STATUS}.lastTransitionTime"},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
        {"name": "Reason", "type": "string", "jsonPath": f"{READY_STATUS}.reason", "priority": 1},
        {"name": "Message", "type": "string", "jsonPath": f"{READY_STATUS}.message", "priority": 1},
    ]


def root_schema(kind: Kind) -> Schema:
    root_rules = [rule for rule in (NO_DOTS, kind.name_rule) if rule]
    return {
        "type": "object",
        "description": kind.description,
        "required": ["spec"],
        "properties": {
            "apiVersion": {"type": "string", "description": f"{kind.group}/{kind.version}."},
            "kind": {"type": "string", "description": f"{kind.kind}."},
            "metadata": {"type": "object", "properties": {"name": {"type": "string", "maxLength": MAX_NAME}}},  # described by Kubernetes itself
            "spec": without_item_defaults(spec_schema(kind)),
            "status": status_schema(kind),
        },
        "x-kubernetes-validations": [{"rule": rule, "message": message} for rule, message in root_rules],
    }


def status_schema(kind: Kind) -> Schema:
    """Written by the operator alone: no defaults but the one by which kstatus tells an object nobody has looked at yet."""
    schema = atomic(without_defaults(inlined(kind.status.model_json_schema())))
    schema["properties"]["conditions"] |= {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
    return schema | {"default": {"observedGeneration": -1}}


def inlined(document: Schema) -> Schema:
    """The schema with each reference replaced by what it refers to."""
    return structural(document, document.get("$defs", {}))


def structural(schema: Schema, definitions: Schema) -> Schema:
    """One schema in Kubernetes' terms; what stands beside a reference or an optional (a description) wins over what is in it."""
    inner = [referred(schema["$ref"], definitions)] if "$ref" in schema else []
    inner += [*schema.get("allOf", []), *(choice for choice in schema.get("anyOf", []) if choice.get("type") != "null")]
    if "anyOf" in schema and len(inner) != 1:
        raise ValueError(f"{schema.get('title')}: a structural schema has one type a place, not {len(inner)}.")
    found: Schema = {}
    for part in inner:
        found |= structural(part, definitions)
    found |= {key: value for key, value in schema.items() if key not in DROPPED and not (key == "default" and value is None)}
    if "const" in schema:
        found["enum"] = [schema["const"]]
    if isinstance(values := schema.get("additionalProperties"), dict) and not found.get(PRESERVE):
        found["additionalProperties"] = structural(values, definitions)
    ordered = {key: found[key] for key in (*FIRST, *found) if key in found}
    return with_children(ordered, lambda child: structural(child, definitions))


def referred(reference: str, definitions: Schema) -> Schema:
    target: Schema = definitions[reference.removeprefix("#/$defs/")]
    return target


def with_children(schema: Schema, change: Callable[[Schema], Schema]) -> Schema:
    """The schema with `change` applied to each property and to the items of a list."""
    changed = dict(schema)
    if "properties" in schema:
        changed["properties"] = {name: change(child) for name, child in schema["properties"].items()}
    if "items" in schema:
        changed["items"] = change(schema["items"])
    return changed


def without_defaults(schema: Schema) -> Schema:
    return with_children({key: value for key, value in schema.items() if key != "default"}, without_defaults)


def without_item_defaults(schema: Schema) -> Schema:
    """Inside list items a default would make every re-apply say `configured`."""
    if "items" in schema:
        return schema | {"items": without_defaults(schema["items"])}
    return with_children(schema, without_item_defaults)


def atomic(schema: Schema) -> Schema:
    """Lists replaced as a whole, which keeps managedFields small."""
    found = with_children(schema, atomic)
    return found | ({"x-kubernetes-list-type": "atomic"} if found.get("type") == "array" else {})
