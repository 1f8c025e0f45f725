"""Who asks, as the head of a request says: a client, or the pod of another version on a client's behalf."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from trimtab_serving.split.choice import PSEUDONYM_CHARACTERS, pseudonym
from trimtab_serving.split.peer import FORWARDED, USER
from trimtab_serving.wire import request_id

STABLE, CANDIDATE, SHADOW = "Stable", "Candidate", "Shadow"
FORWARDED_AS = {each.encode(): each for each in (CANDIDATE, SHADOW)}
PSEUDONYM = re.compile(rb"[0-9a-f]{%d}" % PSEUDONYM_CHARACTERS)


class Call(NamedTuple):
    """One request. `role` is what this pod is to it; `key` decides who answers it, and a forwarded one has none."""

    id: str
    role: str
    user: str
    key: bytes | None


def read(headers: Mapping[bytes, bytes], sticky: bytes, deployment: str) -> Call:
    """`sticky` is the header that says who the user is, or empty."""
    id_ = request_id(headers)
    forwarded = headers.get(FORWARDED)
    if forwarded is not None:
        user = headers.get(USER, b"")
        return Call(id_, FORWARDED_AS.get(forwarded, STABLE), user.decode() if PSEUDONYM.fullmatch(user) else "", None)
    value = headers.get(sticky, b"") if sticky else b""
    return Call(id_, STABLE, pseudonym(deployment, value), value) if value else Call(id_, STABLE, "", id_.encode())
