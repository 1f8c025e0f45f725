"""Boards in Grafana's words (10 and newer): one JSON document each, which its sidecar or a person imports as it is."""

import json
from typing import Any

from dashboards.panels import Board, Panel, Query

Json = dict[str, Any]

WIDTH = 24
SIZES = {"stat": (6, 4), "timeseries": (12, 8), "table": (12, 8)}
"""Columns and rows of Grafana's grid."""
SOURCE: Json = {"type": "prometheus", "uid": "${datasource}"}


def document(board: Board) -> str:
    return json.dumps(_board(board), indent=1, ensure_ascii=False) + "\n"


def _board(board: Board) -> Json:
    return {
        "uid": f"trimtab-{board.name.lower()}",
        "title": f"Trimtab / {board.name}",
        "description": board.purpose,
        "tags": ["trimtab"],
        "schemaVersion": 39,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "links": [{"type": "dashboards", "tags": ["trimtab"], "title": "Trimtab", "asDropdown": True, "keepTime": True, "includeVars": True}],
        "templating": {"list": [_source(), *(_choices() if board.narrowed else ())]},
        "panels": [_panel(number, panel, place) for number, (panel, place) in enumerate(zip(board.panels, places(board), strict=True), 1)],
    }


def places(board: Board) -> list[Json]:
    """From left to right, a new row where the next panel has no room or another height."""
    x, y, height, found = 0, 0, 0, []
    for panel in board.panels:
        width, tall = SIZES[panel.look]
        if x + width > WIDTH or (x and tall != height):
            x, y = 0, y + height
        height = tall
        found.append({"x": x, "y": y, "w": width, "h": tall})
        x += width
    return found


def _panel(number: int, panel: Panel, place: Json) -> Json:
    return {
        "id": number,
        "title": panel.title,
        "description": panel.note,
        "type": panel.look,
        "datasource": SOURCE,
        "gridPos": place,
        "targets": [_target(chr(ord("A") + index), query, panel.look) for index, query in enumerate(panel.queries)],
        "fieldConfig": {"defaults": {"unit": panel.unit, "noValue": "none" if any(each.event_only for each in panel.queries) else "no data"}, "overrides": []},
        "options": OPTIONS[panel.look],
        **({"transformations": [_columns(panel)]} if panel.look == "table" else {}),
    }


OPTIONS: dict[str, Json] = {
    "timeseries": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    "stat": {"reduceOptions": {"calcs": ["lastNotNull"]}, "colorMode": "value", "graphMode": "area"},
    "table": {"showHeader": True},
}


def _target(name: str, query: Query, look: str) -> Json:
    once: Json = {"instant": True, "range": False, "format": "table"} if look == "table" else {}
    return {"refId": name, "datasource": SOURCE, "expr": query.expr, "legendFormat": query.legend or "__auto", **once}


def _columns(panel: Panel) -> Json:
    """The labels that tell rows apart, then the value; whatever else a scrape adds stays out."""
    return {"id": "filterFieldsByName", "options": {"include": {"names": [*panel.columns, "Value"]}}}


def _source() -> Json:
    return {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "hide": 0}


def _choices() -> list[Json]:
    deployments = 'label_values(trimtab_condition{kind="Deployment",namespace=~"$namespace"}, name)'
    return [_choice("namespace", "Namespace", "label_values(trimtab_condition, namespace)"), _choice("deployment", "Deployment", deployments)]


def _choice(name: str, label: str, query: str) -> Json:
    everything = {"text": "All", "value": "$__all"}
    asked = {"query": query, "refId": name}
    shape: Json = {"name": name, "label": label, "type": "query", "datasource": SOURCE, "query": asked}
    return shape | {"multi": True, "includeAll": True, "allValue": ".*", "current": everything, "refresh": 2, "sort": 1}
