"""Reads the DriftMonitors of a namespace, for those whom their incidents ask for something."""

from trimtab.api.base import API_VERSION
from trimtab.api.kinds import DRIFT_MONITOR
from trimtab.kube.client import Client, Manifest
from trimtab.kube.errors import NotFound

PLURAL = DRIFT_MONITOR.plural


async def monitors_of(client: Client, namespace: str) -> tuple[Manifest, ...]:
    """None where the cluster does not know the kind yet: an operator may be newer than the definitions."""
    try:
        return tuple(await client.list(API_VERSION, PLURAL, namespace))
    except NotFound:
        return ()
