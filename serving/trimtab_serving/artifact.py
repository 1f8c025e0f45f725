"""From a pointer to verified files in a folder of ours: nothing is parsed or loaded before its sha256 is right.

Two kinds of pointers: a folder with a manifest, whose own sha256 the ModelVersion pins, and one file that a person
brought, pinned by the file's sha256. What is in the files is `model`'s business.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import orjson
import structlog
from pydantic import BaseModel, ValidationError

from trimtab.api.modelversion import Artifact
from trimtab.stats.profiles import Profile
from trimtab.store import manifest as manifests
from trimtab.store.client import Store, sha256_of
from trimtab.store.errors import DigestMismatch
from trimtab.store.model import GOLDEN_FILE, PROFILE_FILE, SIGNATURE_FILE, Format, Golden, Signature
from trimtab_serving.errors import ModelFault

FORMATS: tuple[Format, ...] = ("onnx", "skops")

Part = TypeVar("Part", bound=BaseModel)

log = structlog.get_logger()


@dataclass(frozen=True)
class Files:
    """A model's files, as committed. Signature and golden examples are absent for a model that was brought."""

    model: Path
    format: Format
    digest: str
    signature: Signature | None = None
    golden: Golden | None = None
    profile: Profile | None = None
    """Of the data that the model was trained on; only models of our own training have one."""


def download(artifact: Artifact, store: Store, folder: Path) -> Files:
    """Copy the artifact into the folder and verify it, byte for byte."""
    if artifact.manifest_digest:
        return _from_manifest(artifact, artifact.manifest_digest, store, folder)
    return _from_file(artifact, artifact.sha256 or "", store, folder)


def local(folder: Path) -> Files:
    """A folder on this machine; nothing pins it, so its digest is simply what is there."""
    found = [(folder / f"model.{format_}", format_) for format_ in FORMATS if (folder / f"model.{format_}").is_file()]
    if not found:
        raise ModelFault(f"{folder} holds neither model.onnx nor model.skops.")
    model, format_ = found[0]
    return Files(model, format_, sha256_of(model), _parse(Signature, folder / SIGNATURE_FILE), _parse(Golden, folder / GOLDEN_FILE))


def _from_manifest(artifact: Artifact, digest: str, store: Store, folder: Path) -> Files:
    manifest = manifests.read(store, artifact.uri, digest)
    names = (f"model.{artifact.format}", SIGNATURE_FILE, GOLDEN_FILE)
    try:
        model, signature, golden = (manifests.fetch(store, artifact.uri, manifest, name, folder / name) for name in names)
        profile = manifests.fetch(store, artifact.uri, manifest, PROFILE_FILE, folder / PROFILE_FILE) if _has_profile(manifest) else None
    except KeyError as error:
        raise ModelFault(str(error.args[0])) from error
    return Files(model, artifact.format, manifest.digest, _parse(Signature, signature), _parse(Golden, golden), _profile(profile))


def _from_file(artifact: Artifact, expected: str, store: Store, folder: Path) -> Files:
    model = folder / f"model.{artifact.format}"
    found = store.download(artifact.uri, model)
    if found != expected:
        model.unlink()
        raise DigestMismatch(artifact.uri, expected, found)
    return Files(model, artifact.format, found)


def _has_profile(manifest: manifests.Manifest) -> bool:
    return any(each.path.rpartition("/")[2] == PROFILE_FILE for each in manifest.files)


def _profile(path: Path | None) -> Profile | None:
    """A profile that this image does not read keeps no model from being served: then its windows have none."""
    if path is None:
        return None
    try:
        return Profile.decode(orjson.loads(path.read_bytes()))
    except (KeyError, TypeError, ValueError) as error:
        log.warning("profile.unreadable", error=f"{type(error).__name__}: {error}")
        return None


def _parse(part: type[Part], path: Path) -> Part | None:
    if not path.is_file():
        return None
    try:
        return part.model_validate_json(path.read_bytes())
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelFault(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from error
