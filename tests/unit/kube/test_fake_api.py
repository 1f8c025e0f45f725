"""The stand-in keeps the API server's rules that the core's correctness hangs on."""

import pytest

from support import toy
from support.fake_api import FakeApi, ProcessDiedError
from trimtab.kube.errors import AlreadyExists, ApiError, Conflict, NotFound
from trimtab.kube.matching import fields_match, labels_match

TOYS = (toy.KIND.api_version, "toys")


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        (None, True), ("", True), ("a=1", True), ("a==1", True), ("a=2", False), ("a!=2", True), ("b!=1", True), ("a", True), ("b", False),
        ("!b", True), ("!a", False), ("a in (1, 2),c=3", True), ("a in (2)", False), ("a notin (2)", True), ("a=1,b=1", False),
    ],
)  # fmt: skip
def test_label_selectors(selector: str | None, matches: bool) -> None:
    assert labels_match(selector, {"a": "1", "c": "3"}) == matches


@pytest.mark.parametrize(
    ("selector", "matches"), [("spec.model=flights", True), ("spec.model!=flights", False), ("metadata.name=x", False), ("spec.none=", True)]
)
def test_field_selectors(selector: str, matches: bool) -> None:
    assert fields_match(selector, {"metadata": {"name": "m"}, "spec": {"model": "flights"}}) == matches


async def test_a_name_is_taken_once() -> None:
    api = FakeApi(toy.toy())
    with pytest.raises(AlreadyExists):
        await api.create(*TOYS, toy.toy())


async def test_generation_moves_with_the_spec_and_not_with_status_or_annotations() -> None:
    api = FakeApi(toy.toy())
    obj = api.one("toys", "flights")
    obj = await api.put_status(*TOYS, {**obj, "status": {"x": 1}, "spec": {"words": "ignored"}})
    obj = await api.patch(*TOYS, "default", "flights", {"metadata": {"annotations": {"a": "b"}}, "status": {"ignored": True}})
    assert (obj["metadata"]["generation"], obj["spec"], obj["status"]) == (1, {"words": "hello"}, {"x": 1})
    api.given(toy.toy(words="other"))
    assert api.one("toys", "flights")["metadata"]["generation"] == 2


async def test_a_status_is_put_on_the_version_that_was_read_or_not_at_all() -> None:
    api = FakeApi(toy.toy())
    old = api.one("toys", "flights")
    await api.put_status(*TOYS, {**old, "status": {"x": 1}})
    with pytest.raises(Conflict):
        await api.put_status(*TOYS, {**old, "status": {"x": 2}})
    with pytest.raises(ApiError, match="resourceVersion"):
        await api.put_status(*TOYS, {**old, "metadata": {"name": "flights", "namespace": "default"}})
    with pytest.raises(NotFound):
        await api.put_status(*TOYS, {**old, "metadata": {**old["metadata"], "name": "nobody"}})


async def test_a_write_that_changes_nothing_makes_no_new_version() -> None:
    api = FakeApi(toy.toy())
    before = api.one("toys", "flights")
    assert (await api.patch(*TOYS, "default", "flights", {"metadata": {"labels": None}})) == before


async def test_a_status_sent_with_a_create_is_dropped() -> None:
    made = await FakeApi().create(*TOYS, {**toy.toy(), "status": {"x": 1}})
    assert made["status"] == {"observedGeneration": -1}


async def test_apply_takes_back_what_it_no_longer_wants_and_leaves_the_rest() -> None:
    api = FakeApi(toy.toy())
    owner = api.one("toys", "flights")
    await api.apply("v1", "services", toy.child(owner, "v1", "Service", "s", a=1, b=2))
    await api.patch("v1", "services", "default", "s", {"spec": {"theirs": 3}})
    assert (await api.apply("v1", "services", toy.child(owner, "v1", "Service", "s", a=1)))["spec"] == {"a": 1, "theirs": 3}


async def test_children_go_with_their_last_owner_unless_they_are_orphaned() -> None:
    api = FakeApi(toy.toy())
    owner = api.one("toys", "flights")
    await api.create("batch/v1", "jobs", toy.child(owner, "batch/v1", "Job", "j"))
    await api.create("v1", "pods", toy.child(api.one("jobs", "j"), "v1", "Pod", "p"))
    twin = api.snapshot()
    await api.delete(*TOYS, "default", "flights")
    assert (api.all("jobs"), api.all("pods")) == ([], [])
    await twin.delete(*TOYS, "default", "flights", propagation="Orphan")
    assert (len(twin.all("jobs")), len(twin.all("pods"))) == (1, 1)


async def test_a_deletion_with_another_uid_is_refused_and_one_of_nothing_is_success() -> None:
    api = FakeApi(toy.toy())
    with pytest.raises(Conflict):
        await api.delete(*TOYS, "default", "flights", uid="another")
    await api.delete(*TOYS, "default", "nobody")
    assert api.writes == []


async def test_what_is_handed_out_is_a_copy() -> None:
    api = FakeApi(toy.toy())
    (await api.list(*TOYS))[0]["spec"]["words"] = "changed by the caller"
    assert api.one("toys", "flights")["spec"]["words"] == "hello"


async def test_the_process_dies_after_the_write_and_the_write_stays() -> None:
    api = FakeApi()
    api.die_after = 1
    with pytest.raises(ProcessDiedError):
        await api.create(*TOYS, toy.toy())
    assert len(api.all("toys")) == 1


async def test_a_refusal_changes_nothing_and_ends() -> None:
    api = FakeApi()
    api.refuse("create", "*", ApiError("no"))
    with pytest.raises(ApiError):
        await api.create(*TOYS, toy.toy())
    await api.create(*TOYS, toy.toy())


def test_a_restored_cluster_has_no_status_no_children_and_new_uids() -> None:
    api = FakeApi(toy.toy())
    api.set_status(api.one("toys", "flights"), job="j")
    twin = api.restored(["toys"])
    assert twin.one("toys", "flights")["status"] == {"observedGeneration": -1}
    assert twin.one("toys", "flights")["metadata"]["uid"] != api.one("toys", "flights")["metadata"]["uid"]
