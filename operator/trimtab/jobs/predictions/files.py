"""Which objects of a prediction log and its labels are needed, and how they get to scratch.

Both lie in one folder a day (UTC): predictions by when they were asked, labels by when they came, which is never on an earlier day
than what they are about. Event times are a client's own: they say nothing about the day a request was logged.
"""

import re
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from trimtab.store.client import ObjectInfo, Store
from trimtab.store.layout import Layout

DAY = timedelta(days=1)
DATE = re.compile(r"/date=(\d{4}-\d{2}-\d{2})/")
MOST_LISTINGS = 40
"""A span of more days is listed in one go, a thousand objects a page, and looked through here."""
AT_ONCE = 4
"""Objects that are fetched together: they are small, and each costs a round trip."""


@dataclass(frozen=True)
class Objects:
    """What is read, in the order of keys: of two rows that are alike in all else, that of the earlier object is the first."""

    predictions: tuple[ObjectInfo, ...]
    labels: tuple[ObjectInfo, ...]

    @property
    def all(self) -> list[ObjectInfo]:
        return [*self.predictions, *self.labels]


def find(store: Store, layout: Layout, deployment: str, *, since: datetime | None = None, until: datetime | None = None) -> Objects:
    """Predictions asked in [since, until), as far as whole days tell, and every label that may be about one of them."""
    predictions = _of_days(store, layout.predictions(deployment), _day(since), _day(until))
    if not predictions:
        return Objects((), ())
    # A day's grace, for the clocks of pods that are not quite the same.
    first = _date(predictions[0])
    labels = _of_days(store, layout.labels(deployment), first - DAY if first else None, None)
    return Objects(tuple(predictions), tuple(labels))


def fetch(store: Store, objects: Sequence[ObjectInfo], folder: Path) -> list[Path]:
    """Copies of the very objects that were listed, in their order."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{number:06d}.parquet" for number in range(len(objects))]
    with ThreadPoolExecutor(AT_ONCE) as threads:
        for _ in threads.map(lambda each, path: store.download(each.uri, path, etag=each.etag), objects, paths):
            pass
    return paths


def _of_days(store: Store, folder: str, first: date | None, last: date | None) -> list[ObjectInfo]:
    if first and last and (last - first).days < MOST_LISTINGS:
        listed = [each for day in _days(first, last) for each in store.list(f"{folder}/date={day.isoformat()}/")]
    else:
        listed = store.list(f"{folder}/")
    return [each for each in listed if each.size and each.key.endswith(".parquet") and _within(_date(each), first, last)]


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += DAY


def _within(day: date | None, first: date | None, last: date | None) -> bool:
    return day is not None and (first is None or first <= day) and (last is None or day <= last)


def _date(each: ObjectInfo) -> date | None:
    found = DATE.search(each.key)
    return date.fromisoformat(found[1]) if found else None


def _day(moment: datetime | None) -> date | None:
    return moment.astimezone(UTC).date() if moment else None
