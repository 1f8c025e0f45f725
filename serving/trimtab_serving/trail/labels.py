"""Labels that come after a prediction: read from a body with a sentence for each entry that is wrong, and durable before they are acknowledged.

Requests that arrive while an upload is under way share the next one: a client that sends labels one by one makes few objects.
Sending a label again changes nothing: whoever joins takes the last one by its time. Whether the id was ever a prediction's,
and labels that contradict each other, are left to the one who joins.
"""

import asyncio
import math
import reprlib
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from typing import Any, NamedTuple

import orjson

from trimtab.store.errors import StoreError
from trimtab.store.model import Signature
from trimtab_serving.errors import Refusal
from trimtab_serving.protocol import MAX_ID

ANSWER_SECONDS = 20.0
"""A store that is not there is said within 16 s."""
MOST_WAITING = 500_000
"""Labels that wait for the store in memory; more are sent away at once."""
MOST_SENTENCES = 20
LATER = (b"retry-after", b"5")


class Label(NamedTuple):
    """One label of one predicted row."""

    request_id: str
    row: int
    label: str
    label_time: datetime
    received_at: datetime


def read(body: bytes, signature: Signature, received_at: datetime) -> tuple[list[Label], list[str]]:
    """The labels, and what their sender should look at all the same; Refusal with a sentence for each entry that is wrong."""
    try:
        entries = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise Refusal(400, f"The body: expected JSON, found an error at line {error.lineno}, column {error.colno}: {error.msg}.") from error
    if not isinstance(entries, list) or not entries:
        raise Refusal(400, 'The body: expected a list of labels such as [{"id": "...", "label": "...", "time": "2013-01-31T18:00:00Z"}], found something else.')
    read_one = partial(_read_one, numeric=signature.task == "regression", received_at=received_at)
    found = [read_one(f"[{i}]", entry) for i, entry in enumerate(entries)]
    if wrong := [each for each in found if isinstance(each, str)]:
        raise Refusal(400, _bounded(wrong))
    labels = [each for each in found if isinstance(each, Label)]
    return labels, _doubts(labels, signature)


def _read_one(at: str, entry: Any, *, numeric: bool, received_at: datetime) -> Label | str:
    if not isinstance(entry, dict):
        return f"{at}: expected an object with id, label and time, found {reprlib.repr(entry)}."
    if unknown := [name for name in entry if name not in ("id", "label", "time")]:
        return f"{at}: expected id, label and time, found {reprlib.repr(unknown[0])}."
    id_, row = _split(entry.get("id"))
    if not id_:
        return f"{at}.id: expected the id of an answer, or `<id>/<row>`, of at most {MAX_ID} characters, found {reprlib.repr(entry.get('id'))}."
    label = _label(entry.get("label"), numeric=numeric)
    if label is None:
        return f"{at}.label: expected {'a number' if numeric else 'text, a number, true or false'}, found {reprlib.repr(entry.get('label'))}."
    time = _time(entry.get("time"))
    if time is None:
        return f"{at}.time: expected a time with zone such as 2013-01-31T18:00:00Z, found {reprlib.repr(entry.get('time'))}."
    return Label(id_, row, label, time, received_at)


def _split(found: Any) -> tuple[str, int]:
    """(request id, row); an empty id where it is none. An id that itself ends in `/<number>` is written with `/0` behind it."""
    if not isinstance(found, str):
        return "", 0
    id_, slash, row = found.rpartition("/")
    if slash and row.isascii() and row.isdigit() and len(row) <= 9:
        found, number = id_, int(row)
    else:
        number = 0
    return (found if len(found) <= MAX_ID else ""), number


def _label(found: Any, *, numeric: bool) -> str | None:
    """As text; the datatype is the model's to know."""
    if numeric:
        return repr(found) if isinstance(found, int | float) and not isinstance(found, bool) and math.isfinite(found) else None
    if isinstance(found, bool):
        return "true" if found else "false"
    return str(found) if isinstance(found, str | int | float) and found != "" else None


def _time(found: Any) -> datetime | None:
    try:
        time = datetime.fromisoformat(found)
    except (TypeError, ValueError):
        return None
    return time.astimezone(UTC) if time.tzinfo else None


def _doubts(labels: Sequence[Label], signature: Signature) -> list[str]:
    """A class that this model does not know is kept, for another version may; but a misspelt one should not go unseen."""
    known = next(({str(name) for name in each.classes} for each in signature.outputs if each.classes), set())
    strange = sorted({each.label for each in labels} - known) if known else []
    return [f"{reprlib.repr(each)} is none of the classes of this model: {', '.join(sorted(known)[:12])}." for each in strange[:MOST_SENTENCES]]


def _bounded(sentences: list[str]) -> str:
    more = [f"{len(sentences) - MOST_SENTENCES} more are wrong."] if len(sentences) > MOST_SENTENCES else []
    return " ".join([*sentences[:MOST_SENTENCES], *more, "None of these labels is kept."])


class Desk:
    """Takes labels to the store, in one object at a time."""

    def __init__(self, put: Callable[[Sequence[Label], int], None], answer_seconds: float = ANSWER_SECONDS) -> None:
        self._put, self._answer_seconds = put, answer_seconds
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="labels")
        self._waiting: list[tuple[list[Label], asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._sequence = 0

    async def keep(self, labels: list[Label]) -> None:
        """Return when the store has them; else Refusal, and the sender sends them again."""
        if sum(len(each) for each, _ in self._waiting) > MOST_WAITING:
            raise Refusal(503, "Too many labels wait for the object store already; send them again later.", (LATER,))
        kept: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((labels, kept))
        if self._writing is None:
            self._writing = asyncio.create_task(self._write_on())
        try:
            async with asyncio.timeout(self._answer_seconds):
                await kept
        except StoreError as error:
            raise Refusal(503, f"The labels are not kept: {error.message} Send them again later.", (LATER,)) from error
        except TimeoutError:
            raise Refusal(503, "The object store does not answer; the labels may not be kept. Send them again later.", (LATER,)) from None

    async def _write_on(self) -> None:
        loop = asyncio.get_running_loop()
        while self._waiting:
            together, self._waiting = self._waiting, []
            self._sequence = max(self._sequence + 1, time.time_ns() // 1_000_000)
            labels = [label for each, _ in together for label in each]
            error: Exception | None = None
            try:
                await loop.run_in_executor(self._thread, self._put, labels, self._sequence)
            except Exception as found:  # noqa: BLE001 (whatever it was, each sender is told)
                error = found
            for _, kept in together:
                _settle(kept, error)
        self._writing = None


def _settle(kept: asyncio.Future[None], error: Exception | None) -> None:
    if kept.done():  # its sender has left
        return
    if error:
        kept.set_exception(error)
    else:
        kept.set_result(None)
