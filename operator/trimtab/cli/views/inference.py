"""Rows as people have them (a JSON object, a CSV) as a request of the Open Inference Protocol, and an answer as a table. Pure."""

import csv
import io
import json
from collections.abc import Sequence
from typing import Any

from trimtab.cli.errors import Usage
from trimtab.cli.views.table import Table

Row = dict[str, Any]
Body = dict[str, Any]

MISSING = ("", "NA", "NaN", "null")
"""What a CSV says of a value that is not there."""


def body_of(text: str, name: str, metadata: dict[str, Any]) -> Body:
    """A file's content as a request; one that is a request already is sent as it is."""
    if name.endswith(".csv"):
        return request(list(csv.DictReader(io.StringIO(text))), metadata)
    try:
        found = json.loads(text)
    except ValueError as error:
        raise Usage(f"{name} is neither CSV (by its suffix) nor JSON: {error}.") from error
    if isinstance(found, dict) and isinstance(found.get("inputs"), list):
        return found
    return request(found if isinstance(found, list) else [found], metadata)


def request(rows: Sequence[Row], metadata: dict[str, Any]) -> Body:
    """One tensor a column that the model knows or a row has; columns that the model does not know go along, and the server says what it takes."""
    if not rows or not all(isinstance(row, dict) for row in rows):
        raise Usage("The file holds no rows; write one JSON object, a list of them, or a CSV with a header.")
    context = set((metadata.get("parameters") or {}).get("context") or [])
    known = {each["name"]: each["datatype"] for each in metadata.get("inputs", [])}
    columns = [name for name in known if any(name in row for row in rows)] + [name for name in rows[0] if name in context]
    if not columns:
        raise Usage(f"No column of the file is an input of the model; its inputs are {', '.join(known)}.")
    return {"inputs": [_tensor(name, known.get(name, "BYTES"), [row.get(name) for row in rows]) for name in columns]}


def _tensor(name: str, datatype: str, values: list[Any]) -> dict[str, Any]:
    return {"name": name, "shape": [len(values)], "datatype": datatype, "data": [_value(value, datatype) for value in values]}


def _value(value: Any, datatype: str) -> Any:
    """A CSV's text as the datatype has it; what does not fit goes as it is, and the server says so."""
    if value is None or (isinstance(value, str) and value in MISSING):
        return None
    if datatype == "BYTES":
        return value if isinstance(value, str) else json.dumps(value)
    if not isinstance(value, str):
        return value
    if datatype == "BOOL":
        return {"true": True, "false": False}.get(value.lower(), value)
    try:
        return float(value) if datatype.startswith("FP") else int(value)
    except ValueError:
        return value


def answer_table(answer: dict[str, Any]) -> Table:
    """A row a row; a probability is spread over its classes where they are told by position alone."""
    rows = max((output["shape"][0] for output in answer.get("outputs", [])), default=0)
    columns, cells = ["ROW"], [list(range(rows))]
    for output in answer.get("outputs", []):
        width = len(output["data"]) // rows if rows else 1
        columns += [output["name"].upper()] if width == 1 else [f"{output['name'].upper()} {place}" for place in range(width)]
        cells += [output["data"][place::width] for place in range(width)]
    return Table(tuple(columns), tuple(zip(*cells, strict=True)), (str(answer.get("id", "")),))


def curl(url: str, body: Body, file: str | None) -> str:
    """The same request as a command that can be copied."""
    data = f"@{file}" if file else json.dumps(body).replace("'", "'\\''")
    return f"curl -s {url} -H 'content-type: application/json' -d {data if file else chr(39) + data + chr(39)}"
