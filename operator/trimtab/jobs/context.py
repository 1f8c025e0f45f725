"""What every verb is handed beside its document: the store, a place in it, a scratch folder, who it is, whom to tell how far it is."""

import os
import socket
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from trimtab.jobs.progress import Progress
from trimtab.store.client import Store
from trimtab.store.layout import Layout


@dataclass(frozen=True)
class Pod:
    """Who runs; `uid` names the folder that nobody else writes to."""

    uid: str
    name: str
    namespace: str
    node: str

    @classmethod
    def from_environment(cls, env: Mapping[str, str] = os.environ) -> "Pod":
        """Outside a cluster the uid is a new one each time and the name is the host's."""
        return cls(
            env.get("POD_UID") or str(uuid.uuid4()),
            env.get("POD_NAME") or socket.gethostname(),
            env.get("POD_NAMESPACE") or "default",
            env.get("NODE_NAME") or socket.gethostname(),
        )


@dataclass(frozen=True)
class Context:
    """One run of one verb."""

    store: Store
    layout: Layout
    progress: Progress
    scratch: Path
    pod: Pod
    image: str = ""
