"""What an event queues, and what it does not."""

from typing import Any

from support import toy
from support.builders import dataset, training_job, with_uid
from support.fake_api import Object
from trimtab import handlers
from trimtab.api.kinds import DATASET, TRAINING_JOB
from trimtab.kube.controller import EVERY, ChildKind
from trimtab.kube.watch import Dispatch
from trimtab.plans.plan import Key


class Queue:
    def __init__(self) -> None:
        self.added: list[Key] = []

    def add(self, key: Key, after: float = 0.0) -> None:
        self.added.append(key)


class Kind:
    CHILDREN = (ChildKind("batch/v1", "jobs"), ChildKind("v1", "pods"))

    def __init__(self, kind: Any, related: Any = lambda obj: []) -> None:
        self.KIND, self.RELATED = kind, related


def dispatch(*controllers: Any) -> tuple[Dispatch, Queue]:
    queue: Any = Queue()
    return Dispatch(queue, {controller.KIND.kind: controller for controller in controllers}), queue


def seen(obj: Object, generation: int = 1, **meta: Any) -> Object:
    obj = with_uid(obj, generation=generation)
    return {**obj, "metadata": {**obj["metadata"], **meta}}


FLIGHTS = Key("Dataset", "default", "flights")


def test_what_is_there_at_the_start_is_queued() -> None:
    it, queue = dispatch(Kind(DATASET))
    it.on_object(None, seen(dataset()))
    assert queue.added == [FLIGHTS]


def test_our_own_status_write_queues_nothing() -> None:
    it, queue = dispatch(Kind(DATASET))
    it.on_object("ADDED", seen(dataset()))
    it.on_object("MODIFIED", seen(dataset(), resourceVersion="2", managedFields=[{}]) | {"status": {"x": 1}})
    assert queue.added == [FLIGHTS]


def test_a_person_s_change_of_spec_annotation_or_label_queues() -> None:
    it, queue = dispatch(Kind(DATASET))
    it.on_object("ADDED", seen(dataset()))
    it.on_object("MODIFIED", seen(dataset(), generation=2))
    it.on_object("MODIFIED", seen(dataset(), generation=2, annotations={"trimtab.dev/run-requested": "1"}))
    it.on_object("MODIFIED", seen(dataset(), generation=2, annotations={"trimtab.dev/run-requested": "1"}, labels={"a": "b"}))
    assert queue.added == [FLIGHTS] * 4


def test_a_deletion_and_a_namesake_afterwards_queue() -> None:
    it, queue = dispatch(Kind(DATASET))
    it.on_object("ADDED", seen(dataset()))
    it.on_object("DELETED", seen(dataset()))
    it.on_object("ADDED", seen(dataset()))
    assert len(queue.added) == 3


def test_a_status_is_news_to_those_who_are_related() -> None:
    it, queue = dispatch(Kind(DATASET), Kind(TRAINING_JOB, lambda obj: [Key("TrainingJob", "default", "t")] if obj["kind"] == "Dataset" else []))
    it.on_object("ADDED", seen(dataset()))
    queue.added.clear()
    it.on_object("MODIFIED", seen(dataset()) | {"status": {"activeVersion": 1}})
    assert queue.added == [Key("TrainingJob", "default", "t")]


def test_every_one_of_a_kind_is_those_of_the_same_namespace() -> None:
    it, queue = dispatch(
        Kind(DATASET), Kind(TRAINING_JOB, lambda obj: [Key("TrainingJob", obj["metadata"]["namespace"], EVERY)] if obj["kind"] == "Dataset" else [])
    )
    for name in ("a", "b"):
        it.on_object("ADDED", seen(training_job(name)))
    it.on_object("ADDED", seen(training_job("c"), namespace="elsewhere"))
    queue.added.clear()
    it.on_object("ADDED", seen(dataset()))
    assert set(queue.added) == {FLIGHTS, Key("TrainingJob", "default", "a"), Key("TrainingJob", "default", "b")}


def test_a_child_queues_the_owner_that_its_labels_name() -> None:
    it, queue = dispatch(Kind(DATASET))
    it.on_child(toy.child(seen(dataset()), "batch/v1", "Job", "j"))
    assert queue.added == [FLIGHTS]


def test_a_child_of_nobody_we_know_queues_nothing() -> None:
    it, queue = dispatch(Kind(DATASET))
    it.on_child({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "default"}})
    it.on_child(toy.child(seen(training_job()), "batch/v1", "Job", "j"))
    assert queue.added == []


def test_each_kind_of_child_is_watched_once_and_filtered_on_the_server() -> None:
    controllers = {"Dataset": Kind(DATASET), "TrainingJob": Kind(TRAINING_JOB)}
    chosen = handlers.settings(controllers, (1, 34))  # type: ignore[arg-type]
    assert handlers.children(controllers.values()) == list(Kind.CHILDREN)  # type: ignore[arg-type]
    selectors = {(s.group, s.version, s.any_name): chosen.watching.label_selectors[s] for s in chosen.watching.label_selectors}
    assert selectors == {("batch", "v1", "jobs"): "trimtab.dev/owner-uid", ("", "v1", "pods"): "trimtab.dev/owner-uid"}


def test_kopf_watches_and_writes_nothing() -> None:
    chosen = handlers.settings({}, (1, 32))
    assert not chosen.posting.enabled
    assert chosen.scanning.disabled
    assert not chosen.watching.initial_streaming, "1.32 does not stream lists"


def test_a_kind_of_ours_that_is_also_a_child_is_watched_as_itself() -> None:
    controller = Kind(DATASET)
    controller.CHILDREN = (ChildKind(TRAINING_JOB.api_version, TRAINING_JOB.plural), ChildKind("v1", "pods"))
    assert handlers.children([controller, Kind(TRAINING_JOB)]) == [ChildKind("v1", "pods"), ChildKind("batch/v1", "jobs")]  # type: ignore[list-item]
