"""Every name of an object that Trimtab makes, computed here and nowhere else.

Names are functions of what they name: a process that dies after a write and looks again makes the same name, meets
its own object, and goes on. Who owns a name is not decided here but read from the owner-uid label of what bears it.
"""

import hashlib
import json
from typing import Any

LIMIT = 63
"""Characters in a label value, and so in the name of a Job, whose pods carry it as a label."""


def digest(value: Any) -> str:
    """sha256, in 64 hex digits, of the canonical JSON of a value."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def job(owner: str, key: str, attempt: int) -> str:
    """`<owner>-<first 8 of the key>-<attempt>`; `attempt` grows only when the operator makes the Job anew."""
    return _fit(owner, f"-{key[:8]}-{attempt}")


def model_version(model: str, version: int) -> str:
    return f"{model}-v{version}"


def serving(deployment: str, version: int) -> str:
    """The apps/v1 Deployment, Service and PDB of one served version; the Service that clients use is `client_service`."""
    return _fit(deployment, f"-v{version}")


def client_service(deployment: str) -> str:
    """The one Service that clients use: it keeps its name whatever version answers."""
    return deployment


def _fit(base: str, suffix: str) -> str:
    """Base and suffix; a base that is too long is cut, and what was cut is told apart by five characters of its digest."""
    if len(base) + len(suffix) <= LIMIT:
        return base + suffix
    return f"{base[: LIMIT - len(suffix) - 6].rstrip('-')}-{digest(base)[:5]}{suffix}"
