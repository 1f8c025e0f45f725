"""Where something came from and what became of it, as a tree. Pure: of what was listed."""

from trimtab.cli.views.choosing import choose, split
from trimtab.cli.views.family import versions
from trimtab.cli.views.health import Mark, mark
from trimtab.cli.views.listed import Listed, Manifest, Ref, at, ref
from trimtab.cli.views.tree import Node, Tree


def lineage(listed: Listed, text: str) -> Tree:
    """Of `mv/flights-v7`, `dset/flights:3`, `fset/weather:2`, or an object's newest version."""
    kind, name = split(text)
    base, _, number = name.partition(":")
    obj = choose(listed, f"{kind}/{base}" if kind else base)
    nodes = {"ModelVersion": _of_version, "Dataset": _of_data, "FeatureSet": _of_data}.get(obj["kind"], _of_rest)(
        listed, obj, int(number) if number.isdigit() else None
    )
    return Tree(f"{text} in namespace {listed.namespace}", nodes, at_rest=True, names=(str(ref(obj)),))


Nodes = tuple[Node, ...]


def _of_rest(listed: Listed, obj: Manifest, number: int | None) -> Nodes:
    """A Deployment: what it serves; a TrainingJob: what it made."""
    if obj["kind"] == "Deployment":
        served = [at(obj, f"status.{role}.version") for role in ("stable", "candidate")]
        found = [each for each in versions(listed, obj["spec"]["model"]) if at(each, "spec.version") in served]
    else:
        found = [each for each in listed.of("ModelVersion") if at(each, "spec.lineage.trainingJob") == obj["metadata"]["name"]]
    return tuple(node for each in found for node in _of_version(listed, each, number))


def _of_version(listed: Listed, obj: Manifest, _: int | None) -> Nodes:
    lineage_ = at(obj, "spec.lineage", {})
    data, features = lineage_.get("dataset"), lineage_.get("featureVersions") or []
    children = (
        [
            Node(
                f"run {lineage_.get('runKey', '')[:8]}",
                Mark.OK,
                f"of tj/{lineage_['trainingJob']}",
                tuple(filter(None, [_short(lineage_.get("gitCommit")), lineage_.get("runURI")])),
            )
        ]
        if lineage_.get("trainingJob")
        else []
    )
    if data:
        children.append(_data(listed, "Dataset", data, tuple(_data(listed, "FeatureSet", each) for each in features)))
    served = tuple(
        Node(f"served by {each['deployment']}", Mark.OK, each["role"], (f"{each['percent']}%",) if each.get("percent") else ())
        for each in at(obj, "status.servedBy", [])
    )
    return (
        Node(
            str(ref(obj)),
            mark(obj),
            f"model {_short(at(obj, 'spec.artifact.manifestDigest'))}",
            (at(obj, "spec.artifact.uri", ""),),
            children=(*children, *served),
        ),
    )


def _data(listed: Listed, kind: str, pointer: dict[str, object], children: Nodes = ()) -> Node:
    """A version of data: the address where its object still lists it."""
    known = listed.version_of_data(kind, pointer)
    told = (known["uri"],) if known else ("no longer listed",)
    return Node(
        f"{Ref(kind, str(pointer['name']))}:{pointer['version']}",
        Mark.OK if known else Mark.WARNING,
        _short(str(pointer.get("digest"))),
        told,
        children=children,
    )


def _of_data(listed: Listed, obj: Manifest, number: int | None) -> Nodes:
    """Each version, or the one that is meant, with what was made of it."""
    wanted = [each for each in at(obj, "status.versions", []) if number in (None, each["version"])]
    return tuple(_with_consumers(listed, obj, each) for each in wanted)


def _with_consumers(listed: Listed, obj: Manifest, version: dict[str, object]) -> Node:
    kind, name, digest = obj["kind"], obj["metadata"]["name"], version.get("digest")
    models = [each for each in listed.of("ModelVersion") if _cites(each, kind, name, digest)]
    children = [
        Node(
            str(ref(each)),
            mark(each),
            "learned from it",
            tuple(f"{place['role'].lower()} of {place['deployment']}" for place in at(each, "status.servedBy", [])),
        )
        for each in models
    ]
    if kind == "FeatureSet":
        users = [
            (each, one)
            for each in listed.of("Dataset")
            for one in at(each, "status.versions", [])
            if any(f["name"] == name and f["digest"] == digest for f in one.get("featureVersions") or [])
        ]
        children = [Node(f"{ref(each)}:{one['version']}", Mark.OK, "joined it") for each, one in users] + children
    made_of = [Node(f"{Ref('FeatureSet', f['name'])}:{f['version']}", Mark.OK, "joined", (_short(f.get("digest")),)) for f in _features(version)]
    return Node(
        f"{ref(obj)}:{version['version']}",
        Mark.OK,
        _short(str(digest)),
        (str(version.get("uri", "")), str(version.get("createdAt", ""))),
        children=(*made_of, *children),
    )


def _features(version: dict[str, object]) -> list[dict[str, str]]:
    found = version.get("featureVersions")
    return found if isinstance(found, list) else []


def _cites(version: Manifest, kind: str, name: str, digest: object) -> bool:
    if kind == "Dataset":
        return bool(at(version, "spec.lineage.dataset.name") == name and at(version, "spec.lineage.dataset.digest") == digest)
    return any(each["name"] == name and each["digest"] == digest for each in at(version, "spec.lineage.featureVersions", []))


def _short(digest: str | None) -> str:
    return f"{digest[:12]}" if digest else ""
