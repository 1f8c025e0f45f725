"""Whether an object in the cluster already says all that we want it to say, so that applying it would change nothing.

The API server fills in defaults, drops empty values and rewrites quantities; none of that is a difference. A field
that we own there (managedFields) and no longer want is one.
"""

import json
import re
from typing import Any

from trimtab.kube.client import FIELD_MANAGER, Manifest

_FACTORS = {"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18}
_FACTORS |= {f"{letter}i": 1024.0**power for power, letter in enumerate("KMGTPE", start=1)}
QUANTITIES = ("limits", "requests", "sizeLimit", "storage")
"""Fields under which a value is a quantity: `0.5` and `500m` are the same."""


def contained(wanted: Manifest, observed: Manifest) -> bool:
    return _contained(wanted, observed) and not _left_over(_ours(observed), wanted)


def _contained(wanted: Any, observed: Any, *, quantity: bool = False) -> bool:
    if isinstance(wanted, dict) and isinstance(observed, dict):
        return all(_has(observed, key, value, quantity=quantity or key in QUANTITIES) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(observed, list):
        return len(wanted) == len(observed) and all(_contained(w, o, quantity=quantity) for w, o in zip(wanted, observed, strict=True))
    return bool(wanted == observed) or (quantity and _amount(wanted) == _amount(observed))


def _has(observed: Manifest, key: str, value: Any, *, quantity: bool) -> bool:
    return _contained(value, observed[key], quantity=quantity) if key in observed else not value


def _amount(value: object) -> object:
    match = re.fullmatch(r"([0-9.]+)([numkMGTPE]?|[KMGTPE]i)", str(value))
    return float(match[1]) * _FACTORS[match[2]] if match else value


def _ours(observed: Manifest) -> Manifest:
    """The fields that we applied, in the API server's own notation."""
    for entry in observed.get("metadata", {}).get("managedFields", []):
        if entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply" and not entry.get("subresource"):
            fields: Manifest = entry.get("fieldsV1", {})
            return fields
    return {}


def _left_over(fields: Manifest, wanted: Any) -> bool:
    """Whether anything we own is no longer wanted. `f:` is a field, `k:` a list item by its keys, `v:` a value of a set."""
    return any(_missing(key[:2], key[2:], below, wanted) for key, below in fields.items() if key != ".")


def _missing(mark: str, name: str, below: Manifest, wanted: Any) -> bool:
    if mark == "f:":
        return not isinstance(wanted, dict) or name not in wanted or _left_over(below, wanted[name])
    if not isinstance(wanted, list):
        return True
    if mark == "v:":
        return json.loads(name) not in wanted
    keys = json.loads(name)
    item = next((item for item in wanted if all(item.get(key, value) == value for key, value in keys.items())), None)
    # The server completes the keys of an item with defaults; those it owns in our name without being wanted.
    return item is None or _left_over({field: sub for field, sub in below.items() if field.removeprefix("f:") not in keys}, item)
