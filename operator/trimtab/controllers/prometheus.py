"""Asks a Prometheus server one question: what a PromQL expression gives now.

The server is the one that the chart names (`prometheus.url`); a person who writes a query cannot send the operator anywhere.
"""

import asyncio
import json
from typing import Any

import aiohttp

from trimtab.kube.errors import Unreachable
from trimtab.kube.transport import at_most
from trimtab.plans.monitored import Answer

SECONDS = 5.0
"""Longest wait: an expression that takes longer is too heavy to be asked twice a minute."""
BYTES = 1_000_000
NO_SERVER = "the operator knows no Prometheus; set the chart's value prometheus.url."


async def ask(url: str, queries: dict[str, str]) -> tuple[Answer, ...]:
    """Answers for queries by the names of their triggers; all at once, so that one that is slow holds nobody up for longer than itself."""
    if not url:
        return tuple(Answer(trigger, problem=NO_SERVER) for trigger in queries)
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(SECONDS)) as session:
        return tuple(await asyncio.gather(*(_one(session, url, trigger, query) for trigger, query in queries.items())))


async def _one(session: aiohttp.ClientSession, url: str, trigger: str, query: str) -> Answer:
    try:
        code, text = await _post(session, url.rstrip("/"), query)
    except Unreachable as error:
        return Answer(trigger, problem=str(error), unreachable=True)
    try:
        return read(trigger, json.loads(text))
    except (ValueError, KeyError, TypeError):
        return Answer(trigger, problem=f"Prometheus at {url} answers {code} and nothing that can be read.", unreachable=True)


async def _post(session: aiohttp.ClientSession, url: str, query: str) -> tuple[int, str]:
    try:
        async with session.post(f"{url}/api/v1/query", data={"query": query}) as answer:
            return answer.status, (await at_most(BYTES, answer.content)).decode("utf-8", "replace")
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise Unreachable(f"Prometheus at {url} does not answer: {_why(error)}.") from error


def _why(error: Exception) -> str:
    """In words that name no part of a library."""
    if isinstance(error, TimeoutError):
        return f"it took longer than {SECONDS:.0f} s"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    return str(cause.strerror or cause) if isinstance(cause, OSError) else str(cause) or type(cause).__name__


BUSY = frozenset({"timeout", "canceled", "unavailable", "internal"})
"""What Prometheus calls an error that has nothing to do with the query."""


def read(trigger: str, said: dict[str, Any]) -> Answer:
    """An instant vector or a scalar in numbers; anything else is a problem, in Prometheus' own words where it has some."""
    if said["status"] != "success":
        kind, words = said.get("errorType", ""), said.get("error", "")
        return Answer(trigger, problem=f"Prometheus says: {words}", unreachable=kind in BUSY)
    data = said["data"]
    match data["resultType"]:
        case "vector":
            return Answer(trigger, tuple(float(series["value"][1]) for series in data["result"]))
        case "scalar":
            return Answer(trigger, (float(data["result"][1]),))
        case other:
            return Answer(trigger, problem=f"the query gives a {other}, not numbers of now; take a range of it, for example with max_over_time().")
