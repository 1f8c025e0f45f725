"""The inside of a cluster: the first process of its namespaces. It makes the place ready, starts the daemons, and starts a daemon
that died again. When it is killed, the kernel takes everything else with it: processes, mounts, links, firewall rules.

What must outlast a kill lies in the cluster's folder, bound over /var and /tmp; what must not lies in /run, in memory. Images
outlast even `down`: to unpack three of them takes longer than all the rest of a start.
"""

import os
import socket
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from layout import REGISTRY_BLOBS, Cluster
from steps import CACHE, run, until

Commands = dict[str, list[str]]
PATHS = ("/run/lock", "/run/netns", "/run/containerd", "/var/log", "/var/lib/cni", "/var/lib/containerd", "/tmp/hostpath_pv")
RESPAWN_AFTER = 1.0  # seconds between two starts of one daemon: one that cannot run must not eat the processor
WATCH_EVERY = 0.2  # seconds


def live(it: Cluster, binaries: Path) -> None:
    """Never returns."""
    prepare_mounts(it)
    prepare_network(it)
    watch(commands(it, binaries))


def prepare_mounts(it: Cluster) -> None:
    socket.sethostname(it.name)
    run("mount", "-t", "tmpfs", "-o", "mode=755", "tmpfs", "/run")
    for path in (it.images, REGISTRY_BLOBS, Path("/run/cache")):
        path.mkdir(parents=True, exist_ok=True)
    run("mount", "--bind", CACHE, "/run/cache")
    for name in ("var", "tmp"):
        run("mount", "--bind", it.folder / name, f"/{name}")
    for place in (*map(Path, PATHS), CACHE):
        place.mkdir(parents=True, exist_ok=True)
    run("mount", "--bind", "/run/cache", CACHE)  # it may lie under /tmp or /var, which are other places now
    run("mount", "--bind", it.images, "/var/lib/containerd")
    if not os.path.lexists("/var/run"):
        Path("/var/run").symlink_to("/run")


def prepare_network(it: Cluster) -> None:
    until("The link from the host", 20, lambda: Path("/proc/sys/net/ipv4/conf/eth0").exists())
    run("ip", "link", "set", "lo", "up")
    run("ip", "addr", "add", f"{it.node_ip}/24", "dev", "eth0")
    run("ip", "link", "set", "eth0", "up")
    run("ip", "route", "add", "default", "via", it.host_ip)
    for switch in ("ipv4/ip_forward", "bridge/bridge-nf-call-iptables"):
        Path("/proc/sys/net", switch).write_text("1")


def commands(it: Cluster, binaries: Path) -> Commands:
    etc, etcd = it.folder / "etc", "http://127.0.0.1:2379"
    flags: Commands = {
        "etcd": ["--data-dir=/var/lib/etcd", f"--listen-client-urls={etcd}", f"--advertise-client-urls={etcd}", "--log-level=warn",
                 "--unsafe-no-fsync", "--snapshot-count=5000", "--auto-compaction-mode=revision", "--auto-compaction-retention=5000"],
        "kube-apiserver": [f"--etcd-servers={etcd}", f"--advertise-address={it.node_ip}", f"--service-cluster-ip-range={it.services}",
                           f"--tls-cert-file={etc}/server.crt", f"--tls-private-key-file={etc}/server.key",
                           f"--client-ca-file={etc}/ca.crt", f"--token-auth-file={etc}/tokens.csv", "--authorization-mode=Node,RBAC",
                           "--enable-admission-plugins=NodeRestriction", "--allow-privileged=true",
                           "--service-account-issuer=https://kubernetes.default.svc.cluster.local",
                           f"--service-account-key-file={etc}/service-accounts.key",
                           f"--service-account-signing-key-file={etc}/service-accounts.key",
                           f"--kubelet-client-certificate={etc}/client.crt", f"--kubelet-client-key={etc}/client.key",
                           f"--kubelet-certificate-authority={etc}/ca.crt", "--kubelet-preferred-address-types=InternalIP",
                           f"--audit-policy-file={etc}/audit.json", f"--audit-log-path={it.audit_log}", "--audit-log-maxsize=100",
                           "--audit-log-maxbackup=1"],
        "kube-controller-manager": [f"--kubeconfig={etc}/kube-controller-manager.kubeconfig", "--leader-elect=false",
                                    f"--service-account-private-key-file={etc}/service-accounts.key", f"--root-ca-file={etc}/ca.crt",
                                    "--use-service-account-credentials=true", "--enable-hostpath-provisioner=true",
                                    f"--cluster-signing-cert-file={etc}/ca.crt", f"--cluster-signing-key-file={etc}/ca.key",
                                    "--flex-volume-plugin-dir=/var/lib/kubelet-plugins"],
        "kube-scheduler": [f"--kubeconfig={etc}/kube-scheduler.kubeconfig", "--leader-elect=false"],
        "kubelet": [f"--config={etc}/kubelet.json", f"--kubeconfig={etc}/node.kubeconfig", f"--hostname-override={it.name}",
                    f"--node-ip={it.node_ip}"],
        "kube-proxy": [f"--config={etc}/kube-proxy.json"],
        "coredns": ["-conf", f"{etc}/Corefile"],
        "registry": ["-address", it.registry, "-dir", str(REGISTRY_BLOBS)],
    }  # fmt: skip
    containerd = {"containerd": ["containerd", "--config", f"{etc}/containerd.toml"]}
    return containerd | {name: [str(binaries / name), *words] for name, words in flags.items()}


def watch(wanted: Commands) -> None:
    started = dict.fromkeys(wanted, 0.0)
    running: dict[int, str] = {}
    while True:
        bury_the_dead(running)
        for name in wanted.keys() - set(running.values()):
            if time.monotonic() - started[name] > RESPAWN_AFTER:
                started[name] = time.monotonic()
                running[start(name, wanted[name])] = name
        open_new_volumes()
        time.sleep(WATCH_EVERY)


def bury_the_dead(running: dict[int, str]) -> None:
    """As the first process we are given every orphan too; only our own children are ours to start again."""
    with suppress(ChildProcessError):
        while (pid := os.waitpid(-1, os.WNOHANG)[0]) > 0:
            running.pop(pid, None)


def start(name: str, command: list[str]) -> int:
    with Path(f"/var/log/{name}.log").open("ab") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True).pid


def open_new_volumes() -> None:
    """Kubernetes' own provisioner makes folders only root may enter, and fsGroup does not reach them; our pods are not root."""
    for volume in Path("/tmp/hostpath_pv").iterdir():
        with suppress(FileNotFoundError):  # taken away at this moment
            if volume.stat().st_mode & 0o777 != 0o777:
                volume.chmod(0o777)
