"""Run a verb of the worker as its pod would: document and store settings in the environment, result and exit code out."""

import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from support.object_store import ObjectStore
from trimtab.api.dataset import DatasetSpec
from trimtab.api.documents import DOCUMENT_VARIABLE, FeaturePointer, GcDocument, MaterializeDocument, Result, SnapshotDocument
from trimtab.api.featureset import FeatureSetSpec
from trimtab.api.termination import LOG_VARIABLE
from trimtab.jobs import run

OPERATOR = Path(__file__).parents[2] / "operator"


@dataclass(frozen=True)
class Worker:
    """One namespace's worker; every call is a pod of its own."""

    objects: ObjectStore
    bucket: str
    prefix: str = "team"

    @property
    def source(self) -> str:
        return f"s3://{self.bucket}/source/"

    def put(self, name: str, content: bytes | str) -> None:
        self.objects.store(self.bucket).put(f"{self.source}{name}", content.encode() if isinstance(content, str) else content)

    def snapshot(
        self,
        spec: dict[str, Any] | None = None,
        *,
        name: str = "flights",
        pod: str = "",
        features: Sequence[FeaturePointer] = (),
        newest: str = "",
        named: Sequence[int] = (),
        **environment: str,
    ) -> tuple[int, Result]:
        """A spec without a source is about everything that was `put`."""
        return self._run(self._snapshot(spec or {}, name, features, newest, named), pod, environment)

    def materialize(
        self, spec: dict[str, Any] | None = None, *, name: str = "weather", code_digest: str = "", pod: str = "", named: Sequence[int] = ()
    ) -> tuple[int, Result]:
        """A FeatureSet of the airports' weather, about everything that was `put`, unless the spec says otherwise."""
        given = {"entities": ["origin"], "timestamp": "time", "source": {"uri": self.source}} | (spec or {})
        document = MaterializeDocument(
            namespace=self.prefix, name=name, uid="u", spec=FeatureSetSpec.model_validate(given), code_digest=code_digest, named=list(named)
        )
        return self._run(document.model_dump_json(by_alias=True), pod, {})

    def container(self, spec: dict[str, Any], folder: Path) -> tuple[int, Result | None]:
        """The same in a process of its own, started as the image starts it; the result is read from its termination message."""
        message = folder / "termination-log"
        env = self._environment(self._snapshot(spec, "flights"), "") | {
            LOG_VARIABLE: str(message),
            "TMPDIR": str(folder),
            "PYTHONPATH": str(OPERATOR),
        }
        ended = subprocess.run([sys.executable, "-m", "trimtab.jobs"], env={**os.environ, **env}, check=False, stdout=subprocess.DEVNULL)
        return ended.returncode, Result.decode(message.read_text())

    def collect(self, keep: list[str], *, name: str = "flights", kind: Literal["datasets", "featuresets"] = "datasets") -> tuple[int, Result]:
        return self._run(GcDocument(namespace=self.prefix, name=name, uid="u", keep=keep, kind=kind).model_dump_json(by_alias=True), "", {})

    def _snapshot(self, spec: dict[str, Any], name: str, features: Sequence[FeaturePointer] = (), newest: str = "", named: Sequence[int] = ()) -> str:
        wanted = DatasetSpec.model_validate({"source": {"uri": self.source}, **spec})
        document = SnapshotDocument(namespace=self.prefix, name=name, uid="u", spec=wanted, features=list(features), newest=newest, named=list(named))
        return document.model_dump_json(by_alias=True)

    def _environment(self, document: str, pod: str) -> dict[str, str]:
        pod_fields = {"TRIMTAB_METRICS_PORT": "0", "POD_UID": pod or str(uuid.uuid4()), "POD_NAMESPACE": self.prefix}
        return self.objects.environment(self.bucket, prefix=self.prefix) | pod_fields | {DOCUMENT_VARIABLE: document}

    def _run(self, document: str, pod: str, environment: dict[str, str]) -> tuple[int, Result]:
        result, code = run.answer(self._environment(document, pod) | environment)
        return code, result


def table(rows: int, row: Callable[[int], dict[str, object]]) -> str:
    """CSV of that many rows, numbered from 0."""
    lines = [row(number) for number in range(rows)]
    return "\n".join([",".join(lines[0]), *(",".join(str(value) for value in line.values()) for line in lines)]) + "\n"
