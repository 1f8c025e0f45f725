"""What the API server's audit log says of status writes: was each of them news?

A write is news where anything but progress has changed; between two pieces of news, progress may be told once in thirty seconds.
"""

import itertools
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

PROGRESS = frozenset({"progress"})
BETWEEN = 29.0
"""Seconds; the operator's clock and the server's are not quite one."""


@dataclass(frozen=True)
class Write:
    """One status that was written."""

    kind: str
    name: str
    at: datetime
    status: dict[str, Any]

    @property
    def news(self) -> dict[str, Any]:
        return {key: value for key, value in self.status.items() if key not in PROGRESS}


def written(log: Iterable[str], namespace: str) -> list[Write]:
    """The writes that were accepted, oldest first."""
    found = [json.loads(line) for line in log]
    return [
        Write(
            each["objectRef"]["resource"], each["objectRef"]["name"], datetime.fromisoformat(each["requestReceivedTimestamp"]), each["requestObject"]["status"]
        )
        for each in found
        if each["objectRef"].get("namespace") == namespace and each["responseStatus"]["code"] < 300
    ]


def needless(writes: Iterable[Write]) -> Iterator[str]:
    """Writes that were neither news nor progress after thirty seconds, as sentences."""
    histories: dict[tuple[str, str], list[Write]] = defaultdict(list)
    for each in writes:
        histories[each.kind, each.name].append(each)
    for (kind, name), history in histories.items():
        told: datetime | None = None
        for before, after in itertools.pairwise(history):
            if before.status == after.status:
                yield f"{kind}/{name}: the same status was written again at {after.at}."
            elif before.news != after.news:
                told = None
            else:
                if told and (after.at - told).total_seconds() < BETWEEN:
                    yield f"{kind}/{name}: progress at {after.at} is only {(after.at - told).total_seconds():.1f} s after the last."
                told = after.at
