"""Commit by manifest: files first, `manifest.json` last and only once; without it there is nothing there.

A version's digest is the sha256 of what went into it (`inputs`). Two writers of one digest put their files side by side,
under their pods' uids, and the one whose manifest comes first has won: the other reads the winner's and goes home.
Readers check every byte against the manifest, and the manifest against the digest they were given.
"""

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pydantic import Field

from trimtab.api.base import Status
from trimtab.store.client import Store
from trimtab.store.errors import DigestMismatch, ObjectMissing
from trimtab.store.layout import manifest_uri


class ManifestFile(Status):
    """One file; `path` is relative to the folder of the manifest."""

    path: str
    sha256: str
    size: int


class CreatedBy(Status):
    """Who made it: a worker's verb, its image, and the versions of the libraries that matter."""

    verb: str
    image: str = ""
    versions: dict[str, str] = Field(default_factory=dict)


class Manifest(Status):
    """What lies under one digest, and what it was made of."""

    schema_version: int = Field(1, alias="schema")
    kind: str
    name: str
    digest: str
    inputs: dict[str, Any]
    files: list[ManifestFile]
    facts: dict[str, Any] = Field(default_factory=dict)
    created_by: CreatedBy
    created_at: datetime = Field(default_factory=lambda: datetime.now(UTC).replace(microsecond=0))

    def encode(self) -> bytes:
        return canonical(self.model_dump(mode="json", by_alias=True))

    def file(self, name: str) -> ManifestFile:
        """The file of that path or, without its folder, of that name: `train.parquet`."""
        for each in self.files:
            if name in (each.path, each.path.rpartition("/")[2]):
                return each
        raise KeyError(f"{name} is not in the manifest of {self.name}; its files are {', '.join(each.path for each in self.files)}.")

    def size(self) -> int:
        """Bytes of all files."""
        return sum(each.size for each in self.files)


def canonical(content: Any) -> bytes:
    """JSON that is the same for the same content: keys sorted, no spaces, no NaN."""
    return json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode()


def digest_of(inputs: Any) -> str:
    """sha256 of the canonical JSON, in hex."""
    return hashlib.sha256(canonical(inputs)).hexdigest()


def upload_file(store: Store, root: str, path: str, file: Path) -> ManifestFile:
    """Put a local file at `<root>/<path>`; its entry for the manifest."""
    return ManifestFile(path=path, sha256=store.upload(file, f"{root}/{path}"), size=file.stat().st_size)


def commit(store: Store, root: str, manifest: Manifest) -> tuple[Manifest, str]:
    """Make it so, unless it is so already; the manifest that holds from now on, and its sha256."""
    content = manifest.encode()
    if store.put_if_absent(manifest_uri(root), content):
        return manifest, hashlib.sha256(content).hexdigest()
    return _decode(store.get(manifest_uri(root)))


def find(store: Store, root: str) -> tuple[Manifest, str] | None:
    """The committed manifest and its sha256; None where nothing was committed."""
    try:
        return _decode(store.get(manifest_uri(root)))
    except ObjectMissing:
        return None


def read(store: Store, root: str, manifest_digest: str | None = None) -> Manifest:
    """The committed manifest; with `manifest_digest`, exactly that one or DigestMismatch."""
    manifest, found = _decode(store.get(manifest_uri(root)))
    if manifest_digest and found != manifest_digest:
        raise DigestMismatch(manifest_uri(root), manifest_digest, found)
    return manifest


def fetch(store: Store, root: str, manifest: Manifest, path: str, to: Path) -> Path:
    """Download one file of the manifest (by path, or by name without its folder) to `to`, byte for byte as committed."""
    file = manifest.file(path)
    uri = f"{root.rstrip('/')}/{file.path}"
    found = store.download(uri, to)
    if found != file.sha256:
        to.unlink()
        raise DigestMismatch(uri, file.sha256, found)
    return to


def _decode(content: bytes) -> tuple[Manifest, str]:
    return Manifest.model_validate_json(content), hashlib.sha256(content).hexdigest()
