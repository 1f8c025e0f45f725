"""Reads FeatureSets that others name: a Dataset those it joins, a DriftMonitor those that its model learned from."""

from collections.abc import Iterable

from trimtab.api.base import API_VERSION
from trimtab.api.kinds import FEATURE_SET
from trimtab.kube.client import Client, Manifest


async def feature_sets_of(client: Client, namespace: str, names: Iterable[str]) -> tuple[Manifest, ...]:
    """Those that are there."""
    found = [await client.get(API_VERSION, FEATURE_SET.plural, namespace, each) for each in names]
    return tuple(each for each in found if each)
