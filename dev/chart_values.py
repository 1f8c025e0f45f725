"""The chart's values, read once: comments in values.yaml become the table in its README, and values.schema.json.

A comment above a key is its description. A line `# schema: {...}` adds to what follows from the default's own type. Keys that
are not in values.yaml are refused, so that a misspelt one does not pass silently; an empty map (`{}`) takes anything.
"""

import json
import re
from dataclasses import dataclass, field
from typing import Any

import yaml

KEY = re.compile(r"^(?P<indent> *)(?P<name>[A-Za-z]\w*):")
TYPES = {bool: "boolean", int: "integer", float: "number", str: "string", list: "array", dict: "object"}


@dataclass(frozen=True)
class Value:
    """One key: its path, what stands above it, and its default."""

    path: tuple[str, ...]
    description: str
    default: Any
    rules: dict[str, Any] = field(default_factory=dict)

    @property
    def is_group(self) -> bool:
        """A map whose keys stand in values.yaml, each with a comment of its own."""
        return isinstance(self.default, dict) and bool(self.default) and not self.rules.get("additionalProperties")


def read(text: str) -> list[Value]:
    defaults = yaml.safe_load(text)
    found: list[Value] = []
    above: list[str] = []
    path: list[str] = []
    for line in text.splitlines():
        if (match := KEY.match(line)) and not inside_free_map(found, match):
            path = [*path[: len(match["indent"]) // 2], match["name"]]
            found.append(described(tuple(path), above, at(defaults, path)))
        above = [*above, line.strip().removeprefix("#").strip()] if line.strip().startswith("#") else []
    return found


def inside_free_map(found: list[Value], match: re.Match[str]) -> bool:
    """Keys below a map that takes anything are part of its default."""
    free = [value for value in found if value.rules.get("additionalProperties")]
    return bool(free) and free[-1] is found[-1] and len(match["indent"]) // 2 >= len(free[-1].path)


def described(path: tuple[str, ...], above: list[str], default: Any) -> Value:
    rules: dict[str, Any] = {}
    for line in above:
        if line.startswith("schema:"):
            rules |= yaml.safe_load(line.removeprefix("schema:"))
    return Value(path, " ".join(line for line in above if not line.startswith("schema:")), default, rules)


def at(values: Any, path: list[str]) -> Any:
    for name in path:
        values = values[name]
    return values


def schema(values: list[Value]) -> str:
    root: dict[str, Any] = {"$schema": "http://json-schema.org/draft-07/schema#", "title": "Values of the chart trimtab", **group()}
    # Helm itself puts `global` into every chart's values.
    root["properties"]["global"] = {"type": "object"}
    for value in values:
        parent = root
        for name in value.path[:-1]:
            parent = parent["properties"][name]
        parent["properties"][value.path[-1]] = {"description": value.description, **(group() if value.is_group else leaf(value))}
    return json.dumps(root, indent=2, ensure_ascii=False) + "\n"


def group() -> dict[str, Any]:
    return {"type": "object", "additionalProperties": False, "properties": {}}


def leaf(value: Value) -> dict[str, Any]:
    return {"type": TYPES[type(value.default)], **value.rules}


README = """\
<!-- Written by dev/generate.py from values.yaml; change it there. -->

# Chart trimtab

The operator with its rights, the six kinds, the roles and policies for people, and on request a small object store and
prepared namespaces. Kubernetes 1.32 or newer; no cert-manager, no webhooks.

    helm install trimtab charts/trimtab -n trimtab-system --create-namespace \\
      --set objectStore.embedded.enabled=true --set 'tenants[0].namespace=team-a' --set 'tenants[0].create=true'

With an object store of your own, leave `objectStore.embedded` off and give each tenant its key, or make Secret `trimtab-store`
and ServiceAccount `trimtab-worker` in its namespace yourself. The operator itself reads no Secret.

| value | default | |
|---|---|---|
"""


def readme(values: list[Value]) -> str:
    rows = (f"| `{'.'.join(value.path)}` | `{json.dumps(value.default)}` | {value.description} |\n" for value in values if not value.is_group)
    return README + "".join(rows)
