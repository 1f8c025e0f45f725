"""Reads a person's code from a ConfigMap and gives it its digest, or says what is wrong with it."""

from trimtab.api.trainingjob import ConfigMapKey
from trimtab.kube.client import Client
from trimtab.plans.recipe import code_digest
from trimtab.plans.wanted import NO_CODE, Code

MOST_CODE = 512 * 1024
"""Bytes of code: half of what a ConfigMap can hold; more is a library, and belongs in an image."""


async def code_of(client: Client, namespace: str, wanted: ConfigMapKey | None) -> Code:
    if wanted is None:
        return NO_CODE
    found = await client.get("v1", "configmaps", namespace, wanted.name)
    if found is None:
        return Code(problem=f"there is no ConfigMap {wanted.name} in this namespace; make it from your code with kubectl create configmap.")
    text = (found.get("data") or {}).get(wanted.key)
    if text is None:
        keys = ", ".join(sorted(found.get("data") or {})) or "none"
        return Code(problem=f"ConfigMap {wanted.name} has no key {wanted.key}; its keys are {keys}.")
    size = len(text.encode())
    if size > MOST_CODE:
        return Code(problem=f"key {wanted.key} of ConfigMap {wanted.name} has {size} bytes; the most is {MOST_CODE}.")
    return Code(code_digest(text))
