"""A dataset version in memory: its manifest verified, every file checked, columns given their roles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from trimtab.api.documents import DatasetPointer
from trimtab.api.reasons import Reason
from trimtab.jobs.errors import UserFault
from trimtab.jobs.training.fit import Rows
from trimtab.jobs.training.roles import ClassName, Roles, frame, labels, roles_of, times
from trimtab.jobs.training.said import all_classes
from trimtab.store.client import Store
from trimtab.store.manifest import Manifest, fetch, read

SPLITS = ("train", "validation", "test")
PROFILE = "profile.json"


@dataclass(frozen=True)
class Data:
    """What training needs of a dataset version; `tables` are the splits with all their columns, for slices."""

    pointer: DatasetPointer
    facts: Mapping[str, Any]
    roles: Roles
    rows: Mapping[str, Rows]
    tables: Mapping[str, pd.DataFrame]
    profile: bytes | None

    @property
    def classes(self) -> tuple[ClassName, ...]:
        """Every class that occurs anywhere; empty for regression."""
        return () if self.roles.task == "regression" else all_classes(*(part.y for part in self.rows.values()))

    @property
    def trained_until(self) -> str | None:
        """Time of the newest row that training has seen, validation included; None without a timestamp."""
        return self._newest("train", "validation")

    @property
    def data_until(self) -> str | None:
        """Time of the newest row that there was, test rows included; None without a timestamp."""
        return self._newest(*SPLITS)

    def _newest(self, *splits: str) -> str | None:
        seen = [self.rows[name].times for name in splits if self.rows[name].times is not None and len(self.rows[name])]
        return f"{max(each.max() for each in seen).astype('datetime64[us]')}Z" if seen else None

    def remarks(self) -> list[str]:
        """What was left out, one sentence each."""
        return [f"Column {name} is not a model input: {reason}." for name, reason in self.roles.left_out.items()]


def load(store: Store, pointer: DatasetPointer, folder: Path) -> Data:
    """Fetch and check the version that the document points to."""
    manifest = read(store, pointer.uri, pointer.manifest_digest)
    tables = {name: pd.read_parquet(fetch(store, pointer.uri, manifest, f"{name}.parquet", folder / f"{name}.parquet")) for name in SPLITS}
    profile = fetch(store, pointer.uri, manifest, PROFILE, folder / PROFILE).read_bytes() if _has(manifest, PROFILE) else None
    return arranged(pointer, manifest.facts, tables, profile)


def arranged(pointer: DatasetPointer, facts: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], profile: bytes | None) -> Data:
    """Tables with roles given to their columns."""
    roles = roles_of(facts, tables["train"])
    rows = {name: Rows(frame(table, roles), labels(table, roles), times(table, roles)) for name, table in tables.items()}
    _require_something_to_learn(rows, roles, pointer.name)
    return Data(pointer, facts, roles, rows, tables, profile)


def _require_something_to_learn(rows: Mapping[str, Rows], roles: Roles, name: str) -> None:
    if empty := [split for split in SPLITS if not len(rows[split])]:
        raise UserFault(Reason.TRAINING_FAILED, f"spec.dataset: {name} has no rows in {' and '.join(empty)}; add rows, or change spec.split of the Dataset.")
    if roles.task == "classification" and len(found := np.unique(rows["train"].y)) < 2:
        raise UserFault(
            Reason.LABEL_CONSTANT,
            f"spec.dataset: the training rows of {name} have the one label {found[0]}; the others came later or are too few. Add rows, or change spec.split of the Dataset.",
        )


def nullable(columns: Sequence[str], rows: Mapping[str, Rows], missing: str) -> set[str]:
    """Columns with a value missing in any row that training saw."""
    parts = [rows["train"].X, rows["validation"].X]
    return {name for name in columns if any((part[name].isna() | (part[name] == missing)).any() for part in parts)}


def _has(manifest: Manifest, name: str) -> bool:
    return any(each.path.rpartition("/")[2] == name for each in manifest.files)
