"""All that is known of a version of a model, as one archive that somebody else can check. Pure: from objects and files to bytes.

The same objects and files give the same bytes, so that an archive can be compared with one made later.
"""

import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from trimtab.api.base import BLOCKED_PREFIX
from trimtab.api.modelversion import DEPRECATED
from trimtab.cli.render import yaml
from trimtab.cli.views.lineage import lineage
from trimtab.cli.views.listed import Listed, Manifest, at, ref

EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold: when it was made is not part of what it says."""
NOISE = ("managedFields", "resourceVersion")
RECORD = ("record.json", "curves.parquet", "hardware.parquet", "log.txt", "code.tar.gz")
RUN, MANIFEST, DATASET = "run/record.json", "model/manifest.json", "dataset/manifest.json"
MODEL = ("card.html", "signature.json", "profile.json", "golden.json")
"""Of the model's files all but the model itself, which is named by its digest: `trimtab models pull` brings it."""
SUMS = "SHA256SUMS"


def wanted(version: Manifest) -> dict[str, str]:
    """What to fetch from the store first: address -> name in the archive. A run leaves only what it had: the record alone must be there."""
    run = at(version, "spec.lineage.runURI")
    found = {f"{run}/{name}": f"run/{name}" for name in RECORD} if run else {}
    if at(version, "spec.artifact.manifestDigest"):
        found[f"{_root(version)}/manifest.json"] = MANIFEST
    return found


def further(listed: Listed, version: Manifest, fetched: Mapping[str, bytes]) -> dict[str, str]:
    """The same for what the files say that were fetched first: the model's own files, and the dataset version, whether or not it is still listed."""
    paths = [str(each["path"]) for each in json.loads(fetched[MANIFEST])["files"]] if MANIFEST in fetched else []
    found = {f"{_root(version)}/{path}": f"model/{name}" for path in paths if (name := path.rpartition("/")[2]) in MODEL}
    if folder := _dataset_folder(listed, version, fetched):
        found[f"{folder}/manifest.json"] = DATASET
    return found


def gaps(listed: Listed, version: Manifest, fetched: Mapping[str, bytes], sources: Sequence[Mapping[str, Any]]) -> list[str]:
    """What should be known of the version and is not, a sentence each; empty where the chain is whole."""
    needed = wanted(version) | further(listed, version, fetched)
    gone = [uri for uri, name in needed.items() if name not in fetched and not (name.startswith("run/") and name != RUN)]
    found = [f"{needed[uri]}: {uri} is not in the store." for uri in gone]
    data = at(version, "spec.lineage.dataset")
    if data and DATASET not in needed.values():
        cited = f"Dataset {data['name']} no longer lists version {data['version']}, digest {data['digest']}"
        found.append(f"{DATASET}: {cited}, and no run record says where it is.")
    return found + [f"sources.json: {each['uri']} is gone, or is not what was learned from." for each in sources if "sha256" not in each]


def _dataset_folder(listed: Listed, version: Manifest, fetched: Mapping[str, bytes]) -> str:
    pointer = at(version, "spec.lineage.dataset", {})
    where = listed.version_of_data("Dataset", pointer) or (json.loads(fetched[RUN]).get("dataset", {}) if RUN in fetched else {})
    return str(where.get("uri", "")).rstrip("/") if where.get("digest") == pointer.get("digest") else ""


def _root(version: Manifest) -> str:
    return str(at(version, "spec.artifact.uri", "")).rstrip("/")


def files(listed: Listed, version: Manifest, fetched: Mapping[str, bytes], sources: Sequence[Mapping[str, Any]]) -> dict[str, bytes]:
    """The archive's files by name; `sources` are the files that the dataset was made of, with their sha256 where they still are what they were."""
    served = {str(ref(each)): history for each in listed.of("Deployment") if (history := _history(each, version))}
    told = {
        "modelversion.yaml": yaml.dump(_without_noise(version)).encode(),
        "gates.json": _json(at(version, "spec.summary.gates", [])),
        "approval.json": _json(_approval(version)),
        "serving.json": _json({"now": at(version, "status.servedBy", []), "history": served}),
        "lineage.json": _json(lineage(listed, str(ref(version))).data()),
        "sources.json": _json(list(sources)),
        **fetched,
    }
    told["README.txt"] = _readme(version, told, gaps(listed, version, fetched, sources)).encode()
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(told.items()))
    return told | {SUMS: sums.encode()}


def archive(found: Mapping[str, bytes]) -> bytes:
    """
    >>> archive({"b": b"2", "a": b"1"}) == archive({"a": b"1", "b": b"2"})
    True
    """
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as whole:
        for name, content in sorted(found.items()):
            entry = zipfile.ZipInfo(name, EPOCH)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            whole.writestr(entry, content)
    return buffer.getvalue()


def _without_noise(version: Manifest) -> Manifest:
    return {**version, "metadata": {key: value for key, value in version["metadata"].items() if key not in NOISE}}


def _approval(version: Manifest) -> dict[str, Any]:
    annotations = at(version, "metadata.annotations", {})
    return {
        "approval": at(version, "spec.approval", "Pending"),
        "approvedBy": at(version, "spec.approvedBy", ""),
        "deprecated": at(version, "spec.deprecated.reason") or annotations.get(DEPRECATED, ""),
        "blocked": {key.removeprefix(BLOCKED_PREFIX): why for key, why in annotations.items() if key.startswith(BLOCKED_PREFIX)},
    }


def _history(deployment: Manifest, version: Manifest) -> list[Manifest]:
    """When clients of a Deployment of this model got its answers: from, and until when, as far back as its status remembers."""
    if at(deployment, "spec.model") != at(version, "spec.model"):
        return []
    entries = at(deployment, "status.history", [])
    ends = [*(each["since"] for each in entries), None][1:]
    number = at(version, "spec.version")
    return [{"since": each["since"], "until": end} for each, end in zip(entries, ends, strict=True) if each["version"] == number]


def _json(value: Any) -> bytes:
    return (json.dumps(value, indent=1, sort_keys=True, default=str) + "\n").encode()


ABOUT = {
    "modelversion.yaml": "the registered version: parameters, metrics, lineage, digests, conditions",
    "gates.json": "the tests that it had to pass, each with its value, bound and outcome",
    "approval.json": "who approved or rejected it; where it is blocked or deprecated, and why",
    "serving.json": "where it serves now, and when it answered clients (a Deployment remembers its last 20 changes)",
    "lineage.json": "what it was made of: run, dataset version, feature versions",
    "sources.json": "the files that the dataset was made of, with sha256 (without, where a file is not what it was)",
    "model/card.html": "the model card",
    "model/manifest.json": "sha256 of each of the model's files; its own is spec.artifact.manifestDigest",
    "model/signature.json": "its inputs and outputs, with types",
    "model/profile.json": "how the training data were distributed, by day",
    "model/golden.json": "examples whose answers it must give again",
    "run/record.json": "the run record: seeds, parameters, metrics, code, libraries, hardware",
    "run/curves.parquet": "learning curves",
    "run/hardware.parquet": "what the run cost the machine, over time",
    "run/log.txt": "the end of what the run printed",
    "run/code.tar.gz": "the person's own code, as it ran",
    "dataset/manifest.json": "the dataset version: files, split, schema, validation",
}


def _readme(version: Manifest, told: Mapping[str, bytes], missing: Sequence[str]) -> str:
    name = version["metadata"]["name"]
    rows = "".join(f"  {file:24} {ABOUT[file]}\n" for file in ABOUT if file in told)
    whole = (
        "Nothing that should be here is missing." if not missing else "Missing, so that the chain is not whole:\n" + "".join(f"  {each}\n" for each in missing)
    )
    checks = "".join(f"  {command}\n      {what}\n" for command, what in _checks(version, told))
    return f"Evidence for model version {name}\n\n{rows}\n{whole.rstrip()}\n\nTo check:\n{checks}"


def _checks(version: Manifest, told: Mapping[str, bytes]) -> Iterator[tuple[str, str]]:
    """Commands that somebody else can run, and what must come out; only of what this archive holds."""
    name, artifact = version["metadata"]["name"], at(version, "spec.artifact", {})
    yield f"sha256sum --check {SUMS}", "nothing in this archive was changed since it was made"
    if MANIFEST in told:
        yield f"sha256sum {MANIFEST}", f"must be {artifact['manifestDigest']}, which the ModelVersion has pinned since it was registered"
    if artifact.get("manifestDigest"):
        yield f"trimtab models pull {name} DIR", "fetches the model itself and checks every file against that manifest"
    elif artifact.get("sha256"):
        yield f"sha256sum of {artifact.get('uri')}", f"must be {artifact['sha256']}: the model was brought as this one file, and has no run here"
    if json.loads(told["sources.json"]):
        yield "sha256sum of a file named in sources.json", "must be what stands there: the data are those that were learned from"
