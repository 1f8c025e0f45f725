"""Why the pods of a served version are not ready, in words: the first trouble that is found, in the order they come.

The words for single pods are those of Jobs (`pods.py`); a serving pod differs in that it is started anew for ever, so
that what its last container died of is the trouble.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from trimtab.api.documents import Result
from trimtab.api.pods import SERVICE_ACCOUNT
from trimtab.api.reasons import Reason
from trimtab.manifests.serving import CONTAINER, version_of
from trimtab.plans.conditions import is_true
from trimtab.plans.pods import CAUSES, Death, Failed, Scene, Waiting, cannot_start, condition_of, unschedulable

Manifest = dict[str, Any]


def not_created(scene: Scene) -> Waiting | None:
    """The child cannot make its pods: quota, admission, no ServiceAccount."""
    failure = condition_of(scene.job, "ReplicaFailure")
    if failure is None:
        return None
    said = str(failure.get("message", ""))
    if f'serviceaccount "{SERVICE_ACCOUNT}" not found' in said:
        return Waiting(Reason.SERVICE_ACCOUNT_MISSING, Reason.SERVICE_ACCOUNT_MISSING.say(namespace=scene.namespace))
    return Waiting(Reason.CONFIG_ERROR, Reason.CONFIG_ERROR.say(detail=" ".join(said.split())[:300]))


def died(scene: Scene) -> Waiting | None:
    """The newest pod that is not ready died before, of this."""
    if not scene.pods:
        return None
    pod = scene.pods[0]
    state: Manifest = next((c for c in pod.get("status", {}).get("containerStatuses") or [] if c["name"] == CONTAINER), {})
    terminated = state.get("state", {}).get("terminated") or state.get("lastState", {}).get("terminated")
    if not terminated:
        return None
    death = Death(pod, terminated, Result.decode(terminated.get("message", "")), scene)
    cause: Failed = next(said for cause in CAUSES if (said := cause(death)))
    return Waiting(cause.reason, cause.message)


READINGS: tuple[Callable[[Scene], object], ...] = (
    not_created,  # no pods
    unschedulable,  # pods, but no node
    cannot_start,  # a node, but no container
    died,  # a container that ended
)


def trouble(child: Manifest, pods: Sequence[Manifest], now: datetime) -> Waiting | None:
    """What keeps the pods of this child from being ready; None where nothing is known against them."""
    mine = [pod for pod in pods if version_of(pod) == version_of(child) and not is_true(pod, "Ready") and not pod["metadata"].get("deletionTimestamp")]
    newest_first = sorted(mine, key=lambda pod: str(pod["metadata"].get("creationTimestamp", "")), reverse=True)
    scene = Scene(child, tuple(newest_first), (), now)
    return next((said for reading in READINGS if isinstance(said := reading(scene), Waiting)), None)
