"""End-to-end tests run on a real cluster with real pods: this machine's own (dev/cluster) under a name of its own, so that a
developer's cluster is left alone. It is taken down at the end; TRIMTAB_KEEP_CLUSTER=1 leaves it for a look around."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pytest

from support.installed import ROOT, SYSTEM, Installed

DEV_CLUSTER = Path(__file__).parents[2] / "dev" / "cluster"
NAME = "-".join(filter(None, (os.environ.get("TRIMTAB_CLUSTER_NAME") or "trimtab-test", os.environ.get("PYTEST_XDIST_WORKER"))))
"""A cluster for each process that runs tests of this folder."""


@dataclass(frozen=True)
class LiveCluster:
    name: str

    def tool(self, *words: str, stdin: str | None = None) -> str:
        """stdout of a verb of dev/cluster; a failure carries what the program said."""
        environment = {**os.environ, "TRIMTAB_CLUSTER_NAME": self.name}
        done = subprocess.run([sys.executable, str(DEV_CLUSTER), *words], check=False, input=stdin, env=environment, capture_output=True, text=True)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr.strip()}"
        return done.stdout

    def kubectl(self, *arguments: str, input: str | None = None) -> str:  # noqa: A002 - named as subprocess names it
        """The program itself: these tests ask all the time, and `dev/cluster kubectl` starts a Python at each call."""
        done = subprocess.run([*self._program, *arguments], check=False, input=input, capture_output=True, text=True)
        assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr.strip()}"
        return done.stdout

    @contextlib.contextmanager
    def running(self, *arguments: str) -> Iterator[subprocess.Popen[str]]:
        with subprocess.Popen([*self._program, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True) as process:
            try:
                yield process
            finally:
                process.terminate()

    @cached_property
    def _program(self) -> list[str]:
        ours = (self.kubeconfig.parent / "pid").exists()
        return [str(Path(self.tool("binaries").strip()) / "kubectl") if ours else "kubectl", f"--kubeconfig={self.kubeconfig}"]

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


TENANTS = ("flights", "chaos", "mistakes", "wheel", "features", "rollout", "bikesharing", "traffic")
"""Namespaces of the tests: a store of their own each, so that none sees what another left."""


@pytest.fixture(scope="session")
def trimtab(cluster: LiveCluster) -> Installed:
    """Installed by Helm as a user does, with images of this tree, the embedded store and the tests' namespaces as tenants."""
    cluster.tool("build-images")
    cluster.tool("load")
    tenants = [f"--set=tenants[{n}].namespace={name},tenants[{n}].create=true" for n, name in enumerate(TENANTS)]
    chart = ["upgrade", "--install", "trimtab", str(ROOT / "charts" / "trimtab"), "-n", SYSTEM, "--create-namespace", "-f", str(ROOT / "dev" / "values.yaml")]
    cluster.helm(*chart, "--set=objectStore.embedded.enabled=true", *tenants, "--wait", "--timeout=5m")
    return Installed(cluster, TENANTS[0])
