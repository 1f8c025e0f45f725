"""Manifests from text: JSON or YAML."""

import json
from pathlib import Path
from typing import Any

import yaml

from trimtab.cli.errors import NotThere, UserError

SUFFIXES = (".yaml", ".yml", ".json")


def documents(text: str, name: str) -> list[dict[str, Any]]:
    """All documents of a text; UserError with the place where it cannot be read."""
    try:
        found = [json.loads(text)]
    except ValueError:
        found = _yaml(text, name)
    listed = [each for one in found if one is not None for each in (one.get("items", [one]) if isinstance(one, dict) else [one])]
    if wrong := [each for each in listed if not isinstance(each, dict)]:
        raise UserError(f"{name} holds {type(wrong[0]).__name__} where a manifest should be; write apiVersion, kind, metadata and spec.")
    return listed


def _yaml(text: str, name: str) -> list[Any]:
    try:
        return list(yaml.safe_load_all(text))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        raise UserError(f"{name}{place}: {getattr(error, 'problem', None) or error}.") from error


def files(place: Path) -> list[Path]:
    """The manifests under a folder, or the one file."""
    if place.is_file():
        return [place]
    found = sorted(path for path in place.rglob("*") if path.suffix in SUFFIXES and path.is_file())
    if not found:
        raise NotThere(f"There is no manifest under {place}; their names end with {', '.join(SUFFIXES)}.", "trimtab init NAME --data FILE")
    return found
