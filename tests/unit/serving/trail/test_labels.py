"""Labels: what is accepted and what is answered, and that nobody is told `kept` before the store has it."""

import asyncio
import io
import json
import threading
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial
from typing import Any

import pyarrow.parquet as pq
import pytest

from support.memory_store import MemoryStore
from support.predictions import NOON, SIGNATURE
from trimtab.store.errors import StoreUnreachable
from trimtab.store.layout import Layout
from trimtab.store.model import Signature
from trimtab_serving.errors import Refusal
from trimtab_serving.trail import label_files, labels
from trimtab_serving.trail.labels import Desk, Label, read
from trimtab_serving.trail.upload import Place

REGRESSION = Signature.model_validate(
    {"inputs": [{"name": "x", "datatype": "FP32"}], "outputs": [{"name": "prediction", "datatype": "FP64"}], "task": "regression"}
)
TIME = "2013-02-01T12:00:00+01:00"


def entry(**changes: Any) -> dict[str, Any]:
    return {"id": "order-7", "label": "late", "time": TIME} | changes


def given(*entries: Any, signature: Signature = SIGNATURE) -> tuple[list[Label], list[str]]:
    return read(json.dumps(list(entries)).encode(), signature, NOON)


def refused(body: bytes, signature: Signature = SIGNATURE) -> str:
    with pytest.raises(Refusal) as caught:
        read(body, signature, NOON)
    assert caught.value.status == 400
    return caught.value.sentence


def test_a_label_is_for_one_row_of_one_request() -> None:
    assert given(entry())[0] == [Label("order-7", 0, "late", datetime(2013, 2, 1, 11, tzinfo=UTC), NOON)]


@pytest.mark.parametrize(
    ("id_", "row"), [("order-7", ("order-7", 0)), ("order-7/3", ("order-7", 3)), ("a/b", ("a/b", 0)), ("a/b/12", ("a/b", 12)), ("orders/5/0", ("orders/5", 0))]
)
def test_an_id_may_end_in_a_row(id_: str, row: tuple[str, int]) -> None:
    (label,), _ = given(entry(id=id_))
    assert (label.request_id, label.row) == row


@pytest.mark.parametrize(("label", "kept"), [("late", "late"), (1, "1"), (True, "true"), (0.5, "0.5")])
def test_a_class_is_text_however_it_is_written(label: Any, kept: str) -> None:
    assert given(entry(label=label))[0][0].label == kept


def test_a_class_that_the_model_does_not_know_is_kept_and_pointed_out() -> None:
    found, doubts = given(entry(label="cancelled"), entry(label="late"), entry(label="cancelled"))
    assert len(found) == 3
    assert doubts == ["'cancelled' is none of the classes of this model: late, punctual."]


def test_a_number_needs_no_classes() -> None:
    assert [each.label for each in given(entry(label=12.5), entry(label=-3), signature=REGRESSION)[0]] == ["12.5", "-3"]


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (5, "[0]: expected an object with id, label and time, found 5."),
        (entry(row=3), "[0]: expected id, label and time, found 'row'."),
        (entry(id=None), "[0].id: expected the id of an answer, or `<id>/<row>`, of at most 128 characters, found None."),
        (entry(id=""), "[0].id: expected the id of an answer"),
        (entry(id="/3"), "[0].id: expected the id of an answer"),
        (entry(id="x" * 129), "[0].id: expected the id of an answer"),
        (entry(label=None), "[0].label: expected text, a number, true or false, found None."),
        (entry(label=""), "[0].label: expected text, a number, true or false, found ''."),
        (entry(label=["late"]), "[0].label: expected text, a number, true or false, found ['late']."),
        (entry(time="yesterday"), "[0].time: expected a time with zone such as 2013-01-31T18:00:00Z, found 'yesterday'."),
        (entry(time="2013-01-31T18:00:00"), "[0].time: expected a time with zone"),
        (entry(time=None), "[0].time: expected a time with zone"),
        (entry(time=5), "[0].time: expected a time with zone"),
    ],
)
def test_a_wrong_entry_is_named_with_its_place(wrong: Any, sentence: str) -> None:
    said = refused(json.dumps([wrong]).encode())
    assert said.startswith(sentence)
    assert said.endswith("None of these labels is kept.")


@pytest.mark.parametrize("label", ["late", True, None])
def test_a_label_of_a_regression_is_a_number(label: Any) -> None:
    assert refused(json.dumps([entry(label=label)]).encode(), REGRESSION).startswith("[0].label: expected a number, found ")


def test_each_wrong_entry_has_its_sentence_up_to_a_number_of_them() -> None:
    said = refused(json.dumps([entry(), entry(time=None), *([entry(id=None)] * 30)]).encode())
    assert said.startswith("[1].time: ")
    assert "[2].id: " in said
    assert said.endswith("11 more are wrong. None of these labels is kept.")


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"5", b'{"id": "a"}', b"[", b"\xff"])
def test_a_body_that_is_no_list_of_labels_is_told_what_one_looks_like(body: bytes) -> None:
    assert refused(body).startswith("The body: expected ")


# keeping them


def kept(*ids: str) -> list[Label]:
    return [Label(each, 0, "late", NOON, NOON) for each in ids]


def desk(store: MemoryStore, **more: Any) -> Desk:
    return Desk(partial(label_files.put, Place(store, Layout("lake", "team"), "prod", "pod-1")), **more)


async def test_labels_are_in_the_store_before_anybody_is_told() -> None:
    store = MemoryStore()
    await desk(store).keep(kept("a", "b"))
    ((uri, content),) = store.objects.items()
    assert uri.startswith("s3://lake/team/labels/prod/date=2026-11-24/pod-1-")
    assert pq.read_table(io.BytesIO(content)).to_pylist()[0] == {
        "request_id": "a", "row": 0, "label": "late", "label_time": NOON, "received_at": NOON, "source": "pod-1",
    }  # fmt: skip


async def test_a_store_that_is_away_is_a_503_that_says_when_to_come_back() -> None:
    store = MemoryStore()
    store.away = "no route to host."
    with pytest.raises(Refusal) as caught:
        await desk(store).keep(kept("a"))
    assert (caught.value.status, caught.value.headers) == (503, ((b"retry-after", b"5"),))
    assert caught.value.sentence.startswith("The labels are not kept: ")
    assert "no route to host" in caught.value.sentence


async def test_a_store_that_does_not_answer_is_a_503_too() -> None:
    hang = threading.Event()
    slow = Desk(lambda labels, sequence: hang.wait(10), answer_seconds=0.05)
    with pytest.raises(Refusal) as caught:
        await slow.keep(kept("a"))
    hang.set()
    assert caught.value.status == 503


async def test_labels_that_come_while_others_are_written_go_together() -> None:
    begun, go_on, written = threading.Event(), threading.Event(), []

    def put(found: Sequence[Label], sequence: int) -> None:
        begun.set()
        go_on.wait(10)
        written.append(([each.request_id for each in found], sequence))

    it = Desk(put)
    first = asyncio.create_task(it.keep(kept("a")))
    await asyncio.to_thread(begun.wait, 10)
    rest = [asyncio.create_task(it.keep(kept(each))) for each in ("b", "c", "d")]
    await asyncio.sleep(0.01)
    assert not any(each.done() for each in (first, *rest))
    go_on.set()
    await asyncio.gather(first, *rest)
    assert [ids for ids, _ in written] == [["a"], ["b", "c", "d"]]
    assert written[0][1] < written[1][1]


async def test_after_a_failure_the_next_labels_are_written_again() -> None:
    answers = [StoreUnreachable("no."), None]

    def put(found: Sequence[Label], sequence: int) -> None:
        if error := answers.pop(0):
            raise error

    it = Desk(put)
    with pytest.raises(Refusal):
        await it.keep(kept("a"))
    await it.keep(kept("a"))


async def test_more_labels_than_memory_should_hold_are_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(labels, "MOST_WAITING", 2)
    go_on = threading.Event()
    it = Desk(lambda labels, sequence: go_on.wait(10))
    first, second = asyncio.create_task(it.keep(kept("a"))), asyncio.create_task(asyncio.sleep(0.05))
    await second
    waiting = asyncio.create_task(it.keep(kept("b", "c", "d")))
    await asyncio.sleep(0.01)
    with pytest.raises(Refusal, match="Too many labels"):
        await it.keep(kept("e"))
    go_on.set()
    await asyncio.gather(first, waiting)
