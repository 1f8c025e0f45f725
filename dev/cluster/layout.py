"""Where a cluster's files and addresses are. Several stand side by side: each takes a slot, and all its ranges follow from it."""

import re
from dataclasses import dataclass
from pathlib import Path

from steps import CACHE, Refusal, locked, run

CLUSTERS = CACHE / "clusters"
REGISTRY_BLOBS = CACHE / "registry"  # shared by all clusters: layers are named by their content
SLOTS = 200  # third byte of the addresses


@dataclass(frozen=True)
class Cluster:
    name: str
    slot: int

    @property
    def folder(self) -> Path:
        return CLUSTERS / self.name

    @property
    def kubeconfig(self) -> Path:
        return self.folder / "kubeconfig"

    @property
    def audit_log(self) -> Path:
        return self.folder / "audit.log"

    @property
    def images(self) -> Path:
        return CACHE / "containerd" / self.name

    @property
    def link(self) -> str:
        return f"trimtab{self.slot}"

    @property
    def cgroup(self) -> str:
        return f"trimtab-{self.name}"

    @property
    def node_ip(self) -> str:
        return f"10.89.{self.slot}.1"

    @property
    def host_ip(self) -> str:
        return f"10.89.{self.slot}.254"

    @property
    def pods(self) -> str:
        return f"10.90.{self.slot}.0/24"

    @property
    def services(self) -> str:
        return f"10.91.{self.slot}.0/24"

    @property
    def api_ip(self) -> str:
        return f"10.91.{self.slot}.1"  # Kubernetes gives its own Service the first address of the range

    @property
    def dns_ip(self) -> str:
        return f"10.91.{self.slot}.10"

    @property
    def registry(self) -> str:
        return f"{self.node_ip}:5000"


def cluster(name: str) -> Cluster:
    """The cluster of that name, with the slot it has or the first free one."""
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,38}[a-z0-9])?", name):
        raise Refusal(f"TRIMTAB_CLUSTER_NAME is {name!r}; use up to 40 small letters, digits and dashes, a letter first.")
    file = CLUSTERS / name / "slot"
    with locked("slots"):
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(str(free_slot()))
    return Cluster(name, int(file.read_text()))


def free_slot() -> int:
    taken = {int(file.read_text()) for file in CLUSTERS.glob("*/slot")}
    here = {int(third) for third in re.findall(r"\b10\.(?:89|90|91)\.(\d+)\.", run("ip", "-4", "route"))}
    for slot in range(SLOTS):
        if slot not in taken | here:
            return slot
    raise Refusal("No address range 10.89.x.0/24 is free on this machine; take down a cluster you no longer need.")
