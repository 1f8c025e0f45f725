"""The verb `evaluate`: look at what a Deployment was asked and how well it answered, write it up, and say what was found.

The path: the watched model -> its log with labels -> drift of the last windows -> skill of the last matured ones -> predictions
computed again, features compared -> the version before on the same rows -> reports -> answer. Nothing is remembered between two runs: each reads
the last windows anew; what is kept beside the reports saves work and decides nothing.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from trimtab.api.base import seconds
from trimtab.api.documents import INPUT, OUTPUT, Result
from trimtab.api.evaluation import MOST_WINDOWS, EvaluateDocument, pack
from trimtab.api.reasons import Reason
from trimtab.jobs.context import Context
from trimtab.jobs.dataset import engine as engines
from trimtab.jobs.evaluation import comparing, drifting, hours, jumps, logged, models, parity, performance, replaying, report, spans
from trimtab.jobs.evaluation.comparing import Contest
from trimtab.jobs.evaluation.drifting import Drift, Examiner
from trimtab.jobs.evaluation.found import Found, Labels, answer, sentence
from trimtab.jobs.evaluation.hours import Piece, Windows
from trimtab.jobs.evaluation.logged import Log
from trimtab.jobs.evaluation.models import Model
from trimtab.jobs.evaluation.page import page
from trimtab.jobs.evaluation.parity import Compared, Source
from trimtab.jobs.evaluation.performance import Performance
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


@dataclass(frozen=True)
class Scene:
    """What a look is about. `before` is the version that served before, a Contest that says why it cannot be asked, or None."""

    document: EvaluateDocument
    context: Context
    watched: Model
    before: Model | Contest | None
    since: datetime
    pieces: list[Piece]
    features: list[Source | Compared]

    @property
    def asked(self) -> list[Model]:
        return [self.watched, *([self.before] if isinstance(self.before, Model) else [])]


def _look(document: EvaluateDocument, context: Context) -> Found:
    progress = context.progress
    progress.update(2, f"Reading what {document.watching.name} promised")
    scene = _scene(document, context)
    with engines.opened(context.scratch) as engine:
        progress.update(10, "Reading predictions and labels")
        log = _log(engine, scene)
        progress.update(40, "Comparing the windows of inputs")
        drift = _drift(scene, log)
        progress.update(60, "Judging the answers whose labels have matured")
        judged = _performance(scene, log)
        progress.update(75, "Computing predictions again")
        replayed = _replayed(scene, log, drift)
        progress.update(78, "Comparing features with their FeatureSets")
        compared = parity.compare(parity.Requests(log, context, document.name, scene.watched, scene.since), scene.features)
        progress.update(80, "Comparing with the version before")
        contest, labels, jump = _contest(scene, log), _labels(scene, log), _jump(scene, log, drift)
    uri = context.layout.report(document.name, drift.windows[-1].span.start) if drift.windows else ""
    return Found(document, scene.watched, drift, judged, replayed, compared, contest, labels, jump, _false_alarms(scene, drift), uri)


def _scene(document: EvaluateDocument, context: Context) -> Scene:
    watched = models.opened(context.store, document.watching, context.scratch / "watched")
    pieces = hours.listed(context.store, context.layout, document.deployment, watched.digest)
    since = document.since or (pieces[0].start if pieces else document.now)
    features = parity.sources(context.store, context.layout, document, watched)
    return Scene(document, context, watched, _before(document, context), since, hours.within(pieces, since), features)


def _before(document: EvaluateDocument, context: Context) -> Model | Contest | None:
    if document.predecessor is None:
        return None
    try:
        return models.opened(context.store, document.predecessor, context.scratch / "predecessor")
    except (ObjectMissing, DigestMismatch) as error:
        return Contest(remark=f"{document.predecessor.name} cannot be asked: {error.message}", hopeless=True)


def _log(engine: engines.Engine, scene: Scene) -> Log:
    document, context, watched = scene.document, scene.context, scene.watched
    columns = {*(INPUT + each.name for model in scene.asked for each in model.inputs), *(OUTPUT + each.name for each in watched.outputs)}
    columns |= parity.columns(scene.features)
    known = [each for each in (document.since, _data_until(watched)) if each]
    wanted = Wanted(since=min(known) if document.since else None, until=document.now, clock=document.spec.clock, columns=tuple(sorted(columns)))
    return logged.read(
        engine,
        context.store,
        context.layout,
        document.deployment,
        context.scratch / "log",
        begun=_begun(scene),
        wanted=wanted,
        version=document.watching.version,
        maturity=seconds(document.spec.performance.label_maturity),
    )


def _begun(scene: Scene) -> datetime | None:
    """When the first row of interest was logged, on the pods' clocks: event times do not say it, the names of pieces do."""
    if scene.pieces:
        return datetime.fromtimestamp(min(each.sequence for each in scene.pieces) / 1000, UTC) - HOUR
    return scene.document.since if scene.document.spec.clock == "Wall" else None


def _drift(scene: Scene, log: Log) -> Drift:
    document, context = scene.document, scene.context
    windows = Windows(context.store, context.layout, document.name, scene.pieces)
    examiner = Examiner(document.spec, scene.watched, windows, scene.since, log.own_rows)
    return examiner.look(spans.closed(examiner.length, scene.since, document.now, MOST_WINDOWS))


def _false_alarms(scene: Scene, drift: Drift) -> float | None:
    name, layout = scene.document.name, scene.context.layout
    return drifting.false_alarms(scene.context.store, lambda digest: layout.false_alarms(name, digest), drift)


def _performance(scene: Scene, log: Log) -> Performance:
    rule = scene.document.spec.performance
    periods = spans.matured(seconds(rule.window), scene.since, scene.document.now, log.maturity, MOST_WINDOWS)
    return performance.look(log, scene.watched, rule, periods)


def _replayed(scene: Scene, log: Log, drift: Drift) -> Replayed:
    """Of the last window that has any rows."""
    busy = [each.span for each in drift.windows if each.rows]
    most = scene.document.spec.skew.replay
    return replaying.replay(log, scene.watched, busy[-1], most) if busy else Replayed(remark="No window with rows has closed yet.")


def _contest(scene: Scene, log: Log) -> Contest | None:
    rule, before = scene.document.spec.performance, scene.before
    if not isinstance(before, Model):
        return before
    try:
        return comparing.compare(log, scene.watched, before, since=scene.since, window=seconds(rule.window), min_labels=rule.min_labels)
    except DigestMismatch as error:
        return Contest(remark=f"The versions cannot be asked again: {error.message}")


def _labels(scene: Scene, log: Log) -> Labels:
    new = log.count(log.matured_since(_data_until(scene.watched) or scene.since))
    return Labels(scene.watched.learned_rows, new, log.counts.repeated, log.counts.contradicted)


def _data_until(model: Model) -> datetime | None:
    """The time of the newest row of the data that the version was made from, its test rows included."""
    found = model.facts.get("dataUntil")
    return datetime.fromisoformat(found) if found else None


def _jump(scene: Scene, log: Log, drift: Drift) -> str:
    if not drift.windows:
        return ""
    last, now, least = drift.windows[-1].span, scene.document.now, scene.document.spec.window.min_rows
    rows = {each.span: each.rows for each in drift.windows}
    over = [each for each in scene.pieces if each.start < now]  # what was asked after the clock was read is no jump of the clock that it moves
    if scene.document.spec.clock == "Event":
        return jumps.jumped(over, last, rows, least)
    elsewhere = jumps.elsewhere(last, log.own_rows(last), rows[last], least)
    return jumps.ahead(scene.pieces, last.length, now) or elsewhere or jumps.jumped(over, last, rows, least)


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
