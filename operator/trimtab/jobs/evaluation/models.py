"""A version as an evaluation needs it: what it takes, what it promised, what it learned from; and the model itself, asked again.

Read from the store by the pointer that its ModelVersion holds, nothing before its digest is right. A model that a person
brought is one file: it promised nothing and has no profile, but it can be asked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from trimtab.api.evaluation import ModelPointer
from trimtab.jobs.evaluation import brought
from trimtab.jobs.training import predictor
from trimtab.jobs.training.predictor import Predictor
from trimtab.stats.metrics import Task
from trimtab.stats.skill import Interval
from trimtab.store.client import Store
from trimtab.store.errors import DigestMismatch
from trimtab.store.manifest import Manifest, fetch, read
from trimtab.store.model import GOLDEN_FILE, PROFILE_FILE, SIGNATURE_FILE, Golden, Input, Output, Signature

TOLERANCE = 1e-5
"""Of a model without golden examples: what float32 leaves of a probability."""


@dataclass(frozen=True)
class Model:
    """One version. `digest` is what serving writes into its log; `facts` are its manifest's."""

    pointer: ModelPointer
    digest: str
    signature: Signature
    facts: Mapping[str, Any]
    profile: Mapping[str, Any] | None
    tolerance: float
    store: Store
    folder: Path
    manifest: Manifest | None = None

    @property
    def inputs(self) -> list[Input]:
        return self.signature.inputs

    @property
    def task(self) -> Task:
        return self.signature.task or ("regression" if len(self.outputs) == 1 and self.outputs[0].datatype.startswith("FP") else "classification")

    @property
    def outputs(self) -> list[Output]:
        return self.signature.outputs

    @property
    def classes(self) -> tuple[str, ...]:
        """As text, in the order of the columns of a probability; empty where the model does not say."""
        named = next((each.classes for each in self.outputs if each.classes), None) or self.facts.get("classes") or ()
        return tuple(map(str, named))

    @property
    def promised(self) -> Interval | None:
        """Skill on the test rows at registration."""
        found = self.facts.get("skill") or {}
        if "estimate" not in found:
            return None
        return Interval(found["estimate"], found.get("lower", -np.inf), found.get("upper", np.inf), int(found.get("blocks", 0)))

    @property
    def learned_rows(self) -> int:
        """Labelled rows that it learned from; 0 where that is not known."""
        return int((self.facts.get("trainer") or {}).get("rows") or 0)

    @cached_property
    def predict(self) -> Predictor:
        """The model, its file verified; DigestMismatch where it is not the one that was registered."""
        if self.manifest is not None:
            return predictor.fetched(self.store, self.pointer.uri, self.manifest, self.folder)
        return brought.load(self.folder / _file_name(self.pointer), self.signature)


def opened(store: Store, pointer: ModelPointer, folder: Path) -> Model:
    """Everything but the model itself, which is fetched when it is asked."""
    folder.mkdir(parents=True, exist_ok=True)
    return _registered(store, pointer, folder) if pointer.manifest_digest else _brought(store, pointer, folder)


def _registered(store: Store, pointer: ModelPointer, folder: Path) -> Model:
    manifest = read(store, pointer.uri, pointer.manifest_digest)
    signature = Signature.model_validate_json(fetch(store, pointer.uri, manifest, SIGNATURE_FILE, folder / SIGNATURE_FILE).read_bytes())
    golden = Golden.model_validate_json(fetch(store, pointer.uri, manifest, GOLDEN_FILE, folder / GOLDEN_FILE).read_bytes())
    named = {each.path.rpartition("/")[2] for each in manifest.files}
    profile = _json(fetch(store, pointer.uri, manifest, PROFILE_FILE, folder / PROFILE_FILE)) if PROFILE_FILE in named else None
    return Model(pointer, manifest.digest, signature, manifest.facts, profile or None, golden.tolerance, store, folder, manifest)


def _brought(store: Store, pointer: ModelPointer, folder: Path) -> Model:
    path = folder / _file_name(pointer)
    found = store.download(pointer.uri, path)
    if found != pointer.sha256:
        raise DigestMismatch(pointer.uri, pointer.sha256, found)
    return Model(pointer, found, brought.signature_of(path), {}, None, TOLERANCE, store, folder)


def _json(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_bytes())
    return content


def _file_name(pointer: ModelPointer) -> str:
    return f"brought.{pointer.format or pointer.uri.rpartition('.')[2]}"
