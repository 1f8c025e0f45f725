"""Run a verb of the worker as its pod would: document and store settings in the environment, result and exit code out."""

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from support.object_store import ObjectStore
from trimtab.api.dataset import DatasetSpec
from trimtab.api.documents import DOCUMENT_VARIABLE, GcDocument, Result, SnapshotDocument
from trimtab.jobs import run


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

    def snapshot(self, spec: dict[str, Any] | None = None, *, name: str = "flights", pod: str = "", **environment: str) -> tuple[int, Result]:
        """A spec without a source is about everything that was `put`."""
        document = SnapshotDocument(
            namespace=self.prefix, name=name, uid="u", spec=DatasetSpec.model_validate({"source": {"uri": self.source}, **(spec or {})})
        )
        return self._run(document.model_dump_json(by_alias=True), pod, environment)

    def collect(self, keep: list[str], *, name: str = "flights") -> tuple[int, Result]:
        return self._run(GcDocument(namespace=self.prefix, name=name, uid="u", keep=keep).model_dump_json(by_alias=True), "", {})

    def _run(self, document: str, pod: str, environment: dict[str, str]) -> tuple[int, Result]:
        env = self.objects.environment(self.bucket, prefix=self.prefix) | {"TRIMTAB_METRICS_PORT": "0", "POD_UID": pod or str(uuid.uuid4())}
        result, code = run.answer(env | {DOCUMENT_VARIABLE: document} | environment)
        return code, result


def table(rows: int, row: Callable[[int], dict[str, object]]) -> str:
    """CSV of that many rows, numbered from 0."""
    lines = [row(number) for number in range(rows)]
    return "\n".join([",".join(lines[0]), *(",".join(str(value) for value in line.values()) for line in lines)]) + "\n"
