"""Each dashboard through Grafana's own model: a field that Grafana does not know, or one in the wrong place, would not come back.

Grafana itself is not run. Skipped, and said so, where the model cannot be had.
"""

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest

from support.grafana import understood
from support.helm import CHART
from support.wheels import UnobtainableError

FILES = sorted((CHART / "dashboards").glob("*.json"))


def known(dashboard: dict[str, Any]) -> dict[str, Any]:
    try:
        return understood(dashboard)
    except UnobtainableError as why:
        pytest.skip(str(why))


def lost(ours: Any, theirs: Any, at: str = "") -> Iterator[str]:
    """Where the model's answer lacks what we wrote, or has another value; what it adds is its own defaults."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for name, value in ours.items():
            yield from lost(value, theirs[name], f"{at}.{name}") if name in theirs else [f"{at}.{name}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for number, (one, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(one, other, f"{at}[{number}]")
    elif ours != theirs:
        yield f"{at}: {ours!r} became {theirs!r}"


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_grafana_knows_every_field_of_a_dashboard(file: Any) -> None:
    ours = json.loads(file.read_text())
    assert list(lost(ours, known(ours))) == []


def test_a_field_that_grafana_does_not_know_would_be_found() -> None:
    wrong = copy.deepcopy(json.loads(FILES[0].read_text()))
    panel = next(each for each in wrong["panels"] if each["type"] == "timeseries")
    panel["fieldConfig"]["defaults"]["unitt"] = "s"
    panel["targets"][0]["legend"] = "it"
    assert {path.rpartition(".")[2] for path in lost(wrong, known(wrong))} == {"legend", "unitt"}
