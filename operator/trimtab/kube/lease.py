"""Which of several operators works: the holder of one Lease, and nobody for longer than the Lease allows.

A holder that cannot renew gives up *before* others may take over: each try has a time limit of its own, and after two
thirds of the Lease's duration without a success `keep` raises LeaseLost, whereupon the process ends. Others take over
only after the Lease stood unchanged for its whole duration by their own clock; clocks of two machines are never
compared. Written against the plain client, as the generated package's election was seen to lead on for 45 s through a
hanging API server.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import structlog

from trimtab.kube.client import Client, Manifest
from trimtab.kube.errors import AlreadyExists, ApiError, Conflict

API_VERSION, PLURAL = "coordination.k8s.io/v1", "leases"

log = structlog.get_logger()


class LeaseLostError(Exception):
    """Others may work from now on; this process must end."""


@dataclass(frozen=True)
class Terms:
    """Which Lease, and for how long it binds; all other times follow from `seconds`."""

    namespace: str
    name: str
    seconds: float

    @property
    def give_up(self) -> float:
        """Since the last renewal: the last third is for those whose clock runs a little faster."""
        return self.seconds * 2 / 3

    @property
    def one_try(self) -> float:
        return self.seconds / 3

    @property
    def pause(self) -> float:
        return self.seconds / 7


class Lease:
    """`await lease.acquire()`, then `await lease.keep()` beside the work, then `await lease.release()`."""

    def __init__(self, client: Client, terms: Terms, identity: str, clock: Callable[[], datetime]) -> None:
        self._client, self._terms, self._identity, self._clock = client, terms, identity, clock
        self._seen: tuple[str, float] = ("", 0.0)
        self._taken = False
        self.held = False

    async def acquire(self) -> None:
        """Wait until the Lease is ours."""
        while not await self._try(self._terms.one_try):  # noqa: ASYNC110  # another process frees it: nothing here could set an event
            await asyncio.sleep(self._terms.pause)
        self.held = True
        log.info("lease.acquired", lease=self._terms.name, identity=self._identity)

    async def keep(self) -> None:
        """Renew for ever; raises LeaseLostError."""
        deadline = _now() + self._terms.give_up
        while True:
            await asyncio.sleep(self._terms.pause)
            began = _now()
            if await self._try(min(self._terms.one_try, deadline - began)):
                deadline = began + self._terms.give_up
            elif self._taken or _now() + self._terms.pause >= deadline:
                self.held = False
                raise LeaseLostError(
                    f"Lease {self._terms.namespace}/{self._terms.name} is lost: {'another took it' if self._taken else 'it could not be renewed in time'}."
                )

    async def release(self) -> None:
        """Let the next one begin at once. Best effort."""
        if not self.held:
            return
        self.held = False
        try:
            async with asyncio.timeout(self._terms.one_try):
                lease = await self._get()
                if lease and lease["spec"].get("holderIdentity") == self._identity:
                    await self._patch(lease, {"holderIdentity": "", "leaseDurationSeconds": 1})
        except (ApiError, TimeoutError) as error:
            log.warning("lease.not_released", error=str(error) or type(error).__name__)

    async def _try(self, seconds: float) -> bool:
        self._taken = False
        try:
            async with asyncio.timeout(seconds):
                return await self._take_or_renew()
        except (ApiError, TimeoutError) as error:
            log.warning("lease.not_renewed", error=str(error) or type(error).__name__)
            return False

    async def _take_or_renew(self) -> bool:
        lease = await self._get()
        try:
            if lease is None:
                await self._client.create(API_VERSION, PLURAL, self._manifest())
                return True
            if not self._may_take(lease):
                return False
            await self._patch(lease, self._claim(lease))
        except (AlreadyExists, Conflict):
            return False
        return True

    def _may_take(self, lease: Manifest) -> bool:
        spec, version = lease["spec"], lease["metadata"]["resourceVersion"]
        if spec.get("holderIdentity") in ("", None, self._identity):
            return True
        self._taken = self.held
        if version != self._seen[0]:
            self._seen = (version, _now())
        return _now() - self._seen[1] > float(spec.get("leaseDurationSeconds") or self._terms.seconds) and not self.held

    async def _get(self) -> Manifest | None:
        return await self._client.get(API_VERSION, PLURAL, self._terms.namespace, self._terms.name)

    async def _patch(self, lease: Manifest, spec: Manifest) -> None:
        meta = {"resourceVersion": lease["metadata"]["resourceVersion"]}
        await self._client.patch(API_VERSION, PLURAL, self._terms.namespace, self._terms.name, {"metadata": meta, "spec": spec})

    def _claim(self, lease: Manifest) -> Manifest:
        spec: Manifest = {"renewTime": self._time(), "leaseDurationSeconds": max(1, round(self._terms.seconds))}
        if lease["spec"].get("holderIdentity") != self._identity:
            turns = int(lease["spec"].get("leaseTransitions") or 0) + 1
            spec |= {"holderIdentity": self._identity, "acquireTime": self._time(), "leaseTransitions": turns}
        return spec

    def _manifest(self) -> Manifest:
        spec = {"holderIdentity": self._identity, "acquireTime": self._time(), "renewTime": self._time(), "leaseTransitions": 0}
        return {
            "apiVersion": API_VERSION,
            "kind": "Lease",
            "metadata": {"name": self._terms.name, "namespace": self._terms.namespace},
            "spec": spec | {"leaseDurationSeconds": max(1, round(self._terms.seconds))},
        }

    def _time(self) -> str:
        return self._clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _now() -> float:
    return asyncio.get_running_loop().time()
