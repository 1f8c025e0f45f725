"""The verb `evaluate`: look at what a Deployment was asked and how well it answered, write it up, and say what was found.

The path: the watched model -> its log with labels -> drift of the last windows -> skill of the last matured ones -> predictions
computed again -> the version before on the same rows -> reports -> answer. Nothing is remembered between two runs: each reads
the last windows anew; what is kept beside the reports saves work and decides nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from trimtab.api.base import seconds
from trimtab.api.documents import Result
from trimtab.api.evaluation import MOST_WINDOWS, EvaluateDocument, pack
from trimtab.api.reasons import Reason
from trimtab.jobs.context import Context
from trimtab.jobs.dataset import engine as engines
from trimtab.jobs.evaluation import comparing, drifting, hours, jumps, logged, models, performance, replaying, report, spans
from trimtab.jobs.evaluation.answers import INPUT, OUTPUT
from trimtab.jobs.evaluation.comparing import Contest
from trimtab.jobs.evaluation.drifting import Drift, Examiner
from trimtab.jobs.evaluation.found import Found, Labels, answer, sentence
from trimtab.jobs.evaluation.hours import Piece, Windows
from trimtab.jobs.evaluation.logged import Log
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.page import page
from trimtab.jobs.evaluation.replaying import Replayed
from trimtab.jobs.evaluation.spans import HOUR
from trimtab.jobs.predictions.log import Wanted
from trimtab.store.errors import DigestMismatch, ObjectMissing

REPORT, PAGE = "report.json", "report.html"

structured = structlog.get_logger()


def run(document: EvaluateDocument, context: Context) -> Result:
    """See the module."""
    found = _look(document, context)
    context.progress.update(90, "Writing the report")
    _write(found, context)
    told = sentence(found)
    structured.info("evaluate.found", drift=found.drift.reading, performance=found.performance.reading, jump=found.jump, report=found.report_uri)
    context.progress.update(100, told)
    return Result(
        outcome="Succeeded", reason=Reason.EVALUATED.value, message=Reason.EVALUATED.say(detail=told), uri=found.report_uri, packed=pack(answer(found))
    )


def _look(document: EvaluateDocument, context: Context) -> Found:
    spec, store, progress = document.spec, context.store, context.progress
    progress.update(2, f"Reading what {document.watching.name} promised")
    watched = models.opened(store, document.watching, context.scratch / "watched")
    contested = _predecessor(document, context)
    since, pieces = _pieces(document, context, watched)
    with engines.opened(context.scratch) as engine:
        progress.update(10, "Reading predictions and labels")
        log = _log(engine, document, context, [watched, *([contested] if isinstance(contested, Model) else [])], pieces)
        progress.update(40, "Comparing the windows of inputs")
        examiner = Examiner(
            spec, watched, Windows(store, context.layout, document.name, pieces), since, lambda span: log.count(f"{log.own()} AND {log.within(span)}")
        )
        drift = examiner.look(spans.closed(examiner.length, since, document.now, MOST_WINDOWS))
        false_alarms = drifting.false_alarms(store, lambda digest: context.layout.false_alarms(document.name, digest), drift)
        progress.update(60, "Judging the answers whose labels have matured")
        rule = spec.performance
        periods = spans.matured(seconds(rule.window), since, document.now, log.maturity, MOST_WINDOWS)
        judged = performance.look(log, watched, rule, periods)
        progress.update(75, "Computing predictions again")
        replayed = _replayed(log, watched, drift, spec.skew.replay)
        progress.update(80, "Comparing with the version before")
        contest = contested if not isinstance(contested, Model) else _contest(log, watched, contested, document, since)
        labels = _labels(log, watched, since)
    return Found(
        document, watched, drift, judged, replayed, contest, labels, _jump(drift, pieces, document), false_alarms, _report_uri(drift, context, document)
    )


def _predecessor(document: EvaluateDocument, context: Context) -> Model | Contest | None:
    """The version before; a Contest that says why it cannot be asked; None where there is none."""
    if document.predecessor is None:
        return None
    try:
        return models.opened(context.store, document.predecessor, context.scratch / "predecessor")
    except (ObjectMissing, DigestMismatch) as error:
        return Contest(remark=f"{document.predecessor.name} cannot be asked: {error.message}")


def _pieces(document: EvaluateDocument, context: Context, watched: Model) -> tuple[datetime, list[Piece]]:
    """Since when the version serves, and what was uploaded of its windows from then on."""
    pieces = hours.listed(context.store, context.layout, document.deployment, watched.digest)
    since = document.since or (pieces[0].start if pieces else document.now)
    return since, hours.within(pieces, since)


def _log(engine: engines.Engine, document: EvaluateDocument, context: Context, asked: list[Model], pieces: list[Piece]) -> Log:
    watched, spec = asked[0], document.spec
    columns = {*(INPUT + each.name for model in asked for each in model.inputs), *(OUTPUT + each.name for each in watched.outputs)}
    known = [each for each in (document.since, _data_until(watched)) if each]
    wanted = Wanted(since=min(known) if document.since else None, until=document.now, clock=spec.clock, columns=tuple(sorted(columns)))
    return logged.read(
        engine,
        context.store,
        context.layout,
        document.deployment,
        context.scratch / "log",
        begun=_begun(document, pieces),
        wanted=wanted,
        version=document.watching.version,
        maturity=seconds(spec.performance.label_maturity),
    )


def _begun(document: EvaluateDocument, pieces: list[Piece]) -> datetime | None:
    """When the first row of interest was logged, on the pods' clocks: event times do not say it, the names of pieces do."""
    if pieces:
        return datetime.fromtimestamp(min(each.sequence for each in pieces) / 1000, UTC) - HOUR
    return document.since if document.spec.clock == "Wall" else None


def _replayed(log: Log, watched: Model, drift: Drift, most: int) -> Replayed:
    """Of the last window that has any rows."""
    busy = [each.span for each in drift.windows if each.rows]
    return replaying.replay(log, watched, busy[-1], most) if busy else Replayed(remark="No window with rows has closed yet.")


def _contest(log: Log, watched: Model, predecessor: Model, document: EvaluateDocument, since: datetime) -> Contest:
    rule = document.spec.performance
    try:
        return comparing.compare(log, watched, predecessor, since=since, window=seconds(rule.window), min_labels=rule.min_labels)
    except DigestMismatch as error:
        return Contest(remark=f"The versions cannot be asked again: {error.message}")


def _labels(log: Log, watched: Model, since: datetime) -> Labels:
    new = log.count(log.matured_since(_data_until(watched) or since))
    return Labels(watched.learned_rows, new, log.counts.repeated, log.counts.contradicted)


def _data_until(model: Model) -> datetime | None:
    """The time of the newest row of the data that the version was made from, its test rows included."""
    found = model.facts.get("dataUntil")
    return datetime.fromisoformat(found) if found else None


def _jump(drift: Drift, pieces: list[Piece], document: EvaluateDocument) -> str:
    if not drift.windows:
        return ""
    last, rows = drift.windows[-1].span, {each.span: each.rows for each in drift.windows}
    over = [each for each in pieces if each.start < document.now]  # what was asked after the clock was read is no jump of the clock that it moves
    on_the_wall = jumps.ahead(pieces, last.length, document.now) if document.spec.clock == "Wall" else ""
    return on_the_wall or jumps.jumped(over, last, rows, document.spec.window.min_rows)


def _report_uri(drift: Drift, context: Context, document: EvaluateDocument) -> str:
    return context.layout.report(document.name, drift.windows[-1].span.start) if drift.windows else ""


def _write(found: Found, context: Context) -> None:
    """The last window's report, those of earlier windows that have none yet, and the incident's."""
    document, layout = found.document, context.layout
    for place, uri in _wanted_reports(found, context):
        _put(report.at(found, place), uri, context)
    if document.incident:
        _put(found, layout.incident_report(document.name, document.incident), context)


def _wanted_reports(found: Found, context: Context) -> Iterator[tuple[int, str]]:
    name, windows = found.document.name, found.drift.windows
    written = {each.uri for each in context.store.list(f"{context.layout.reports(name)}/")}
    for place, window in enumerate(windows):
        uri = context.layout.report(name, window.span.start)
        if place == len(windows) - 1 or f"{uri}/{REPORT}" not in written:
            yield place, uri


def _put(found: Found, uri: str, context: Context) -> None:
    content = report.content(replace(found, report_uri=uri))
    context.store.put(f"{uri}/{PAGE}", page(content).encode())
    context.store.put(f"{uri}/{REPORT}", json.dumps(content, allow_nan=False, default=str).encode())
