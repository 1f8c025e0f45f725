"""How each deed of a plan is done so that doing it twice does no harm, and so that nothing that is another's is touched.

Ours is what carries the wanted owner's uid. What was made for an owner of the same kind, name and run key is ours too:
a TrainingJob that was restored from a dump has a new uid, its ModelVersions have not.
"""

from trimtab.kube.client import Client, Manifest
from trimtab.kube.containment import contained
from trimtab.kube.controller import OWNER_KIND, OWNER_NAME, OWNER_UID
from trimtab.kube.errors import REFUSALS, AlreadyExists, ApiError, Conflict, NameTaken, NotFound, Refused
from trimtab.manifests.labels import RUN_KEY
from trimtab.plans.plan import Apply, Create, Deed, Delete, Patch, Plan

Target = tuple[str, str, str]
"""(plural, namespace, name) of what a deed writes."""


def to_do(plan: Plan) -> tuple[Deed, ...]:
    """The deeds that would change something."""
    return tuple(deed for deed in plan.deeds if not _is_done(deed))


def target(deed: Deed) -> Target:
    if isinstance(deed, Create | Apply):
        return deed.plural, deed.manifest["metadata"].get("namespace", ""), deed.manifest["metadata"]["name"]
    return deed.ref.plural, deed.ref.namespace, deed.ref.name


async def do(client: Client, deed: Deed) -> None:
    """Raises NameTaken where the place is another's, Refused where the server will not have it, Conflict where the world is not as it was seen."""
    try:
        await _do(client, deed)
    except ApiError as error:
        if error.code not in REFUSALS:
            raise
        raise Refused(_kind(deed), target(deed)[2], str(error)) from error


async def _do(client: Client, deed: Deed) -> None:
    match deed:
        case Create():
            await _create(client, deed)
        case Apply():
            await _apply(client, deed)
        case Patch():
            await _patch(client, deed)
        case Delete(ref, propagation):
            await client.delete(ref.api_version, ref.plural, ref.namespace, ref.name, uid=ref.uid or None, propagation=propagation)


def _kind(deed: Deed) -> str:
    return str(deed.manifest["kind"]) if isinstance(deed, Create | Apply) else deed.ref.plural


def _is_done(deed: Deed) -> bool:
    return isinstance(deed, Apply) and deed.observed is not None and is_ours(deed.observed, deed.manifest) and contained(deed.manifest, deed.observed)


async def _create(client: Client, deed: Create) -> None:
    manifest = deed.manifest
    try:
        await client.create(manifest["apiVersion"], deed.plural, manifest)
    except AlreadyExists as error:
        existing = await _live(client, deed)
        if existing is None or existing["metadata"].get("deletionTimestamp"):
            raise Conflict(f"{deed.plural} {manifest['metadata']['name']} is just going") from error
        if not is_ours(existing, manifest):
            raise _refusal(existing, manifest) from error


async def _apply(client: Client, deed: Apply) -> None:
    observed = deed.observed if deed.observed is not None else await _live(client, deed)
    manifest = deed.manifest
    if observed is not None:
        if not is_ours(observed, manifest):
            raise _refusal(observed, manifest)
        if contained(manifest, observed):
            return
        # With its uid the server refuses should it be another object by now.
        manifest = {**manifest, "metadata": {**manifest["metadata"], "uid": observed["metadata"]["uid"]}}
    await client.apply(manifest["apiVersion"], deed.plural, manifest)


async def _patch(client: Client, deed: Patch) -> None:
    ref, body = deed.ref, deed.body
    if ref.uid:
        body = {**body, "metadata": {**body.get("metadata", {}), "uid": ref.uid}}
    try:
        await client.patch(ref.api_version, ref.plural, ref.namespace, ref.name, body)
    except NotFound as error:
        raise Conflict(f"{ref.plural} {ref.name} is gone", code=404) from error


async def _live(client: Client, deed: Create | Apply) -> Manifest | None:
    plural, namespace, name = target(deed)
    return await client.get(deed.manifest["apiVersion"], plural, namespace, name)


def is_ours(existing: Manifest, wanted: Manifest) -> bool:
    has, wants = existing["metadata"].get("labels", {}), wanted["metadata"].get("labels", {})
    if wants.get(OWNER_UID) and has.get(OWNER_UID) == wants[OWNER_UID]:
        return True
    return bool(wants.get(RUN_KEY)) and not _owned(wanted) and all(has.get(label) == wants.get(label) for label in (RUN_KEY, OWNER_KIND, OWNER_NAME))


def _refusal(existing: Manifest, wanted: Manifest) -> Exception:
    meta = existing["metadata"]
    if not _owned(wanted):
        # Names of what outlives its owner are numbers that several owners draw; the loser draws again.
        return Conflict(f"{existing['kind']} {meta['name']} was made by another meanwhile", code=409)
    return NameTaken(existing["kind"], meta["name"], owner_in_words(existing))


def owner_in_words(obj: Manifest) -> str:
    """Whose an object is, for a sentence: `TrainingJob flights (of another uid)`, `somebody else`."""
    labels = obj["metadata"].get("labels", {})
    if labels.get(OWNER_KIND):
        return f"{labels[OWNER_KIND]} {labels.get(OWNER_NAME, '')} (uid {labels.get(OWNER_UID, 'unknown')})"
    owners = obj["metadata"].get("ownerReferences") or [{}]
    return f"{owners[0]['kind']} {owners[0]['name']}" if owners[0] else "somebody else"


def _owned(wanted: Manifest) -> bool:
    return bool(wanted["metadata"].get("ownerReferences"))
