"""End-to-end tests run on a real cluster with real pods: this machine's own (dev/cluster) under a name of its own, so that a
developer's cluster is left alone. It is taken down at the end; TRIMTAB_KEEP_CLUSTER=1 leaves it for a look around."""

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

DEV_CLUSTER = Path(__file__).parents[2] / "dev" / "cluster"
NAME = os.environ.get("TRIMTAB_CLUSTER_NAME") or "trimtab-test"


@dataclass(frozen=True)
class LiveCluster:
    name: str

    def tool(self, *words: str, stdin: str | None = None) -> str:
        """stdout of a verb of dev/cluster; a failure carries what the program said."""
        environment = {**os.environ, "TRIMTAB_CLUSTER_NAME": self.name}
        done = subprocess.run([sys.executable, str(DEV_CLUSTER), *words], input=stdin, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"
        return done.stdout

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - named as subprocess names it
        return self.tool("kubectl", *arguments, stdin=input)

    def helm(self, *arguments: str) -> str:
        return self.tool("helm", *arguments)

    @cached_property
    def kubeconfig(self) -> Path:
        return Path(self.tool("kubeconfig").strip())

    @cached_property
    def node_ip(self) -> str:
        """Where NodePorts answer, as seen from this machine."""
        return self.kubectl("get", "nodes", "-o", "jsonpath={.items[0].status.addresses[?(@.type=='InternalIP')].address}")


@pytest.fixture(scope="session")
def cluster() -> Iterator[LiveCluster]:
    it = LiveCluster(NAME)
    it.tool("up")
    yield it
    if not os.environ.get("TRIMTAB_KEEP_CLUSTER"):
        it.tool("down")
