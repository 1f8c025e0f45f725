"""Where the API server is and how to show who we are: from the pod's ServiceAccount, else from a kubeconfig.

One answer for kopf and for our own client. Read anew by both from time to time: a ServiceAccount's token is replaced
on disk about every hour. Generated client packages are not used; they cost a second and 50 MB before any work.
"""

import os
from pathlib import Path

from trimtab.kube.informer import kopf

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


class NoClusterError(Exception):
    """Neither a ServiceAccount nor a kubeconfig was found."""


def find() -> kopf.ConnectionInfo:
    """The connection to use now."""
    if os.environ.get("KUBERNETES_SERVICE_HOST") and (SERVICE_ACCOUNT / "token").exists():
        return _from_pod(SERVICE_ACCOUNT)
    connection = kopf.login_with_kubeconfig(settings=kopf.OperatorSettings())
    if connection is None:
        raise NoClusterError("No cluster: this is not a pod with a ServiceAccount, and there is no kubeconfig; set KUBECONFIG to one.")
    return connection


def _from_pod(folder: Path) -> kopf.ConnectionInfo:
    # By address, not by name: the operator must work while the cluster's DNS does not.
    host, port = os.environ["KUBERNETES_SERVICE_HOST"], os.environ.get("KUBERNETES_SERVICE_PORT", "443")
    return kopf.ConnectionInfo(
        server=f"https://{bracketed(host)}:{port}",
        ca_path=folder / "ca.crt",
        token=(folder / "token").read_text().strip(),
        default_namespace=(folder / "namespace").read_text().strip(),
    )


def bracketed(host: str) -> str:
    """An address as it stands in a URL: IPv6 in brackets."""
    return f"[{host}]" if ":" in host else host
