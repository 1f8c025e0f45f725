"""Where the API server is and how a person shows who they are: a kubeconfig, as kubectl reads it, or a pod's ServiceAccount.

The operator's own connection stands on kopf, which the command must not bring along.
"""

import base64
import json
import os
import shlex
import ssl
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from trimtab.cli.errors import NoCluster, Usage

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
DEFAULT = Path.home() / ".kube" / "config"
PLUGIN_SECONDS = 60.0
"""A credential plugin may ask a person to log in with a browser."""

Config = dict[str, Any]


@dataclass(frozen=True)
class Place:
    """What of a cluster is meant, as given on the command line; absent: what the kubeconfig says."""

    namespace: str | None = None
    context: str | None = None
    kubeconfig: str | None = None


@dataclass(frozen=True)
class Access:
    """The server, how to trust it, and what to send so that it knows who asks."""

    server: str
    namespace: str
    context: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    tls: ssl.SSLContext | bool = True


def find(place: Place) -> Access:
    """The access that the command line and the environment mean; NoCluster with a sentence where there is none."""
    paths = _paths(place)
    if not any(path.exists() for path in paths):
        if place.kubeconfig or not (SERVICE_ACCOUNT / "token").exists():
            raise NoCluster(f"There is no kubeconfig at {_said(paths)}.", "export KUBECONFIG=<file>, or trimtab ... --kubeconfig <file>")
        return _from_pod(place)
    return from_config(merged([(path.parent, _read(path)) for path in paths if path.exists()]), place)


def from_config(config: Config, place: Place) -> Access:
    """The access that one context of a kubeconfig gives."""
    name = place.context or config.get("current-context") or ""
    context = _named(config, "contexts", name, "context")
    cluster = _named(config, "clusters", context.get("cluster", ""), "cluster")
    user = _named(config, "users", context["user"], "user") if context.get("user") else {}
    credentials = _credentials(user)
    return Access(
        server=str(cluster["server"]).rstrip("/"),
        namespace=place.namespace or context.get("namespace") or "default",
        context=name,
        headers=_headers(user, credentials),
        tls=_tls(cluster, user | credentials) if str(cluster["server"]).startswith("https") else True,
    )


def merged(configs: Sequence[tuple[Path, Config]]) -> Config:
    """Several files as one, the first to say something wins; relative paths count from their own file."""
    found: Config = {}
    for folder, config in configs:
        for key in ("clusters", "contexts", "users"):
            found.setdefault(key, []).extend(_absolute(entry, folder) for entry in config.get(key) or [])
        if config.get("current-context"):
            found.setdefault("current-context", config["current-context"])
    return found


PATHS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")


def _absolute(entry: Config, folder: Path) -> Config:
    """Paths in an entry, counted from the folder of its file."""
    return {
        key: {inner: str(folder / value) if inner in PATHS and value else value for inner, value in part.items()} if isinstance(part, dict) else part
        for key, part in entry.items()
    }


def _paths(place: Place) -> list[Path]:
    if place.kubeconfig:
        return [Path(place.kubeconfig)]
    given = [Path(part) for part in os.environ.get("KUBECONFIG", "").split(os.pathsep) if part]
    return given or [DEFAULT]


def _said(paths: Sequence[Path]) -> str:
    return " or ".join(str(path) for path in paths)


def _read(path: Path) -> Config:
    text = path.read_text()
    try:
        return dict(json.loads(text))
    except ValueError:
        pass
    try:
        return dict(yaml.safe_load(text) or {})
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise NoCluster(f"{path} is not a kubeconfig: {' '.join(str(error).split())}.", f"kubectl config view --kubeconfig {shlex.quote(str(path))}") from error


def _named(config: Config, plural: str, name: str, key: str) -> Config:
    entries = config.get(plural) or []
    found = next((entry.get(key) or {} for entry in entries if entry.get("name") == name), None)
    if found is None:
        known = ", ".join(str(entry.get("name")) for entry in entries) or "none"
        raise Usage(f"The kubeconfig has no {key} {name!r}; it has {known}.", "kubectl config get-contexts")
    return dict(found)


def _from_pod(place: Place) -> Access:
    host, port = os.environ.get("KUBERNETES_SERVICE_HOST", "kubernetes.default.svc"), os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return Access(
        server=f"https://{f'[{host}]' if ':' in host else host}:{port}",
        namespace=place.namespace or (SERVICE_ACCOUNT / "namespace").read_text().strip(),
        context="in-cluster",
        headers={"Authorization": f"Bearer {(SERVICE_ACCOUNT / 'token').read_text().strip()}"},
        tls=ssl.create_default_context(cafile=str(SERVICE_ACCOUNT / "ca.crt")),
    )


def _headers(user: Config, credentials: Config) -> dict[str, str]:
    token = credentials.get("token") or user.get("token") or (Path(user["tokenFile"]).read_text().strip() if user.get("tokenFile") else "")
    if token:
        return {"Authorization": f"Bearer {token}"}
    if user.get("username"):
        return {"Authorization": "Basic " + base64.b64encode(f"{user['username']}:{user.get('password', '')}".encode()).decode()}
    return {}


def _credentials(user: Config) -> Config:
    """What a credential plugin (cloud logins) answers, in a kubeconfig's words; empty where none is named."""
    plugin = user.get("exec")
    if not plugin:
        return {}
    asked = {"apiVersion": plugin.get("apiVersion", "client.authentication.k8s.io/v1"), "kind": "ExecCredential", "spec": {"interactive": False}}
    variables = {each["name"]: each["value"] for each in plugin.get("env") or []}
    command = [plugin["command"], *(plugin.get("args") or [])]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=PLUGIN_SECONDS,
            env={**os.environ, **variables, "KUBERNETES_EXEC_INFO": json.dumps(asked)},
        )
        status = json.loads(done.stdout).get("status", {})
    except (OSError, subprocess.SubprocessError, ValueError) as error:
        said = getattr(error, "stderr", None) or str(error)
        raise NoCluster(f"The kubeconfig's login command {plugin['command']} failed: {' '.join(str(said).split())[:300]}", shlex.join(command)) from error
    encoded = {"client-certificate-data": status.get("clientCertificateData"), "client-key-data": status.get("clientKeyData")}
    return {"token": status.get("token")} | {key: base64.b64encode(value.encode()).decode() for key, value in encoded.items() if value}


def _tls(cluster: Config, user: Config) -> ssl.SSLContext:
    """How the server is trusted and what this person shows; a file that is not there or holds something else is said."""
    try:
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode() if cluster.get("certificate-authority-data") else None
        context = ssl.create_default_context(cafile=cluster.get("certificate-authority"), cadata=authority)
        if cluster.get("insecure-skip-tls-verify"):
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if user.get("client-certificate-data"):
            _load_pair(context, user["client-certificate-data"], user["client-key-data"])
        elif user.get("client-certificate"):
            context.load_cert_chain(user["client-certificate"], user.get("client-key"))
    except (OSError, ValueError, KeyError) as error:
        said = f"the certificates of {cluster['server']} or of its user cannot be read: {str(error) or type(error).__name__}"
        raise NoCluster(f"The kubeconfig does not work: {said}.", "kubectl config view") from error
    return context


def _load_pair(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """The ssl module takes files only; they are there for the moment of reading, readable by this person alone."""
    with tempfile.NamedTemporaryFile() as pair:
        pair.write(base64.b64decode(certificate) + b"\n" + base64.b64decode(key))
        pair.flush()
        context.load_cert_chain(pair.name)
