"""A real API server for tests: etcd and kube-apiserver on free loopback ports, in a folder that is thrown away. No nodes.

The binaries come from `dev/cluster`. RBAC is on, and a few people of different groups exist, so that a test may ask what
someone other than an administrator is refused. Controllers do not run: nothing makes pods, nothing collects what lost its owner, no namespace ever finishes deleting, and the
aggregated roles `admin`, `edit` and `view` stay empty.
"""

import json
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import IO, Self

REPOSITORY = Path(__file__).parents[2]
READY_WITHIN = 60.0  # seconds; five on a quiet machine, but two test runs may share it

# Who exists, and their groups; the token is the name. Give them rights with ordinary RBAC objects.
PEOPLE: Mapping[str, str] = {
    "admin": "system:masters",
    "alice": "data-science",
    "bob": "data-science",
    "carol": "approvers",
    "operator": "trimtab",
    "nobody": "",
}


class ControlPlane:
    """`with ControlPlane() as it:` then `it.kubeconfig()`, `it.kubectl("get", "ns")`, `it.server`."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="trimtab-control-plane-"))
        self.port, self._etcd_port, self._peer_port = _free_ports(3)
        self.server = f"https://127.0.0.1:{self.port}"
        self._processes: list[subprocess.Popen[bytes]] = []
        self._binaries = Path()

    def start(self) -> Self:
        self._binaries = binaries()
        self._write_identities()
        try:
            self._run("etcd", *self._etcd_flags())
            self._run("kube-apiserver", *self._apiserver_flags())
            self._wait_until_ready()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self) -> None:
        """End both processes and remove the folder; safe to call twice."""
        for process in reversed(self._processes):
            process.kill()
        for process in reversed(self._processes):
            process.wait()
        self._processes.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def kubeconfig(self, user: str = "admin") -> Path:
        """A kubeconfig file for one of PEOPLE."""
        path = self.folder / f"{user}.kubeconfig"
        cluster = {"server": self.server, "certificate-authority": str(self._certificate)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "it",
            "clusters": [{"name": "it", "cluster": cluster}],
            "users": [{"name": user, "user": {"token": token_of(user)}}],
            "contexts": [{"name": "it", "context": {"cluster": "it", "user": user, "namespace": "default"}}],
        }
        whole = path.with_suffix(f".{uuid.uuid4().hex}")  # an operator's process may be reading the one before
        whole.write_text(json.dumps(document))
        return whole.replace(path)

    def kubectl(self, *arguments: str, user: str = "admin", stdin: str | None = None) -> str:
        """stdout of kubectl; a failure raises CalledProcessError with the server's words in `stderr`."""
        command = [str(self._binaries / "kubectl"), f"--kubeconfig={self.kubeconfig(user)}", *arguments]
        return subprocess.run(command, input=stdin, capture_output=True, text=True, check=True).stdout

    @property
    def _certificate(self) -> Path:
        # Made by the API server itself at its first start; it holds its own authority behind it.
        return self.folder / "tls" / "apiserver.crt"

    def _write_identities(self) -> None:
        rows = [f'{token_of(name)},{name},{name},"{group}"' for name, group in PEOPLE.items()]
        (self.folder / "people.csv").write_text("\n".join(rows) + "\n")
        key = self.folder / "service-accounts.key"
        # Not `genpkey`: the server reads the public half only out of the older file format.
        subprocess.run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(key)], check=True, capture_output=True)

    def _etcd_flags(self) -> tuple[str, ...]:
        client, peer = f"http://127.0.0.1:{self._etcd_port}", f"http://127.0.0.1:{self._peer_port}"
        return (
            f"--data-dir={self.folder}/etcd",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def _apiserver_flags(self) -> tuple[str, ...]:
        key = self.folder / "service-accounts.key"
        return (
            f"--etcd-servers=http://127.0.0.1:{self._etcd_port}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--secure-port={self.port}",
            f"--cert-dir={self.folder}/tls",
            f"--token-auth-file={self.folder}/people.csv",
            "--authorization-mode=RBAC",
            "--service-cluster-ip-range=10.0.0.0/24",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={key}",
            f"--service-account-signing-key-file={key}",
            # The address a pod would use; the server warns every ten seconds that loopback cannot be one.
            "--endpoint-reconciler-type=none",
            # Without controllers nobody makes the default ServiceAccount that this admission waits for.
            "--disable-admission-plugins=ServiceAccount",
        )

    def _run(self, program: str, *flags: str) -> None:
        with self._log(program).open("wb") as log:
            self._processes.append(_start([str(self._binaries / program), *flags], log))

    def _log(self, program: str) -> Path:
        return self.folder / f"{program}.log"

    def _wait_until_ready(self) -> None:
        end = time.monotonic() + READY_WITHIN
        while not self._answers():
            for process in self._processes:
                if process.poll() is not None:
                    raise RuntimeError(f"{process.args} ended with {process.returncode}:\n{self._last_words()}")
            if time.monotonic() > end:
                raise TimeoutError(f"The API server was not ready within {READY_WITHIN:.0f} s:\n{self._last_words()}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        request = urllib.request.Request(f"{self.server}/readyz", headers={"Authorization": f"Bearer {token_of('admin')}"})
        try:
            context = ssl.create_default_context(cafile=str(self._certificate))
            with urllib.request.urlopen(request, timeout=5, context=context) as answer:
                return answer.status == 200
        except (OSError, urllib.error.URLError):
            return False

    def _last_words(self) -> str:
        return "\n".join(self._log(name).read_text()[-2000:] for name in ("etcd", "kube-apiserver") if self._log(name).exists())


def token_of(user: str) -> str:
    if user not in PEOPLE:
        raise KeyError(f"{user} does not exist here; choose one of {', '.join(PEOPLE)}.")
    return f"{user}-token"


def binaries() -> Path:
    """The folder with etcd, kube-apiserver and kubectl, compiled first where they are missing (minutes, once)."""
    command = [sys.executable, str(REPOSITORY / "dev" / "cluster"), "binaries", "node"]
    return Path(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout.strip())


def _start(command: list[str], log: IO[bytes]) -> subprocess.Popen[bytes]:
    # A session of its own: Ctrl-C in the terminal is for pytest, which then stops these in order. Should pytest be killed, they go too.
    if setpriv := shutil.which("setpriv"):
        command = [setpriv, "--pdeathsig", "KILL", *command]
    return subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, start_new_session=True)


def _free_ports(count: int) -> list[int]:
    """Ports nobody has now; all are held open together so that no two are the same."""
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports
