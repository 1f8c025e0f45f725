"""Starting, checking and ending a cluster in namespaces of this machine, seen from the outside. Its inside is node.py."""

import hashlib
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from pathlib import Path

import build
import config
import images
from layout import Cluster
from steps import Refusal, install_missing, locked, need_root, run, say, step, until

HERE = Path(__file__).parent
CGROUPS = Path("/sys/fs/cgroup")
HEALTHY_WITHIN = 180.0  # seconds; ten on a quiet machine, but its two cores may be compiling
RECOVERED_WITHIN = 15.0  # seconds


def up(it: Cluster) -> None:
    """Make the cluster run and answer, whatever state it was left in."""
    need_root()
    install_missing()
    binaries = build.binaries()
    with locked(f"cluster-{it.name}"):
        if same_as_asked(it, binaries) and recovers(it):
            say(f"cluster {it.name} is up at {it.node_ip}")
            return
        kill(it)
        with step(f"starting cluster {it.name} at {it.node_ip}"):
            start(it, binaries)
            wait_until(f"The API server of {it.name}", it, api_ready)
            settle(it, binaries)
            wait_until(f"A healthy cluster {it.name}", it, healthy)
        (it.folder / "made-from").write_text(made_from(binaries))


def recovers(it: Cluster) -> bool:
    """Whether it runs and is well; a daemon that died a moment ago is being started again, so it gets a while."""
    try:
        wait_until("Recovery", it, healthy, RECOVERED_WITHIN)
    except Refusal:
        return False
    return True


def start(it: Cluster, binaries: Path) -> None:
    for folder in ("var/log", "tmp"):
        (it.folder / folder).mkdir(parents=True, exist_ok=True)
    (it.folder / "tmp").chmod(0o1777)
    config.write(it)
    make_cgroups(it)
    connect(it, enter(it, binaries))


def enter(it: Cluster, binaries: Path) -> int:
    """Start the namespaces; the answer is the process that lives inside."""
    unshare = ["unshare", "--pid", "--mount", "--net", "--ipc", "--uts", "--fork", "--kill-child", "--mount-proc"]
    with (it.folder / "node.log").open("wb") as log:
        command = [*unshare, sys.executable, str(HERE), "inside", it.name, str(binaries)]
        pid = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True).pid
    (it.folder / "pid").write_text(str(pid))
    until("The node's namespace", 10, lambda: child(pid) or ended(pid))
    if ended(pid):
        refuse_with_its_words(it)
    return child(pid)


def refuse_with_its_words(it: Cluster) -> None:
    raise Refusal(f"The node ended at once: {(it.folder / 'node.log').read_text().strip()[-800:]}")


def child(pid: int) -> int:
    try:
        words = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return 0
    return int(words[0]) if words else 0


def connect(it: Cluster, inside: int) -> None:
    """One pair of interfaces; pods and Services are reached from the host through the node."""
    run("ip", "link", "add", it.link, "type", "veth", "peer", "name", "eth0", "netns", str(inside))
    run("ip", "addr", "add", f"{it.host_ip}/24", "dev", it.link)
    run("ip", "link", "set", it.link, "up")
    for reached in (it.pods, it.services):
        run("ip", "route", "replace", reached, "via", it.node_ip)


def make_cgroups(it: Cluster) -> None:
    """The kubelet wants its root to exist in every hierarchy; a cpuset (version 1) starts empty and must be filled by hand."""
    if (CGROUPS / "cgroup.controllers").exists():
        (CGROUPS / "cgroup.subtree_control").write_text("+cpu +cpuset +memory +pids +io")
    for place in cgroups(it):
        place.mkdir(exist_ok=True)
        for file in ("cpuset.cpus", "cpuset.mems"):
            if (place / file).exists() and not (CGROUPS / "cgroup.controllers").exists():
                (place / file).write_text((place.parent / file).read_text())


def cgroups(it: Cluster) -> list[Path]:
    if (CGROUPS / "cgroup.controllers").exists():
        return [CGROUPS / it.cgroup]
    return [hierarchy / it.cgroup for hierarchy in CGROUPS.iterdir() if hierarchy.is_dir() and not hierarchy.is_symlink()]


def settle(it: Cluster, binaries: Path) -> None:
    kubectl(it, "apply", "--server-side", "--force-conflicts", "-f", "-", stdin=config.first_objects(it))
    images.load_own(it, binaries)


def kubectl(it: Cluster, *arguments: str, stdin: str | None = None) -> str:
    return run(build.binaries() / "kubectl", f"--kubeconfig={it.kubeconfig}", *arguments, stdin=stdin)


def wait_until(what: str, it: Cluster, ready: Callable[[Cluster], bool], seconds: float = HEALTHY_WITHIN) -> None:
    try:
        until(what, seconds, lambda: outside_pid(it) == 0 or ready(it))
    except Refusal as late:
        raise Refusal(f"{late} Its logs are in {it.folder}/var/log.") from None
    if not outside_pid(it):
        refuse_with_its_words(it)


def healthy(it: Cluster) -> bool:
    """Every part answers for itself: the API server and its store, kubelet, DNS, the registry; and the node takes pods."""
    return all(listens(it, port) for port in (6443, 10250, 5000)) and dns_ready(it) and node_ready(it)


def listens(it: Cluster, port: int) -> bool:
    try:
        socket.create_connection((it.node_ip, port), timeout=1).close()
    except OSError:
        return False
    return True


def dns_ready(it: Cluster) -> bool:
    try:
        with urllib.request.urlopen(f"http://{it.node_ip}:8181/ready", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def api_ready(it: Cluster) -> bool:
    return listens(it, 6443) and answer(it, "get", "--raw=/readyz") == "ok"


def node_ready(it: Cluster) -> bool:
    return answer(it, "get", "node", it.name, '-o=jsonpath={.status.conditions[?(@.type=="Ready")].status}') == "True"


def answer(it: Cluster, *question: str) -> str:
    try:
        return kubectl(it, *question, "--request-timeout=5s")
    except Refusal:
        return ""


def outside_pid(it: Cluster) -> int:
    """The process that holds the namespaces, or 0. Numbers are reused: only a process with our words in its command line counts."""
    try:
        pid = int((it.folder / "pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return 0
    return pid if b"inside" in words and it.name.encode() in words else 0


def kill(it: Cluster) -> None:
    """End it at once; nothing is asked to end in order, so what `up` finds is the same as after a crash."""
    if pid := outside_pid(it):
        os.kill(pid, signal.SIGKILL)
        until(f"The end of process {pid}", 20, lambda: ended(pid))
    if Path(f"/sys/class/net/{it.link}").exists():
        subprocess.run(["ip", "link", "delete", it.link], check=False, capture_output=True)
    remove_cgroups(it)


def ended(pid: int) -> bool:
    try:
        return bool(re.search(r"\) [ZX] ", Path(f"/proc/{pid}/stat").read_text()))
    except OSError:
        return True


def remove_cgroups(it: Cluster) -> None:
    """Empty folders by now; a container that takes a moment to die holds its own a little longer."""
    for attempt in range(20):
        for top in cgroups(it):
            for folder, _, _ in os.walk(top, topdown=False):
                try:
                    Path(folder).rmdir()
                except OSError:
                    time.sleep(0.01 * attempt)
        if not any(top.exists() for top in cgroups(it)):
            return


def down(it: Cluster) -> None:
    need_root()
    with step(f"taking down cluster {it.name}"), locked(f"cluster-{it.name}"):
        kill(it)
        shutil.rmtree(it.folder)


def status(it: Cluster) -> str:
    if not outside_pid(it):
        return f"cluster {it.name} is not running"
    health = "healthy" if healthy(it) else f"not healthy; its logs are in {it.folder}/var/log"
    return f"cluster {it.name} runs at {it.node_ip}: {health}\n" + kubectl(it, "get", "pods", "--all-namespaces", "-o", "wide")


def made_from(binaries: Path) -> str:
    """What a running cluster was started by; when that changes, `up` starts it again on the same data."""
    own = b"".join((HERE / name).read_bytes() for name in ("config.py", "layout.py", "node.py"))
    return f"{binaries.name} {hashlib.sha256(own).hexdigest()}"


def same_as_asked(it: Cluster, binaries: Path) -> bool:
    file = it.folder / "made-from"
    return file.exists() and file.read_text() == made_from(binaries)
