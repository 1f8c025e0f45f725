"""The Lease, in simulated time: at no moment two lead, and nobody leads for longer than it lasts."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from support.fake_api import FakeApi, Object
from support.simulated_time import simulated
from trimtab.kube.errors import Unreachable
from trimtab.kube.lease import Lease, LeaseLostError, Terms

TERMS = Terms("trimtab", "operator", seconds=15)


def lease(api: Any, identity: str) -> Lease:
    return Lease(api, TERMS, identity, lambda: datetime.fromtimestamp(asyncio.get_running_loop().time(), UTC))


def spec(api: FakeApi) -> Object:
    return dict(api.one("leases", "operator", "trimtab")["spec"])


class Hanging(FakeApi):
    """From `hangs` on no answer comes."""

    hangs = False

    async def get(self, *args: Any) -> Object | None:
        if self.hangs:
            await asyncio.sleep(3600)
        return await super().get(*args)


@simulated
async def test_the_first_one_takes_it_at_once() -> None:
    api = FakeApi()
    await asyncio.wait_for(lease(api, "a").acquire(), 1)
    assert (spec(api)["holderIdentity"], spec(api)["leaseDurationSeconds"]) == ("a", 15)


@simulated
async def test_it_is_renewed_and_kept_from_others() -> None:
    api = FakeApi()
    first, second = lease(api, "a"), lease(api, "b")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(second.acquire(), 300)
    assert not keeping.done()
    keeping.cancel()


@simulated
async def test_a_dead_holder_is_replaced_after_its_duration_and_not_before() -> None:
    api = FakeApi()
    await lease(api, "dead").acquire()
    began = asyncio.get_running_loop().time()
    await lease(api, "b").acquire()
    waited = asyncio.get_running_loop().time() - began
    assert TERMS.seconds < waited < TERMS.seconds * 1.5
    assert spec(api)["leaseTransitions"] == 1


@simulated
async def test_a_released_one_is_taken_at_once() -> None:
    api = FakeApi()
    first = lease(api, "a")
    await first.acquire()
    await first.release()
    assert spec(api)["holderIdentity"] == ""
    await asyncio.wait_for(lease(api, "b").acquire(), 1)


@simulated
async def test_releasing_what_another_holds_leaves_it_alone() -> None:
    api = FakeApi()
    first = lease(api, "a")
    await first.acquire()
    await api.patch("coordination.k8s.io/v1", "leases", "trimtab", "operator", {"spec": {"holderIdentity": "b"}})
    await first.release()
    assert spec(api)["holderIdentity"] == "b"


@simulated
async def test_a_restarted_holder_of_the_same_name_goes_on_at_once() -> None:
    api = FakeApi()
    await lease(api, "a").acquire()
    await asyncio.wait_for(lease(api, "a").acquire(), 1)
    assert spec(api)["leaseTransitions"] == 0


@simulated
async def test_who_hangs_gives_up_before_another_may_take_over() -> None:
    api = Hanging()
    first = lease(api, "a")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    await asyncio.sleep(100)
    renewed = datetime.fromisoformat(spec(api)["renewTime"]).timestamp()
    api.hangs = True
    with pytest.raises(LeaseLostError):
        await keeping
    assert asyncio.get_running_loop().time() - renewed < TERMS.seconds
    assert not first.held


@simulated
async def test_one_failure_is_not_the_end() -> None:
    api = FakeApi()
    first = lease(api, "a")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    for _ in range(20):
        api.refuse("get", "leases", Unreachable("for a moment"))
        await asyncio.sleep(10)
    assert not keeping.done()
    keeping.cancel()


@simulated
async def test_who_sees_another_s_name_in_it_gives_up_at_once() -> None:
    api = FakeApi()
    first = lease(api, "a")
    await first.acquire()
    keeping = asyncio.create_task(first.keep())
    await api.patch("coordination.k8s.io/v1", "leases", "trimtab", "operator", {"spec": {"holderIdentity": "b"}})
    with pytest.raises(LeaseLostError, match="another took it"):
        await asyncio.wait_for(keeping, TERMS.seconds / 3)


@simulated
async def test_of_many_only_one_gets_it() -> None:
    api = FakeApi()
    many = [lease(api, name) for name in "abcdefgh"]
    tasks = [asyncio.create_task(each.acquire()) for each in many]
    await asyncio.sleep(5)
    assert sum(each.held for each in many) == 1
    for task in tasks:
        task.cancel()
