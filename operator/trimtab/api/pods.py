"""What every pod of ours has, whoever makes it: the operator for Jobs and serving, the command for a way to the store."""

from typing import Any

STORE_SECRET = "trimtab-store"  # noqa: S105 - the Secret's name
SERVICE_ACCOUNT = "trimtab-worker"
NONROOT = 65532
"""The uid and gid called `nonroot` in distroless images, free in ordinary ones."""

POD_SECURITY: dict[str, Any] = {
    "runAsNonRoot": True,
    "runAsUser": NONROOT,
    "runAsGroup": NONROOT,
    "fsGroup": NONROOT,
    "seccompProfile": {"type": "RuntimeDefault"},
}
CONTAINER_SECURITY: dict[str, Any] = {"allowPrivilegeEscalation": False, "readOnlyRootFilesystem": True, "capabilities": {"drop": ["ALL"]}}
"""Both are what the restricted Pod Security Standard asks for, and a root file system that nobody writes."""
