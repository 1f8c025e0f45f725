"""Label and field selectors as the API server reads them: the part that Trimtab uses, for answering from lists."""

import re
from typing import Any


def labels_match(selector: str | None, labels: dict[str, str]) -> bool:
    return all(_label_matches(term, labels) for term in _terms(selector))


def fields_match(selector: str | None, obj: dict[str, Any]) -> bool:
    return all(_field_matches(term, obj) for term in _terms(selector))


def _terms(selector: str | None) -> list[str]:
    # a comma inside `in (a,b)` does not end a term
    return [term.strip() for term in re.split(r",(?![^(]*\))", selector or "") if term.strip()]


def _label_matches(term: str, labels: dict[str, str]) -> bool:
    if match := re.fullmatch(r"(\S+) (in|notin) \((.*)\)", term):
        key, word, values = match.groups()
        return (labels.get(key) in {value.strip() for value in values.split(",")}) == (word == "in")
    if "!=" in term:
        key, value = term.split("!=", 1)
        return labels.get(key) != value
    if "=" in term:
        key, value = re.split("==?", term, maxsplit=1)
        return labels.get(key) == value
    return (term.lstrip("!") in labels) != term.startswith("!")


def _field_matches(term: str, obj: dict[str, Any]) -> bool:
    differs = "!=" in term
    path, value = re.split("!=|==?", term, maxsplit=1)
    found: Any = obj
    for part in path.split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return (str(found) == value) != differs
