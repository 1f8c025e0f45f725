"""Asking another pod: within its limits, over kept connections, and with one word for each way to fail."""

import asyncio
from collections.abc import Iterator

import pytest

from support.pretender import Does, Pretender, answer, raw, silent
from support.server_process import free_port
from trimtab_serving.split import connection, peer
from trimtab_serving.split.breaker import MISSES, REST_SECONDS, Breaker
from trimtab_serving.split.connection import Unanswered
from trimtab_serving.split.peer import Peer


@pytest.fixture
def it() -> Iterator[Pretender]:
    with Pretender(answer(200, b'{"outputs":[]}')) as found:
        yield found


def to(url: str, cap: int = 4) -> Peer:
    return Peer(url, "flights", 8, "Candidate", cap)


async def failure(asked: Peer, body: bytes = b"{}") -> str:
    with pytest.raises(Unanswered) as caught:
        await asked.ask(body, "r-1")
    return caught.value.cause


async def test_an_answer_comes_back_whole_over_a_connection_that_is_kept(it: Pretender) -> None:
    asked = to(it.url)
    replies = [await asked.ask(b"{}", f"r-{i}") for i in range(5)]
    assert {(reply.status, reply.body) for reply in replies} == {(200, b'{"outputs":[]}')}
    assert it.connections == 1


async def test_the_request_says_who_asks_for_whom(it: Pretender) -> None:
    await to(it.url).ask(b"[1]", "order-7", "f" * 32)
    head = it.heads[0].lower().split("\r\n")
    assert head[0] == "post /v2/models/flights/infer http/1.1"
    assert {"x-trimtab-forwarded: candidate", "x-request-id: order-7", f"x-trimtab-user: {'f' * 32}", "content-length: 3"} <= set(head)


async def test_a_path_in_the_url_comes_first(it: Pretender) -> None:
    await to(f"{it.url}/team/").ask(b"{}", "r-1")
    assert it.heads[0].startswith("POST /team/v2/models/flights/infer ")


async def test_a_connection_is_made_anew_now_and_then(it: Pretender, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "CONNECTION_SECONDS", 0.0)
    asked = to(it.url)
    for _ in range(3):
        await asked.ask(b"{}", "r-1")
    assert it.connections == 3


async def test_a_pod_that_is_going_gets_no_second_request_over_its_connection(it: Pretender) -> None:
    it.does = raw(b"HTTP/1.1 200 OK\r\nx-trimtab-version: 8\r\nx-trimtab-took-us: 1\r\nconnection: close\r\ncontent-length: 2\r\n\r\n{}")
    asked = to(it.url)
    for _ in range(3):
        assert (await asked.ask(b"{}", "r-1")).status == 200
    assert it.connections == 3


async def test_an_answer_in_chunks_and_in_pieces_is_an_answer() -> None:
    async def slowly(_: Pretender, writer: asyncio.StreamWriter) -> None:
        for piece in (
            b"HTTP/1.1 200 OK\r\nX-Trimtab-Version: 8\r\nx-trimtab-took-us: 5\r\n",
            b"transfer-encoding: chunked\r\n\r\n",
            b"2\r\n{",
            b"}\r\n0\r\n\r\n",
        ):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    with Pretender(slowly) as found:
        assert (await to(found.url).ask(b"{}", "r-1")).body == b"{}"


async def test_a_refusal_is_an_answer(it: Pretender) -> None:
    it.does = answer(400, b'{"error":"no"}')
    assert (await to(it.url).ask(b"{}", "r-1")).status == 400


@pytest.mark.parametrize(
    ("does", "cause"),
    [
        (answer(500), "Failed"),
        (answer(204, b""), "Failed"),
        (answer(200, version=7), "Garbage"),
        (answer(200, took=b"soon"), "Garbage"),
        (raw(b"SSH-2.0-OpenSSH\r\n"), "Garbage"),
        (raw(b"", then_close=True), "Disconnected"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{", then_close=True), "Disconnected"),
        (raw(b"HTTP/1.1 200 OK\r\ncontent-length: 9999999\r\n\r\n" + b" " * 5000), "Garbage"),
        (silent(), "Deadline"),
    ],
)
async def test_each_way_to_fail_has_its_word(does: Does, cause: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "DEADLINE_SECONDS", 0.3)
    monkeypatch.setattr(connection, "MOST_ANSWER_BYTES", 4000)
    with Pretender(does) as found:
        assert await failure(to(found.url)) == cause


async def test_nobody_there_has_its_word_too() -> None:
    assert await failure(to(f"http://127.0.0.1:{free_port()}")) == "NoConnection"
    assert await failure(to("http://there-is-no-such-host.invalid")) == "NoConnection"


async def test_what_comes_after_a_deadline_is_nobodys_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next request must not get it."""
    monkeypatch.setattr(peer, "DEADLINE_SECONDS", 0.1)
    told = iter([0.2, 0.0])

    async def late(pretender: Pretender, writer: asyncio.StreamWriter) -> None:
        number = pretender.asked
        await asyncio.sleep(next(told))
        await answer(200, b"%d" % number)(pretender, writer)

    with Pretender(late) as found:
        asked = to(found.url)
        assert await failure(asked) == "Deadline"
        monkeypatch.setattr(peer, "DEADLINE_SECONDS", 60)
        await asyncio.sleep(0.2)
        assert (await asked.ask(b"{}", "r-2")).body == b"2"


async def test_an_answer_to_nothing_closes_the_connection() -> None:
    async def twice(pretender: Pretender, writer: asyncio.StreamWriter) -> None:
        await answer(200, b"%d" % pretender.asked)(pretender, writer)
        await asyncio.sleep(0.05)
        if pretender.asked == 1:
            await answer(200, b"unasked")(pretender, writer)

    with Pretender(twice) as found:
        asked = to(found.url)
        assert (await asked.ask(b"{}", "r-1")).body == b"1"
        await asyncio.sleep(0.5)
        assert (await asked.ask(b"{}", "r-2")).body == b"2"


async def test_no_more_wait_than_the_cap_allows() -> None:
    with Pretender(silent()) as found:
        asked = to(found.url, cap=2)
        waiting = [asyncio.create_task(asked.ask(b"{}", f"r-{i}")) for i in range(2)]
        await asyncio.sleep(0.05)
        assert await failure(asked) == "Cap"
        assert not any(each.done() for each in waiting)
        for each in waiting:
            each.cancel()
        await asyncio.gather(*waiting, return_exceptions=True)


async def test_large_bodies_get_more_time(monkeypatch: pytest.MonkeyPatch) -> None:
    async def slow(pretender: Pretender, writer: asyncio.StreamWriter) -> None:
        await asyncio.sleep(0.3)
        await answer(200)(pretender, writer)

    monkeypatch.setattr(peer, "DEADLINE_SECONDS", 0.1)
    with Pretender(slow) as found:
        assert await failure(to(found.url)) == "Deadline"
        assert (await to(found.url).ask(b" " * 2**20, "r-1")).status == 200


async def test_who_does_not_answer_is_left_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer, "DEADLINE_SECONDS", 0.02)
    with Pretender(silent()) as found:
        asked = to(found.url)
        assert [await failure(asked) for _ in range(MISSES + 2)] == ["Deadline"] * MISSES + ["Resting"] * 2


async def test_a_peer_that_is_closed_keeps_no_connection(it: Pretender) -> None:
    asked = to(it.url)
    asked.close()
    for _ in range(2):
        assert (await asked.ask(b"{}", "r-1")).status == 200
    assert it.connections == 2


def test_the_breaker_lets_one_in_a_while_through_until_somebody_is_heard() -> None:
    now = 100.0
    breaker = Breaker(lambda: now)
    for _ in range(MISSES):
        assert breaker.allows()
        breaker.missed()
    assert not breaker.allows()
    now += REST_SECONDS
    assert [breaker.allows() for _ in range(3)] == [True, False, False]
    breaker.missed()
    assert not breaker.allows()
    now += REST_SECONDS
    assert breaker.allows()
    breaker.heard()
    assert all(breaker.allows() for _ in range(10))
