"""docs/reference: one page per kind with every field, and one with every reason, written from the models."""

import json
from typing import Any

import states
from trimtab.api.crd import NO_DOTS, spec_schema, status_schema
from trimtab.api.kinds import KINDS, Kind
from trimtab.api.reasons import Reason

Schema = dict[str, Any]
NOTE = "<!-- Written by dev/generate.py from operator/trimtab/api; change it there. -->\n\n"
STATES_NOTE = "<!-- Written by dev/generate.py from operator/trimtab/plans/monitor_states.py; change it there. -->\n\n"
LINK = "[reasons](reasons.md)"


def pages() -> dict[str, str]:
    """File name -> text."""
    found = {f"{kind.singular}.md": NOTE + kind_page(kind) for kind in KINDS}
    return found | {"reasons.md": NOTE + reasons_page(), "monitoring.md": STATES_NOTE + states.page(), "README.md": NOTE + index_page()}


def index_page() -> str:
    rows = [f"| [{kind.kind}]({kind.singular}.md) | `{kind.plural}.{kind.group}` | `{kind.short}` | {kind.description} |" for kind in KINDS]
    return "\n".join(
        [
            "# Reference",
            "",
            "| kind | resource | short | |",
            "|---|---|---|---|",
            *rows,
            "",
            f"What conditions and Events say: {LINK}. When a model is retrained: [monitoring](monitoring.md).",
            "",
        ]
    )


def kind_page(kind: Kind) -> str:
    spec = spec_schema(kind)
    return "\n".join(
        [
            f"# {kind.kind}",
            "",
            f"{kind.description} `{kind.api_version}`, resource `{kind.plural}`, short `{kind.short}`.",
            "",
            "## spec",
            "",
            *paragraph(spec.get("description")),
            *table(spec, "spec"),
            "",
            "## Refused when applied",
            "",
            *(f"- {sentence}" for sentence in sentences(kind, spec)),
            "",
            "## status",
            "",
            f"Written by the operator alone. Conditions carry one of these {LINK}.",
            "",
            *table(status_schema(kind), "status"),
            "",
        ]
    )


def paragraph(text: str | None) -> list[str]:
    return [" ".join(text.split()), ""] if text else []


def table(schema: Schema, path: str) -> list[str]:
    return ["| field | type | default | |", "|---|---|---|---|", *rows(schema, path)]


def rows(schema: Schema, path: str) -> list[str]:
    """One line a field, depth first, so that a part stands under its whole."""
    found = []
    for name, child in schema.get("properties", {}).items():
        place = f"{path}.{name}"
        found.append(f"| `{place.partition('.')[2]}` | {type_of(child)} | {default_of(schema, name, child)} | {cell(child.get('description', ''))} |")
        inner, suffix = (child["items"], "[]") if child.get("type") == "array" else (child, "")
        found += rows(inner, f"{place}{suffix}")
    return found


def type_of(schema: Schema) -> str:
    if "enum" in schema:
        return cell(" \\| ".join(f"`{value}`" for value in schema["enum"]))
    if schema.get("format") == "date-time":
        return "time"
    words = {"array": f"list of {schema.get('items', {}).get('type', '')}", "object": "map" if "properties" not in schema else "object"}
    return f"{words.get(schema['type'], schema['type'])}{bounds(schema)}"


def bounds(schema: Schema) -> str:
    """What Kubernetes checks of a value, in words."""
    said = []
    if "minimum" in schema and "maximum" in schema:
        said.append(f"{schema['minimum']} to {schema['maximum']}")
    elif "minimum" in schema:
        said.append(f"from {schema['minimum']}")
    if "maxLength" in schema:
        said.append(f"at most {schema['maxLength']} characters")
    if "maxItems" in schema:
        said.append(f"at most {schema['maxItems']}")
    return f", {', '.join(said)}" if said else ""


def default_of(parent: Schema, name: str, schema: Schema) -> str:
    if name in parent.get("required", []):
        return "required"
    default = schema.get("default")
    return "" if default in (None, "") else f"`{default if isinstance(default, str) else json.dumps(default)}`"


def cell(text: str) -> str:
    """Text that stands in a table: one line, no column of its own."""
    return " ".join(text.split()).replace("|", "\\|").replace("\\\\|", "\\|")


def sentences(kind: Kind, spec: Schema) -> list[str]:
    """Every sentence the API server may answer on our behalf."""
    named = [rule[1] for rule in (NO_DOTS, kind.name_rule) if rule]
    return [*named, *dict.fromkeys(inner_sentences(spec))]


def inner_sentences(schema: Schema) -> list[str]:
    found = [rule["message"] for rule in schema.get("x-kubernetes-validations", [])]
    for child in [*schema.get("properties", {}).values(), *([schema["items"]] if "items" in schema else [])]:
        found += inner_sentences(child)
    return found


def reasons_page() -> str:
    lines = [f"| `{reason.value}` | {cell(reason.sentence)} |" for reason in sorted(Reason, key=lambda reason: reason.value)]
    return "\n".join(
        [
            "# Reasons",
            "",
            "A condition, an Event and the record of a run carry one of these words, and the sentence with its blanks filled in.",
            "",
            "| reason | sentence |",
            "|---|---|",
            *lines,
            "",
        ]
    )
