"""The verb `materialize`: make a version of a FeatureSet, or find that nothing changed.

The digest of a version covers the transform with its code, what the spec says about keys, times and columns, and the exact
objects it was made from; a digest that is committed is answered from its manifest, without reading a row. What a join must
know later (keys, times, delay, ttl) stands in the manifest's facts: it is the version's, whatever the spec says by then.
"""

import sys
import traceback
from typing import Any

import structlog

from trimtab.api.documents import MaterializeDocument, Result
from trimtab.api.featureset import FeatureSetSpec
from trimtab.api.reasons import Reason
from trimtab.jobs.context import Context
from trimtab.jobs.dataset import checking, claims, columns, engine, reading, source, writing
from trimtab.jobs.errors import UserFault
from trimtab.jobs.features import parts, schema, transforming
from trimtab.store import manifest as manifests
from trimtab.store.client import ObjectInfo
from trimtab.store.manifest import CreatedBy, Manifest

METHOD_VERSION = 1
"""Part of every digest: raise it when the same rows would be read differently than before."""

DEFINITION = {"entities", "timestamp", "created", "publish_delay", "ttl"}
"""What of a spec makes a version, beside transform and schema."""

log = structlog.get_logger()


def run(document: MaterializeDocument, context: Context) -> Result:
    """See the module."""
    with claims.told_in_failure(context.store, context.layout.feature_set_folder(document.name), document.named, _told):
        return _run(document, context)


def _run(document: MaterializeDocument, context: Context) -> Result:
    form, objects = source.find(context.store, document.spec.source)
    inputs = inputs_of(document, form, objects)
    digest = manifests.digest_of(inputs)
    wanted = source.Wanted(digest, context.layout.feature_set(document.name, digest), inputs, form, objects)
    log.info("materialize.source", objects=len(objects), bytes=sum(each.size for each in objects), digest=digest)
    if found := manifests.find(context.store, wanted.root):
        return _answer(document, context, *found)
    return _answer(document, context, *manifests.commit(context.store, wanted.root, _make(document, context, wanted)))


def inputs_of(document: MaterializeDocument, form: source.Format, objects: list[ObjectInfo]) -> dict[str, Any]:
    """What the digest covers: what was written, without defaults; code by its text, not by the name of the ConfigMap that holds it."""
    spec = document.spec
    definition = spec.model_dump(mode="json", by_alias=True, exclude_defaults=True, include=DEFINITION)
    promised = [each.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude={"description"}) for each in spec.columns]
    return {
        "method": METHOD_VERSION,
        "definition": definition | {"format": form, "schema": promised, "transform": _way(document)},
        "objects": source.fingerprint(objects),
    }


def _way(document: MaterializeDocument) -> dict[str, str]:
    way = document.spec.transform
    if way is None:
        return {}
    return {"sql": way.sql} if way.sql else {"code": document.code_digest, "function": way.python.function if way.python else ""}


def _make(document: MaterializeDocument, context: Context, wanted: source.Wanted) -> Manifest:
    spec, progress = document.spec, context.progress
    progress.update(2, f"reading {len(wanted.objects)} files")
    staged = reading.stage(context.store, wanted.objects, wanted.form, context.scratch / "source", progress.part(2, 25))
    with engine.opened(context.scratch) as database:
        progress.update(25, "reading rows")
        table = reading.load(database, staged, wanted.form)
        progress.update(45, f"transforming {table.rows} rows")
        table = _transformed(document, context, wanted.root, database, table)
        require(spec, table.names)
        table = checking.settle_times(database, spec.timestamp, table)
        _created_is_a_time(spec, table)
        progress.update(65, f"checking {table.rows} rows")
        schema.hold(database, spec.columns, table)
        facts = _facts(spec, table, database)
        progress.update(75, "writing rows")
        files = parts.write(database, table, context.scratch)
    progress.update(85, "writing to the object store")
    stored = [manifests.upload_file(context.store, wanted.root, f"{context.pod.uid}/{each.name}", each) for each in files]
    by = CreatedBy(verb="materialize", image=context.image, versions=_versions())
    return Manifest(kind="FeatureSet", name=document.name, digest=wanted.digest, inputs=wanted.inputs, files=stored, facts=facts, created_by=by)


def _transformed(document: MaterializeDocument, context: Context, root: str, database: engine.Engine, table: reading.Table) -> reading.Table:
    """What a person's function raises is kept whole, beside where the version would have been."""
    try:
        return transforming.transform(database, document, table)
    except UserFault as fault:
        if fault.__cause__ is None or not (document.spec.transform and document.spec.transform.python):
            raise
        uri = f"{root}/failure/{context.pod.uid}.txt"
        context.store.put(uri, "".join(traceback.format_exception(fault.__cause__)).encode())
        raise UserFault(Reason.TRANSFORM_FAILED, f"{fault.result.message.rstrip('.')}. The whole traceback is in {uri}.", uri=uri) from fault.__cause__


def require(spec: FeatureSetSpec, names: list[str]) -> None:
    """Every column that the spec names is there after the transform, or ColumnMissing with the field that names it."""
    entities = [(f"spec.entities[{n}]", each) for n, each in enumerate(spec.entities)]
    promised = [(f"spec.schema[{n}].name", each.name) for n, each in enumerate(spec.columns)]
    for field, wanted in [*entities, ("spec.timestamp", spec.timestamp), ("spec.created", spec.created), *promised]:
        if wanted is not None:
            columns.require_one(field, wanted, names)
    if not set(names) - {*spec.entities, spec.timestamp, spec.created}:
        raise UserFault(Reason.TRANSFORM_FAILED, "spec.entities: besides keys and times there is no column left that could be a feature.")


def _created_is_a_time(spec: FeatureSetSpec, table: reading.Table) -> None:
    if spec.created and (column := table.column(spec.created)).type != "datetime":
        raise UserFault(
            Reason.BAD_TIMESTAMP, f"spec.created: column {column.name} holds {column.note or column.dtype}, not times; write them like 2013-01-31T05:00:00Z."
        )


def _facts(spec: FeatureSetSpec, table: reading.Table, database: engine.Engine) -> dict[str, Any]:
    """All that a join and a reader must know; descriptions stand beside their columns."""
    words = {each.name: each.description for each in spec.columns if each.description}
    latest = parts.latest(database, spec.timestamp)
    facts: dict[str, Any] = spec.model_dump(mode="json", by_alias=True, include=DEFINITION)
    facts |= {"rows": table.rows, "latestEventAt": f"{latest.isoformat()}Z", "dropped": [{"name": column, "why": why} for column, why in table.dropped]}
    described = writing.column_facts(database, spec.timestamp, table)
    return facts | {"columns": [each | ({"description": words[each["name"]]} if each["name"] in words else {}) for each in described]}


def _versions() -> dict[str, str]:
    import duckdb

    return {"duckdb": duckdb.__version__, "python": sys.version.split()[0]}


def _answer(document: MaterializeDocument, context: Context, manifest: Manifest, manifest_digest: str) -> Result:
    """The committed version under its number; `Created` when the number was taken just now."""
    folder = context.layout.feature_set_folder(document.name)
    version, created = claims.claim(context.store, folder, manifest.digest)
    made = Reason.CREATED_VERSION.say(version=version, rows=manifest.facts["rows"], digest=manifest.digest[:12])
    context.progress.update(100, made)
    answer = Result(
        outcome="Succeeded",
        reason=Reason.CREATED_VERSION.value if created else Reason.UNCHANGED.value,
        message=made if created else Reason.UNCHANGED.say(version=version),
        uri=context.layout.feature_set(document.name, manifest.digest),
        manifest_digest=manifest_digest,
        facts=_told(manifest, version),
    )
    return answer.with_found(claims.found(context.store, folder, document.named, _told))


def _told(manifest: Manifest, version: int) -> dict[str, str]:
    """What a status shows of a version."""
    digests = {"definitionDigest": manifests.digest_of(manifest.inputs["definition"]), "sourceDigest": manifests.digest_of(manifest.inputs["objects"])}
    facts = {"version": version, "digest": manifest.digest, "rows": manifest.facts["rows"], "latestEventAt": manifest.facts["latestEventAt"], **digests}
    facts |= {"createdAt": manifest.created_at.isoformat().replace("+00:00", "Z"), "size": manifest.size()}
    return {key: str(value) for key, value in facts.items()}
