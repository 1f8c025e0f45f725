"""YAML as people write manifests: mappings in block style, text quoted only where YAML would read something else in it.

Writing is this little; the package that also reads YAML is not needed for it.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./@%+-]*(?: [A-Za-z0-9_./@%+-]+)*")
"""Text that stands for itself."""
OTHERWISE = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "~"))
"""Words that YAML reads as something other than text."""


def dump(value: Any) -> str:
    """
    >>> print(dump({"kind": "Dataset", "spec": {"label": "on", "exclude": ["a", "b: c"], "split": {}}}), end="")
    kind: Dataset
    spec:
      label: "on"
      exclude:
        - a
        - "b: c"
      split: {}
    """
    return "\n".join(_lines(value)) + "\n"


def _lines(value: Any) -> Iterator[str]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _entry(f"{_scalar(str(key))}:", inner, "  ")
    elif isinstance(value, list) and value:
        for inner in value:
            yield from _item(inner)
    else:
        yield _scalar(value)


def _entry(head: str, value: Any, indent: str) -> Iterator[str]:
    if isinstance(value, (dict, list)) and value:
        yield head
        yield from (f"{indent}{line}" for line in _lines(value))
    elif isinstance(value, str) and "\n" in value.rstrip("\n") and not re.search(r"[^\S\n](\n|$)|[\x00-\x08]", value) and not value[:1].isspace():
        yield f"{head} |" if value.endswith("\n") else f"{head} |-"
        yield from (f"{indent}{line}" if line else "" for line in value.rstrip("\n").split("\n"))
    else:
        yield f"{head} {_scalar(value)}"


def _item(value: Any) -> Iterator[str]:
    first, *rest = list(_lines(value))
    yield f"- {first}"
    yield from (f"  {line}" for line in rest)


def _scalar(value: Any) -> str:
    if isinstance(value, str):
        return value if PLAIN.fullmatch(value) and value.lower() not in OTHERWISE else json.dumps(value, ensure_ascii=False)
    return json.dumps(value, ensure_ascii=False, default=str)
