"""HTTP in small pieces, over ASGI's three callables: read a body within its limits, check the head, write an answer."""

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

import orjson
import uuid_utils

from trimtab_serving.errors import Refusal
from trimtab_serving.protocol import MAX_ID

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Header = tuple[bytes, bytes]

JSON: Header = (b"content-type", b"application/json")
CLOSE: Header = (b"connection", b"close")
SOON: Header = (b"retry-after", b"1")


class ClientLeft(Exception):  # noqa: N818
    """The connection is gone; there is nobody to answer."""


async def reply(send: Send, status: int, body: bytes, headers: tuple[Header, ...], kind: Header = JSON) -> None:
    await send({"type": "http.response.start", "status": status, "headers": [kind, (b"content-length", b"%d" % len(body)), *headers]})
    await send({"type": "http.response.body", "body": body})


def error(sentence: str) -> bytes:
    return orjson.dumps({"error": sentence})


def request_id(headers: Mapping[bytes, bytes]) -> str:
    """The caller's own where it can be written into a header again, else a new one that sorts by time."""
    given = headers.get(b"x-request-id", b"").decode("latin-1")
    return given if is_safe(given) else str(uuid_utils.uuid7())


def is_safe(text: str) -> bool:
    """Whether text may stand in a header: short, printable ASCII."""
    return 0 < len(text) <= MAX_ID and text.isascii() and text.isprintable()


def check_head(headers: Mapping[bytes, bytes], most: int) -> None:
    kind = headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise Refusal(415, f"content-type: expected application/json, found {kind.decode('latin-1')!r:.60}.")
    encoding = headers.get(b"content-encoding", b"identity")
    if encoding != b"identity":
        raise Refusal(415, f"content-encoding: expected none, found {encoding.decode('latin-1')!r:.60}.")
    if int(headers.get(b"content-length", b"0")) > most:
        raise _too_large(most)


async def read_body(receive: Receive, most: int, take: Callable[[int], None]) -> bytes:
    """The whole body; most bodies come in one piece. `take` is told of each piece and may refuse it."""
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        take(len(message["body"]))
        return bytes(message["body"])
    parts, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise ClientLeft
        parts.append(message["body"])
        size += len(message["body"])
        if size > most:
            raise _too_large(most)
        take(len(message["body"]))
        if not message.get("more_body"):
            return b"".join(parts)
        message = await receive()


def _too_large(most: int) -> Refusal:
    return Refusal(413, f"The body: expected at most {most} bytes, found more; send fewer rows at a time.")
