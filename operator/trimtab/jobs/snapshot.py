"""The verb `snapshot`: make a version of a Dataset, or find that nothing changed.

The digest of a version covers what was asked for and the exact objects it was made from; a digest that is committed is
answered from its manifest, without reading a row. Everything else is done in the order of `_make`.
"""

import json
import sys
from dataclasses import dataclass
from typing import Any

import structlog

from trimtab.api.dataset import DatasetSpec
from trimtab.api.documents import Result, SnapshotDocument
from trimtab.api.reasons import Reason
from trimtab.jobs.context import Context
from trimtab.jobs.dataset import checking, claims, columns, engine, profiling, reading, rules, source, splitting, writing
from trimtab.jobs.errors import UserFault
from trimtab.jobs.features import joining
from trimtab.jobs.predictions import files, rows
from trimtab.jobs.predictions.files import Objects
from trimtab.store import manifest as manifests
from trimtab.store.client import ObjectInfo
from trimtab.store.manifest import CreatedBy, Manifest

METHOD_VERSION = 1
"""Part of every digest: raise it when the same rows would be read or split differently than before."""

DEFINITION = ("label", "timestamp", "id", "task", "exclude", "split", "validation")
"""What of a spec makes a version; where the rows are is in the list of objects, and the rest is about keeping and refreshing."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Wanted:
    """The version that the source as it is now would be; `form` of files, `logged` of a log, None where rows come from none."""

    digest: str
    root: str
    inputs: dict[str, Any]
    form: source.Format | None
    objects: list[ObjectInfo]
    logged: Objects | None


def run(document: SnapshotDocument, context: Context) -> Result:
    """See the module."""
    with claims.told_in_failure(context.store, context.layout.dataset_folder(document.name), document.named, _told):
        return _run(document, context)


def _run(document: SnapshotDocument, context: Context) -> Result:
    wanted = look(document, context)
    objects = [*wanted.objects, *(wanted.logged.all if wanted.logged else [])]
    log.info("snapshot.source", objects=len(objects), bytes=sum(each.size for each in objects), digest=wanted.digest)
    if found := manifests.find(context.store, wanted.root) or _still(document, context, wanted):
        return _answer(document, context, *found)
    return _answer(document, context, *manifests.commit(context.store, wanted.root, _make(document, context, wanted)))


def _still(document: SnapshotDocument, context: Context, wanted: Wanted) -> tuple[Manifest, str] | None:
    """The newest version, where this look is not to take up what FeatureSets have made since, and there is nothing else."""
    newest = manifests.find(context.store, context.layout.dataset(document.name, document.newest)) if document.newest else None
    return newest if newest and joining.only_moved_on(newest[0].inputs, wanted.inputs) else None


def look(document: SnapshotDocument, context: Context) -> Wanted:
    """List the source and give it its digest; no row is read."""
    spec = document.spec
    logged = files.find(context.store, context.layout, spec.source.predictions) if spec.source.predictions else None
    if logged:
        rows.must_have_some(spec, logged)
    form, objects = source.find(context.store, spec.source.files) if spec.source.files else (None, [])
    inputs = inputs_of(spec, form, objects) | rows.inputs(logged) | joining.inputs(document)
    digest = manifests.digest_of(inputs)
    return Wanted(digest, context.layout.dataset(document.name, digest), inputs, form, objects, logged)


def inputs_of(spec: DatasetSpec, form: source.Format | None, objects: list[ObjectInfo]) -> dict[str, Any]:
    """What the digest covers: what was written, without defaults, so that a field that a newer Trimtab adds makes no new version."""
    definition = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=set(DEFINITION))
    return {"method": METHOD_VERSION, "definition": definition | ({"format": form} if form else {}), "objects": source.fingerprint(objects)}


def _read(document: SnapshotDocument, context: Context, wanted: Wanted, database: engine.Engine) -> tuple[reading.Table, rows.Taken | None]:
    """`data` from files, the log, or both."""
    spec, progress = document.spec, context.progress
    table = None
    if wanted.form:
        progress.update(2, f"reading {len(wanted.objects)} files")
        staged = reading.stage(context.store, wanted.objects, wanted.form, context.scratch / "source", progress.part(2, 20))
        table = reading.load(database, staged, wanted.form)
    logged = wanted.logged or Objects((), ())
    if table is not None and not logged.predictions:
        return table, None
    progress.update(20, f"reading {len(logged.predictions)} files of predictions and {len(logged.labels)} of labels")
    asked = rows.Asked(spec, logged, joining.offered(context.store, document))
    return rows.add(database, context.store, asked, table, context.scratch / "log")


def _make(document: SnapshotDocument, context: Context, wanted: Wanted) -> Manifest:
    spec, progress, root = document.spec, context.progress, wanted.root
    with engine.opened(context.scratch) as database:
        table, taken = _read(document, context, wanted, database)
        table, joined = joining.join(database, context, document, table, progress.part(30, 40))
        columns.require(spec, table.names)
        checking.refuse_stray_text(spec, table)
        table = checking.settle_times(database, spec.timestamp, table)
        table, label = checking.settle_label(database, spec, table)
        progress.update(45, f"checking {table.rows} rows")
        _keep_rules(document, context, database, table, root)
        progress.update(55, "splitting")
        sizes = splitting.split(database, spec, label)
        method = splitting.method_of(spec, label.task)
        written = writing.splits(database, spec, method, table, context.scratch)
        facts = _facts(spec, method, table, label, sizes) | {"columns": writing.column_facts(database, spec.label, table)}
        facts |= joining.facts(joined) | rows.facts(spec, taken)
    inputs = [each for each in table.columns if each.name not in {*spec.exclude, spec.timestamp, spec.id}]
    profiling.write(written[0], inputs, spec.timestamp, context.scratch / "profile.json", progress.part(65, 85))
    progress.update(85, "writing to the object store")
    stored = [manifests.upload_file(context.store, root, f"{context.pod.uid}/{each.name}", each) for each in [*written, context.scratch / "profile.json"]]
    return Manifest(
        kind="Dataset",
        name=document.name,
        digest=wanted.digest,
        inputs=wanted.inputs,
        files=stored,
        facts=facts,
        created_by=_created_by(context),
    )


def _keep_rules(document: SnapshotDocument, context: Context, database: engine.Engine, table: reading.Table, root: str) -> None:
    """All rules hold, or RuleViolated, with the rows that break them put beside where the version would have been."""
    found = rules.broken(database, document.spec.validation, table)
    if not found:
        return
    uri = f"{root}/violations"
    for file in writing.violations(database, found, context.scratch / "violations"):
        rule = found[int(file.stem)].rule
        context.store.upload(file, f"{uri}/{context.pod.uid}/{file.stem}-{_plain(rule)}.parquet")
    raise UserFault(Reason.RULE_VIOLATED, Reason.RULE_VIOLATED.say(detail=rules.sentence(found, len(document.spec.validation))), uri=uri)


def _plain(rule: str) -> str:
    """A rule's name as part of a key."""
    return "".join(each if each.isalnum() and each.isascii() else "-" for each in rule)


def _facts(spec: DatasetSpec, method: str, table: reading.Table, label: checking.Label, sizes: splitting.Sizes) -> dict[str, Any]:
    counts = {"train": sizes.train, "validation": sizes.validation, "test": sizes.test, "unlabelled": label.unlabelled}
    facts: dict[str, Any] = {"task": label.task, "label": spec.label, "timestamp": spec.timestamp, "id": spec.id, "exclude": list(spec.exclude), "rows": counts}
    facts["split"] = spec.split.model_dump(mode="json", by_alias=True, exclude_none=True) | {"method": method}
    facts["dropped"] = [{"name": column, "why": why} for column, why in table.dropped]
    return facts | ({"classes": [str(each).lower() if isinstance(each, bool) else each for each in label.classes]} if label.classes else {})


def _created_by(context: Context) -> CreatedBy:
    import duckdb

    return CreatedBy(verb="snapshot", image=context.image, versions={"duckdb": duckdb.__version__, "python": sys.version.split()[0]})


def _joined(manifest: Manifest) -> dict[str, str]:
    """What the status shows of a join, as JSON."""
    if "join" not in manifest.facts:
        return {}
    versions = [{field: each[field] for field in ("name", "version", "digest")} for each in manifest.facts["features"]]
    return {"join": json.dumps(manifest.facts["join"]), "featureVersions": json.dumps(versions, separators=(",", ":"))}


def _answer(document: SnapshotDocument, context: Context, manifest: Manifest, manifest_digest: str) -> Result:
    """The committed version under its number; `Created` when the number was taken just now."""
    folder = context.layout.dataset_folder(document.name)
    version, created = claims.claim(context.store, folder, manifest.digest)
    made = Reason.CREATED_VERSION.say(version=version, rows=sum(manifest.facts["rows"].values()), digest=manifest.digest[:12])
    facts = _told(manifest, version) | {"outcome": "Created" if created else "Unchanged", "rules": str(len(document.spec.validation))}
    context.progress.update(100, made)
    answer = Result(
        outcome="Succeeded",
        reason=Reason.CREATED_VERSION.value if created else Reason.UNCHANGED.value,
        message=made if created else Reason.UNCHANGED.say(version=version),
        uri=context.layout.dataset(document.name, manifest.digest),
        manifest_digest=manifest_digest,
        facts=facts,
    )
    return answer.with_found(claims.found(context.store, folder, document.named, _told))


def _told(manifest: Manifest, version: int) -> dict[str, str]:
    """What a status shows of a version."""
    facts = {"version": version, "digest": manifest.digest, "task": manifest.facts["task"], **manifest.facts["rows"], "size": manifest.size()}
    facts |= {"createdAt": manifest.created_at.isoformat().replace("+00:00", "Z")} | _joined(manifest)
    facts |= {"remark": manifest.facts["remark"]} if manifest.facts.get("remark") else {}
    return {key: str(value) for key, value in facts.items()}
