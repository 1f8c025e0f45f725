"""All models of a namespace, a line each: what `status` shows. Pure."""

from dataclasses import dataclass
from typing import Any

from trimtab.cli.views.family import deployments, jobs, members, models, monitors, versions
from trimtab.cli.views.health import Mark, mark, sentence, word
from trimtab.cli.views.listed import Listed, Manifest, at, ref
from trimtab.cli.views.table import Table

MOST_SAID = 120
"""Characters of a message in a row."""
WORST = (Mark.FAILED, Mark.WARNING, Mark.PAUSED, Mark.WORKING, Mark.WAITING, Mark.OK)


@dataclass(frozen=True)
class Row:
    model: str
    mark: Mark
    training: str
    version: str
    serving: str
    monitor: str
    message: str


def overview(listed: Listed) -> Table:
    """A row a model, and one for each piece of data that no model uses."""
    rows = [_row(listed, model) for model in models(listed)]
    used = {id(obj) for model in models(listed) for obj in members(listed, model)}
    rows += [Row(str(ref(obj)), mark(obj), "", "", "", "", _said(obj)) for obj in listed.all() if id(obj) not in used]
    return Table(("MODEL", "", "TRAINING", "VERSION", "SERVING", "MONITOR", "MESSAGE"), tuple(_cells(row) for row in rows), tuple(row.model for row in rows))


def _cells(row: Row) -> tuple[Any, ...]:
    return row.model, row.mark, row.training, row.version, row.serving, row.monitor, row.message


def _row(listed: Listed, model: str) -> Row:
    """What became of an older version that serves nowhere is history, and no news."""
    newest = versions(listed, model)[:1]
    objects = [obj for obj in members(listed, model) if obj["kind"] != "ModelVersion" or obj in newest or at(obj, "status.servedBy")]
    worst = min(objects, key=lambda obj: WORST.index(mark(obj)))
    return Row(
        model,
        mark(worst),
        ", ".join(word(obj) for obj in jobs(listed, model)),
        newest[0]["metadata"]["name"] if newest else "",
        ", ".join(_serving(obj) for obj in deployments(listed, model)),
        ", ".join(word(obj) for obj in monitors(listed, model)),
        "" if mark(worst) == Mark.OK else shortened(f"{ref(worst)}: {_said(worst)}"),
    )


def _serving(obj: Manifest) -> str:
    stable, candidate = at(obj, "status.stable.version"), at(obj, "status.candidate.version")
    percent = at(obj, "status.candidate.programmedPercent")
    coming = f" -> v{candidate}{f' {percent}%' if percent is not None else ''}" if candidate else ""
    return f"v{stable}{coming}" if stable else f"nothing{coming}"


def shortened(text: str) -> str:
    """One line among others; the whole sentence is `why`'s to tell."""
    return text if len(text) <= MOST_SAID else f"{text[: MOST_SAID - 1]}…"


def _said(obj: Manifest) -> str:
    return sentence(obj) or word(obj)
