"""Windows added up from what pods uploaded."""

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from support.memory_store import MemoryStore
from trimtab.jobs.evaluation.hours import SUM, Windows, add, listed, within
from trimtab.jobs.evaluation.spans import HOUR, Span
from trimtab.stats.profiles import Numeric, NumericShape, Profile
from trimtab.store.layout import Layout

LAYOUT = Layout("bucket", "team")
MIDNIGHT = datetime(2013, 2, 4, tzinfo=UTC)
DAY = Span(MIDNIGHT, MIDNIGHT + timedelta(days=1))
SHAPE = NumericShape(np.array([0.0, 1.0]), 0.5)


class Counting(MemoryStore):
    """Says how many objects were read."""

    reads = 0

    def get(self, uri: str) -> bytes:
        self.reads += 1
        return super().get(uri)


@pytest.fixture
def store() -> Counting:
    return Counting()


def upload(store, hour, values, *, pod="pod-a", sequence=1, columns=("x",)):
    inputs = Profile(len(values), {name: Numeric.of(SHAPE, np.array(values)) for name in columns})
    content = {"schema": 1, "inputs": inputs.encode(), "outputs": Profile(len(values), {}).encode()}
    store.put(LAYOUT.window_file("flights", "d1", MIDNIGHT + hour * HOUR, pod, sequence), json.dumps(content).encode())


def windows(store) -> Windows:
    return Windows(store, LAYOUT, "watch", listed(store, LAYOUT, "flights", "d1"))


def test_a_window_is_the_sum_of_its_hours_whichever_pod_they_are_of_and_in_however_many_pieces(store):
    upload(store, 0, [-1.0, 0.5])
    upload(store, 0, [0.5], sequence=2)
    upload(store, 23, [2.0], pod="pod-b-7")
    upload(store, 24, [2.0] * 9)
    found = windows(store).of(DAY)
    assert (found.rows, found.inputs.parts["x"].bins.tolist()) == (4, [1, 2, 1])


def test_a_window_that_nobody_uploaded_has_no_rows(store):
    assert windows(store).of(DAY).rows == 0


def test_a_closed_window_is_read_once_and_its_sum_from_then_on(store):
    for hour in range(10):
        upload(store, hour, [0.5] * 3)
    first, store.reads = windows(store).of(DAY), 0
    again = windows(store).of(DAY)
    assert store.reads == 1
    assert again.inputs.encode() == first.inputs.encode()


def test_a_piece_that_comes_late_is_added(store):
    upload(store, 0, [0.5])
    windows(store).of(DAY)
    upload(store, 5, [0.5], sequence=9)
    assert windows(store).of(DAY).rows == 2


def test_a_sum_that_was_damaged_is_made_anew(store):
    upload(store, 0, [0.5])
    windows(store).of(DAY)
    store.put(f"{LAYOUT.report('watch', MIDNIGHT)}/{SUM}", b"{")
    assert windows(store).of(DAY).rows == 1


def test_columns_that_not_every_piece_has_are_left_out_of_the_sum():
    one, two = (Profile(1, {name: Numeric.of(SHAPE, np.array([0.5])) for name in names}) for names in (("x", "y"), ("x",)))
    assert (list(add(one, two).parts), list(add(two, one).parts), add(one, two).rows) == (["x"], ["x"], 2)


def test_an_object_that_no_pod_has_put_there_is_passed_over(store):
    store.put(f"{LAYOUT.windows('flights', 'd1')}/readme.txt", b"hello")
    store.put(f"{LAYOUT.windows('flights', 'd1')}/2013-02-04T00:00:00Z/notes.json", b"{}")
    upload(store, 3, [0.5], pod="flights-v7-abc", sequence=1361000000000)
    found = listed(store, LAYOUT, "flights", "d1")
    assert [(each.pod, each.sequence, each.start) for each in found] == [("flights-v7-abc", 1361000000000, MIDNIGHT + 3 * HOUR)]


def test_hours_that_ended_before_the_version_served_are_none_of_its_windows(store):
    for hour in (0, 1, 2):
        upload(store, hour, [0.5])
    pieces = listed(store, LAYOUT, "flights", "d1")
    assert [each.start for each in within(pieces, MIDNIGHT + 1.5 * HOUR)] == [MIDNIGHT + HOUR, MIDNIGHT + 2 * HOUR]
