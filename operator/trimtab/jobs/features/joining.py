"""What `snapshot` joins: for each FeatureSet that a Dataset names, its version fetched, checked against the rows, and laid beside them.

The version says itself how it is joined (keys, times, delay, ttl): its manifest is the truth, whatever its FeatureSet says by
now. What cannot be joined is refused with the field that asks for it, before a row is joined.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from trimtab.api.base import seconds
from trimtab.api.dataset import Features, Join
from trimtab.api.documents import FeaturePointer, SnapshotDocument
from trimtab.api.reasons import Reason
from trimtab.jobs.context import Context
from trimtab.jobs.dataset import checking, columns
from trimtab.jobs.dataset.columns import Column
from trimtab.jobs.dataset.engine import Engine, name, text
from trimtab.jobs.dataset.reading import Table
from trimtab.jobs.errors import UserFault
from trimtab.jobs.features import asof
from trimtab.jobs.features.asof import Match
from trimtab.jobs.progress import Part
from trimtab.store import manifest as manifests
from trimtab.store.client import Store
from trimtab.store.manifest import Manifest


@dataclass(frozen=True)
class Offer:
    """One FeatureSet as it is joined: `field` of the spec asks for `wanted`; `columns` maps names there to columns here."""

    field: str
    pointer: FeaturePointer
    manifest: Manifest
    wanted: tuple[Column, ...]

    @property
    def facts(self) -> dict[str, Any]:
        return self.manifest.facts

    @property
    def match(self) -> Match:
        """Keys are named alike on both sides."""
        delay, ttl = self.facts.get("publishDelay") or "0s", self.facts.get("ttl")
        keys = tuple((each, each) for each in self.facts["entities"])
        return Match(keys, "", self.facts["timestamp"], self.facts.get("created"), seconds(delay), seconds(ttl) if ttl else None)


@dataclass(frozen=True)
class Joined:
    """What was joined, in the order of spec.features, and how that went."""

    offers: tuple[Offer, ...]
    quality: Join


def join(engine: Engine, context: Context, document: SnapshotDocument, table: Table, progress: Part) -> tuple[Table, Joined | None]:
    """`data` with the columns of every FeatureSet that spec.features names, and how that went; as it is where it names none."""
    if not document.features:
        return table, None
    timestamp = document.spec.timestamp or ""
    columns.require_one("spec.timestamp", timestamp, table.names)
    table = checking.settle_times(engine, timestamp, table)
    offers = _offers(context.store, document, table)
    joined = []
    for number, offer in enumerate(offers):
        progress.reach(number / len(offers), f"joining FeatureSet {offer.pointer.name} version {offer.pointer.version} to {table.rows} rows")
        joined.append(matched(engine, context.store, offer, context.scratch / "features" / str(number), rows="data", timestamp=timestamp))
    quality = asof.quality(engine, "data", joined)
    asof.beside(engine, "data", joined)
    wide = replace(table, columns=(*table.columns, *(column for offer in offers for column in offer.wanted)))
    went = Join(rows_in=quality.rows_in, rows_out=quality.rows_out, null_percent=f"{quality.null_percent:g}", stale_percent=f"{quality.stale_percent:g}")
    return wide, Joined(tuple(offers), went)


def offered(store: Store, document: SnapshotDocument) -> set[str]:
    """Columns that the join will give, as far as they are there."""
    pairs = [(asked, manifests.read(store, pointer.uri, pointer.manifest_digest).facts) for asked, pointer in _pairs(document)]
    return {column for asked, facts in pairs for column in asked.columns or features_of(facts)}


def features_of(facts: dict[str, Any]) -> list[str]:
    """All columns of a version that are neither keys nor times."""
    not_features = {*facts["entities"], facts["timestamp"], facts.get("created")}
    return [each["name"] for each in facts["columns"] if each["name"] not in not_features]


def _offers(store: Store, document: SnapshotDocument, table: Table) -> list[Offer]:
    """What every FeatureSet gives; the first that cannot be joined is refused."""
    offers: list[Offer] = []
    taken = set(table.names)
    for number, (asked, pointer) in enumerate(zip(document.spec.features, document.features, strict=True)):
        offer = _offer(f"spec.features[{number}]", asked, pointer, manifests.read(store, pointer.uri, pointer.manifest_digest))
        _keys_fit(offer, table)
        _times_fit(offer, table.column(document.spec.timestamp or ""))
        for column in offer.wanted:
            if column.name in taken:
                raise UserFault(Reason.COLUMN_TAKEN, Reason.COLUMN_TAKEN.say(field=offer.field, column=column.name))
            taken.add(column.name)
        offers.append(offer)
    return offers


def _offer(field: str, asked: Features, pointer: FeaturePointer, manifest: Manifest) -> Offer:
    facts = manifest.facts
    features = features_of(facts)
    for place, column in enumerate(asked.columns or []):
        columns.require_one(f"{field}.columns[{place}]", column, features)
    return Offer(field, pointer, manifest, tuple(column_of(facts, each) for each in asked.columns or features))


def column_of(facts: dict[str, Any], column: str) -> Column:
    """A column of a version, as its manifest describes it."""
    found = next(each for each in facts["columns"] if each["name"] == column)
    return Column(column, found["type"], found["dtype"], zoned=found.get("zoned", False))


def _keys_fit(offer: Offer, table: Table) -> None:
    """The rows have every key, of the same type: `7` and 7.0 and "7" are three different things."""
    theirs = {each["name"]: each["dtype"] for each in offer.facts["columns"]}
    for key in offer.facts["entities"]:
        columns.require_one(f"{offer.field}: FeatureSet {offer.pointer.name} is joined by {key}", key, table.names)
        ours = table.column(key).dtype
        if ours != theirs[key]:
            said = Reason.KEY_TYPES_DIFFER.say(field=offer.field, name=offer.pointer.name, column=key, theirs=theirs[key], ours=ours)
            raise UserFault(Reason.KEY_TYPES_DIFFER, said)


def _times_fit(offer: Offer, ours: Column) -> None:
    """Both say their time zone, or neither does: hours of difference would make the future look like the past."""
    theirs = column_of(offer.facts, offer.facts["timestamp"])
    if ours.zoned == theirs.zoned:
        return
    with_zone, without = (ours.name, f"{theirs.name} of FeatureSet {offer.pointer.name}")
    if not ours.zoned:
        with_zone, without = without, with_zone
    detail = f"the times of {with_zone} say their time zone and those of {without} do not; write both with a zone (2013-01-31T05:00:00Z), or both without."
    raise UserFault(Reason.BAD_TIMESTAMP, Reason.BAD_TIMESTAMP.say(detail=detail))


def matched(engine: Engine, store: Store, offer: Offer, folder: Path, *, rows: str, timestamp: str) -> str:
    """The table of one FeatureSet's values, a row for each of `rows`, which has its keys under their names; its files are gone again afterwards."""
    features, joined = f"__trimtab_features_{folder.name}", f"__trimtab_joined_{folder.name}"
    folder.mkdir(parents=True)
    files = [_fetched(store, offer, each.path, folder) for each in offer.manifest.files]
    needed = dict.fromkeys([*offer.facts["entities"], offer.facts["timestamp"], offer.facts.get("created"), *(each.name for each in offer.wanted)])
    taken = ", ".join(name(each) for each in needed if each)
    paths = ", ".join(text(str(each)) for each in files)
    engine.execute(f"CREATE TABLE {features} AS SELECT {taken} FROM read_parquet([{paths}])")
    for each in files:
        each.unlink()
    match = replace(offer.match, timestamp=timestamp)
    asof.join(engine, rows, features, match, columns={each.name: each.name for each in offer.wanted}, to=joined)
    engine.execute(f"DROP TABLE {features}")
    return joined


def _fetched(store: Store, offer: Offer, path: str, folder: Path) -> Path:
    return manifests.fetch(store, offer.pointer.uri, offer.manifest, path, folder / path.rpartition("/")[2])


def facts(joined: Joined | None) -> dict[str, Any]:
    """What a dataset version's manifest says of its features; nothing where it has none."""
    if joined is None:
        return {}
    versions = [
        {
            **each.pointer.model_dump(include={"name", "version", "digest"}),
            "entities": each.facts["entities"],
            "columns": [column.name for column in each.wanted],
        }
        for each in joined.offers
    ]
    return {"features": versions, "join": joined.quality.model_dump(mode="json", by_alias=True)}


def inputs(document: SnapshotDocument) -> dict[str, Any]:
    """What the digest of a dataset version covers of its features; nothing where it has none, as before there were any."""
    listed = [{"featureSet": asked.feature_set, "columns": asked.columns, "digest": pointer.digest} for asked, pointer in _pairs(document)]
    return {"features": listed} if listed else {}


def _pairs(document: SnapshotDocument) -> list[tuple[Features, FeaturePointer]]:
    return list(zip(document.spec.features, document.features, strict=True))


def only_moved_on(inputs_before: dict[str, Any], inputs_now: dict[str, Any]) -> bool:
    """Whether nothing differs but the versions of the same FeatureSets."""
    return bool(inputs_now.get("features")) and _unversioned(inputs_before) == _unversioned(inputs_now)


def _unversioned(covered: dict[str, Any]) -> dict[str, Any]:
    return covered | {"features": [each | {"digest": ""} for each in covered.get("features", [])]}
